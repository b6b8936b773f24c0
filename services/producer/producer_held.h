/*
 * What is kept because it may not go, for the producer core's own files; and the word about it when
 * that comes close to journal/retained_max, and when submits are BUSY for it.
 */
#ifndef HERALD_PRODUCER_HELD_H
#define HERALD_PRODUCER_HELD_H

#include "producer_core.h"

/* Zero is a good beginning. */
struct producer_held {
    uint64_t count;       /* notifications that may not go, at the last look; 0: not looked for */
    uint64_t busy_before; /* producer_counts.busy_retained when it became full */
    int64_t looked_ms;    /* the last look; 0: not looked for */
    bool near;            /* the alarm retained_near was raised */
    bool full;            /* submits are BUSY: the alarm retained_full was raised */
};

/* The oldest notification that is open: here, or elsewhere and not copied into a case. None: at the
 * log's next position, without a subscription. */
struct delivery_key producer_held_open(producer_core_t *self);

/* Whether so many are kept that it is worth knowing which may not go. */
bool producer_held_is_worth(const producer_core_t *self);
/* Once in a while. open: the oldest that is open; NULL: it is not worth knowing. */
void producer_held_look(producer_core_t *self, const struct delivery_key *open);
/* Once a round: whether submits have become BUSY, or are not any more. */
void producer_held_tell(producer_core_t *self);

#endif
