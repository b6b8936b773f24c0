#define _GNU_SOURCE /* O_DIRECT */
#include "ceiling_segment.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILL_BYTES (1024U * 1024)
#define FILL_SYNC_BYTES (8 * FILL_BYTES)
#define PAGE_BYTES 4096U
#define SECTOR_BYTES 512U

struct ceiling_segment {
    char directory[200];
    int fd; /* owned: the segment that fills */
    size_t used;
    uint32_t sync_delay_us;
    uint64_t syncs;
    pthread_t filler;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int spare_fd;  /* guarded by lock; -1 while the filler works on it */
    int fault;     /* guarded by lock; errno of the filler */
    bool stopping; /* guarded by lock */
};

static bool
segment_sync(int fd, uint32_t delay_us)
{
    if (fdatasync(fd) != 0) {
        return false;
    }
    if (delay_us > 0) {
        struct timespec delay = {.tv_sec = delay_us / 1000000,
                                 .tv_nsec = (long)(delay_us % 1000000) * 1000};
        (void)nanosleep(&delay, NULL); /* a signal shortens it: it is a measurement's delay */
    }
    return true;
}

/* Past the page cache where that is possible, as Herald does: the copying is dear. */
static bool
segment_fill_zeros(int fd, int direct_fd, uint32_t sync_delay_us)
{
    void *zeros = NULL;
    CHECK(posix_memalign(&zeros, PAGE_BYTES, FILL_BYTES) == 0);
    memset(zeros, 0, FILL_BYTES);
    bool good = true;
    for (size_t at = 0; good && at < CEILING_SEGMENT_BYTES; at += FILL_BYTES) {
        good = (direct_fd >= 0 &&
                pwrite(direct_fd, zeros, FILL_BYTES, (off_t)at) == (ssize_t)FILL_BYTES) ||
               pwrite(fd, zeros, FILL_BYTES, (off_t)at) == (ssize_t)FILL_BYTES;
        /* Piece by piece, so that the writer's syncs are not stuck behind 64 MiB. */
        if (good && (at + FILL_BYTES) % FILL_SYNC_BYTES == 0) {
            good = segment_sync(fd, sync_delay_us);
        }
    }
    free(zeros);
    return good;
}

static int
segment_fill(const char *directory, uint32_t sync_delay_us)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/ceiling-XXXXXX", directory); /* checked at open */
    int fd = mkstemp(path);
    if (fd < 0) {
        return -1;
    }
    int direct_fd = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC); /* or not: tmpfs, say */
    (void)unlink(path); /* gone with the descriptors, also after a crash */
    bool good = segment_fill_zeros(fd, direct_fd, sync_delay_us);
    int fault = errno;
    if (direct_fd >= 0) {
        (void)close(direct_fd); /* synced through the other */
    }
    if (!good) {
        (void)close(fd); /* nothing of value in it */
        errno = fault;
        return -1;
    }
    return fd;
}

static void *
segment_filler(void *argument)
{
    ceiling_segment_t *self = argument;
    CHECK(pthread_mutex_lock(&self->lock) == 0);
    while (!self->stopping && self->fault == 0) {
        if (self->spare_fd >= 0) {
            CHECK(pthread_cond_wait(&self->changed, &self->lock) == 0);
            continue;
        }
        CHECK(pthread_mutex_unlock(&self->lock) == 0);
        int fd = segment_fill(self->directory, self->sync_delay_us);
        int fault = fd < 0 ? errno : 0;
        CHECK(pthread_mutex_lock(&self->lock) == 0);
        self->spare_fd = fd;
        self->fault = fault;
        CHECK(pthread_cond_broadcast(&self->changed) == 0);
    }
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
    return NULL;
}

err_t
ceiling_segment_open(ceiling_segment_t **self_p, const char *directory, uint32_t sync_delay_us,
                     struct why *why)
{
    if (strlen(directory) >= sizeof((*self_p)->directory)) {
        return why_set(why, ERR_INVALID, "%s: the path is too long", directory);
    }
    ceiling_segment_t *self = mem_zeroed(sizeof *self);
    memcpy(self->directory, directory, strlen(directory) + 1);
    self->spare_fd = -1;
    self->sync_delay_us = sync_delay_us;
    self->fd = segment_fill(directory, sync_delay_us);
    if (self->fd < 0) {
        err_t rc =
            why_set(why, ERR_IO, "%s: cannot write a segment: %s", directory, strerror(errno));
        mem_free(self);
        return rc;
    }
    CHECK(pthread_mutex_init(&self->lock, NULL) == 0);
    CHECK(pthread_cond_init(&self->changed, NULL) == 0);
    CHECK(pthread_create(&self->filler, NULL, segment_filler, self) == 0);
    /* The first spare is there before the first message, as Herald's is; the others are paid for in
     * the timed run. Without this the filling was most of the open loop's p99. */
    CHECK(pthread_mutex_lock(&self->lock) == 0);
    while (self->spare_fd < 0 && self->fault == 0) {
        CHECK(pthread_cond_wait(&self->changed, &self->lock) == 0);
    }
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
    *self_p = self;
    return ERR_OK;
}

void
ceiling_segment_close(ceiling_segment_t **self_p)
{
    ceiling_segment_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    CHECK(pthread_mutex_lock(&self->lock) == 0);
    self->stopping = true;
    CHECK(pthread_cond_broadcast(&self->changed) == 0);
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
    CHECK(pthread_join(self->filler, NULL) == 0);
    if (self->spare_fd >= 0) {
        (void)close(self->spare_fd); /* unlinked already */
    }
    (void)close(self->fd); /* unlinked already */
    CHECK(pthread_cond_destroy(&self->changed) == 0);
    CHECK(pthread_mutex_destroy(&self->lock) == 0);
    mem_free(self);
    *self_p = NULL;
}

static err_t
segment_roll(ceiling_segment_t *self, struct why *why)
{
    CHECK(pthread_mutex_lock(&self->lock) == 0);
    while (self->spare_fd < 0 && self->fault == 0) {
        CHECK(pthread_cond_wait(&self->changed, &self->lock) == 0);
    }
    int fault = self->fault;
    if (fault == 0) {
        (void)close(self->fd); /* synced and unlinked */
        self->fd = self->spare_fd;
        self->spare_fd = -1;
        self->used = 0;
        CHECK(pthread_cond_broadcast(&self->changed) == 0);
    }
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
    return fault == 0 ? ERR_OK
                      : why_set(why, ERR_IO, "cannot write a segment: %s", strerror(fault));
}

err_t
ceiling_segment_commit(ceiling_segment_t *self, uint8_t *data, size_t size, struct why *why)
{
    CHECK(size > 0 && size <= FILL_BYTES);
    size_t whole = (size + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
    if (self->used + whole > CEILING_SEGMENT_BYTES) {
        err_t rc = segment_roll(self, why);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    /* To the end of the page: a part of one that is in no cache would have to be read first. */
    size_t to_page = (PAGE_BYTES - (self->used + whole) % PAGE_BYTES) % PAGE_BYTES;
    size_t written = whole + to_page;
    memset(data + size, 0, written - size);
    if (pwrite(self->fd, data, written, (off_t)self->used) != (ssize_t)written ||
        !segment_sync(self->fd, self->sync_delay_us)) {
        return why_set(why, ERR_IO, "cannot append to a segment: %s", strerror(errno));
    }
    self->used += whole;
    self->syncs++;
    return ERR_OK;
}

uint64_t
ceiling_segment_syncs(const ceiling_segment_t *self)
{
    return self->syncs;
}
