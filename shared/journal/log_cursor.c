#include "journal/log_private.h"

#include "base/bytes.h"
#include "base/check.h"

bool
log_cursor_decode(const log_block_t *block, const uint8_t **next, uint64_t position,
                  struct log_record *record)
{
    const uint8_t *end = log_block_records(block) + log_block_size(block);
    struct bytes_in in = bytes_in_over(*next, (size_t)(end - *next));
    uint8_t kind = bytes_in_u8(&in);
    uint64_t size = bytes_in_varint(&in);
    const uint8_t *body = bytes_in_span(&in, size);
    if (body == NULL) {
        return false;
    }
    *record = (struct log_record){
        .position = position,
        .kind = kind,
        .body = body,
        .size = (size_t)size,
    };
    *next = in.next;
    return true;
}

void
log_cursor_init(struct log_cursor *cursor, log_t *log, uint64_t from, uint32_t kinds)
{
    *cursor = (struct log_cursor){.log = log, .position = from == 0 ? 1 : from, .kinds = kinds};
}

void
log_cursor_fini(struct log_cursor *cursor)
{
    log_block_release(&cursor->block);
}

static err_t
malformed(const struct log_cursor *cursor, struct why *why)
{
    return why_set(why, ERR_CORRUPT, "the block with position %llu holds a malformed record",
                   (unsigned long long)cursor->position);
}

/* Fetch the next block that matters and go to the record at `position` in it. */
static err_t
next_block(struct log_cursor *cursor, struct why *why)
{
    log_t *log = cursor->log;
    err_t rc = log_store_read(log->store, cursor->position, cursor->kinds, &cursor->block, why);
    if (rc == ERR_AGAIN && log->state.durable >= cursor->position) {
        /* Nothing up to here: not to be looked at again by the next call. */
        cursor->position = log->state.durable + 1;
    }
    if (rc != ERR_OK) {
        return rc;
    }
    cursor->next = log_block_records(cursor->block);
    uint64_t first = log_block_first(cursor->block);
    for (; first < cursor->position; first++) {
        struct log_record skipped;
        if (!log_cursor_decode(cursor->block, &cursor->next, first, &skipped)) {
            return malformed(cursor, why);
        }
    }
    cursor->position = first;
    return ERR_OK;
}

err_t
log_cursor_next(struct log_cursor *cursor, struct log_record *record, struct why *why)
{
    for (;;) {
        if (cursor->block == NULL) {
            err_t rc = next_block(cursor, why);
            if (rc != ERR_OK) {
                return rc;
            }
        }
        uint64_t end = log_block_first(cursor->block) + log_block_count(cursor->block);
        while (cursor->position < end) {
            if (!log_cursor_decode(cursor->block, &cursor->next, cursor->position, record)) {
                return malformed(cursor, why);
            }
            cursor->position++;
            if ((LOG_KIND_BIT(record->kind) & cursor->kinds) != 0) {
                return ERR_OK;
            }
        }
        log_block_release(&cursor->block);
    }
}
