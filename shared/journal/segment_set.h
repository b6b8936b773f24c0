/*
 * The segments of one log's directory: which there are, how they follow each other, where the
 * content of each ends; and reading blocks from them.
 *
 * Used by the owner, by followers and by the tools. Changes nothing on disk.
 */
#ifndef HERALD_JOURNAL_SEGMENT_SET_H
#define HERALD_JOURNAL_SEGMENT_SET_H

#include "base/why.h"
#include "journal/file_ops.h"
#include "journal/segment_index.h"

#define SEGMENT_SET_OPEN_MAX 8           /* descriptors for reading, at most */
#define SEGMENT_SET_WINDOW (124U * 1024) /* bytes read at a time; glibc maps more anew */
#define SEGMENT_SET_GLANCE 4096U         /* where blocks are too large for that: headers only */

struct segment {
    struct segment_head head;
    struct segment_index index;
    uint64_t end;   /* content below this offset may be read; SEGMENT_HEAD_BYTES: none yet */
    uint64_t inode; /* of the file, to notice that another took its name */
    uint64_t file_bytes;
    uint64_t used;     /* when its descriptor was used last */
    int fd;            /* owned; -1: closed */
    bool indexed_foot; /* the footer was looked for */
};

struct segment_set {
    const struct file_ops *ops; /* borrowed */
    int dir_fd;                 /* borrowed */
    char *path;                 /* owned; of the directory, for error texts */
    struct segment *items;      /* owned; in order */
    size_t count;
    uint64_t *leftovers; /* owned; counters of files that recovery has superseded */
    size_t leftover_count;
    uint64_t clock;          /* for `used` */
    uint8_t *window;         /* owned; what was read last */
    uint64_t window_counter; /* of which segment; 0: nothing */
    uint64_t window_offset;
    size_t window_size;
    size_t window_want; /* bytes for the next read */
};

void segment_set_init(struct segment_set *self, const struct file_ops *ops, int dir_fd,
                      const char *path);
void segment_set_fini(struct segment_set *self);

/* Allow reading of the newest segment, or of any older one, up to here. Never less than before. */
void segment_set_extend(struct segment_set *self, size_t index, uint64_t end);

/* A segment that the owner has just made; its file is named already. */
struct segment *segment_set_add(struct segment_set *self, const struct segment_head *head,
                                uint64_t inode);

/* Forget the oldest `count` segments. */
void segment_set_drop(struct segment_set *self, size_t count);

/* Index of the segment that has, or would have, this position; the set is not empty. */
size_t segment_set_find(const struct segment_set *self, uint64_t position);

/* Index of the segment with this counter, or `count`. */
size_t segment_set_by_counter(const struct segment_set *self, uint64_t counter);

/* Whether the file is still there under its name: false when it was trimmed away since. */
bool segment_set_present(const struct segment_set *self, const struct segment *segment);

/* Bring the segment's index up to its end. */
err_t segment_set_index(struct segment_set *self, struct segment *segment, struct why *why);

/*
 * The header of the block at this offset, below the segment's end.
 *
 * ERR_CORRUPT  no valid header there, or the file is shorter than its content
 * ERR_IO       it cannot be read; what cannot be read behind it is no matter
 */
err_t segment_set_peek(struct segment_set *self, struct segment *segment, uint64_t offset,
                       struct segment_block *block, struct why *why);

/* The block itself, checksum and records checked; errors as above. The caller releases it. */
err_t segment_set_block(struct segment_set *self, struct segment *segment, uint64_t offset,
                        log_block_t **block_p, struct why *why);

/* Its descriptor, opened when it is not. A negative errno when that fails. */
int segment_set_open(struct segment_set *self, struct segment *segment);

#endif
