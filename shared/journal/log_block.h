/*
 * A block: the records of one group commit, in memory, counted by reference.
 *
 * Blocks are immutable once appended. hold and release may be called from any thread (a frame that
 * libzmq frees on its I/O thread may hold one); everything else belongs to the thread of the log.
 */
#ifndef HERALD_JOURNAL_LOG_BLOCK_H
#define HERALD_JOURNAL_LOG_BLOCK_H

#include <stddef.h>
#include <stdint.h>

typedef struct log_block log_block_t;

uint64_t log_block_first(const log_block_t *self); /* position of its first record */
uint32_t log_block_count(const log_block_t *self); /* records, at least 1 */
uint32_t
log_block_kinds(const log_block_t *self); /* bit k is set when a record of kind k is in it */
const uint8_t *log_block_records(const log_block_t *self);
/* Bytes of records, without header and padding; of a block that was read with the zeros behind them
 * that count as theirs. */
size_t log_block_size(const log_block_t *self);

log_block_t *log_block_hold(log_block_t *self); /* returns self */
void log_block_release(log_block_t **self_p);

#endif
