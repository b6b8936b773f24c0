/*
 * The compensator: takes what the others give up, has receivers reapply, undo or fence it, and
 * keeps cases for people. It decides only; the shell sends and syncs. No clock, no sockets, no log
 * lines: what a person should look at is an alarm in the outbox.
 *
 * The order at start: new, recover, then the shell's rounds of front and step.
 */
#ifndef HERALD_COMPENSATOR_CORE_H
#define HERALD_COMPENSATOR_CORE_H

#include "runtime/alarm.h"
#include "runtime/front.h"
#include "runtime/outbox.h"
#include "runtime/peers.h"
#include "wire/wire_session.h"

#define COMPENSATOR_PING_MS 2000
#define COMPENSATOR_SILENCE_MS (3 * COMPENSATOR_PING_MS)
#define COMPENSATOR_CONSUMERS_MAX 1024
#define COMPENSATOR_DELAYS_MAX 32
#define COMPENSATOR_TAKES                                                                          \
    (FRONT_TAKES(WIRE_HELLO) | FRONT_TAKES(WIRE_PING) | FRONT_TAKES(WIRE_LEAVE) |                  \
     FRONT_TAKES(WIRE_RESULT) | FRONT_TAKES(WIRE_CASES) | FRONT_TAKES(WIRE_CASE))
#define COMPENSATOR_READ_MAX 10000 /* peers' records a step */

/* How far the others were read, say; what it writes of a delivery somebody waits for. */
#define COMPENSATOR_MAY_WAIT PEERS_QUIET_KINDS

struct compensator_settings {
    uint16_t tries; /* of reapply and undo, at least 1 */
    uint32_t delay_count;
    int64_t delays_ms[COMPENSATOR_DELAYS_MAX]; /* before try n; the last one also for later ones */
    int64_t retention_ms; /* what is over is kept for so long, for questions; 0: not at all */
    int64_t absent_alarm_ms;
    uint32_t window;           /* unanswered jobs a consumer */
    uint64_t checkpoint_every; /* own records */
};

typedef struct compensator compensator_t;

/* peers and outbox are borrowed for the core's life. */
compensator_t *compensator_new(const struct compensator_settings *settings, peers_t *peers,
                               outbox_t *outbox);
void compensator_destroy(compensator_t **self_p);

/* Fold the own log, then everything that the others' logs hold by now. ERR_CORRUPT and the logs'
 * errors. */
err_t compensator_recover(compensator_t *self, int64_t now_ms, int64_t now_unix_ms,
                          struct why *why);

/* The functions of a shell_core; `self` is a compensator_t. */
void compensator_now(void *self, int64_t now_ms, int64_t now_unix_ms);
void compensator_left(void *self, int64_t now_ms);
void compensator_front(void *self, const struct outbox_route *route, const uint8_t *body,
                       size_t size);
err_t compensator_step(void *self, int64_t now_ms, int64_t now_unix_ms, struct why *why);
int64_t compensator_next_ms(void *self);
uint32_t compensator_counters(void *self, struct wire_counter *counters, uint32_t max);

#endif
