#define _GNU_SOURCE /* O_DIRECT */
#include "ceiling_segment.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILL_BYTES (1024U * 1024)
#define FILL_SYNC_BYTES (8 * FILL_BYTES)
#define FILL_PAUSE_NS 1000000
#define PATH_BYTES 256
#define PAGE_BYTES 4096U
#define SECTOR_BYTES 512U

/* One file by two ways; below 0: there is none. */
struct segment_file {
    int fd;
    int direct_fd;
};

static const struct segment_file no_file = {-1, -1};

struct ceiling_segment {
    char directory[200];
    struct segment_file file; /* owned: the segment that fills */
    size_t used;
    bool through_cache; /* the file system or the disk takes no sectors of 512 past it */
    uint32_t sync_delay_us;
    atomic_uint made;   /* files; they are numbered */
    bool in_background; /* the filler runs: it makes pauses */
    pthread_t filler;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct segment_file spare; /* owned; none while the filler works on it */
    int fault;                 /* errno of the filler */
    bool stopping;
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

static void
segment_file_close(struct segment_file *file)
{
    if (file->direct_fd >= 0) {
        (void)close(file->direct_fd); /* synced through the other */
    }
    if (file->fd >= 0) {
        (void)close(file->fd); /* synced */
    }
    *file = no_file;
}

/* As Herald does between two steps: the writer's own syncs go first. Whether to go on. */
static bool
fill_pause(ceiling_segment_t *self)
{
    CHECK(pthread_mutex_lock(&self->lock) == 0);
    bool stopping = self->stopping;
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
    if (!stopping) {
        const struct timespec pause = {.tv_nsec = FILL_PAUSE_NS};
        (void)nanosleep(&pause, NULL); /* an early end does not matter */
    }
    return !stopping;
}

/* Past the page cache where that is possible, as Herald does: the copying is dear. */
static bool
fill_zeros(ceiling_segment_t *self, const struct segment_file *file)
{
    uint8_t *zeros = ceiling_segment_buffer(FILL_BYTES);
    bool good = true;
    for (size_t at = 0; good && at < CEILING_SEGMENT_BYTES; at += FILL_BYTES) {
        errno = ENOSPC; /* what a part that is written leaves */
        good = (file->direct_fd >= 0 &&
                pwrite(file->direct_fd, zeros, FILL_BYTES, (off_t)at) == (ssize_t)FILL_BYTES) ||
               pwrite(file->fd, zeros, FILL_BYTES, (off_t)at) == (ssize_t)FILL_BYTES;
        /* Piece by piece, so that the writer's syncs are not stuck behind 64 MiB. */
        if (good && (at + FILL_BYTES) % FILL_SYNC_BYTES == 0) {
            good = segment_sync(file->fd, self->sync_delay_us);
        }
        if (good && self->in_background && !fill_pause(self)) {
            errno = ECANCELED; /* nobody reads it */
            good = false;
        }
    }
    ceiling_segment_buffer_free(zeros);
    return good;
}

static void
segment_path(const ceiling_segment_t *self, unsigned number, char path[PATH_BYTES])
{
    (void)snprintf(path, PATH_BYTES, "%s/ceiling-%u", self->directory,
                   number); /* checked at open */
}

/* A new file; false: errno says why. It stays until the end, as Herald's do: a file system that
 * tells the disk what is free takes its time for that. */
static bool
segment_file_make(ceiling_segment_t *self, struct segment_file *file)
{
    char path[PATH_BYTES];
    segment_path(self, atomic_fetch_add(&self->made, 1), path);
    *file = no_file;
    file->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file->fd < 0) {
        return false;
    }
    file->direct_fd = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC); /* or not: tmpfs, say */
    return true;
}

/* false: errno says why. */
static bool
segment_fill(ceiling_segment_t *self, struct segment_file *file)
{
    if (!segment_file_make(self, file) || fill_zeros(self, file)) {
        return file->fd >= 0;
    }
    int fault = errno;
    segment_file_close(file); /* nothing of value in it */
    errno = fault;
    return false;
}

static void *
segment_filler(void *argument)
{
    ceiling_segment_t *self = argument;
    CHECK(pthread_mutex_lock(&self->lock) == 0);
    while (!self->stopping && self->fault == 0) {
        if (self->spare.fd >= 0) {
            CHECK(pthread_cond_wait(&self->changed, &self->lock) == 0);
            continue;
        }
        CHECK(pthread_mutex_unlock(&self->lock) == 0);
        struct segment_file file;
        int fault = segment_fill(self, &file) ? 0 : errno;
        CHECK(pthread_mutex_lock(&self->lock) == 0);
        self->spare = file;
        self->fault = fault;
        CHECK(pthread_cond_broadcast(&self->changed) == 0);
    }
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
    return NULL;
}

/* Go on in the spare; where there is none yet in a file without zeros, as Herald does. The errno of
 * what failed. */
static int
segment_roll(ceiling_segment_t *self)
{
    segment_file_close(&self->file);
    CHECK(pthread_mutex_lock(&self->lock) == 0);
    self->file = self->spare;
    self->spare = no_file;
    int fault = self->fault;
    CHECK(pthread_cond_broadcast(&self->changed) == 0);
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
    self->used = 0;
    if (fault == 0 && self->file.fd < 0) {
        fault = segment_file_make(self, &self->file) ? 0 : errno;
        /* Its room is only set aside; a file system that cannot do that finds it when it is
         * written. */
        (void)(fault == 0 && fallocate(self->file.fd, 0, 0, CEILING_SEGMENT_BYTES));
    }
    return fault;
}

uint8_t *
ceiling_segment_buffer(size_t size)
{
    void *buffer = NULL;
    CHECK(posix_memalign(&buffer, PAGE_BYTES, size + PAGE_BYTES) == 0);
    memset(buffer, 0, size + PAGE_BYTES); /* its pages are got now, not in the timed run */
    return buffer;
}

void
ceiling_segment_buffer_free(uint8_t *buffer)
{
    free(buffer);
}

static void
segment_free(ceiling_segment_t *self)
{
    segment_file_close(&self->file);
    segment_file_close(&self->spare);
    for (unsigned i = 0; i < self->made; i++) {
        char path[PATH_BYTES];
        segment_path(self, i, path);
        (void)unlink(path); /* one that was not made is gone as well */
    }
    CHECK(pthread_cond_destroy(&self->changed) == 0);
    CHECK(pthread_mutex_destroy(&self->lock) == 0);
    mem_free(self);
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
    self->sync_delay_us = sync_delay_us;
    self->spare = no_file;
    CHECK(pthread_mutex_init(&self->lock, NULL) == 0);
    CHECK(pthread_cond_init(&self->changed, NULL) == 0);
    if (!segment_fill(self, &self->file) || !segment_fill(self, &self->spare)) {
        err_t rc =
            why_set(why, ERR_IO, "%s: cannot write a segment: %s", directory, strerror(errno));
        segment_free(self);
        return rc;
    }
    self->in_background = true; /* before the thread that reads it */
    CHECK(pthread_create(&self->filler, NULL, segment_filler, self) == 0);
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
    segment_free(self);
    *self_p = NULL;
}

/* ERR_AGAIN: it cannot be, here or in any other of these files. */
static err_t
write_past_cache(ceiling_segment_t *self, const uint8_t *data, size_t size)
{
    if (self->file.direct_fd < 0 || self->through_cache) {
        return ERR_AGAIN;
    }
    ssize_t done = pwrite(self->file.direct_fd, data, size, (off_t)self->used);
    if (done < 0 && (errno == EINVAL || errno == EOPNOTSUPP)) { /* larger sectors, say */
        self->through_cache = true;
        return ERR_AGAIN;
    }
    if (done >= 0 && done < (ssize_t)size) {
        errno = ENOSPC; /* a part was written: the rest finds no room */
    }
    return done == (ssize_t)size ? ERR_OK : ERR_IO;
}

/* What fits into this segment, `size` bytes: whole sectors. */
static bool
segment_append(ceiling_segment_t *self, uint8_t *data, size_t size, bool last)
{
    size_t written = size;
    err_t rc = write_past_cache(self, data, size);
    if (rc == ERR_IO) {
        return false;
    }
    if (rc == ERR_AGAIN) {
        /* To the end of the page: a part of one that is in no cache would have to be read first. */
        size_t to_page = (PAGE_BYTES - (self->used + size) % PAGE_BYTES) % PAGE_BYTES;
        written = last ? size + to_page : size;
        memset(data + size, 0, written - size);
        errno = ENOSPC; /* what a part that is written leaves */
        if (pwrite(self->file.fd, data, written, (off_t)self->used) != (ssize_t)written) {
            return false;
        }
    }
    self->used += size;
    return segment_sync(self->file.fd, self->sync_delay_us);
}

err_t
ceiling_segment_commit(ceiling_segment_t *self, uint8_t *data, size_t size, struct why *why)
{
    size_t whole = (size + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
    memset(data + size, 0, whole - size);
    for (size_t at = 0; at < whole;) {
        if (self->used == CEILING_SEGMENT_BYTES) {
            int fault = segment_roll(self);
            if (fault != 0) {
                return why_set(why, ERR_IO, "cannot write a segment: %s", strerror(fault));
            }
        }
        size_t room = CEILING_SEGMENT_BYTES - self->used;
        size_t part = whole - at < room ? whole - at : room;
        if (!segment_append(self, data + at, part, at + part == whole)) {
            return why_set(why, ERR_IO, "cannot append to a segment: %s", strerror(errno));
        }
        at += part;
    }
    return ERR_OK;
}
