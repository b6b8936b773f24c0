#include "journal/log_private.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"
#include "journal/file_store.h"
#include "journal/log_block_private.h"

#include <string.h>

/* A commit is cut into blocks of about this size. Larger ones would make reading one record of a
 * big commit dear (a block is read and checked whole) and gain nothing in writing. */
#define GATHER_BYTES (256U * 1024)
#define BLOCK_MIN_BYTES 4096U
#define FEW_BLOCKS 2 /* written one behind the other; of more the system writes several at once */

static_assert(GATHER_BYTES <= LIMIT_BLOCK_BYTES, "a gathered block is a valid one");

static struct file_store_settings
store_settings(const struct log_settings *settings, const char *name)
{
    return (struct file_store_settings){
        .directory = settings->directory,
        .name = name,
        .segment_bytes = settings->segment_bytes,
        .sync = settings->sync,
        .no_write_ahead = settings->no_write_ahead,
        .recent_bytes = settings->recent_bytes,
        .reserve = settings->reserve,
    };
}

err_t
log_own(log_t **self_p, const struct log_settings *settings, const char *name, uint64_t witnessed,
        struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    struct file_store_settings store_set = store_settings(settings, name);
    log_store_t *store = NULL;
    err_t rc = file_store_own(&store, &store_set, witnessed, why);
    return rc == ERR_OK ? log_over_store(self_p, &store, why) : rc;
}

err_t
log_follow(log_t **self_p, const struct log_settings *settings, const char *name, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    struct file_store_settings store_set = store_settings(settings, name);
    log_store_t *store = NULL;
    err_t rc = file_store_follow(&store, &store_set, why);
    return rc == ERR_OK ? log_over_store(self_p, &store, why) : rc;
}

err_t
log_over_store(log_t **self_p, log_store_t **store_p, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL && *store_p != NULL);
    log_t *self = mem_zeroed(sizeof *self);
    self->store = *store_p;
    *store_p = NULL;
    self->owner = self->store->ops->append != NULL;
    err_t rc = log_store_inspect(self->store, &self->state, why);
    if (rc != ERR_OK) {
        log_close(&self);
        return rc;
    }
    self->next = self->state.durable + 1;
    for (size_t kind = 0; kind < LIMIT_KINDS; kind++) {
        self->newest[kind] = self->state.durable; /* what is there already may be of any */
    }
    self->block_bytes = (size_t)self->state.block_bytes;
    self->typical_bytes = BLOCK_MIN_BYTES;
    *self_p = self;
    return ERR_OK;
}

void
log_close(log_t **self_p)
{
    CHECK(self_p != NULL);
    log_t *self = *self_p;
    *self_p = NULL;
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->gathered_count; i++) {
        log_block_release(&self->gathered[i]);
    }
    for (size_t i = 0; i < LOG_KEPT_BLOCKS; i++) {
        log_block_release(&self->kept[i].block);
    }
    log_store_close(&self->store);
    mem_free(self->gathered);
    mem_free(self);
}

static log_block_t *
open_block(log_t *self, size_t record_bytes)
{
    CHECK(log_block_span_of(record_bytes) <= self->block_bytes);
    if (self->gathered_count == self->gathered_capacity) {
        self->gathered_capacity = self->gathered_capacity == 0 ? 8 : self->gathered_capacity * 2;
        self->gathered =
            mem_resize(self->gathered, self->gathered_capacity * sizeof(log_block_t *));
    }
    size_t room = record_bytes > self->typical_bytes ? record_bytes : self->typical_bytes;
    log_block_t *block = log_block_new(self->next, room);
    self->gathered[self->gathered_count++] = block;
    self->open = true;
    return block;
}

uint8_t *
log_append_space(log_t *self, uint8_t kind, size_t size, uint64_t *position)
{
    CHECK(self->owner && kind > 0 && kind < LIMIT_KINDS && size <= LIMIT_RECORD_BYTES);
    size_t record_bytes = log_block_record_bytes(size);
    log_block_t *block = self->open ? self->gathered[self->gathered_count - 1] : NULL;
    size_t limit = self->block_bytes < GATHER_BYTES ? self->block_bytes : GATHER_BYTES;
    if (block == NULL || log_block_span_of(block->size + record_bytes) > limit) {
        block = open_block(self, record_bytes);
    }
    *position = self->next++;
    self->newest[kind] = *position;
    return log_block_add(block, kind, size);
}

uint64_t
log_append(log_t *self, uint8_t kind, const void *body, size_t size)
{
    uint64_t position;
    uint8_t *to = log_append_space(self, kind, size, &position);
    if (size > 0) {
        memcpy(to, body, size);
    }
    return position;
}

err_t
log_commit(log_t *self, unsigned flags, struct why *why)
{
    CHECK(self->owner);
    /* What the store may have seen gets no more records: it may have written a part of it. */
    self->open = false;
    flags |= self->gathered_count > FEW_BLOCKS ? LOG_STORE_BULK : 0;
    size_t done = 0;
    err_t rc = ERR_OK;
    size_t bytes = 0;
    while (done < self->gathered_count) {
        uint64_t tag;
        rc = log_store_append(self->store, self->gathered[done], flags, &tag);
        if (rc != ERR_OK) {
            break;
        }
        bytes = log_block_size(self->gathered[done]);
        log_block_release(&self->gathered[done]);
        done++;
    }
    if (done > 0) {
        self->typical_bytes = bytes < BLOCK_MIN_BYTES ? BLOCK_MIN_BYTES : bytes + bytes / 8;
        if (self->typical_bytes > GATHER_BYTES - BLOCK_MIN_BYTES) {
            self->typical_bytes = GATHER_BYTES - BLOCK_MIN_BYTES;
        }
        if (log_block_span_of(self->typical_bytes) > self->block_bytes) {
            self->typical_bytes = BLOCK_MIN_BYTES;
        }
    }
    self->gathered_count -= done;
    if (self->gathered_count > 0) { /* a commit of nothing has no array to move */
        memmove(self->gathered, self->gathered + done,
                self->gathered_count * sizeof(log_block_t *));
    }
    if (rc == ERR_FULL) {
        return why_set(why, rc, "no room on disk for %zu blocks of the log", self->gathered_count);
    }
    if (rc != ERR_OK) {
        /* The store keeps the sentence; asking for what is durable brings it. */
        uint64_t tag;
        uint64_t position;
        (void)log_store_reap(self->store, &tag, &position, why);
    }
    return rc;
}

err_t
log_sync(log_t *self, struct why *why)
{
    CHECK(self->owner);
    err_t rc = log_store_sync(self->store, why);
    return rc == ERR_OK ? log_reap(self, why) : rc;
}

err_t
log_reap(log_t *self, struct why *why)
{
    if (!self->owner) {
        return log_refresh(self, why);
    }
    uint64_t tag;
    uint64_t position;
    err_t rc = log_store_reap(self->store, &tag, &position, why);
    if (rc == ERR_OK) {
        self->state.durable = position;
    }
    return rc == ERR_AGAIN ? ERR_OK : rc;
}

uint64_t
log_gathered(const log_t *self)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < self->gathered_count; i++) {
        bytes += self->gathered[i]->size;
    }
    return bytes;
}

bool
log_syncs_aside(const log_t *self)
{
    return log_store_syncs_aside(self->store);
}

uint64_t
log_committed(const log_t *self)
{
    return self->gathered_count > 0 ? self->gathered[0]->first - 1 : self->next - 1;
}

uint64_t
log_newest_appended(const log_t *self, uint32_t kinds)
{
    uint64_t newest = 0;
    for (size_t kind = 0; kind < LIMIT_KINDS; kind++) {
        if ((kinds & LOG_KIND_BIT(kind)) != 0 && self->newest[kind] > newest) {
            newest = self->newest[kind];
        }
    }
    return newest;
}

uint64_t
log_next(const log_t *self)
{
    return self->owner ? self->next : self->state.durable + 1;
}

uint64_t
log_durable(const log_t *self)
{
    return self->state.durable;
}

uint64_t
log_first(const log_t *self)
{
    return self->state.first;
}

uint64_t
log_run(const log_t *self)
{
    return self->state.run;
}

const uint8_t *
log_identity(const log_t *self)
{
    return self->state.identity;
}

int
log_fd(log_t *self)
{
    return log_store_fd(self->store);
}

/* The store may know more to be durable than was reaped; what the caller has not reaped is not
 * durable for it yet. */
static err_t
look(log_t *self, struct why *why)
{
    struct log_store_state state;
    err_t rc = log_store_inspect(self->store, &state, why);
    if (rc == ERR_OK) {
        if (self->owner) {
            state.durable = self->state.durable;
        }
        self->state = state;
    }
    return rc;
}

uint64_t
log_room(log_t *self)
{
    if (look(self, NULL) != ERR_OK) {
        return 0;
    }
    uint64_t room = self->state.room_bytes;
    for (size_t i = 0; i < self->gathered_count; i++) {
        uint64_t span = log_block_span(self->gathered[i]);
        room -= span < room ? span : room;
    }
    return room;
}

void
log_reserve(log_t *self, uint64_t bytes)
{
    log_store_reserve(self->store, bytes);
    self->state.reserve = bytes;
}

err_t
log_inspect(log_t *self, struct log_store_state *state, struct why *why)
{
    err_t rc = look(self, why);
    if (rc == ERR_OK) {
        *state = self->state;
    }
    return rc;
}

err_t
log_refresh(log_t *self, struct why *why)
{
    return look(self, why);
}

const struct log_store_state *
log_seen(const log_t *self)
{
    return &self->state;
}
