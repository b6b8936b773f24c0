#include "runtime/retained.h"

#include "delivery/record_codec.h"

/* Those whose time is that of their writing: an ORDER may be a copy. */
#define DATED_KINDS                                                                                \
    (LOG_KIND_BIT(RECORD_DONE) | LOG_KIND_BIT(RECORD_FAILED) | LOG_KIND_BIT(RECORD_ENDED) |        \
     LOG_KIND_BIT(RECORD_CLOSED) | LOG_KIND_BIT(RECORD_FENCED) | LOG_KIND_BIT(RECORD_EVIDENCE))

/* When the first dated record at or behind `position` was written; INT64_MAX: there is none. */
static err_t
written_at(log_t *log, uint64_t position, int64_t *at_unix_ms, struct why *why)
{
    struct log_cursor cursor;
    struct log_record record;
    log_cursor_init(&cursor, log, position, DATED_KINDS);
    err_t rc = log_cursor_next(&cursor, &record, why);
    *at_unix_ms = INT64_MAX;
    if (rc == ERR_OK) {
        struct record_event event;
        rc = record_event_decode(record.kind, record.body, record.size, &event, why);
        *at_unix_ms = event.at_unix_ms;
    }
    log_cursor_fini(&cursor);
    return rc == ERR_AGAIN ? ERR_OK : rc;
}

err_t
retained_from(log_t *log, int64_t since_unix_ms, uint64_t *keep_from, struct why *why)
{
    uint64_t low = log_first(log);
    uint64_t high = *keep_from;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int64_t at_unix_ms = 0;
        err_t rc = written_at(log, middle, &at_unix_ms, why);
        if (rc != ERR_OK) {
            return rc;
        }
        if (at_unix_ms < since_unix_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *keep_from = low;
    return ERR_OK;
}
