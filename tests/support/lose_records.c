#include "support/lose_records.h"

#include "base/check.h"

#include <stdio.h>

#define PATH_BYTES 256

static void
copy(log_t *from_log, log_t *to_log, uint64_t from, uint64_t to)
{
    struct log_cursor cursor;
    struct log_record record;
    err_t rc;
    log_cursor_init(&cursor, from_log, 1, LOG_ALL_KINDS);
    while ((rc = log_cursor_next(&cursor, &record, NULL)) == ERR_OK) {
        bool lost = record.position >= from && record.position <= to;
        uint64_t position = log_append(to_log, lost ? (uint8_t)LOG_KIND_LOST : record.kind,
                                       record.body, lost ? 0 : record.size);
        CHECK(position == record.position);
    }
    CHECK(rc == ERR_AGAIN);
    log_cursor_fini(&cursor);
    CHECK(log_commit(to_log, LOG_STORE_FINISHING, NULL) == ERR_OK);
    CHECK(log_reap(to_log, NULL) == ERR_OK);
}

void
lose_records(const struct log_settings *settings, const char *name, uint64_t from, uint64_t to)
{
    char before[PATH_BYTES];
    char aside[PATH_BYTES];
    log_t *old = NULL;
    log_t *salvaged = NULL;
    int written = snprintf(before, sizeof before, "%s/%s", settings->directory, name);
    CHECK(written > 0 && (size_t)written < sizeof before);
    written = snprintf(aside, sizeof aside, "%s/aside-%llu", settings->directory,
                       (unsigned long long)from);
    CHECK(written > 0 && (size_t)written < sizeof aside);
    CHECK(log_follow(&old, settings, name, NULL) == ERR_OK);
    CHECK(rename(before, aside) == 0);
    CHECK(log_own(&salvaged, settings, name, 0, NULL) == ERR_OK);
    copy(old, salvaged, from, to);
    log_close(&salvaged);
    log_close(&old);
}
