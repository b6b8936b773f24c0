/*
 * Segments written ahead of their use: files full of bytes that are on disk already, so that a sync
 * of a block writes no metadata. A background thread fills them with zeros; retired segments are
 * taken as they are, since no block in them can pass for one of a later use. The same thread lets
 * old segments go from memory.
 *
 * What was a segment is handed out only once the directory is synced in which it is none any more:
 * else a power cut could leave a file under its old name with the head of a later segment.
 */
#ifndef HERALD_JOURNAL_SPARE_POOL_H
#define HERALD_JOURNAL_SPARE_POOL_H

#include "base/why.h"
#include "journal/file_ops.h"

#include <stdbool.h>
#include <stdint.h>

#define SPARE_POOL_MAX 2
#define SPARE_POOL_NAME_SIZE 32

typedef struct spare_pool spare_pool_t;

struct spare {
    char name[SPARE_POOL_NAME_SIZE];
    int fd; /* open for reading and writing */
};

/*
 * Take charge of the spares in the directory: those of `bytes` are kept, other spares and
 * unfinished ones are removed. The directory is to be synced before one is taken. None is filled
 * that would not leave keep_free bytes of the file system free beside it.
 */
spare_pool_t *spare_pool_new(const struct file_ops *ops, int dir_fd, uint64_t bytes,
                             uint64_t keep_free);
void spare_pool_destroy(spare_pool_t **self_p);

/* From now on a thread keeps one in stock. Once. */
void spare_pool_in_background(spare_pool_t *self);

/* Take one out; its file keeps its name until the caller renames it. False: there is none. */
bool spare_pool_take(spare_pool_t *self, struct spare *spare);

/* Give back one that was taken and not renamed. */
void spare_pool_return(spare_pool_t *self, struct spare *spare);

/*
 * Make a spare of a retired segment file by renaming it, and sync the directory. 1: it is one.
 * 0: enough are in stock, or it has another size, or the rename failed, and the file is as it was.
 * Below 0: the sync failed, with this errno.
 */
int spare_pool_recycle(spare_pool_t *self, const char *name);

/* Let the system drop a segment from memory that is unlikely to be read again, in small steps, in
 * the background or as the next spare is filled; the last one that was named. It may be read,
 * retired or gone all the same. */
void spare_pool_forget(spare_pool_t *self, const char *name);

/* From now on keep so many bytes free. */
void spare_pool_keep_free(spare_pool_t *self, uint64_t bytes);

/* Fill one now, on the caller's thread. 0 or a negative errno; -ENOSPC is no fault: also when it
 * would take what is to be kept free. */
int spare_pool_fill(spare_pool_t *self);

/* Bytes that are ready, or being written, and so not part of the free space any more. */
uint64_t spare_pool_bytes(spare_pool_t *self);

/* One is being written, and its first MiB is: what is synced meanwhile may wait for its zeros. */
bool spare_pool_filling(spare_pool_t *self);

#endif
