#include "crash/crash_model.h"

#include "base/check.h"
#include "base/err_name.h"
#include "journal/file_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define SEGMENT_BYTES (64U * 1024)
#define DIRECTORY "j"
#define NAME "producer"
#define BODY_MAX 3000
#define BULK 32

void
crash_model_copy(struct crash_model *to, const struct crash_model *from)
{
    memcpy(to->hash, from->hash, (size_t)from->appended * sizeof *to->hash);
    to->appended = from->appended;
    to->acked = from->acked;
    to->trimmed = from->trimmed;
    to->random = from->random;
    to->damaged = from->damaged;
}

struct log_settings
crash_model_settings(void)
{
    return (struct log_settings){
        .directory = DIRECTORY,
        .segment_bytes = SEGMENT_BYTES,
        .no_write_ahead = true,
    };
}

uint64_t
crash_model_draw(struct crash_model *self, uint64_t below)
{
    self->random += 0x9e3779b97f4a7c15U;
    uint64_t z = self->random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (z ^ (z >> 31)) % below;
}

static uint64_t
record_hash(uint8_t kind, const uint8_t *body, size_t size)
{
    return XXH3_64bits_withSeed(body, size, kind);
}

static void
append_some(struct crash_model *self, log_t *log)
{
    bool bulk = crash_model_draw(self, 24) == 0; /* of a block that goes past the page cache */
    uint64_t count = bulk ? BULK : 1 + crash_model_draw(self, 6);
    for (uint64_t i = 0; i < count && self->appended < CRASH_MODEL_MAX; i++) {
        uint8_t body[BODY_MAX];
        bool large = bulk || crash_model_draw(self, 8) == 0;
        size_t size = (size_t)crash_model_draw(self, large ? BODY_MAX : 300);
        uint8_t fill = (uint8_t)crash_model_draw(self, 256);
        for (size_t k = 0; k < size; k++) {
            body[k] = (uint8_t)(fill + k);
        }
        uint8_t kind = (uint8_t)(5 + crash_model_draw(self, 5));
        kind = crash_model_draw(self, 16) == 0 ? LOG_KIND_POSITION : kind;
        uint64_t position = log_append(log, kind, body, size);
        CHECK(position == self->appended + 1);
        self->hash[self->appended++] = record_hash(kind, body, size);
    }
}

static bool
same(const struct crash_model *self, const struct log_record *record)
{
    return record->position <= self->appended &&
           self->hash[record->position - 1] ==
               record_hash(record->kind, record->body, record->size);
}

/* One thing that a service does; the error ends the run. */
static err_t
step(struct crash_model *self, log_t *log)
{
    err_t rc = ERR_OK;
    uint64_t what = crash_model_draw(self, 100);
    if (what < 70) {
        append_some(self, log);
        unsigned flags = what < 10   ? LOG_STORE_FINISHING
                         : what < 30 ? LOG_STORE_FOLLOWED
                         : what < 35 ? LOG_STORE_BULK
                                     : 0;
        rc = log_commit(log, flags, NULL);
        rc = rc == ERR_FULL ? ERR_OK : rc;
    } else if (what < 92) {
        rc = log_reap(log, NULL);
    } else if (what < 96 && self->acked > 0) {
        uint64_t keep = 1 + crash_model_draw(self, self->acked);
        self->trimmed = keep - 1 > self->trimmed ? keep - 1 : self->trimmed;
        rc = log_trim(log, keep, NULL);
    } else if (self->acked > log_first(log)) {
        struct log_record record;
        log_block_t *block = NULL;
        uint64_t span = self->acked - log_first(log);
        rc = log_read(log, log_first(log) + crash_model_draw(self, span), &record, &block, NULL);
        CHECK(rc != ERR_OK || same(self, &record));
        CHECK(rc != ERR_CORRUPT);
        log_block_release(&block);
    }
    if (rc == ERR_OK && log_durable(log) > self->acked) {
        self->acked = log_durable(log);
    }
    return rc;
}

err_t
crash_model_run(struct crash_model *self, unsigned steps)
{
    err_t rc = ERR_OK;
    /* Not drawn, so that a seed which has found something goes on meaning the same. */
    static const enum log_sync syncs[] = {LOG_SYNC_ASIDE, LOG_SYNC_AUTO, LOG_SYNC_HERE,
                                          LOG_SYNC_ASIDE};
    enum log_sync sync = syncs[self->random * 0x9e3779b97f4a7c15U >> 62];
    while (steps > 0 && rc == ERR_OK) {
        struct file_store_settings settings = {
            .directory = DIRECTORY,
            .name = NAME,
            .segment_bytes = SEGMENT_BYTES,
            .no_write_ahead = true,
            .sync = sync,
        };
        log_store_t *store = NULL;
        log_t *log = NULL;
        rc = file_store_own(&store, &settings, 0, NULL);
        if (rc != ERR_OK) {
            return rc;
        }
        if (crash_model_draw(self, 2) == 0) {
            (void)file_store_prepare(store); /* without a spare it makes its own segments */
        }
        rc = log_over_store(&log, &store, NULL);
        if (rc != ERR_OK) {
            return rc;
        }
        self->appended = log_durable(log); /* a tail that was never acknowledged may be gone */
        if (log_durable(log) > self->acked) {
            self->acked = log_durable(log);
        }
        uint64_t here = 1 + crash_model_draw(self, 60);
        for (; here > 0 && steps > 0 && rc == ERR_OK; here--, steps--) {
            rc = step(self, log);
        }
        log_close(&log);
    }
    return rc;
}

static bool
compare(struct crash_model *self, log_t *log, const char *where, const char *who)
{
    struct why why = {{0}};
    uint64_t first = log_first(log);
    if (log_durable(log) < self->acked || log_durable(log) > self->appended ||
        first > self->trimmed + 1) {
        printf("VIOLATION %s (%s): holds %" PRIu64 " to %" PRIu64 ", acknowledged %" PRIu64
               ", appended %" PRIu64 ", trimmed %" PRIu64 "\n",
               where, who, first, log_durable(log), self->acked, self->appended, self->trimmed);
        return false;
    }
    struct log_cursor cursor;
    struct log_record record;
    log_cursor_init(&cursor, log, first, LOG_ALL_KINDS);
    uint64_t expected = first;
    err_t rc;
    while ((rc = log_cursor_next(&cursor, &record, &why)) == ERR_OK) {
        if (record.position != expected || !same(self, &record)) {
            printf("VIOLATION %s (%s): position %" PRIu64 " is not what was appended\n", where, who,
                   expected);
            break;
        }
        expected++;
    }
    log_cursor_fini(&cursor);
    if (rc == ERR_CORRUPT && self->damaged) {
        return true;
    }
    if (rc != ERR_AGAIN || expected != log_durable(log) + 1) {
        printf("VIOLATION %s (%s): reading stopped at %" PRIu64 " of %" PRIu64 ": %s %s\n", where,
               who, expected, log_durable(log), err_name(rc), why.text);
        return false;
    }
    return true;
}

bool
crash_model_check(struct crash_model *self, uint64_t witnessed, const char *where)
{
    struct log_settings settings = crash_model_settings();
    struct why why = {{0}};
    log_t *log = NULL;
    log_t *reader = NULL;
    err_t rc = log_own(&log, &settings, NAME, witnessed, &why);
    bool good = false;
    if (rc != ERR_OK) {
        printf("VIOLATION %s: refused: %s %s\n", where, err_name(rc), why.text);
    } else if (compare(self, log, where, "owner")) {
        self->appended = log_durable(log);
        self->acked = log_durable(log);
        /* A reader sees what the owner does; to see it in some is enough. */
        bool follow = crash_model_draw(self, 4) == 0;
        rc = follow ? log_follow(&reader, &settings, NAME, &why) : ERR_OK;
        if (rc != ERR_OK) {
            printf("VIOLATION %s: not followed: %s %s\n", where, err_name(rc), why.text);
        }
        good = rc == ERR_OK && (!follow || compare(self, reader, where, "follower"));
    }
    log_close(&reader);
    log_close(&log);
    return good;
}
