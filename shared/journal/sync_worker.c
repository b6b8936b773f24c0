#include "journal/sync_worker.h"

#include "base/check.h"
#include "base/mem.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct sync_worker {
    const struct file_ops *ops; /* borrowed */
    pthread_t thread;
    int event_fd;          /* owned */
    bool busy;             /* the owner's thread only */
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    bool stopping;
    bool wanted;
    bool finished;
    int fd;
    int result;
};

static void *
work(void *arg)
{
    sync_worker_t *self = arg;
    pthread_mutex_lock(&self->mutex);
    for (;;) {
        while (!self->wanted && !self->stopping) {
            pthread_cond_wait(&self->changed, &self->mutex);
        }
        if (!self->wanted) {
            break;
        }
        int fd = self->fd;
        pthread_mutex_unlock(&self->mutex);
        int result = self->ops->sync_data(fd);
        pthread_mutex_lock(&self->mutex);
        self->result = result;
        self->wanted = false;
        self->finished = true;
        pthread_cond_broadcast(&self->changed);
        uint64_t one = 1;
        /* The counter cannot overflow: take resets it before the next start. */
        CHECK(write(self->event_fd, &one, sizeof one) == (ssize_t)sizeof one);
    }
    pthread_mutex_unlock(&self->mutex);
    return NULL;
}

sync_worker_t *
sync_worker_new(const struct file_ops *ops)
{
    int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_fd < 0) {
        return NULL;
    }
    sync_worker_t *self = mem_zeroed(sizeof *self);
    self->ops = ops;
    self->event_fd = event_fd;
    CHECK(pthread_mutex_init(&self->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&self->changed, NULL) == 0);
    if (pthread_create(&self->thread, NULL, work, self) != 0) {
        pthread_cond_destroy(&self->changed);
        pthread_mutex_destroy(&self->mutex);
        (void)close(event_fd); /* nothing in it */
        mem_free(self);
        return NULL;
    }
    return self;
}

void
sync_worker_destroy(sync_worker_t **self_p)
{
    CHECK(self_p != NULL);
    sync_worker_t *self = *self_p;
    *self_p = NULL;
    if (self == NULL) {
        return;
    }
    pthread_mutex_lock(&self->mutex);
    self->stopping = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->mutex);
    CHECK(pthread_join(self->thread, NULL) == 0);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->mutex);
    (void)close(self->event_fd); /* nothing in it */
    mem_free(self);
}

int
sync_worker_fd(const sync_worker_t *self)
{
    return self->event_fd;
}

void
sync_worker_start(sync_worker_t *self, int fd)
{
    CHECK(!self->busy);
    self->busy = true;
    pthread_mutex_lock(&self->mutex);
    self->fd = fd;
    self->wanted = true;
    self->finished = false;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->mutex);
}

bool
sync_worker_busy(const sync_worker_t *self)
{
    return self->busy;
}

bool
sync_worker_take(sync_worker_t *self, bool wait, int *result)
{
    CHECK(self->busy);
    pthread_mutex_lock(&self->mutex);
    while (wait && !self->finished) {
        pthread_cond_wait(&self->changed, &self->mutex);
    }
    bool finished = self->finished;
    *result = self->result;
    pthread_mutex_unlock(&self->mutex);
    if (finished) {
        uint64_t count;
        (void)!read(self->event_fd, &count, sizeof count); /* empty: another take was faster */
        self->busy = false;
    }
    return finished;
}
