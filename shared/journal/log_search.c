/*
 * Finding single records: by position, and the newest of a kind; and what trimming must keep.
 */
#include "journal/log_private.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"

static struct log_kept *
kept_with(log_t *self, uint64_t position)
{
    for (size_t i = 0; i < LOG_KEPT_BLOCKS; i++) {
        struct log_kept *kept = &self->kept[i];
        if (kept->block != NULL && log_block_first(kept->block) <= position &&
            position - log_block_first(kept->block) < log_block_count(kept->block)) {
            return kept;
        }
    }
    return NULL;
}

static struct log_kept *
keep(log_t *self, log_block_t *block)
{
    struct log_kept *oldest = &self->kept[0];
    for (size_t i = 1; i < LOG_KEPT_BLOCKS; i++) {
        if (self->kept[i].used < oldest->used) {
            oldest = &self->kept[i];
        }
    }
    log_block_release(&oldest->block);
    oldest->block = block;
    oldest->position = log_block_first(block);
    oldest->next = log_block_records(block);
    return oldest;
}

static err_t
not_a_block(uint64_t position, struct why *why)
{
    return why_set(why, ERR_CORRUPT, "the block with position %llu holds a malformed record",
                   (unsigned long long)position);
}

err_t
log_read(log_t *self, uint64_t position, struct log_record *record, log_block_t **block_p,
         struct why *why)
{
    CHECK(block_p != NULL && *block_p == NULL);
    struct log_kept *kept = kept_with(self, position);
    if (kept == NULL) {
        log_block_t *block = NULL;
        err_t rc = log_store_read(self->store, position, LOG_ALL_KINDS, &block, why);
        if (rc != ERR_OK) {
            return rc;
        }
        kept = keep(self, block);
    }
    kept->used = ++self->clock;
    if (position < kept->position) {
        kept->position = log_block_first(kept->block);
        kept->next = log_block_records(kept->block);
    }
    for (;;) {
        const uint8_t *at = kept->next;
        if (!log_cursor_decode(kept->block, &at, kept->position, record)) {
            return not_a_block(position, why);
        }
        if (kept->position == position) {
            *block_p = log_block_hold(kept->block);
            return ERR_OK;
        }
        kept->position++;
        kept->next = at;
    }
}

err_t
log_newest(log_t *self, uint8_t kind, struct log_record *record, log_block_t **block_p,
           struct why *why)
{
    CHECK(block_p != NULL && *block_p == NULL && kind > 0 && kind < LIMIT_KINDS);
    log_block_t *block = NULL;
    err_t rc =
        log_store_read_back(self->store, self->state.durable, LOG_KIND_BIT(kind), &block, why);
    if (rc != ERR_OK) {
        return rc;
    }
    const uint8_t *next = log_block_records(block);
    uint64_t position = log_block_first(block);
    bool found = false;
    for (uint32_t i = 0; i < log_block_count(block); i++, position++) {
        struct log_record each;
        if (!log_cursor_decode(block, &next, position, &each)) {
            log_block_release(&block);
            return not_a_block(position, why);
        }
        if (each.kind == kind) {
            *record = each;
            found = true;
        }
    }
    if (!found) {
        log_block_release(&block);
        return not_a_block(position, why);
    }
    *block_p = block;
    return ERR_OK;
}

err_t
log_checkpoint(log_t *self, uint64_t *begin, struct why *why)
{
    struct log_record record;
    log_block_t *block = NULL;
    err_t rc = log_newest(self, LOG_KIND_CHECKPOINT_END, &record, &block, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct bytes_in in = bytes_in_over(record.body, record.size);
    *begin = bytes_in_varint(&in);
    bool sane = !in.failed && *begin >= log_first(self) && *begin < record.position;
    log_block_release(&block);
    return sane ? ERR_OK
                : why_set(why, ERR_CORRUPT,
                          "the checkpoint that ends at position %llu does not "
                          "say where it begins",
                          (unsigned long long)record.position);
}

err_t
log_trim(log_t *self, uint64_t keep_from, struct why *why)
{
    CHECK(self->owner);
    struct log_record record;
    log_block_t *block = NULL;
    err_t rc = log_newest(self, LOG_KIND_POSITION, &record, &block, why);
    if (rc == ERR_OK && record.position < keep_from) {
        keep_from = record.position;
    }
    log_block_release(&block);
    if (rc != ERR_OK && rc != ERR_NOT_FOUND) {
        return rc;
    }
    uint64_t begin;
    rc = log_checkpoint(self, &begin, why);
    if (rc == ERR_OK && begin < keep_from) {
        keep_from = begin;
    }
    if (rc != ERR_OK && rc != ERR_NOT_FOUND) {
        return rc;
    }
    rc = log_store_trim(self->store, keep_from, why);
    return rc == ERR_OK ? log_refresh(self, why) : rc;
}
