/*
 * fdatasync on a thread of its own, one at a time; an eventfd tells when one is finished.
 */
#ifndef HERALD_JOURNAL_SYNC_WORKER_H
#define HERALD_JOURNAL_SYNC_WORKER_H

#include "base/err.h"
#include "journal/file_ops.h"

typedef struct sync_worker sync_worker_t;

/* NULL when the system gives no thread or descriptor. */
sync_worker_t *sync_worker_new(const struct file_ops *ops);
/* Waits for a sync that is under way. */
void sync_worker_destroy(sync_worker_t **self_p);

int sync_worker_fd(const sync_worker_t *self);       /* readable when a sync is finished */
void sync_worker_start(sync_worker_t *self, int fd); /* none may be under way */
bool sync_worker_busy(const sync_worker_t *self);    /* started and its result not taken */

/* True when it is finished: *result is 0 or a negative errno. wait: until it is. */
bool sync_worker_take(sync_worker_t *self, bool wait, int *result);

#endif
