/*
 * The log: numbered records over a log store. This is what services use.
 *
 * One writer a log, any number of readers. A record is a kind (1 to LIMIT_KINDS - 1) and up to
 * LIMIT_RECORD_BYTES of body. Its position is its number, from 1 over the log's life.
 *
 * The straight way of a step: log_append as often as needed, one log_commit, then nothing that
 * depends on these records may leave until log_durable has reached their positions.
 *
 * All calls of one log_t belong to one thread.
 */
#ifndef HERALD_JOURNAL_LOG_H
#define HERALD_JOURNAL_LOG_H

#include "base/why.h"
#include "journal/log_block.h"
#include "journal/log_store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct log log_t;

struct log_settings {
    const char *directory;  /* the journal's: each log is a directory in it; borrowed */
    uint64_t segment_bytes; /* 0: 64 MiB; 2 MiB + 64 KiB or more (tests: 64 KiB), by 4096 */
    enum log_sync sync;
    bool no_write_ahead; /* for tools and tests: no spare segment in the background */
    size_t recent_bytes; /* of records appended last that are kept in memory; 0: 8 MiB */
    uint64_t reserve;    /* what log_reserve was told last; kept from the first moment on */
};

struct log_record {
    uint64_t position;
    uint8_t kind;
    const uint8_t *body; /* borrowed from the block that the cursor or caller holds */
    size_t size;
};

/* The record kinds that the log itself knows; delivery/record.h names the others. */
enum {
    LOG_KIND_POSITION = 1, /* how far this log's owner has read and acted on the others' */
    LOG_KIND_CHECKPOINT_BEGIN = 2,
    LOG_KIND_CHECKPOINT_ITEM = 3,
    LOG_KIND_CHECKPOINT_END = 4, /* body: varint position of its BEGIN */
    LOG_KIND_LOST = 31,          /* by salvage: what was at this position is lost; no body */
};

#define LOG_ALL_KINDS UINT32_MAX
#define LOG_KIND_BIT(kind) (UINT32_C(1) << (kind))

/*
 * Become the one writer: take the lock, recover, start a new durable run.
 *
 * witnessed       the highest position of this log that any peer's log has seen; 0: none
 *
 * ERR_LOCKED      another process owns it; why says its pid
 * ERR_CORRUPT     damage at or before the proven position, or an end below `witnessed`
 * ERR_UNSUPPORTED a newer format, or a file system that cannot keep promises
 * ERR_IO, ERR_DENIED  why says which file
 * ERR_FULL        no room on disk for the new run's segment
 * ERR_INVALID     a setting or the name
 * After any of these nothing of the log on disk has changed (ERR_LOST: the new run may have begun).
 */
err_t log_own(log_t **self_p, const struct log_settings *settings, const char *name,
              uint64_t witnessed, struct why *why);

/* Read another process's log, which need not exist yet (then it is empty until it appears).
 * The errors are those of log_own without ERR_LOCKED. */
err_t log_follow(log_t **self_p, const struct log_settings *settings, const char *name,
                 struct why *why);

/* The same over any store; the log owns the store from then on, also when this fails. */
err_t log_over_store(log_t **self_p, log_store_t **store_p, struct why *why);

void log_close(log_t **self_p);

/* Writer: add one record to the commit being gathered; its position. Room was asked for before. */
uint64_t log_append(log_t *self, uint8_t kind, const void *body, size_t size);
/* The same, written in place: room for exactly `size` bytes, valid until the next log call. */
uint8_t *log_append_space(log_t *self, uint8_t kind, size_t size, uint64_t *position);

/*
 * Writer: hand what was gathered to the store, in as few blocks as it fits in.
 *
 * flags        of LOG_STORE_FINISHING and LOG_STORE_FOLLOWED
 *
 * ERR_FULL  nothing was written and nothing is forgotten: the next commit tries the same records
 *           again. A service avoids this by asking log_room before it admits.
 * ERR_LOST  the process must end
 */
err_t log_commit(log_t *self, unsigned flags, struct why *why);

/* Writer: sync or learn of syncs, see log_store_reap; ERR_OK also when nothing was new. */
err_t log_reap(log_t *self, struct why *why);
err_t log_sync(log_t *self, struct why *why); /* writer: all that was committed is durable then */
uint64_t log_gathered(const log_t *self);     /* writer: bytes that wait for the next commit */
bool log_syncs_aside(const log_t *self);      /* see log_store_syncs_aside */
uint64_t log_committed(const log_t *self);    /* writer: the last position handed to the store */
/* The same of these kinds, gathered or not; what was there at the start is of all. */
uint64_t log_newest_appended(const log_t *self, uint32_t kinds);

uint64_t log_next(const log_t *self);    /* position that the next append gets */
uint64_t log_durable(const log_t *self); /* newest durable position; a follower's: as last seen */
uint64_t log_first(const log_t *self);   /* oldest position kept */
uint64_t log_run(const log_t *self);
const uint8_t *log_identity(const log_t *self); /* 16 bytes; zeros: the followed log is absent */
int log_fd(log_t *self);                        /* see log_store_fd */
/* Bytes that may still be admitted above the reserve. Cheap: measured at most once a second. */
uint64_t log_room(log_t *self);
void log_reserve(log_t *self, uint64_t bytes); /* see log_store_reserve */
/* Never the newest POSITION or complete checkpoint, whatever keep_from says. */
err_t log_trim(log_t *self, uint64_t keep_from, struct why *why);
err_t log_inspect(log_t *self, struct log_store_state *state, struct why *why);
/* The state as log_refresh or log_inspect saw it last; valid as long as the log. */
const struct log_store_state *log_seen(const log_t *self);
/* A follower learns what has become durable since, a writer how much room there is. */
err_t log_refresh(log_t *self, struct why *why);

/*
 * A cursor walks the durable records of the given kinds in order. It holds one block; a record's
 * body is valid until the next call on the cursor. Any number of cursors a log.
 */
struct log_cursor {
    log_t *log;          /* borrowed from the caller */
    log_block_t *block;  /* owned; NULL before the first and at the end */
    const uint8_t *next; /* the next record's first byte in block */
    uint64_t position;   /* the next record to look at */
    uint32_t kinds;
};

void log_cursor_init(struct log_cursor *cursor, log_t *log, uint64_t from, uint32_t kinds);
/* ERR_AGAIN: at the durable end, ask later. ERR_NOT_FOUND: trimmed. Others: log_store_read's. */
err_t log_cursor_next(struct log_cursor *cursor, struct log_record *record, struct why *why);
void log_cursor_fini(struct log_cursor *cursor);

/* One durable record by its position. *block_p holds its bytes and must be released; the log keeps
 * the blocks read last, so that neighbours are cheap. */
err_t log_read(log_t *self, uint64_t position, struct log_record *record, log_block_t **block_p,
               struct why *why);

/* The newest durable record of a kind, searched backwards. ERR_NOT_FOUND: there is none. */
err_t log_newest(log_t *self, uint8_t kind, struct log_record *record, log_block_t **block_p,
                 struct why *why);

/* Where the newest checkpoint begins that is complete, durable and has no LOST. Or NOT_FOUND. */
err_t log_checkpoint(log_t *self, uint64_t *begin, struct why *why);

#endif
