/*
 * A segment in the making: a spare or a new file that gets its content, then its header, then its
 * name. Until the name is there, nobody sees it and a crash leaves nothing but a spare.
 */
#ifndef HERALD_JOURNAL_SEGMENT_DRAFT_H
#define HERALD_JOURNAL_SEGMENT_DRAFT_H

#include "journal/segment.h"
#include "journal/spare_pool.h"

struct segment_place {
    const struct file_ops *ops; /* borrowed */
    int dir_fd;                 /* borrowed */
    const char *path;           /* borrowed; of the directory, for error texts */
    spare_pool_t *pool;         /* borrowed; NULL: none */
    uint64_t pool_bytes;        /* size of the pool's spares */
    bool sparing;               /* a new file is not set aside whole: it grows as it is written */
};

struct segment_draft {
    struct segment_place place;
    struct spare file; /* owned until finished or dropped; fd -1: none */
    uint64_t bytes;    /* of the segment */
    bool pooled;       /* came from the pool and goes back there */
    bool reserved;     /* its bytes are set aside on disk: writes in it need no room */
};

/*
 * Get a file for a segment of `bytes`.
 *
 * may_lack_room  go on with a file that grows as it is written, when the disk cannot set it aside
 *
 * ERR_FULL, ERR_IO, ERR_DENIED  nothing has changed
 */
err_t segment_draft_open(struct segment_draft *self, const struct segment_place *place,
                         uint64_t bytes, bool may_lack_room, struct why *why);

/* Write a sealed block. The errors of segment_draft_open; drop the draft then. */
err_t segment_draft_write(struct segment_draft *self, const log_block_t *block, uint64_t offset,
                          struct why *why);

/*
 * Write the header, sync, name the file by head->counter and sync the directory. The caller owns
 * *fd from then on.
 *
 * ERR_FULL, ERR_IO, ERR_DENIED  the file has no name yet: drop the draft
 * ERR_LOST  it has its name, but perhaps not on disk
 */
err_t segment_draft_finish(struct segment_draft *self, const struct segment_head *head, int *fd,
                           struct why *why);

/* Give the file back. Does nothing after a finish that succeeded. */
void segment_draft_drop(struct segment_draft *self);

#endif
