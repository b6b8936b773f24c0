/* Notifications of which all are sent, and receivers that answer many of them at once. */
#ifndef HERALD_TEST_PRODUCER_RUNS_H
#define HERALD_TEST_PRODUCER_RUNS_H

#include "producer_fixture.h"

#define RUNS_MANY 20U /* more than are fetched together */
#define RUNS_MIDDLE 4U
#define RUNS_DONE 8U

/* Of an OUTCOME: so many deliveries from this one on. */
struct runs_part {
    uint32_t first;
    uint32_t count;
    uint8_t outcome;
};

/* A DONE of the own log. */
struct runs_said {
    uint64_t position;
    struct record_event event;
};

extern struct runs_said runs_done[RUNS_DONE]; /* what runs_read has found */

/* The biz_id of a notification, n00 and so on; valid until the next call. */
const char *runs_name(unsigned number);
/* In one frame, none as large as another; numbers below 2 * RUNS_MANY. */
void runs_submit(struct fixture *self, unsigned from, unsigned count);
/* RUNS_MANY are sent to "shop", and nobody has answered. */
struct fixture *runs_begin(size_t subscriptions);

/* One OUTCOME of so many parts; runs_answer steps afterwards. */
void runs_take(struct fixture *self, const struct runs_part *parts, size_t count);
void runs_answer(struct fixture *self, struct runs_part part);

void runs_checkpoint(struct fixture *self);
void runs_restart(struct fixture *self, bool from_checkpoint);

/* How many DONE the own log has; into runs_done, in its order. */
uint32_t runs_read(struct fixture *self);
/* It says this of that many deliveries at once; previous: the record before, of each. */
void runs_assert(const struct fixture *self, const struct runs_said *said, struct runs_part part,
                 uint64_t previous);
/* A query of these notifications tells of each what this record says, and of nothing else. */
void runs_assert_told(struct fixture *self, const char *subscription, unsigned from, unsigned count,
                      const struct runs_said *by);

#endif
