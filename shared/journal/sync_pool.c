#include "journal/sync_pool.h"

#include "base/check.h"
#include "base/mem.h"
#include "journal/file_io.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_BYTES (256U * 1024) /* much more than a sync needs */

/* A thread and what it is asked for. */
struct worker {
    sync_pool_t *pool;
    pthread_t thread;
    int fd;                         /* owned; -1: none. Changed only while nothing is wanted */
    bool wanted;                    /* guarded by the pool's mutex, as all below */
    bool finished;                  /* not taken yet */
    struct sync_pool_result result; /* mark: from the start on */
};

struct sync_pool {
    const struct file_ops *ops; /* borrowed */
    int event_fd;               /* owned */
    uint64_t started;           /* the owner's thread only; number n is worker n % THREADS */
    uint64_t taken;
    struct worker workers[SYNC_POOL_THREADS];
    size_t count; /* workers that have a thread */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool stopping;
};

static void *
work(void *arg)
{
    struct worker *self = arg;
    sync_pool_t *pool = self->pool;
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (!self->wanted && !pool->stopping) {
            pthread_cond_wait(&pool->changed, &pool->mutex);
        }
        if (!self->wanted) {
            break;
        }
        pthread_mutex_unlock(&pool->mutex);
        int rc = pool->ops->sync_data(self->fd);
        pthread_mutex_lock(&pool->mutex);
        self->result.rc = rc;
        self->wanted = false;
        self->finished = true;
        pthread_cond_broadcast(&pool->changed);
        uint64_t one = 1;
        /* The counter cannot overflow: there are no more results than threads. */
        CHECK(write(pool->event_fd, &one, sizeof one) == (ssize_t)sizeof one);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

static void
close_files(sync_pool_t *self)
{
    for (size_t i = 0; i < SYNC_POOL_THREADS; i++) {
        if (self->workers[i].fd >= 0) {
            (void)self->ops->close(self->workers[i].fd); /* nothing was written through it */
            self->workers[i].fd = -1;
        }
    }
}

static bool
start_worker(struct worker *self)
{
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0);
    bool started = pthread_create(&self->thread, &attributes, work, self) == 0;
    CHECK(pthread_attr_destroy(&attributes) == 0);
    return started;
}

sync_pool_t *
sync_pool_new(const struct file_ops *ops)
{
    int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_fd < 0) {
        return NULL;
    }
    sync_pool_t *self = mem_zeroed(sizeof *self);
    self->ops = ops;
    self->event_fd = event_fd;
    CHECK(pthread_mutex_init(&self->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&self->changed, NULL) == 0);
    for (size_t i = 0; i < SYNC_POOL_THREADS; i++) {
        self->workers[i].pool = self;
        self->workers[i].fd = -1;
    }
    bool all = true;
    for (size_t i = 0; i < SYNC_POOL_THREADS && all; i++) {
        all = start_worker(&self->workers[i]);
        self->count += all;
    }
    if (!all) {
        sync_pool_destroy(&self);
    }
    return self;
}

void
sync_pool_destroy(sync_pool_t **self_p)
{
    CHECK(self_p != NULL);
    sync_pool_t *self = *self_p;
    *self_p = NULL;
    if (self == NULL) {
        return;
    }
    pthread_mutex_lock(&self->mutex);
    self->stopping = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->mutex);
    for (size_t i = 0; i < self->count; i++) {
        CHECK(pthread_join(self->workers[i].thread, NULL) == 0);
    }
    close_files(self);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->mutex);
    (void)close(self->event_fd); /* nothing in it */
    mem_free(self);
}

int
sync_pool_open(sync_pool_t *self, int dir_fd, const char *name)
{
    CHECK(!sync_pool_busy(self));
    close_files(self);
    for (size_t i = 0; i < SYNC_POOL_THREADS; i++) {
        int fd = file_io_open(self->ops, dir_fd, name, O_WRONLY, 0);
        if (fd < 0) {
            close_files(self);
            return fd;
        }
        self->workers[i].fd = fd;
    }
    return 0;
}

int
sync_pool_fd(const sync_pool_t *self)
{
    return self->event_fd;
}

bool
sync_pool_can_start(const sync_pool_t *self)
{
    return self->started - self->taken < SYNC_POOL_THREADS && self->workers[0].fd >= 0;
}

void
sync_pool_start(sync_pool_t *self, struct sync_pool_mark mark)
{
    CHECK(sync_pool_can_start(self));
    struct worker *worker = &self->workers[self->started++ % SYNC_POOL_THREADS];
    pthread_mutex_lock(&self->mutex);
    worker->result.mark = mark;
    worker->wanted = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->mutex);
}

bool
sync_pool_busy(const sync_pool_t *self)
{
    return self->started != self->taken;
}

bool
sync_pool_take(sync_pool_t *self, bool wait, struct sync_pool_result *result)
{
    CHECK(sync_pool_busy(self));
    struct worker *worker = &self->workers[self->taken % SYNC_POOL_THREADS];
    pthread_mutex_lock(&self->mutex);
    while (wait && !worker->finished) {
        pthread_cond_wait(&self->changed, &self->mutex);
    }
    /* What else it tells of the caller asks for next; it may be empty. */
    uint64_t count;
    (void)!read(self->event_fd, &count, sizeof count);
    bool finished = worker->finished;
    if (finished) {
        *result = worker->result;
        worker->finished = false;
        self->taken++;
    }
    pthread_mutex_unlock(&self->mutex);
    return finished;
}
