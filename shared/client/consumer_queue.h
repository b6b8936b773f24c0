/*
 * What passes between the consumer's own thread, which owns the sockets, and the thread that runs
 * the handlers: work one way, encoded answers the other way. Bounded: when there is no room for
 * another frame the sockets are not read, and the senders' windows hold the rest back.
 */
#ifndef HERALD_CONSUMER_QUEUE_H
#define HERALD_CONSUMER_QUEUE_H

#include "base/limits.h"
#include "wire/wire_deliver.h"
#include "wire/wire_submit.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#define CONSUMER_QUEUE_WORKS 8192 /* deliveries that wait; a power of two */
static_assert(CONSUMER_QUEUE_WORKS >= 4 * LIMIT_FRAME_NOTIFICATIONS, "frames of all senders fit");

/* A received frame; lives while a work item points into it. */
struct consumer_queue_frame {
    zmq_msg_t message;
    uint32_t users;
};

struct consumer_queue_work {
    struct consumer_queue_frame *frame; /* shared */
    uint64_t run;
    uint64_t token;
    uint32_t lane;
    uint8_t session;
    uint8_t action; /* enum wire_action; a delivery: WIRE_ACTION_REAPPLY */
    int64_t received_ms;
    struct wire_item item;
    struct wire_notification notification;
};

/* An encoded OUTCOME or RESULT. */
struct consumer_queue_answer {
    struct consumer_queue_answer *next;
    uint8_t *body; /* owned */
    size_t size;
    int64_t made_ms;
    uint8_t session;
};

typedef struct consumer_queue consumer_queue_t;

#define CONSUMER_QUEUE_DESCRIPTORS 1 /* that it takes */

consumer_queue_t *consumer_queue_new(void); /* NULL: no descriptor is left */
void consumer_queue_destroy(consumer_queue_t **self_p);

/* Readable when answers wait, or stop was called: for the socket thread's poll. */
int consumer_queue_fd(const consumer_queue_t *self);

/* The socket thread. */
bool consumer_queue_has_room(consumer_queue_t *self); /* for a whole frame */
void consumer_queue_put(consumer_queue_t *self, const struct consumer_queue_work *works,
                        size_t count);
/* All answers, in order; the list is the caller's. Clears the fd. */
struct consumer_queue_answer *consumer_queue_answers(consumer_queue_t *self);
/* For how long the present batch has been at its handler; 0: there is none. */
int64_t consumer_queue_busy_ms(consumer_queue_t *self, int64_t now_ms);

/* The handlers' thread: up to max works that may share a batch. Waits up to wait_ms for the first
 * one; 0 or less: not at all. A batch must be given back with consumer_queue_done before the next.
 */
size_t consumer_queue_take(consumer_queue_t *self, struct consumer_queue_work *works, size_t max,
                           int wait_ms);
void consumer_queue_done(consumer_queue_t *self, const struct consumer_queue_work *works,
                         size_t count);
/* Either thread: what is said to the session of `work`; the body is taken from `out`. */
void consumer_queue_answer(consumer_queue_t *self, const struct consumer_queue_work *work,
                           struct wire_out *out);
/* Works that no handler has: taken away without waiting, for handing them back. */
size_t consumer_queue_take_back(consumer_queue_t *self, struct consumer_queue_work *works,
                                size_t max);
/* Their frames are let go. */
void consumer_queue_release(consumer_queue_t *self, const struct consumer_queue_work *works,
                            size_t count);

void consumer_queue_stop(consumer_queue_t *self); /* nobody waits or is given works any more */
bool consumer_queue_stopped(consumer_queue_t *self);
size_t consumer_queue_waiting(consumer_queue_t *self);

#endif
