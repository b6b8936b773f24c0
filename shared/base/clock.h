/*
 * The two clocks. Monotonic time is used inside a process (deadlines, leases); wall time is stored
 * and shown, never compared for order. Cores are given both; only shells call these.
 */
#ifndef HERALD_BASE_CLOCK_H
#define HERALD_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_mono_ms(void); /* milliseconds since an arbitrary start, never going back */
int64_t clock_mono_ns(void);
int64_t clock_unix_ms(void); /* wall time, milliseconds since 1970-01-01T00:00:00Z; may step */

/* Wall time as "2026-11-23T08:07:30.123Z". text: at least CLOCK_TEXT_SIZE bytes. Returns text. */
#define CLOCK_TEXT_SIZE 32
char *clock_text(int64_t unix_ms, char text[CLOCK_TEXT_SIZE]);

#endif
