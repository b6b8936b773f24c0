#include "journal/file_store_private.h"

#include "base/check.h"
#include "base/mem.h"
#include "journal/file_io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The position file is synced when nothing was published for so long: the log is idle. */
#define IDLE_MS 200

/* A sync that takes longer than this, on the average, is worth a thread's waking: meanwhile the
 * next one may begin. */
#define SLOW_SYNC_NS 1000000
#define SLOWEST_NS (4 * SLOW_SYNC_NS)
#define SYNC_WEIGHT 8
#define TRANSFER_NS 2               /* for each byte: 500 MB/s */
#define TRANSFER_BYTES (512 * 1024) /* of a commit, at most, that is excused so */
#define ASIDE_SYNCS 128 /* aside, at least, until one is made here to see how long it takes */

/* For ever. The descriptor is let go, so that nothing can be written or synced through it again:
 * after a failed sync Linux calls the lost pages clean, and a second sync would lie. What is under
 * way aside ends by itself, and nobody asks for its result. */
static err_t
lose(struct file_store *self, struct why *why, int negative_errno, const char *what)
{
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(file_store_active(self)->head.counter, name);
    self->lost = true;
    if (self->fd >= 0) {
        (void)self->ops->close(self->fd); /* its fate is unknown already */
        self->fd = -1;
    }
    file_direct_close(&self->direct);
    if (self->lost_why.text[0] == '\0') {
        (void)file_io_failed(&self->lost_why, negative_errno, what, self->path, name);
    }
    return why_set(why, ERR_LOST, "%s", self->lost_why.text);
}

static void
became_durable(struct file_store *self, uint64_t position, uint64_t offset)
{
    self->durable = position;
    self->durable_offset = offset;
    self->durable_counter = file_store_active(self)->head.counter;
    self->unpublished = true;
}

void
file_append_publish(struct file_store *self)
{
    struct position_claim claim = {
        .run = self->run,
        .durable = self->durable,
        .counter = self->durable_counter,
        .end = self->durable_offset,
        .reserve = self->reserve,
    };
    memcpy(claim.identity, self->identity, sizeof claim.identity);
    memcpy(claim.newest, self->newest, sizeof claim.newest);
    /* A failure changes nothing for what is durable: readers wait, the next reap tries again. */
    if (position_file_publish(&self->position_file, &claim) == 0) {
        self->unpublished = false;
        self->published_ms = self->ops->now_ms();
    }
}

/*
 * For its bytes a commit may take so long without being slow. Threads shorten what a disk takes to
 * answer, not what it takes to write: where that was most of it they cost a tenth more processor
 * time for nothing. Not so a commit of many blocks: while its bytes go to the disk the
 * loop can prepare as many others.
 */
static int64_t
transfer_ns(struct file_store *self)
{
    bool same = self->durable_counter == file_store_active(self)->head.counter;
    uint64_t bytes = self->offset - (same ? self->durable_offset : SEGMENT_HEAD_BYTES);
    return bytes <= TRANSFER_BYTES ? (int64_t)bytes * TRANSFER_NS : 0;
}

/* A weighted mean of the last few that were made here, with what was written past the page cache,
 * since that is what a disk without a cache takes long for: one aside may have waited for others.
 * None counts for more than SLOWEST_NS: a disk that stops once is not one whose syncs are slow. Nor
 * is one that has our own zeros to write too: no sync is judged while a spare is filled. One that
 * was to decide is then made up for as soon as the spare is there. */
static void
note_sync(struct file_store *self, int64_t start_ns)
{
    bool probing = self->probing;
    self->probing = false;
    if (self->adaptive && !spare_pool_filling(self->pool)) {
        self->asides = probing ? 0 : self->asides;
        self->sync_ns = probing ? SLOW_SYNC_NS : self->sync_ns;
        int64_t took_ns = self->ops->now_ns() - start_ns + self->direct_ns;
        int64_t bytes_ns = transfer_ns(self);
        took_ns = took_ns > bytes_ns ? took_ns - bytes_ns : 0;
        took_ns = took_ns < SLOWEST_NS ? took_ns : SLOWEST_NS;
        self->sync_ns += (took_ns - self->sync_ns) / SYNC_WEIGHT;
    }
    self->direct_ns = 0;
}

/* What the pool has finished; wait: all that is under way. */
static err_t
take_synced(struct file_store *self, bool wait, struct why *why)
{
    struct sync_pool_result result;
    while (self->syncs != NULL && sync_pool_take(self->syncs, wait, &result)) {
        if (result.rc != 0) {
            return lose(self, why, result.rc, "cannot sync");
        }
        became_durable(self, result.mark.position, result.mark.offset);
    }
    return ERR_OK;
}

/* All that was written is durable when this returns ERR_OK. */
static err_t
sync_now(struct file_store *self, struct why *why)
{
    err_t taken = take_synced(self, true, why);
    if (taken != ERR_OK) {
        return taken;
    }
    if (self->durable != self->next - 1) {
        int64_t start_ns = self->adaptive ? self->ops->now_ns() : 0;
        int rc = self->ops->sync_data(self->fd);
        if (rc != 0) {
            return lose(self, why, rc, "cannot sync");
        }
        note_sync(self, start_ns);
        became_durable(self, self->next - 1, self->offset);
    }
    return ERR_OK;
}

/* The footer is a help for readers, who can do without; but a disk that fails here is not trusted
 * with more. */
static int
write_foot(struct file_store *self)
{
    struct segment *active = file_store_active(self);
    size_t size = (size_t)segment_foot_bytes(active->head.bytes);
    uint8_t *foot = mem_alloc(size);
    segment_foot_encode(&active->head, self->offset, active->index.marks, active->index.count,
                        foot);
    int rc = file_io_write(self->ops, self->fd, foot, size, segment_data_end(active->head.bytes));
    mem_free(foot);
    return rc != 0 && file_io_err(rc) == ERR_FULL ? 0 : rc;
}

static void
forget_far(struct file_store *self)
{
    uint64_t segments = (self->cached_bytes + self->segment_bytes - 1) / self->segment_bytes;
    size_t behind = (size_t)segments + 2; /* the one that has just begun is the first of them */
    if (self->set.count >= behind) {
        char name[SEGMENT_NAME_SIZE];
        static_assert(SEGMENT_NAME_SIZE <= SPARE_POOL_NAME_SIZE, "a segment's name fits");
        segment_file_name(self->set.items[self->set.count - behind].head.counter, name);
        spare_pool_forget(self->pool, name);
    }
}

err_t
file_append_sync(struct file_store *self, struct why *why)
{
    return self->lost ? why_set(why, ERR_LOST, "%s", self->lost_why.text) : sync_now(self, why);
}

static void
open_syncs(struct file_store *self)
{
    if (self->syncs != NULL) {
        char name[SEGMENT_NAME_SIZE];
        segment_file_name(file_store_active(self)->head.counter, name);
        (void)sync_pool_open(self->syncs, self->dir_fd, name); /* without: on the caller's thread */
    }
}

bool
file_append_start_syncs(struct file_store *self)
{
    self->syncs = sync_pool_new(self->ops);
    self->syncs_aside = self->syncs != NULL;
    open_syncs(self);
    return self->syncs_aside;
}

/* The next segment must not be named before everything in this one is durable: its header says
 * where this one ends, and that counts as proof. */
static err_t
roll(struct file_store *self, unsigned flags)
{
    struct segment_head head = file_store_active(self)->head;
    struct segment_place place = file_store_place(self);
    /* What is kept for accepted work is kept for all logs: none may set a whole segment of it
     * aside. */
    place.sparing = !file_room_for_segment(self);
    self->room_ms = 0; /* measured again once the next segment is there */
    struct segment_draft draft;
    err_t rc = segment_draft_open(&draft, &place, self->segment_bytes,
                                  (flags & LOG_STORE_FINISHING) != 0, NULL);
    if (rc != ERR_OK) {
        return rc == ERR_FULL ? ERR_FULL : lose(self, NULL, -EIO, "cannot go on after");
    }
    int failed = write_foot(self);
    if (failed != 0) {
        segment_draft_drop(&draft);
        return lose(self, NULL, failed, "cannot write");
    }
    rc = sync_now(self, NULL);
    if (rc == ERR_OK) {
        head.previous = head.counter;
        head.previous_end = self->offset;
        head.counter++;
        head.first = self->next;
        head.bytes = draft.bytes;
        int fd = -1;
        bool reserved = draft.reserved;
        rc = self->ops->random(&head.salt, sizeof head.salt) == 0
                 ? segment_draft_finish(&draft, &head, &fd, NULL)
                 : ERR_IO;
        if (rc == ERR_OK) {
            (void)self->ops->close(self->fd); /* all in it is synced */
            self->fd = fd;
            self->reserved = reserved;
            self->offset = SEGMENT_HEAD_BYTES;
        }
    }
    segment_draft_drop(&draft);
    if (rc != ERR_OK) {
        return rc == ERR_FULL ? ERR_FULL : lose(self, NULL, -EIO, "cannot go on after");
    }
    struct file_stat stat = {0};
    if (self->ops->stat(self->fd, &stat) != 0) {
        return lose(self, NULL, -EIO, "cannot stat the successor of");
    }
    (void)segment_set_add(&self->set, &head, stat.inode);
    open_syncs(self);
    file_write_open(self);
    forget_far(self);
    return ERR_OK;
}

bool
file_append_is_slow(const struct file_store *self)
{
    return self->syncs_aside &&
           (!self->adaptive || (self->sync_ns > SLOW_SYNC_NS && !self->probing));
}

err_t
file_append_block(struct file_store *self, log_block_t *block, unsigned flags, uint64_t *tag)
{
    CHECK(block->count > 0 && block->first == self->next);
    if (self->lost) {
        return ERR_LOST;
    }
    /* Without the fill, which never makes it too large: the data end with a page. */
    uint64_t span = log_block_span_of(block->size);
    CHECK(SEGMENT_HEAD_BYTES + span <= segment_data_end(self->segment_bytes));
    if ((flags & LOG_STORE_FINISHING) == 0 && file_room_now(self, false) < span &&
        file_room_now(self, true) < span) {
        return ERR_FULL;
    }
    if (self->offset + span > segment_data_end(file_store_active(self)->head.bytes)) {
        err_t rc = roll(self, flags);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    struct segment *active = file_store_active(self);
    int rc = file_write_block(self, block, flags);
    if (rc != 0) {
        /* A part of it may be there, at a place that the next try writes again. */
        return file_io_err(rc) == ERR_FULL ? ERR_FULL : lose(self, NULL, rc, "cannot write");
    }
    struct segment_block written = {
        .first = block->first,
        .count = block->count,
        .kinds = block->kinds,
        .size = block->size + block->fill,
    };
    segment_index_add(&active->index, &written);
    span = log_block_span(block);
    self->offset += span;
    active->end = self->offset;
    self->next += block->count;
    file_room_took(self, span);
    file_read_remember(self, block);
    *tag = self->next - 1;
    return ERR_OK;
}

static err_t
idle(struct file_store *self, struct why *why)
{
    if (self->position_file.dirty && self->ops->now_ms() - self->published_ms >= IDLE_MS) {
        int rc = position_file_sync(&self->position_file);
        if (rc != 0) {
            return lose(self, why, rc, "cannot sync the position beside");
        }
    }
    return ERR_OK;
}

static err_t
report(struct file_store *self, uint64_t *tag, uint64_t *position)
{
    if (self->durable == self->reaped) {
        return ERR_AGAIN;
    }
    self->reaped = self->durable;
    *tag = self->durable;
    *position = self->durable;
    return ERR_OK;
}

bool
file_append_syncs_aside(const struct file_store *self)
{
    return file_append_is_slow(self) && self->syncs != NULL && sync_pool_can_start(self->syncs);
}

/* What is not durable is synced aside where that pays, and else here, once nothing is aside. */
static err_t
sync_more(struct file_store *self, struct why *why)
{
    if (file_append_is_slow(self) && self->syncs == NULL) {
        (void)file_append_start_syncs(self); /* without: here, slow or not */
    }
    bool busy = self->syncs != NULL && sync_pool_busy(self->syncs);
    uint64_t last = self->next - 1;
    if (!file_append_syncs_aside(self)) {
        return busy ? ERR_OK : sync_now(self, why);
    }
    if (!busy || last != self->syncing) {
        self->syncing = last;
        sync_pool_start(self->syncs,
                        (struct sync_pool_mark){.position = last, .offset = self->offset});
        if (++self->asides >= ASIDE_SYNCS && !spare_pool_filling(self->pool)) {
            self->probing = true; /* the next one here decides */
        }
    }
    return ERR_OK;
}

err_t
file_append_reap(struct file_store *self, uint64_t *tag, uint64_t *position, struct why *why)
{
    if (self->lost) {
        return why_set(why, ERR_LOST, "%s", self->lost_why.text);
    }
    err_t rc = take_synced(self, false, why);
    if (rc == ERR_OK && self->durable != self->next - 1) {
        rc = sync_more(self, why);
    }
    if (rc == ERR_OK && self->unpublished) {
        file_append_publish(self);
    } else if (rc == ERR_OK && self->durable == self->next - 1) {
        rc = idle(self, why);
    }
    int64_t now_ms = self->ops->now_ms();
    if (rc == ERR_OK &&
        (self->durable != self->reaped || now_ms - self->looked_ms >= FILE_STORE_LOOK_MS)) {
        self->looked_ms = now_ms;
        struct why moved = {{0}};
        rc = file_place_kept(self, &moved);
        if (rc != ERR_OK) {
            self->lost = true;
            self->lost_why = moved;
            (void)why_set(why, rc, "%s", moved.text);
        }
    }
    return rc == ERR_OK ? report(self, tag, position) : rc;
}

void
file_append_finish(struct file_store *self)
{
    /* Waits for syncs that are under way. */
    sync_pool_destroy(&self->syncs);
    file_read_forget(self);
    if (self->fd >= 0) {
        if (!self->lost && self->position_file.dirty) {
            (void)position_file_sync(&self->position_file); /* recovery would prove less */
        }
        (void)self->ops->close(self->fd); /* what was reaped is synced */
        self->fd = -1;
    }
    file_direct_close(&self->direct);
    spare_pool_destroy(&self->pool);
}
