/*
 * What the parts of the file store share: file_store.c (the engine's table, opening and closing),
 * file_append.c (appending, syncing, rolling), file_write.c (one block), file_read.c (finding
 * blocks), file_room.c (space and trimming). Private to the file store.
 */
#ifndef HERALD_JOURNAL_FILE_STORE_PRIVATE_H
#define HERALD_JOURNAL_FILE_STORE_PRIVATE_H

#include "journal/file_direct.h"
#include "journal/file_store.h"
#include "journal/position_file.h"
#include "journal/segment_draft.h"
#include "journal/segment_set.h"
#include "journal/sync_pool.h"

/* Blocks written last are kept, so that a reader right behind the writer needs no disk. */
#define FILE_STORE_RECENT_BYTES (8U * 1024 * 1024)
#define FILE_STORE_RECENT_MAX 4096 /* blocks; a power of two */

/* What lies further behind the end than this need not stay in memory. New pages are dear where a
 * virtual machine has to ask for each, and whoever lives in a small container has none to spare: so
 * the log uses the same ones again. */
#define FILE_STORE_CACHED_BYTES (256U * 1024 * 1024)

/* How often the directory is compared with its name where nothing else makes it necessary. */
#define FILE_STORE_LOOK_MS 1000

/* Left to the file system for directories and the like. */
#define FILE_STORE_FLOOR_BYTES (1024U * 1024)

struct file_store {
    log_store_t store;          /* first: the engine's interface */
    const struct file_ops *ops; /* borrowed */
    char *directory;            /* owned; the journal's */
    char *name;                 /* owned; the log's */
    char *path;                 /* owned; directory/name */
    uint64_t segment_bytes;
    uint64_t cached_bytes;
    int dir_fd; /* owned; -1: a follower's log that is not there yet */
    uint64_t dir_device;
    uint64_t dir_inode;
    struct segment_set set;
    struct position_file position_file;
    uint8_t identity[16];
    uint64_t run;
    uint64_t durable;
    uint64_t durable_offset; /* its block's end, in the segment with counter durable_counter */
    uint64_t durable_counter;
    char notice[WHY_TEXT_SIZE];

    /* Where the last read ended, or found nothing, so that reading on needs no search. */
    uint64_t hint_position;
    uint64_t hint_counter;
    uint64_t hint_offset;
    uint64_t newest[LIMIT_KINDS]; /* by kind: behind this position no record of it is durable */
    int64_t looked_ms;            /* when the directory was compared with its name last */

    /* Owner. */
    int lock_fd;               /* owned; -1: not ours */
    spare_pool_t *pool;        /* owned */
    sync_pool_t *syncs;        /* owned; NULL: not wanted yet, or none */
    bool syncs_aside;          /* by it, always or where that pays */
    bool adaptive;             /* which of the two is decided by sync_ns */
    int64_t sync_ns;           /* what a sync takes, about */
    bool probing;              /* the next sync is made here, slow or not, and decides */
    uint64_t asides;           /* syncs begun aside since one here decided */
    int fd;                    /* owned; of the active segment, -1 once it is lost */
    struct file_direct direct; /* the same file */
    int64_t direct_ns;         /* that writing so took since the last sync, where that counts */
    uint64_t offset;           /* where the next block goes */
    bool reserved;             /* the active segment's bytes are set aside on disk */
    bool lost;                 /* for ever: a write's or sync's outcome is unknown */
    struct why lost_why;       /* the first failure, which append has no place to tell */
    bool unpublished;          /* durable is ahead of the position file */
    uint64_t next;             /* position of the next block */
    uint64_t reaped;           /* what reap said last */
    uint64_t syncing;          /* position that the sync started last covers */
    int64_t published_ms;
    uint64_t reserve;    /* a follower's: as its owner has published */
    uint64_t free_bytes; /* above the floor; as measured at room_ms, less what was appended since */
    int64_t room_ms;
    log_block_t *recent[FILE_STORE_RECENT_MAX]; /* held; a ring, in order */
    size_t recent_first;
    size_t recent_count;
    size_t recent_bytes;
    size_t recent_limit; /* of recent_bytes */
};

/* file_append.c */
err_t file_append_block(struct file_store *self, log_block_t *block, unsigned flags, uint64_t *tag);
err_t file_append_reap(struct file_store *self, uint64_t *tag, uint64_t *position, struct why *why);
err_t file_append_sync(struct file_store *self, struct why *why); /* all that was appended */
void file_append_publish(struct file_store *self);
bool file_append_start_syncs(struct file_store *self);   /* whether there are threads that sync */
bool file_append_is_slow(const struct file_store *self); /* syncs go aside, where they can */
bool file_append_syncs_aside(const struct file_store *self); /* what is appended now */
void file_append_finish(struct file_store *self); /* before closing: let go of blocks and threads */

/* file_write.c */
void file_write_open(struct file_store *self); /* the active segment, past the page cache too */
/* Seal it and write it at `offset`. 0 or a negative errno: then a part may be there. */
int file_write_block(struct file_store *self, log_block_t *block, unsigned flags);

/* file_read.c */
err_t file_read_forward(struct file_store *self, uint64_t from, uint32_t kinds,
                        log_block_t **block_p, struct why *why);
err_t file_read_back(struct file_store *self, uint64_t up_to, uint32_t kinds, log_block_t **block_p,
                     struct why *why);
/* A block that was appended is kept, until newer ones take its place, and which kinds are in it. */
void file_read_remember(struct file_store *self, log_block_t *block);
void file_read_forget(struct file_store *self); /* all that are kept */

/* file_room.c */
uint64_t file_room_now(struct file_store *self, bool measure); /* above the reserve */
uint64_t file_room_own(struct file_store *self);               /* set aside and unused */
/* A block of this many bytes went into the active segment. */
void file_room_took(struct file_store *self, uint64_t bytes);
/* Whether a whole segment more may be set aside, and the reserve is still free. Measures. */
bool file_room_for_segment(struct file_store *self);
uint64_t file_room_bytes_on_disk(struct file_store *self);
err_t file_room_trim(struct file_store *self, uint64_t keep_from, struct why *why);

/* file_follow.c */
err_t file_follow_refresh(struct file_store *self, struct why *why);

/* file_place.c: the directory. */
err_t file_place_make(struct file_store *self, struct why *why); /* make, open, check, lock */
err_t file_place_find(struct file_store *self, struct why *why); /* open, check; ERR_NOT_FOUND */
err_t file_place_same(struct file_store *self, struct why *why); /* ERR_CORRUPT: was replaced */
err_t file_place_kept(struct file_store *self, struct why *why); /* and the active segment */

static inline struct segment_place
file_store_place(const struct file_store *self)
{
    return (struct segment_place){
        .ops = self->ops,
        .dir_fd = self->dir_fd,
        .path = self->path,
        .pool = self->pool,
        .pool_bytes = self->segment_bytes,
    };
}

static inline struct segment *
file_store_active(struct file_store *self)
{
    return &self->set.items[self->set.count - 1];
}

#endif
