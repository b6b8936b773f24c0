/*
 * The pool of threads that sync, without threads: a sync is finished at one of the next questions,
 * and does its work when it begins or when it ends, all as the disk's random numbers want it. So a
 * power cut finds any number of them under way, and a seed means the same each time. Linked in the
 * place of journal/sync_pool.c, which has the contract (sync_pool.h).
 */
#include "base/check.h"
#include "base/mem.h"
#include "journal/file_io.h"
#include "journal/sync_pool.h"

#include <errno.h>
#include <fcntl.h>

struct stepped {
    struct sync_pool_result result;
    bool done; /* the disk has been asked */
};

struct sync_pool {
    const struct file_ops *ops; /* borrowed */
    int fd;                     /* owned; -1: none */
    uint64_t started;
    uint64_t taken;
    struct stepped under_way[SYNC_POOL_THREADS];
    bool failed; /* Linux tells each open file of it, so that none that is under way succeeds */
};

static bool
toss(const sync_pool_t *self)
{
    uint8_t byte = 0;
    (void)self->ops->random(&byte, 1); /* a disk that has none says 0 */
    return byte % 2 == 0;
}

sync_pool_t *
sync_pool_new(const struct file_ops *ops)
{
    sync_pool_t *self = mem_zeroed(sizeof *self);
    self->ops = ops;
    self->fd = -1;
    return self;
}

void
sync_pool_destroy(sync_pool_t **self_p)
{
    sync_pool_t *self = *self_p;
    *self_p = NULL;
    if (self != NULL) {
        if (self->fd >= 0) {
            (void)self->ops->close(self->fd); /* nothing was written through it */
        }
        mem_free(self);
    }
}

int
sync_pool_open(sync_pool_t *self, int dir_fd, const char *name)
{
    CHECK(!sync_pool_busy(self));
    if (self->fd >= 0) {
        (void)self->ops->close(self->fd); /* as above */
    }
    int fd = file_io_open(self->ops, dir_fd, name, O_WRONLY, 0);
    self->fd = fd < 0 ? -1 : fd;
    return fd < 0 ? fd : 0;
}

int
sync_pool_fd(const sync_pool_t *self)
{
    (void)self;
    return -1; /* whoever steps asks at each step */
}

bool
sync_pool_can_start(const sync_pool_t *self)
{
    return self->started - self->taken < SYNC_POOL_THREADS && self->fd >= 0;
}

static void
sync_one(sync_pool_t *self, struct stepped *stepped)
{
    stepped->done = true;
    stepped->result.rc = self->ops->sync_data(self->fd);
    self->failed = self->failed || stepped->result.rc != 0;
}

void
sync_pool_start(sync_pool_t *self, struct sync_pool_mark mark)
{
    CHECK(sync_pool_can_start(self));
    struct stepped *stepped = &self->under_way[self->started++ % SYNC_POOL_THREADS];
    *stepped = (struct stepped){.result = {.mark = mark}};
    if (toss(self)) {
        sync_one(self, stepped);
    }
}

bool
sync_pool_busy(const sync_pool_t *self)
{
    return self->started != self->taken;
}

bool
sync_pool_take(sync_pool_t *self, bool wait, struct sync_pool_result *result)
{
    if (!sync_pool_busy(self) || (!wait && toss(self))) {
        return false;
    }
    struct stepped *stepped = &self->under_way[self->taken++ % SYNC_POOL_THREADS];
    if (!stepped->done) {
        sync_one(self, stepped);
    }
    *result = stepped->result;
    result->rc = self->failed && result->rc == 0 ? -EIO : result->rc;
    return true;
}
