/*
 * A segment written ahead, as bare as it gets: zeros first, then blocks and fdatasync. A thread
 * prepares the next one while this one fills; the server waits for it when it is late.
 */
#ifndef HERALD_BENCH_CEILING_SEGMENT_H
#define HERALD_BENCH_CEILING_SEGMENT_H

#include "base/why.h"

#include <stddef.h>
#include <stdint.h>

#define CEILING_SEGMENT_BYTES (64U * 1024 * 1024)

typedef struct ceiling_segment ceiling_segment_t;

err_t ceiling_segment_open(ceiling_segment_t **self_p, const char *directory,
                           uint32_t sync_delay_us, struct why *why);
void ceiling_segment_close(ceiling_segment_t **self_p); /* and remove its files */

/* Append `size` bytes (at most 1 MiB) and make them durable. They are padded in place to a multiple
 * of 512 and to the end of a page, for which `data` has room: up to 4 KiB. */
err_t ceiling_segment_commit(ceiling_segment_t *self, uint8_t *data, size_t size, struct why *why);

uint64_t ceiling_segment_syncs(const ceiling_segment_t *self);

#endif
