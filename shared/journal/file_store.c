#include "journal/file_store_private.h"

#include "base/check.h"
#include "base/mem.h"
#include "journal/file_io.h"
#include "journal/recovery.h"
#include "journal/segment_chain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct file_store *
self_of(log_store_t *store)
{
    return (struct file_store *)(void *)store; /* the store is its first field */
}

static err_t
store_append(log_store_t *store, log_block_t *block, unsigned flags, uint64_t *tag)
{
    return file_append_block(self_of(store), block, flags, tag);
}

static err_t
store_reap(log_store_t *store, uint64_t *tag, uint64_t *position, struct why *why)
{
    return file_append_reap(self_of(store), tag, position, why);
}

static err_t
store_sync(log_store_t *store, struct why *why)
{
    return file_append_sync(self_of(store), why);
}

static err_t
store_read(log_store_t *store, uint64_t from, uint32_t kinds, log_block_t **block_p,
           struct why *why)
{
    return file_read_forward(self_of(store), from, kinds, block_p, why);
}

static err_t
store_read_back(log_store_t *store, uint64_t up_to, uint32_t kinds, log_block_t **block_p,
                struct why *why)
{
    return file_read_back(self_of(store), up_to, kinds, block_p, why);
}

static err_t
store_inspect(log_store_t *store, struct log_store_state *state, struct why *why)
{
    struct file_store *self = self_of(store);
    bool owner = self->lock_fd >= 0;
    err_t rc = owner ? ERR_OK : file_follow_refresh(self, why);
    if (rc != ERR_OK) {
        return rc;
    }
    *state = (struct log_store_state){
        .run = self->run,
        .first = self->set.count == 0 ? 1 : self->set.items[0].head.first,
        .durable = self->durable,
        .bytes = file_room_bytes_on_disk(self),
        .room_bytes = owner ? file_room_now(self, false) : 0,
        .free_bytes = self->free_bytes,
        .own_bytes = owner ? file_room_own(self) : 0,
        .reserve = self->reserve,
        .segment_bytes = self->segment_bytes,
        .block_bytes = segment_data_end(self->segment_bytes) - SEGMENT_HEAD_BYTES,
    };
    if (state->block_bytes > LIMIT_BLOCK_BYTES) {
        state->block_bytes = LIMIT_BLOCK_BYTES;
    }
    memcpy(state->identity, self->identity, sizeof state->identity);
    memcpy(state->notice, self->notice, sizeof state->notice);
    return ERR_OK;
}

static err_t
store_trim(log_store_t *store, uint64_t keep_from, struct why *why)
{
    return file_room_trim(self_of(store), keep_from, why);
}

static void
store_reserve(log_store_t *store, uint64_t bytes)
{
    struct file_store *self = self_of(store);
    self->reserve = bytes;
    spare_pool_keep_free(self->pool, bytes + FILE_STORE_FLOOR_BYTES);
}

static int
store_fd(log_store_t *store)
{
    struct file_store *self = self_of(store);
    return self->syncs == NULL ? -1 : sync_pool_fd(self->syncs);
}

static bool
store_syncs_aside(log_store_t *store)
{
    return file_append_syncs_aside(self_of(store));
}

static void
store_close(log_store_t **store_p)
{
    struct file_store *self = self_of(*store_p);
    *store_p = NULL;
    file_append_finish(self);
    position_file_close(&self->position_file);
    segment_set_fini(&self->set);
    if (self->dir_fd >= 0) {
        (void)self->ops->close(self->dir_fd); /* read only */
    }
    if (self->lock_fd >= 0) {
        (void)self->ops->close(self->lock_fd); /* lets the next owner in, so it comes last */
    }
    mem_free(self->path);
    mem_free(self->name);
    mem_free(self->directory);
    mem_free(self);
}

static const struct log_store_ops owner_ops = {
    .append = store_append,
    .reap = store_reap,
    .sync = store_sync,
    .read = store_read,
    .read_back = store_read_back,
    .inspect = store_inspect,
    .trim = store_trim,
    .reserve = store_reserve,
    .fd = store_fd,
    .syncs_aside = store_syncs_aside,
    .close = store_close,
};

static const struct log_store_ops follower_ops = {
    .read = store_read,
    .read_back = store_read_back,
    .inspect = store_inspect,
    .close = store_close,
};

static err_t
check_settings(const struct file_store_settings *settings, struct why *why)
{
    size_t size = strlen(settings->name);
    if (size == 0 || size > LIMIT_NAME_BYTES ||
        strspn(settings->name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != size) {
        return why_set(why, ERR_INVALID, "a log's name has 1 to %d of a-z 0-9 - _, not \"%s\"",
                       LIMIT_NAME_BYTES, settings->name);
    }
    uint64_t bytes = settings->segment_bytes;
    if (bytes != 0 &&
        (bytes < SEGMENT_BYTES_MIN || bytes > SEGMENT_BYTES_MAX || bytes % 4096 != 0)) {
        return why_set(why, ERR_INVALID, "segment_bytes must be a multiple of 4096 from %u to %u",
                       SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
    }
    return ERR_OK;
}

static struct file_store *
store_new(const struct file_store_settings *settings, const struct log_store_ops *ops)
{
    struct file_store *self = mem_zeroed(sizeof *self);
    self->store.ops = ops;
    self->ops = file_ops_current();
    self->directory = mem_text(settings->directory);
    self->name = mem_text(settings->name);
    size_t size = strlen(self->directory) + strlen(self->name) + 2;
    self->path = mem_alloc(size);
    (void)snprintf(self->path, size, "%s/%s", self->directory, self->name); /* fits */
    self->segment_bytes =
        settings->segment_bytes == 0 ? SEGMENT_BYTES_DEFAULT : settings->segment_bytes;
    self->cached_bytes =
        settings->cached_bytes == 0 ? FILE_STORE_CACHED_BYTES : settings->cached_bytes;
    self->recent_limit =
        settings->recent_bytes == 0 ? FILE_STORE_RECENT_BYTES : settings->recent_bytes;
    self->dir_fd = -1;
    self->lock_fd = -1;
    self->fd = -1;
    file_direct_init(&self->direct, self->ops);
    segment_set_init(&self->set, self->ops, -1, self->path);
    position_file_init(&self->position_file, self->ops);
    return self;
}

/* The newest claim, or *claimed false. A reader's open: nothing may be made before we know that
 * the log is ours to serve. */
static err_t
read_claim(struct file_store *self, struct position_claim *claim, bool *claimed, struct why *why)
{
    *claimed = false;
    int opened = position_file_open(&self->position_file, self->dir_fd, false);
    if (opened == -ENOENT) {
        return ERR_OK;
    }
    if (opened < 0) {
        return why_set(why, ERR_IO, "cannot open %s/" POSITION_FILE_NAME ": %s", self->path,
                       strerror(-opened));
    }
    err_t rc = position_file_read(&self->position_file, claim, why);
    position_file_close(&self->position_file);
    *claimed = rc == ERR_OK;
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

/* Serve from the segment that recovery has made. */
static err_t
go_on(struct file_store *self, struct recovery *recovery, struct why *why)
{
    self->fd = recovery->fd;
    recovery->fd = -1;
    self->reserved = recovery->reserved;
    self->run = recovery->head.run;
    memcpy(self->identity, recovery->head.identity, sizeof self->identity);
    self->offset = recovery->end;
    self->next = recovery->valid + 1;
    self->durable = recovery->valid;
    self->reaped = recovery->valid;
    self->durable_offset = self->offset;
    self->durable_counter = recovery->head.counter;
    for (size_t kind = 0; kind < LIMIT_KINDS; kind++) {
        self->newest[kind] = self->durable; /* what is there may be of any */
    }
    err_t rc = segment_chain_load(&self->set, why);
    if (rc != ERR_OK) {
        return rc;
    }
    segment_set_extend(&self->set, self->set.count - 1, self->offset);
    rc = segment_set_index(&self->set, file_store_active(self), why);
    if (rc != ERR_OK) {
        return rc;
    }
    CHECK(file_store_active(self)->index.next_position == self->next);
    file_write_open(self);
    file_direct_passed(&self->direct, self->offset); /* what recovery has copied */
    int opened = position_file_open(&self->position_file, self->dir_fd, true);
    if (opened < 0) {
        return why_set(why, ERR_IO, "cannot open %s/" POSITION_FILE_NAME ": %s", self->path,
                       strerror(-opened));
    }
    /* Both slots, so that they have their room on disk. */
    file_append_publish(self);
    file_append_publish(self);
    int synced = position_file_sync(&self->position_file);
    synced = synced == 0 ? self->ops->sync_directory(self->dir_fd) : synced;
    if (synced != 0) {
        self->lost = true; /* nothing more is written or synced there */
        return why_set(why, ERR_LOST, "cannot sync %s/" POSITION_FILE_NAME ": %s", self->path,
                       strerror(-synced));
    }
    return ERR_OK;
}

static void
note_cut(struct file_store *self, const struct recovery *recovery)
{
    if (recovery->torn_bytes > 0) {
        (void)snprintf(self->notice, sizeof self->notice,
                       "%s: cut %llu bytes behind position %llu that were never acknowledged (a "
                       "write was torn at offset %llu)",
                       self->path, (unsigned long long)recovery->torn_bytes,
                       (unsigned long long)recovery->valid,
                       (unsigned long long)recovery->valid_end);
    }
}

/* A spare may have been a segment until just before the last process ended. */
static err_t
sync_names(struct file_store *self, struct why *why)
{
    int rc = spare_pool_bytes(self->pool) > 0 ? self->ops->sync_directory(self->dir_fd) : 0;
    if (rc != 0) {
        (void)file_io_failed(why, rc, "cannot sync", self->path, NULL);
        return ERR_LOST;
    }
    return ERR_OK;
}

/* A log's first segment too is written ahead: until it was full each sync would write metadata, and
 * take twice as long. Later starts find a spare as a rule, and do not wait for one. */
static void
write_ahead(struct file_store *self, const struct file_store_settings *settings)
{
    if (settings->no_write_ahead) {
        return;
    }
    if (self->set.count == 0 && spare_pool_bytes(self->pool) == 0) {
        (void)spare_pool_fill(self->pool); /* without: slower */
    }
    spare_pool_in_background(self->pool);
}

static err_t
recover(struct file_store *self, const struct file_store_settings *settings, uint64_t witnessed,
        struct why *why)
{
    self->set.dir_fd = self->dir_fd;
    struct position_claim claim;
    bool claimed;
    err_t rc = read_claim(self, &claim, &claimed, why);
    if (rc == ERR_OK) {
        rc = segment_chain_load(&self->set, why);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    struct recovery recovery = {
        .set = &self->set,
        .name = self->name,
        .claim = claimed ? &claim : NULL,
        .witnessed = witnessed,
        .segment_bytes = self->segment_bytes,
    };
    rc = recovery_examine(&recovery, why);
    if (rc == ERR_OK) {
        /* From here on things change on disk, of which none is the log's content. */
        /* What was kept before is kept until the owner knows better. */
        self->reserve = settings->reserve;
        if (claimed && claim.reserve > self->reserve) {
            self->reserve = claim.reserve;
        }
        self->pool = spare_pool_new(self->ops, self->dir_fd, self->segment_bytes,
                                    self->reserve + FILE_STORE_FLOOR_BYTES);
        rc = sync_names(self, why);
        write_ahead(self, settings);
        struct segment_place place = file_store_place(self);
        note_cut(self, &recovery);
        rc = rc == ERR_OK ? recovery_restart(&recovery, &place, why) : rc;
        if (rc == ERR_OK) {
            rc = go_on(self, &recovery, why);
        }
        if (rc == ERR_OK) {
            rc = recovery_tidy(&recovery, &place, why);
            (void)file_room_now(self, true);
        }
    }
    recovery_fini(&recovery);
    return rc;
}

err_t
file_store_own(log_store_t **self_p, const struct file_store_settings *settings, uint64_t witnessed,
               struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    err_t rc = check_settings(settings, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct file_store *self = store_new(settings, &owner_ops);
    rc = file_place_make(self, why);
    if (rc == ERR_OK) {
        rc = recover(self, settings, witnessed, why);
    }
    self->adaptive = settings->sync == LOG_SYNC_AUTO;
    self->syncs_aside = self->adaptive; /* by threads that are started when they are wanted */
    if (rc == ERR_OK && settings->sync == LOG_SYNC_ASIDE && !file_append_start_syncs(self)) {
        rc = why_set(why, ERR_IO, "%s: cannot start threads that sync", self->path);
    }
    log_store_t *store = &self->store;
    if (rc != ERR_OK) {
        store_close(&store);
    }
    *self_p = store;
    return rc;
}

err_t
file_store_follow(log_store_t **self_p, const struct file_store_settings *settings, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    err_t rc = check_settings(settings, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct file_store *self = store_new(settings, &follower_ops);
    log_store_t *store = &self->store;
    rc = file_follow_refresh(self, why);
    if (rc != ERR_OK) {
        store_close(&store);
    }
    *self_p = store;
    return rc;
}

int
file_store_prepare(log_store_t *store)
{
    return spare_pool_fill(self_of(store)->pool);
}
