/*
 * Which records of the own log still hold something open: one bit a position, from the oldest open
 * one to the log's end. Records that are no notifications are closed from the start; a notification
 * closes when its last delivery has left the producer's custody.
 *
 * So the oldest open position, which holds trimming back and where a restart begins to send, costs
 * no search, and a backlog of 5 million takes 1.3 MB.
 */
#ifndef HERALD_PRODUCER_OPEN_H
#define HERALD_PRODUCER_OPEN_H

#include <stdbool.h>
#include <stdint.h>

struct producer_open {
    uint64_t *bits;    /* owned; 1: open; a ring over positions */
    uint64_t capacity; /* bits, a power of two */
    uint64_t low;      /* nothing below is open */
    uint64_t next;     /* nothing at or above is known */
    uint64_t count;    /* open ones */
};

void producer_open_init(struct producer_open *self, uint64_t first);
void producer_open_fini(struct producer_open *self);

/* The notification at `position` (never below one opened before) is open. */
void producer_open_add(struct producer_open *self, uint64_t position);
bool producer_open_close(struct producer_open *self, uint64_t position); /* whether it was open */
bool producer_open_has(const struct producer_open *self, uint64_t position);

/* The 64 bits from `position` on, a multiple of 64, for a checkpoint; and setting them again from
 * one, in rising order. Bits outside what is known are 0. False: the order is wrong, or a bit is
 * at `end` or above. */
uint64_t producer_open_word(const struct producer_open *self, uint64_t position);
bool producer_open_restore(struct producer_open *self, uint64_t position, uint64_t word,
                           uint64_t end);

/* The oldest open position, or `next` of the log when nothing is open. */
uint64_t producer_open_low(const struct producer_open *self, uint64_t log_next);

#endif
