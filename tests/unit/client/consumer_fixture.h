/*
 * A consumer of group "orders", whose handler does what the test says, beside a fake producer.
 */
#ifndef HERALD_TESTS_CONSUMER_FIXTURE_H
#define HERALD_TESTS_CONSUMER_FIXTURE_H

#include "fake_sender.h"

#include "client/herald_consumer.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

#define STEP_MS 10000

struct consumer_fixture {
    struct fake_sender producer;
    herald_consumer_t *consumer;
    struct herald_consumer_options options;
    /* What the handlers answer, to all of a batch. */
    struct herald_consumer_answer answer;
    bool silent;      /* they return false */
    bool working;     /* they say so first */
    atomic_bool gate; /* they wait for it */
    /* What they saw. */
    size_t applied;
    size_t fenced;
    size_t undone;
    size_t last_count;
    char last_biz_id[LIMIT_BIZ_ID_BYTES + 1];
    atomic_int joined;
    atomic_int lost;
    atomic_int refused;
    atomic_int hung;
    atomic_int recovered;
};

void consumer_fixture_init(struct consumer_fixture *self);  /* the fake producer is open */
void consumer_fixture_start(struct consumer_fixture *self); /* as `options` say */
void consumer_fixture_join(struct consumer_fixture *self);  /* the same, and joined */
void consumer_fixture_fini(struct consumer_fixture *self);

/* Wait until so many deliveries wait for a handler. */
bool consumer_fixture_waiting(struct consumer_fixture *self, uint64_t count);
struct herald_consumer_counts consumer_fixture_counts(struct consumer_fixture *self);

/* Poll a condition up to FAKE_SENDER_WAIT_MS. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int64_t until_ms_ = clock_mono_ms() + FAKE_SENDER_WAIT_MS;                                 \
        while (!(condition) && clock_mono_ms() < until_ms_) {                                      \
            (void)zmq_poll(NULL, 0, 2);                                                            \
        }                                                                                          \
        cr_assert(condition);                                                                      \
    } while (0)

#endif
