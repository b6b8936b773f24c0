#include "journal/recovery.h"

#include "base/check.h"
#include "base/mem.h"
#include "journal/file_io.h"

#include <fcntl.h>
#include <string.h>

static const struct segment *
newest(const struct recovery *self)
{
    CHECK(self->set->count > 0);
    return &self->set->items[self->set->count - 1];
}

/* Whether a whole valid block is at this offset of the newest segment. */
static bool
block_at(const struct recovery *self, uint64_t offset, struct segment_block *block)
{
    const struct segment_head *head = &newest(self)->head;
    return offset + LOG_BLOCK_HEAD_BYTES <= self->size &&
           segment_block_decode(head, offset, self->bytes + offset, block) &&
           offset + LOG_BLOCK_HEAD_BYTES + block->size <= self->size &&
           segment_block_check(head, offset, self->bytes + offset, block) &&
           segment_block_records_ok(block, self->bytes + offset + LOG_BLOCK_HEAD_BYTES);
}

static err_t
read_newest(struct recovery *self, struct why *why)
{
    /* Not through a const: segment_set_open counts uses. */
    struct segment *segment = &self->set->items[self->set->count - 1];
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(segment->head.counter, name);
    uint64_t data_end = segment_data_end(segment->head.bytes);
    self->size = (size_t)(segment->file_bytes < data_end ? segment->file_bytes : data_end);
    self->bytes = mem_alloc(self->size);
    int fd = segment_set_open(self->set, segment);
    int64_t count = fd < 0 ? fd : file_io_read(self->set->ops, fd, self->bytes, self->size, 0);
    if (count < 0) {
        return file_io_failed(why, (int)count, "cannot read", self->set->path, name);
    }
    if ((size_t)count < self->size) {
        /* The size was asked for a moment ago and we hold the lock. */
        return why_set(why, ERR_IO, "%s/%s: short read", self->set->path, name);
    }
    return ERR_OK;
}

/* Walk the valid blocks; returns the highest `synced` that any valid block says, those behind a
 * hole included: a later block knows what was synced when it was written. */
static uint64_t
walk(struct recovery *self)
{
    uint64_t synced = 0;
    uint64_t offset = SEGMENT_HEAD_BYTES;
    struct segment_block block;
    self->valid = newest(self)->head.first - 1;
    while (block_at(self, offset, &block) && block.first == self->valid + 1) {
        synced = block.synced > synced ? block.synced : synced;
        offset += log_block_span_of(block.size);
        self->valid += block.count;
    }
    self->valid_end = offset;
    for (; offset + LOG_BLOCK_ALIGN <= self->size; offset += LOG_BLOCK_ALIGN) {
        if (block_at(self, offset, &block) && block.synced > synced) {
            synced = block.synced;
        }
    }
    return synced;
}

/* The end of the block that holds the proven position: a block is all or nothing. */
static void
round_proven(struct recovery *self, uint64_t proven)
{
    uint64_t offset = SEGMENT_HEAD_BYTES;
    uint64_t last = newest(self)->head.first - 1;
    struct segment_block block;
    while (last < proven) {
        CHECK(block_at(self, offset, &block));
        offset += log_block_span_of(block.size);
        last += block.count;
    }
    self->proven = last;
    self->proven_end = offset;
}

static void
measure_torn(struct recovery *self)
{
    static const uint8_t zeros[LOG_BLOCK_ALIGN];
    size_t end = self->size;
    while (end >= self->valid_end + sizeof zeros &&
           memcmp(self->bytes + end - sizeof zeros, zeros, sizeof zeros) == 0) {
        end -= sizeof zeros; /* most of a segment was never written: by the sector, not the byte */
    }
    while (end > self->valid_end && self->bytes[end - 1] == 0) {
        end--;
    }
    self->torn_bytes = end > self->valid_end ? end - self->valid_end : 0;
}

static err_t
examine_nothing(struct recovery *self, struct why *why)
{
    uint64_t expected = self->claim == NULL ? 0 : self->claim->durable;
    if (expected > 0) {
        return why_set(why, ERR_CORRUPT,
                       "%s holds no segments, but its position file says that "
                       "position %llu is durable",
                       self->set->path, (unsigned long long)expected);
    }
    if (self->witnessed > 0) {
        return why_set(why, ERR_CORRUPT,
                       "%s is empty, but another log has seen its position %llu: "
                       "was it removed or restored from a backup?",
                       self->set->path, (unsigned long long)self->witnessed);
    }
    return ERR_OK;
}

/* The claim and the segments must be of one log, and the claim must not know more segments. */
static err_t
check_claim(const struct recovery *self, struct why *why)
{
    const struct position_claim *claim = self->claim;
    const struct segment_head *head = &newest(self)->head;
    if (strcmp(head->name, self->name) != 0) {
        return why_set(why, ERR_CORRUPT,
                       "%s holds the log \"%s\", not \"%s\": was the directory "
                       "renamed?",
                       self->set->path, head->name, self->name);
    }
    if (claim == NULL) {
        return ERR_OK;
    }
    if (memcmp(claim->identity, head->identity, sizeof head->identity) != 0) {
        return why_set(why, ERR_CORRUPT,
                       "%s/" POSITION_FILE_NAME
                       " belongs to another log than the segments beside it",
                       self->set->path);
    }
    if (claim->counter > head->counter || claim->run > head->run) {
        char name[SEGMENT_NAME_SIZE];
        segment_file_name(claim->counter, name);
        return why_set(why, ERR_CORRUPT,
                       "%s/%s is missing: the position file says that the log "
                       "went on in it up to position %llu",
                       self->set->path, name, (unsigned long long)claim->durable);
    }
    return ERR_OK;
}

err_t
recovery_examine(struct recovery *self, struct why *why)
{
    self->fd = -1;
    if (self->set->count == 0) {
        return examine_nothing(self, why);
    }
    err_t rc = check_claim(self, why);
    if (rc == ERR_OK) {
        rc = read_newest(self, why);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    const char *by = "a later block";
    uint64_t proven = walk(self);
    if (self->claim != NULL && self->claim->durable > proven) {
        proven = self->claim->durable;
        by = "the position file";
    }
    if (self->witnessed > proven) {
        proven = self->witnessed;
        by = "another log that has read it: was an older backup put back?";
    }
    if (proven > self->valid) {
        char name[SEGMENT_NAME_SIZE];
        segment_file_name(newest(self)->head.counter, name);
        return why_set(why, ERR_CORRUPT,
                       "%s/%s is damaged at offset %llu: position %llu was durable (so says %s), "
                       "but valid content ends with position %llu",
                       self->set->path, name, (unsigned long long)self->valid_end,
                       (unsigned long long)proven, by, (unsigned long long)self->valid);
    }
    round_proven(self, proven);
    measure_torn(self);
    return ERR_OK;
}

static err_t
new_head(struct recovery *self, uint64_t bytes, struct why *why)
{
    bool fresh = self->set->count == 0;
    struct segment_head *head = &self->head;
    *head = (struct segment_head){.run = 1, .counter = 1, .first = 1, .bytes = bytes};
    (void)memcpy(head->name, self->name, strlen(self->name) + 1);
    int rc = self->set->ops->random(&head->salt, sizeof head->salt);
    if (rc == 0 && fresh) {
        rc = self->set->ops->random(head->identity, sizeof head->identity);
    }
    if (rc != 0) {
        return file_io_failed(why, rc, "no random bytes for", self->set->path, NULL);
    }
    if (self->claim != NULL) {
        head->run = self->claim->run + 1;
    }
    if (fresh) {
        return ERR_OK;
    }
    const struct segment *old = newest(self);
    memcpy(head->identity, old->head.identity, sizeof head->identity);
    head->run = old->head.run >= head->run ? old->head.run + 1 : head->run;
    head->counter = old->head.counter + 1;
    head->first = self->proven + 1;
    /* A predecessor that keeps no block is skipped, so that starts alone leave no files behind. */
    bool skip = self->proven_end == SEGMENT_HEAD_BYTES;
    head->previous = skip ? old->head.previous : old->head.counter;
    head->previous_end = skip ? old->head.previous_end : self->proven_end;
    return ERR_OK;
}

static err_t
copy_tail(struct recovery *self, struct segment_draft *draft, struct why *why)
{
    uint64_t from = self->proven_end;
    self->end = SEGMENT_HEAD_BYTES;
    while (from < self->valid_end) {
        struct segment_block found;
        CHECK(block_at(self, from, &found));
        log_block_t *block = log_block_new(found.first, found.size);
        block->size = found.size;
        block->count = found.count;
        block->kinds = found.kinds;
        memcpy(block->bytes + LOG_BLOCK_HEAD_BYTES, self->bytes + from + LOG_BLOCK_HEAD_BYTES,
               found.size);
        segment_block_seal(&self->head, self->end, self->proven, block);
        err_t rc = segment_draft_write(draft, block, self->end, why);
        log_block_release(&block);
        if (rc != ERR_OK) {
            return rc;
        }
        from += log_block_span_of(found.size);
        self->end += log_block_span_of(found.size);
    }
    return ERR_OK;
}

err_t
recovery_restart(struct recovery *self, const struct segment_place *place, struct why *why)
{
    uint64_t need = segment_bytes_for(self->valid_end - self->proven_end);
    uint64_t bytes = need > self->segment_bytes ? need : self->segment_bytes;
    struct segment_draft draft;
    err_t rc = new_head(self, bytes, why);
    if (rc != ERR_OK) {
        return rc;
    }
    rc = segment_draft_open(&draft, place, bytes, true, why);
    if (rc != ERR_OK) {
        return rc;
    }
    rc = copy_tail(self, &draft, why);
    if (rc == ERR_OK) {
        self->reserved = draft.reserved;
        rc = segment_draft_finish(&draft, &self->head, &self->fd, why);
    }
    segment_draft_drop(&draft);
    return rc;
}

static err_t
remove_file(const struct segment_place *place, uint64_t counter, struct why *why)
{
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(counter, name);
    int rc = spare_pool_recycle(place->pool, name);
    if (rc == 0) {
        (void)place->ops->unlink(place->dir_fd, name); /* the next start tries again */
    }
    if (rc < 0) {
        (void)file_io_failed(why, rc, "cannot remove", place->path, name);
        return ERR_LOST;
    }
    return ERR_OK;
}

static void
shrink(const struct segment_place *place, const struct segment *abandoned)
{
    if (abandoned->file_bytes <= abandoned->end) {
        return;
    }
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(abandoned->head.counter, name);
    int fd = file_io_open(place->ops, place->dir_fd, name, O_RDWR, 0);
    if (fd >= 0) {
        (void)place->ops->truncate(fd, abandoned->end); /* the next start tries again */
        (void)place->ops->close(fd);                    /* nothing was written */
    }
}

err_t
recovery_tidy(struct recovery *self, const struct segment_place *place, struct why *why)
{
    err_t rc = ERR_OK;
    for (size_t i = 0; i < self->set->leftover_count && rc == ERR_OK; i++) {
        rc = remove_file(place, self->set->leftovers[i], why);
    }
    /* Every run but the present one ended in a segment that was not sealed. It may be longer than
     * its content, and a loop of crashes must not eat the disk. */
    for (size_t i = 0; i + 1 < self->set->count; i++) {
        if (self->set->items[i].head.run < self->set->items[i + 1].head.run) {
            shrink(place, &self->set->items[i]);
        }
    }
    return rc;
}

void
recovery_fini(struct recovery *self)
{
    mem_free(self->bytes);
    self->bytes = NULL;
}
