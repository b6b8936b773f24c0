#define _GNU_SOURCE /* O_DIRECT */
#include "journal/spare_pool.h"

#include "base/check.h"
#include "base/mem.h"
#include "journal/file_io.h"
#include "journal/spare_names.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FILL_STEP (1024U * 1024)
#define FILL_SYNC_BYTES (8 * FILL_STEP) /* a sync of the log waits for no more than that */
#define FILL_PAUSE_MS 1                 /* between steps: the log's own syncs go first */
#define DIRECT_ALIGN 4096U
#define RETRY_PAUSE_MS 1000 /* after a full disk */

/* What spares are filled with. Never written, so it takes no memory but one page of the system's.
 * Not const: it would be a MiB of the program's file. */
static _Alignas(DIRECT_ALIGN) uint8_t zeros[FILL_STEP];

struct spare_pool {
    const struct file_ops *ops; /* borrowed */
    int dir_fd;                 /* borrowed */
    uint64_t bytes;             /* of each spare */
    bool in_background;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t wake;
    bool stopping;
    struct spare ready[SPARE_POOL_MAX];
    size_t ready_count;
    uint64_t filling;               /* bytes written of the one being filled */
    uint64_t keep_free;             /* on the file system */
    uint64_t next_number;           /* for the next file's name */
    char old[SPARE_POOL_NAME_SIZE]; /* to be forgotten; "": none */
    uint64_t old_at;                /* from there on */
};

/* Keep a finished file of the right size. */
static bool
adopt(spare_pool_t *self, const char *name)
{
    if (self->ready_count == SPARE_POOL_MAX || !spare_name_finished(name)) {
        return false;
    }
    int fd = file_io_open(self->ops, self->dir_fd, name, O_RDWR, 0);
    if (fd < 0) {
        return false;
    }
    struct file_stat stat;
    if (self->ops->stat(fd, &stat) != 0 || stat.bytes != self->bytes) {
        (void)self->ops->close(fd); /* nothing was written */
        return false;
    }
    struct spare *spare = &self->ready[self->ready_count++];
    spare->fd = fd;
    memcpy(spare->name, name, strlen(name) + 1);
    return true;
}

static void
adopt_all(spare_pool_t *self)
{
    struct spare_names names = {0};
    spare_names_list(&names, self->ops, self->dir_fd);
    for (size_t i = 0; i < names.count; i++) {
        uint64_t number = spare_name_number(names.items[i]);
        if (number >= self->next_number && number < UINT32_MAX) {
            self->next_number = number + 1;
        }
        if (!adopt(self, names.items[i])) {
            (void)self->ops->unlink(self->dir_fd,
                                    names.items[i]); /* tried again at the next start */
        }
    }
    spare_names_fini(&names);
}

static void
file_name(spare_pool_t *self, const char *suffix, char name[SPARE_POOL_NAME_SIZE])
{
    pthread_mutex_lock(&self->mutex);
    uint64_t number = self->next_number++;
    pthread_mutex_unlock(&self->mutex);
    int size = snprintf(name, SPARE_POOL_NAME_SIZE, "%llu%s", (unsigned long long)number, suffix);
    CHECK(size > 0 && size < SPARE_POOL_NAME_SIZE);
}

static bool
pause_ms(spare_pool_t *self, int64_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail for this clock */
    int64_t ns = until.tv_nsec + ms * 1000000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&self->mutex);
    int rc = 0;
    while (!self->stopping && rc == 0) {
        rc = pthread_cond_timedwait(&self->wake, &self->mutex, &until);
    }
    bool stopping = self->stopping;
    pthread_mutex_unlock(&self->mutex);
    return !stopping;
}

/* Past the page cache where that is possible: copying zeros into it was a third of the producer's
 * processor time under full load. */
static int
write_zeros(const spare_pool_t *self, int fd, int direct_fd, size_t size, uint64_t at)
{
    bool aligned = size % DIRECT_ALIGN == 0; /* and `at`: a multiple of FILL_STEP */
    int rc =
        direct_fd >= 0 && aligned ? file_io_write(self->ops, direct_fd, zeros, size, at) : -EINVAL;
    return rc == -EINVAL || rc == -EOPNOTSUPP ? file_io_write(self->ops, fd, zeros, size, at) : rc;
}

void
spare_pool_forget(spare_pool_t *self, const char *name)
{
    pthread_mutex_lock(&self->mutex);
    (void)snprintf(self->old, sizeof self->old, "%s", name); /* fits */
    self->old_at = 0;
    pthread_cond_broadcast(&self->wake);
    pthread_mutex_unlock(&self->mutex);
}

static void
forget_step(spare_pool_t *self)
{
    char name[SPARE_POOL_NAME_SIZE];
    pthread_mutex_lock(&self->mutex);
    memcpy(name, self->old, sizeof name);
    uint64_t at = self->old_at;
    self->old_at += FILL_STEP;
    self->old[0] = self->old_at < self->bytes ? self->old[0] : '\0';
    pthread_mutex_unlock(&self->mutex);
    int fd = name[0] == '\0' ? -1 : file_io_open(self->ops, self->dir_fd, name, O_RDONLY, 0);
    if (fd >= 0) {
        self->ops->forget(fd, at, FILL_STEP);
        (void)self->ops->close(fd); /* read only */
    }
}

static int
fill_bytes(spare_pool_t *self, int fd, int direct_fd)
{
    int rc = 0;
    for (uint64_t at = 0; at < self->bytes && rc == 0;) {
        uint64_t left = self->bytes - at;
        size_t step = left < FILL_STEP ? (size_t)left : FILL_STEP;
        rc = write_zeros(self, fd, direct_fd, step, at);
        at += step;
        if (rc == 0 && (at % FILL_SYNC_BYTES == 0 || at == self->bytes)) {
            rc = self->ops->sync_data(fd);
        }
        pthread_mutex_lock(&self->mutex);
        self->filling = at;
        pthread_mutex_unlock(&self->mutex);
        forget_step(self);
        if (rc == 0 && self->in_background && at < self->bytes && !pause_ms(self, FILL_PAUSE_MS)) {
            rc = -ECANCELED;
        }
    }
    return rc;
}

void
spare_pool_keep_free(spare_pool_t *self, uint64_t bytes)
{
    pthread_mutex_lock(&self->mutex);
    self->keep_free = bytes;
    pthread_mutex_unlock(&self->mutex);
}

static bool
may_fill(spare_pool_t *self)
{
    struct file_space space;
    pthread_mutex_lock(&self->mutex);
    uint64_t keep_free = self->keep_free;
    pthread_mutex_unlock(&self->mutex);
    /* A file system that does not say: the write will. */
    return self->ops->space(self->dir_fd, &space) != 0 ||
           (space.free_bytes >= keep_free && space.free_bytes - keep_free >= self->bytes);
}

int
spare_pool_fill(spare_pool_t *self)
{
    if (!may_fill(self)) {
        return -ENOSPC;
    }
    char unfinished[SPARE_POOL_NAME_SIZE];
    char name[SPARE_POOL_NAME_SIZE];
    file_name(self, SPARE_UNFINISHED, unfinished);
    int fd = file_io_open(self->ops, self->dir_fd, unfinished, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0) {
        return fd;
    }
    /* A descriptor of its own: small blocks go through the page cache, where those who follow the
     * log find them. */
    int direct_fd = file_io_open(self->ops, self->dir_fd, unfinished, O_WRONLY | O_DIRECT, 0);
    int rc = fill_bytes(self, fd, direct_fd);
    if (direct_fd >= 0) {
        (void)self->ops->close(direct_fd); /* synced through the other */
    }
    if (rc == 0) {
        file_name(self, SPARE_FINISHED, name);
        rc = self->ops->rename(self->dir_fd, unfinished, name);
    }
    pthread_mutex_lock(&self->mutex);
    self->filling = 0;
    bool kept = rc == 0 && self->ready_count < SPARE_POOL_MAX;
    if (kept) {
        struct spare *spare = &self->ready[self->ready_count++];
        spare->fd = fd;
        memcpy(spare->name, name, sizeof name);
    }
    pthread_mutex_unlock(&self->mutex);
    if (!kept) {
        (void)self->ops->close(fd); /* nothing in it matters */
        (void)self->ops->unlink(self->dir_fd,
                                rc == 0 ? name : unfinished); /* or at the next start */
    }
    return rc;
}

static void *
fill_thread(void *arg)
{
    spare_pool_t *self = arg;
    pthread_mutex_lock(&self->mutex);
    while (!self->stopping) {
        bool enough = self->ready_count > 0;
        if (enough && self->old[0] == '\0') {
            pthread_cond_wait(&self->wake, &self->mutex);
            continue;
        }
        pthread_mutex_unlock(&self->mutex);
        /* The loop looks at `stopping`. Without a spare the log makes its next segment itself, so
         * no failure here is a fault. */
        if (enough) {
            forget_step(self);
            (void)pause_ms(self, FILL_PAUSE_MS);
        } else if (spare_pool_fill(self) != 0) {
            (void)pause_ms(self, RETRY_PAUSE_MS);
        }
        pthread_mutex_lock(&self->mutex);
    }
    pthread_mutex_unlock(&self->mutex);
    return NULL;
}

spare_pool_t *
spare_pool_new(const struct file_ops *ops, int dir_fd, uint64_t bytes, uint64_t keep_free)
{
    spare_pool_t *self = mem_zeroed(sizeof *self);
    self->ops = ops;
    self->dir_fd = dir_fd;
    self->bytes = bytes;
    self->keep_free = keep_free;
    self->next_number = 1;
    CHECK(pthread_mutex_init(&self->mutex, NULL) == 0);
    pthread_condattr_t clock; /* not the one that people set */
    CHECK(pthread_condattr_init(&clock) == 0);
    CHECK(pthread_condattr_setclock(&clock, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&self->wake, &clock) == 0);
    CHECK(pthread_condattr_destroy(&clock) == 0);
    adopt_all(self);
    return self;
}

void
spare_pool_in_background(spare_pool_t *self)
{
    CHECK(!self->in_background);
    self->in_background = true; /* before the thread that reads it */
    if (pthread_create(&self->thread, NULL, fill_thread, self) != 0) {
        self->in_background = false; /* no spares then, and the log goes on without */
    }
}

void
spare_pool_destroy(spare_pool_t **self_p)
{
    CHECK(self_p != NULL);
    spare_pool_t *self = *self_p;
    *self_p = NULL;
    if (self == NULL) {
        return;
    }
    if (self->in_background) {
        pthread_mutex_lock(&self->mutex);
        self->stopping = true;
        pthread_cond_broadcast(&self->wake);
        pthread_mutex_unlock(&self->mutex);
        CHECK(pthread_join(self->thread, NULL) == 0);
    }
    for (size_t i = 0; i < self->ready_count; i++) {
        (void)self->ops->close(self->ready[i].fd); /* was synced when it was filled */
    }
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->mutex);
    mem_free(self);
}

bool
spare_pool_take(spare_pool_t *self, struct spare *spare)
{
    pthread_mutex_lock(&self->mutex);
    bool found = self->ready_count > 0;
    if (found) {
        *spare = self->ready[--self->ready_count];
        pthread_cond_broadcast(&self->wake);
    }
    pthread_mutex_unlock(&self->mutex);
    return found;
}

void
spare_pool_return(spare_pool_t *self, struct spare *spare)
{
    pthread_mutex_lock(&self->mutex);
    bool kept = self->ready_count < SPARE_POOL_MAX;
    if (kept) {
        self->ready[self->ready_count++] = *spare;
    }
    pthread_mutex_unlock(&self->mutex);
    if (!kept) {
        (void)self->ops->close(spare->fd);                  /* nothing in it matters */
        (void)self->ops->unlink(self->dir_fd, spare->name); /* or at the next start */
    }
    spare->fd = -1;
}

int
spare_pool_recycle(spare_pool_t *self, const char *name)
{
    pthread_mutex_lock(&self->mutex);
    bool enough = self->ready_count == SPARE_POOL_MAX;
    pthread_mutex_unlock(&self->mutex);
    struct file_stat stat;
    if (enough || self->ops->stat_at(self->dir_fd, name, &stat) != 0 || stat.bytes != self->bytes) {
        return 0;
    }
    struct spare spare;
    file_name(self, SPARE_FINISHED, spare.name);
    spare.fd = file_io_open(self->ops, self->dir_fd, name, O_RDWR, 0);
    if (spare.fd < 0) {
        return 0;
    }
    int rc = self->ops->rename(self->dir_fd, name, spare.name) == 0 ? 1 : 0;
    if (rc == 1) {
        int synced = self->ops->sync_directory(self->dir_fd);
        rc = synced == 0 ? 1 : synced;
    }
    if (rc == 1) {
        spare_pool_return(self, &spare);
    } else {
        (void)self->ops->close(spare.fd); /* nothing was written */
    }
    return rc;
}

uint64_t
spare_pool_bytes(spare_pool_t *self)
{
    pthread_mutex_lock(&self->mutex);
    uint64_t bytes = self->ready_count * self->bytes + self->filling;
    pthread_mutex_unlock(&self->mutex);
    return bytes;
}

bool
spare_pool_filling(spare_pool_t *self)
{
    pthread_mutex_lock(&self->mutex);
    bool filling = self->filling > 0;
    pthread_mutex_unlock(&self->mutex);
    return filling;
}
