/*
 * fdatasync on threads of their own, several of one file at a time. What is written while one sync
 * is under way need not wait for its end: the next begins at once. Results are taken in the order
 * of the starts, so that what a result says holds for all that was started before it.
 *
 * Each thread has an open file of its own. Linux tells a failed write-back once to each open file
 * (errseq_t): with a shared one a sync could succeed over pages that were lost, because another
 * that ran beside it was told of them.
 *
 * All calls belong to one thread.
 */
#ifndef HERALD_JOURNAL_SYNC_POOL_H
#define HERALD_JOURNAL_SYNC_POOL_H

#include "journal/file_ops.h"

/* As many as there are parts of a window under way: one is made durable, one is on its way. */
#define SYNC_POOL_THREADS 3

/* What was written before the start, in the caller's terms; comes back with the result. */
struct sync_pool_mark {
    uint64_t position;
    uint64_t offset;
};

struct sync_pool_result {
    struct sync_pool_mark mark;
    int rc; /* 0 or a negative errno */
};

typedef struct sync_pool sync_pool_t;

/* NULL when the system gives no thread or descriptor. */
sync_pool_t *sync_pool_new(const struct file_ops *ops);
/* Waits for syncs that are under way. */
void sync_pool_destroy(sync_pool_t **self_p);

/* The file to sync from now on; none may be under way. 0 or a negative errno: then there is none.
 */
int sync_pool_open(sync_pool_t *self, int dir_fd, const char *name);
/* Readable when a sync is finished; perhaps once more behind its result's taking: then take says
 * that there is nothing, and it is readable no more. */
int sync_pool_fd(const sync_pool_t *self);

bool sync_pool_can_start(const sync_pool_t *self); /* a file is open and a thread idle */
void sync_pool_start(sync_pool_t *self, struct sync_pool_mark mark); /* one must be idle */
bool sync_pool_busy(const sync_pool_t *self); /* one was started and its result not taken */

/* True when the oldest that is under way is finished. wait: until it is. Again until false, also
 * when none is busy any more: the descriptor tells of all that are finished once. */
bool sync_pool_take(sync_pool_t *self, bool wait, struct sync_pool_result *result);

#endif
