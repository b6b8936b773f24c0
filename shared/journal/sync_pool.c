#include "journal/sync_pool.h"

#include "base/check.h"
#include "base/mem.h"
#include "journal/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_BYTES (256U * 1024) /* much more than a sync needs */

/* A thread and what it is asked for. From sem_post(asked) until finished is true fd, wanted and
 * result are the thread's, and else the owner's. */
struct worker {
    sync_pool_t *pool;
    pthread_t thread;
    sem_t asked; /* for a sync, or to look whether the pool is stopping */
    int fd;      /* owned; -1: none. Changed only while nothing is wanted */
    bool wanted;
    struct sync_pool_result result;
    atomic_bool finished; /* and not taken yet */
};

struct sync_pool {
    const struct file_ops *ops; /* borrowed */
    int event_fd;               /* owned */
    uint64_t started;           /* the owner's thread only; number n is worker n % THREADS */
    uint64_t taken;
    uint64_t heard; /* events read from event_fd */
    struct worker workers[SYNC_POOL_THREADS];
    size_t count;              /* workers that have a thread */
    atomic_uint_fast64_t told; /* events that are written, or will be at once */
    atomic_bool stopping;
};

static void
wait_asked(struct worker *self)
{
    while (sem_wait(&self->asked) != 0) {
        CHECK(errno == EINTR);
    }
}

static void *
work(void *arg)
{
    struct worker *self = arg;
    sync_pool_t *pool = self->pool;
    for (;;) {
        wait_asked(self);
        if (!self->wanted) {
            CHECK(atomic_load(&pool->stopping));
            return NULL;
        }
        self->result.rc = pool->ops->sync_data(self->fd);
        self->wanted = false;
        atomic_store(&self->finished, true);
        /* Behind that, so that who is woken finds it. */
        (void)atomic_fetch_add(&pool->told, 1);
        uint64_t one = 1;
        /* The counter cannot overflow: each thread has written before it is at work again. */
        CHECK(write(pool->event_fd, &one, sizeof one) == (ssize_t)sizeof one);
    }
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
    for (size_t i = 0; i < SYNC_POOL_THREADS; i++) {
        CHECK(sem_init(&self->workers[i].asked, 0, 0) == 0);
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
    atomic_store(&self->stopping, true);
    for (size_t i = 0; i < self->count; i++) {
        CHECK(sem_post(&self->workers[i].asked) == 0);
        CHECK(pthread_join(self->workers[i].thread, NULL) == 0);
    }
    close_files(self);
    for (size_t i = 0; i < SYNC_POOL_THREADS; i++) {
        CHECK(sem_destroy(&self->workers[i].asked) == 0);
    }
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
    worker->result.mark = mark;
    worker->wanted = true;
    CHECK(sem_post(&worker->asked) == 0);
}

bool
sync_pool_busy(const sync_pool_t *self)
{
    return self->started != self->taken;
}

/* Whatever is told of is heard once, or the descriptor would stay readable. */
static void
hear(sync_pool_t *self)
{
    uint64_t count;
    if (self->heard != atomic_load(&self->told) &&
        read(self->event_fd, &count, sizeof count) == (ssize_t)sizeof count) {
        self->heard += count; /* else it is written in a moment, and heard at the next question */
    }
}

static void
wait_finished(sync_pool_t *self, struct worker *worker)
{
    while (!atomic_load(&worker->finished)) {
        struct pollfd told = {.fd = self->event_fd, .events = POLLIN};
        (void)poll(&told, 1, -1); /* below 0: a signal, look again */
        hear(self);
    }
}

bool
sync_pool_take(sync_pool_t *self, bool wait, struct sync_pool_result *result)
{
    hear(self);
    if (!sync_pool_busy(self)) {
        return false;
    }
    struct worker *worker = &self->workers[self->taken % SYNC_POOL_THREADS];
    if (wait) {
        wait_finished(self, worker);
    }
    if (!atomic_load(&worker->finished)) {
        return false;
    }
    *result = worker->result;
    atomic_store(&worker->finished, false);
    self->taken++;
    return true;
}
