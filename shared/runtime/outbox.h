/*
 * What a core wants sent. The core adds messages while it decides; the shell sends them once the
 * records that they depend on are durable: an answer waits for all that was appended before it was
 * added, a delivery for its own records and what changed hands (producer_dispatch.c,
 * scheduler_send.c).
 *
 * The messages of a channel leave in the order in which they were added. Deliveries wait for no
 * answer but the WELCOME that names a lane: where several syncs are under way, what is durable is
 * delivered while answers wait for a later sync. Alarms wait for their records too, but for no
 * message: what a full disk holds back must not hold back the word that something is wrong.
 *
 * One thread.
 */
#ifndef HERALD_RUNTIME_OUTBOX_H
#define HERALD_RUNTIME_OUTBOX_H

#include "runtime/alarm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libzmq makes routing ids of 5 bytes; a peer that sets a longer one than this is not answered. */
#define OUTBOX_ROUTE_BYTES 32

struct outbox_route {
    uint8_t size; /* 0: nobody */
    uint8_t id[OUTBOX_ROUTE_BYTES];
};

enum outbox_channel {
    OUTBOX_FRONT, /* answer on the ROUTER, to `route` */
    OUTBOX_LANE,  /* PUSH number `lane` */
    OUTBOX_CHANNELS
};

struct outbox_message {
    uint8_t *body; /* owned; from mem_alloc; the shell hands it to libzmq without copying */
    size_t size;
    uint64_t after;  /* the own log's position that must be durable first */
    uint64_t behind; /* so many answers must have left first */
    uint32_t lane;
    uint8_t channel; /* enum outbox_channel */
    struct outbox_route route;
};

typedef struct outbox outbox_t;

outbox_t *outbox_new(void);
void outbox_destroy(outbox_t **self_p); /* frees what was not taken */

/* Add a message; `body` is consumed. */
void outbox_front(outbox_t *self, uint64_t after, const struct outbox_route *route, uint8_t *body,
                  size_t size);
void outbox_lane(outbox_t *self, uint64_t after, uint32_t lane, uint8_t *body, size_t size);

/* What is added to lanes from now on leaves behind the answers that are there: of a WELCOME, say,
 * by which its receiver learns of the lane. */
void outbox_lanes_follow(outbox_t *self);

/* An alarm; its texts are copied, and cut where they are longer than a name or a sentence may be.
 * after: 0 when it depends on no record. */
void outbox_alarm(outbox_t *self, uint64_t after, const struct alarm_facts *facts);

/* The oldest alarm whose position `durable` has reached, until outbox_alarm_pop takes it away;
 * NULL: none. */
const struct alarm_facts *outbox_alarm_next(outbox_t *self, uint64_t durable);
void outbox_alarm_pop(outbox_t *self);

/* The oldest message of a channel that has one whose position `durable` has reached, answers first;
 * NULL: none. It stays the outbox's until outbox_pop takes it away; whoever takes the body sets it
 * to NULL. */
struct outbox_message *outbox_next(outbox_t *self, uint64_t durable);
void outbox_pop(outbox_t *self);

size_t outbox_count(const outbox_t *self);
uint64_t outbox_newest(const outbox_t *self); /* the furthest position that a message waits for, or
                                                 has waited for */
/* Messages of a channel so far; those that left are the first. */
uint64_t outbox_added(const outbox_t *self, enum outbox_channel channel);
uint64_t outbox_left(const outbox_t *self, enum outbox_channel channel);
size_t outbox_bytes(const outbox_t *self); /* of all that waits: a bound for back-pressure */

bool outbox_route_equal(const struct outbox_route *a, const struct outbox_route *b);

#endif
