/*
 * The consumer's inside, shared by herald_consumer.c (the handlers' thread) and consumer_thread.c,
 * consumer_receive.c (the thread that owns the sockets). What each thread owns is said below;
 * nothing else passes between them but the queue and the atomics.
 */
#ifndef HERALD_CONSUMER_PRIVATE_H
#define HERALD_CONSUMER_PRIVATE_H

#include "base/why.h"
#include "client/consumer_queue.h"
#include "client/consumer_session.h"
#include "client/herald_consumer.h"
#include "seal/seal_keys.h"

#include <pthread.h>
#include <stdatomic.h>

enum consumer_party {
    CONSUMER_PRODUCER = 0,
    CONSUMER_SCHEDULER,
    CONSUMER_COMPENSATOR, /* sends jobs, over its front door */
    CONSUMER_PARTIES,
};

struct herald_consumer {
    struct herald_consumer_options options; /* its texts: owned */
    uint8_t identity[HERALD_CONSUMER_IDENTITY_BYTES];
    void *context;     /* of ZeroMQ; owned */
    seal_keys_t *keys; /* owned; NULL: without CURVE */
    consumer_queue_t *queue;
    pthread_t thread;
    atomic_bool ending;
    atomic_bool hung;
    atomic_uint joined;
    atomic_uint_fast64_t received;
    atomic_uint_fast64_t handed_back;
    atomic_uint_fast64_t expired;
    atomic_uint_fast64_t malformed;

    /* The sockets' thread. */
    struct consumer_session_self self;
    struct consumer_session sessions[CONSUMER_PARTIES];
    struct consumer_queue_work *incoming; /* owned; of one frame */
    struct consumer_queue_answer *held;   /* owned; what its session has not taken yet */
    struct consumer_queue_answer **held_last;
    int64_t malformed_ms; /* when it was last told */

    /* The handlers' thread. */
    struct consumer_queue_work *batch; /* owned; batch_max, as the next two */
    struct herald_consumer_delivery *deliveries;
    struct herald_consumer_answer *answers;
    size_t batch_count; /* at its handler now */
};

/* herald_consumer.c: begin to greet the producer. Errors of consumer_session_place. */
err_t consumer_greet(herald_consumer_t *self, struct why *why);

/* consumer_thread.c: the sockets' thread; ends when `ending` is set. */
void *consumer_thread_run(void *consumer);

/* consumer_receive.c */

/* Take what a front door or a lane has, up to a bound. drain: also what will be handed back. */
void consumer_receive_front(herald_consumer_t *self, enum consumer_party party, int64_t now_ms);
void consumer_receive_lane(herald_consumer_t *self, enum consumer_party party, bool drain,
                           int64_t now_ms);
/* Whether deliveries may be taken now; those that come nevertheless are handed back. */
bool consumer_receive_may(herald_consumer_t *self);
void consumer_tell(herald_consumer_t *self, const char *event, const char *detail);

/* consumer_answer.c; either thread. */

/* One OUTCOME or RESULT for each session, lane and run among the works. answers NULL: all get
 * `outcome`. */
void consumer_answer_works(herald_consumer_t *self, const struct consumer_queue_work *works,
                           const struct herald_consumer_answer *answers, size_t count,
                           enum wire_outcome_code outcome);
/* The same with NOT_STARTED, counted. */
void consumer_hand_back(herald_consumer_t *self, const struct consumer_queue_work *works,
                        size_t count);

#endif
