/*
 * All that a world was told since it began, as one input: what a failure needs to be seen again
 * when many inputs share a world. It is in a file at all times, however the process ends.
 *
 * The file is named by FUZZ_HISTORY in the environment; without it nothing is kept. Behind the last
 * step it is zeros.
 */
#ifndef HERALD_TESTS_FUZZ_HISTORY_H
#define HERALD_TESTS_FUZZ_HISTORY_H

#include <stddef.h>
#include <stdint.h>

void fuzz_history_begin(void);

/* A frame, as ops 0 to 2 of fuzz_world.h have it. */
void fuzz_history_frame(uint8_t op, const uint8_t *frame, size_t size);

/* Any other op: `size` bytes of the input, and zeros up to `whole`, as whoever reads behind the end
 * of an input has them. */
void fuzz_history_step(const uint8_t *bytes, size_t size, size_t whole);

#endif
