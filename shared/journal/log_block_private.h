/*
 * How a block is made: gathered record by record by the log, sealed by the store. Private to the
 * journal; log_block.h is what others see.
 *
 * In memory a block is laid out as on disk: 64 bytes for the header, the records, zeros that count
 * as theirs, zeros up to the next multiple of 512. It begins at such a multiple in memory too, a
 * large one at a page, so that it can be written past the page cache.
 */
#ifndef HERALD_JOURNAL_LOG_BLOCK_PRIVATE_H
#define HERALD_JOURNAL_LOG_BLOCK_PRIVATE_H

#include "journal/log_block.h"

#include <stdatomic.h>
#include <stdbool.h>

#define LOG_BLOCK_HEAD_BYTES 64
#define LOG_BLOCK_ALIGN 512

#define LOG_BLOCK_PAGE_BYTES 4096U
#define LOG_BLOCK_SLACK_BYTES LOG_BLOCK_PAGE_BYTES /* may be written behind a block, to its end */
#define LOG_BLOCK_LARGE_BYTES (32U * 1024)         /* on disk; such a block ends with a page */

struct log_block {
    atomic_uint holds;
    uint8_t *memory; /* owned: bytes, and what is before them */
    uint8_t *bytes;  /* header, records, padding, and LOG_BLOCK_SLACK_BYTES behind */
    size_t capacity; /* of bytes without the slack, a multiple of LOG_BLOCK_ALIGN */
    uint32_t size;   /* of records; of one that was read with the zeros that count as theirs */
    uint32_t fill;   /* zeros behind the records that will count as theirs on disk */
    uint32_t count;
    uint32_t kinds;
    uint64_t first;
};

/* An empty block with room for at least `size` bytes of records; held once by the caller. */
log_block_t *log_block_new(uint64_t first, size_t size);

/* Room for one more record's header and body; grows when it must. Returns the body's place. */
uint8_t *log_block_add(log_block_t *self, uint8_t kind, size_t size);

/* Bytes that a record of this body size takes in a block. */
size_t log_block_record_bytes(size_t size);

/* Bytes on disk: header, records, fill and padding. */
size_t log_block_span(const log_block_t *self);

/* That a large one ends with a page when it is written at this offset; a small one has no fill, nor
 * has any while there is no room for it. */
void log_block_fill(log_block_t *self, uint64_t offset, bool has_room);

/* Bytes of memory that it takes. A small block's slack is more than half of them. */
size_t log_block_memory(const log_block_t *self);

/* Position of its last record. */
uint64_t log_block_last(const log_block_t *self);

/* Zero the padding and `more` bytes behind it, up to LOG_BLOCK_SLACK_BYTES, so that the bytes can
 * be written as they are. */
void log_block_pad(log_block_t *self, size_t more);

/* Header and padding around so many bytes of records. */
static inline uint64_t
log_block_span_of(uint64_t record_bytes)
{
    uint64_t total = LOG_BLOCK_HEAD_BYTES + record_bytes;
    return (total + LOG_BLOCK_ALIGN - 1) / LOG_BLOCK_ALIGN * LOG_BLOCK_ALIGN;
}

#endif
