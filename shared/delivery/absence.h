/*
 * How long a receiver has let its deliveries wait. Whatever waits for one that is away, hangs, says
 * that it is down or hands everything back is somebody's business after a while: each of them burns
 * no attempt, or too slowly to end by itself.
 *
 * One of these for each receiver group. Pure: no clock, no I/O.
 */
#ifndef HERALD_DELIVERY_ABSENCE_H
#define HERALD_DELIVERY_ABSENCE_H

#include <stdbool.h>
#include <stdint.h>

#define ABSENCE_FORGOTTEN_MS 10000 /* nothing is seen to wait for so long: it is over */

/* Zero is a good beginning. */
struct absence {
    int64_t since_ms; /* something has waited since then, and nothing was answered; 0: not so */
    int64_t until_ms; /* up to when something is known to wait */
    bool told;        /* the alarm was raised */
};

/* Something waits for the receiver now, and will until then at least, as far as is known. */
void absence_waits(struct absence *self, int64_t now_ms, int64_t until_ms);

/* Whether an outcome shows that the receiver works: it has looked at the delivery. */
bool absence_is_answer(uint8_t outcome);

/* Such an answer has come. */
void absence_answered(struct absence *self);

/* Whether to raise the alarm: once, when something has waited for `limit_ms`. To be called now and
 * then. */
bool absence_due(struct absence *self, int64_t now_ms, int64_t limit_ms);

#endif
