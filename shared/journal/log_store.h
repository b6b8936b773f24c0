/*
 * The log store: where blocks live. The interface is narrow on purpose, so that a replicated engine
 * can stand behind it; file_store.h is the one that puts them on a local disk.
 *
 * A log has one owner (the only writer) and any number of followers, in any processes. Positions
 * are record sequence numbers, from 1 over the log's life, without holes.
 *
 * All calls belong to one thread, but for log_block_hold and log_block_release.
 */
#ifndef HERALD_JOURNAL_LOG_STORE_H
#define HERALD_JOURNAL_LOG_STORE_H

#include "base/why.h"
#include "journal/log_block.h"

#include <stdbool.h>
#include <stdint.h>

#define LOG_STORE_FINISHING 1U /* append: records that finish accepted work may use the reserve */
#define LOG_STORE_BULK 2U      /* append: one of many blocks that are committed together */
#define LOG_STORE_FOLLOWED 4U  /* append: other processes will read it soon */

/* Where a commit is synced. */
enum log_sync {
    LOG_SYNC_HERE,  /* on the caller's thread, by log_reap */
    LOG_SYNC_ASIDE, /* on threads of its own, several at a time */
    LOG_SYNC_AUTO,  /* aside while syncs are slow: then a thread's waking costs little */
};

struct log_store_state {
    uint64_t run;        /* of the present or last owner, from 1 */
    uint64_t first;      /* position of the oldest record kept; 1 in a fresh log */
    uint64_t durable;    /* position of the newest durable record; first - 1 when there is none */
    uint64_t bytes;      /* on disk, segments written ahead included */
    uint64_t room_bytes; /* what may still be appended: free space plus unused segments, less the
                            reserve; owner only */
    uint64_t free_bytes; /* free space, for every log on the file system; owner only */
    uint64_t own_bytes;  /* set aside on disk for this log alone and unused; owner only */
    uint64_t reserve;    /* what the owner has asked to be kept; a follower's: as published */
    uint64_t segment_bytes;     /* owner only */
    uint64_t block_bytes;       /* largest block that append takes, header and padding included */
    uint8_t identity[16];       /* random, made with the log, never changes */
    char notice[WHY_TEXT_SIZE]; /* what an operator should know since the log was opened: a torn
                               tail that was cut, a doubtful file system; empty: nothing */
};

typedef struct log_store log_store_t;

/* What an engine implements; the contract of each is with the function of the same name below. */
struct log_store_ops {
    err_t (*append)(log_store_t *self, log_block_t *block, unsigned flags, uint64_t *tag);
    err_t (*reap)(log_store_t *self, uint64_t *tag, uint64_t *position, struct why *why);
    err_t (*sync)(log_store_t *self, struct why *why);
    err_t (*read)(log_store_t *self, uint64_t from, uint32_t kinds, log_block_t **block_p,
                  struct why *why);
    err_t (*read_back)(log_store_t *self, uint64_t up_to, uint32_t kinds, log_block_t **block_p,
                       struct why *why);
    err_t (*inspect)(log_store_t *self, struct log_store_state *state, struct why *why);
    err_t (*trim)(log_store_t *self, uint64_t keep_from, struct why *why);
    void (*reserve)(log_store_t *self, uint64_t bytes);
    int (*fd)(log_store_t *self);
    bool (*syncs_aside)(log_store_t *self);
    void (*close)(log_store_t **self_p);
};

/* An engine's object starts with this. */
struct log_store {
    const struct log_store_ops *ops; /* borrowed from the engine, static */
};

/*
 * Append one block (owner only). Its positions must follow the last one's. The store takes its own
 * hold of it.
 *
 * tag          given back by reap, in order, once the block is durable
 *
 * ERR_FULL     nothing was written: no room (without LOG_STORE_FINISHING: above the reserve)
 * ERR_LOST     fenced, or the outcome is unknown: the process must end
 */
err_t log_store_append(log_store_t *self, log_block_t *block, unsigned flags, uint64_t *tag);

/*
 * Make what was appended durable, or learn that it became so. With the sync on the caller's thread
 * this is where it happens: one sync for all that was appended since.
 *
 * tag, position  the newest durable block and its last record
 *
 * ERR_AGAIN    nothing new is durable (syncs aside may be under way: poll fd)
 * ERR_LOST     as append
 */
err_t log_store_reap(log_store_t *self, uint64_t *tag, uint64_t *position, struct why *why);

/* Wait until all that was appended is durable; reap tells of it. ERR_LOST */
err_t log_store_sync(log_store_t *self, struct why *why);

/*
 * The first block that ends at or after `from` and holds a record of one of `kinds` (a bit mask).
 * Only durable blocks; a position gives the same bytes for ever. The caller releases it.
 *
 * ERR_AGAIN      no such block is durable yet
 * ERR_NOT_FOUND  `from` was trimmed away
 * ERR_IO, ERR_CORRUPT  a read error is never the end of the log
 */
err_t log_store_read(log_store_t *self, uint64_t from, uint32_t kinds, log_block_t **block_p,
                     struct why *why);

/*
 * The last durable block that starts at or before `up_to` and holds a record of one of `kinds`.
 *
 * ERR_NOT_FOUND  there is none
 * ERR_IO, ERR_CORRUPT
 */
err_t log_store_read_back(log_store_t *self, uint64_t up_to, uint32_t kinds, log_block_t **block_p,
                          struct why *why);

/* The state now. For a follower this is also how it learns what has become durable since, and that
 * the log was replaced (ERR_CORRUPT). */
err_t log_store_inspect(log_store_t *self, struct log_store_state *state, struct why *why);

/* Drop the whole segments that hold only records before keep_from (owner only). */
err_t log_store_trim(log_store_t *self, uint64_t keep_from, struct why *why);

/* Keep so many bytes of room for LOG_STORE_FINISHING appends (owner only): nothing is written ahead
 * of its use that would take them, and followers are told with the next position. */
void log_store_reserve(log_store_t *self, uint64_t bytes);

/* For polling: readable when a sync aside has finished and reap tells of it; -1: there are none. */
int log_store_fd(log_store_t *self);

/* Whether what is appended now is synced at once without reap's waiting for it, beside a sync that
 * is under way too. */
bool log_store_syncs_aside(log_store_t *self);

/* Destructor. What was appended and not reaped may or may not be durable. */
void log_store_close(log_store_t **self_p);

#endif
