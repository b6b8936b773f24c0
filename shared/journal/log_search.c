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

struct newest {
    uint8_t kind;
    uint64_t up_to; /* positions above do not count */
    bool found;
    struct log_record record; /* the newest that does; points into its block */
};

static err_t
newest_within(struct newest *self, const log_block_t *block, struct why *why)
{
    const uint8_t *next = log_block_records(block);
    uint64_t position = log_block_first(block);
    for (uint32_t i = 0; i < log_block_count(block) && position <= self->up_to; i++, position++) {
        struct log_record each;
        if (!log_cursor_decode(block, &next, position, &each)) {
            return not_a_block(position, why);
        }
        if (each.kind == self->kind) {
            self->record = each;
            self->found = true;
        }
    }
    return ERR_OK;
}

static err_t
find_newest(log_t *self, struct newest *wanted, log_block_t **block_p, struct why *why)
{
    err_t rc = ERR_OK;
    while (rc == ERR_OK && !wanted->found) {
        log_block_release(block_p);
        rc = log_store_read_back(self->store, wanted->up_to, LOG_KIND_BIT(wanted->kind), block_p,
                                 why);
        if (rc == ERR_OK) {
            uint64_t first = log_block_first(*block_p);
            bool whole = first + log_block_count(*block_p) - 1 <= wanted->up_to;
            rc = newest_within(wanted, *block_p, why);
            if (rc == ERR_OK && !wanted->found && whole) { /* it said that it holds one */
                rc = not_a_block(first, why);
            }
            wanted->up_to = first - 1;
        }
    }
    if (rc != ERR_OK) {
        log_block_release(block_p);
    }
    return rc;
}

err_t
log_newest(log_t *self, uint8_t kind, struct log_record *record, log_block_t **block_p,
           struct why *why)
{
    CHECK(block_p != NULL && *block_p == NULL && kind > 0 && kind < LIMIT_KINDS);
    struct newest wanted = {.kind = kind, .up_to = self->state.durable};
    err_t rc = find_newest(self, &wanted, block_p, why);
    if (rc == ERR_OK) {
        *record = wanted.record;
    }
    return rc;
}

static err_t
no_begin(uint64_t end, struct why *why)
{
    return why_set(why, ERR_CORRUPT,
                   "the checkpoint that ends at position %llu does not say where it begins",
                   (unsigned long long)end);
}

/* Whether a salvage lost nothing between the two. Other records may stand there as well. */
static err_t
check_whole(log_t *self, uint64_t begin, uint64_t end, bool *whole, struct why *why)
{
    static const uint32_t kinds = LOG_KIND_BIT(LOG_KIND_CHECKPOINT_BEGIN) |
                                  LOG_KIND_BIT(LOG_KIND_CHECKPOINT_END) |
                                  LOG_KIND_BIT(LOG_KIND_LOST);
    struct log_cursor cursor;
    struct log_record record;
    log_cursor_init(&cursor, self, begin, kinds);
    err_t rc = log_cursor_next(&cursor, &record, why);
    if (rc == ERR_OK && record.kind != LOG_KIND_LOST) {
        rc = record.position == begin && record.kind == LOG_KIND_CHECKPOINT_BEGIN
                 ? log_cursor_next(&cursor, &record, why)
                 : no_begin(end, why);
    }
    *whole = rc == ERR_OK && record.position == end;
    log_cursor_fini(&cursor);
    return rc;
}

err_t
log_checkpoint(log_t *self, uint64_t *begin, struct why *why)
{
    bool whole = false;
    uint64_t at = 0;
    err_t rc = ERR_OK;
    uint64_t up_to = self->state.durable;
    while (rc == ERR_OK && !whole) {
        struct newest end = {.kind = LOG_KIND_CHECKPOINT_END, .up_to = up_to};
        log_block_t *block = NULL;
        rc = find_newest(self, &end, &block, why);
        if (rc == ERR_OK) {
            struct bytes_in in = bytes_in_over(end.record.body, end.record.size);
            at = bytes_in_varint(&in);
            up_to = end.record.position - 1;
            if (in.failed || at == 0 || at > up_to) {
                rc = no_begin(end.record.position, why);
            } else if (at < log_first(self)) {
                rc = ERR_NOT_FOUND; /* trimmed, and so are those before it */
            } else {
                rc = check_whole(self, at, end.record.position, &whole, why);
            }
        }
        log_block_release(&block);
    }
    if (rc == ERR_NOT_FOUND) {
        return why_set(why, rc, "no checkpoint is whole, and the log begins at position %llu",
                       (unsigned long long)log_first(self));
    }
    if (rc == ERR_OK) {
        *begin = at;
    }
    return rc;
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
