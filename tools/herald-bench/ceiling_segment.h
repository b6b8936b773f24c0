/*
 * A segment written ahead, as bare as it gets: zeros first, then blocks and fdatasync. A thread
 * prepares the next one while this one fills, at the pace of Herald's spare_pool.c: a MiB, a pause,
 * a sync for each eight. When it is late the server goes on in a file without zeros, whose room is
 * only set aside, as Herald's log does (segment_draft.c).
 *
 * Blocks go past the page cache (O_DIRECT) where that is possible, as Herald's do.
 */
#ifndef HERALD_BENCH_CEILING_SEGMENT_H
#define HERALD_BENCH_CEILING_SEGMENT_H

#include "base/why.h"

#include <stddef.h>
#include <stdint.h>

#define CEILING_SEGMENT_BYTES (64U * 1024 * 1024)

typedef struct ceiling_segment ceiling_segment_t;

/* Returns when the first segment and one in reserve are written: they are not paid for in the timed
 * run, as Herald's are not. */
err_t ceiling_segment_open(ceiling_segment_t **self_p, const char *directory,
                           uint32_t sync_delay_us, struct why *why);
void ceiling_segment_close(ceiling_segment_t **self_p); /* and remove its files */

/* Memory for what is committed, zeroed, which begins with a page and has room to be padded. */
uint8_t *ceiling_segment_buffer(size_t size);
void ceiling_segment_buffer_free(uint8_t *buffer);

/* Append `size` bytes of such memory and make them durable; they may begin in one segment and end
 * in another. They are padded in place to a multiple of 512, or of a page. */
err_t ceiling_segment_commit(ceiling_segment_t *self, uint8_t *data, size_t size, struct why *why);

#endif
