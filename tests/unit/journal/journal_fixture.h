/*
 * What the journal's tests share: a log on a simulated disk, and records whose content follows from
 * their position.
 */
#ifndef HERALD_TESTS_UNIT_JOURNAL_FIXTURE_H
#define HERALD_TESTS_UNIT_JOURNAL_FIXTURE_H

#include "journal/file_store.h"
#include "journal/log.h"
#include "journal/log_block_private.h"
#include "support/sim_disk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define FIXTURE_SEGMENT (64U * 1024)

static inline struct log_settings
fixture_settings(void)
{
    return (struct log_settings){
        .directory = "j",
        .segment_bytes = FIXTURE_SEGMENT,
        .no_write_ahead = true,
    };
}

static inline sim_disk_t *
fixture_disk(void)
{
    sim_disk_t *disk = sim_disk_new(1);
    sim_disk_use(disk);
    return disk;
}

static inline log_t *
fixture_own(uint64_t witnessed)
{
    struct log_settings settings = fixture_settings();
    struct why why = {{0}};
    log_t *log = NULL;
    cr_assert_eq(log_own(&log, &settings, "producer", witnessed, &why), ERR_OK, "%s", why.text);
    return log;
}

static inline log_t *
fixture_follow(void)
{
    struct log_settings settings = fixture_settings();
    struct why why = {{0}};
    log_t *log = NULL;
    cr_assert_eq(log_follow(&log, &settings, "producer", &why), ERR_OK, "%s", why.text);
    return log;
}

static inline err_t
fixture_own_fails(struct why *why, uint64_t witnessed)
{
    struct log_settings settings = fixture_settings();
    log_t *log = NULL;
    err_t rc = log_own(&log, &settings, "producer", witnessed, why);
    cr_assert_null(log);
    return rc;
}

/* Append `count` records of `size` bytes whose first bytes are their position; no commit. */
static inline void
fixture_append(log_t *log, uint8_t kind, unsigned count, size_t size)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t position;
        uint8_t *body = log_append_space(log, kind, size, &position);
        memset(body, (int)(position & 0xff), size);
        if (size >= sizeof position) {
            memcpy(body, &position, sizeof position);
        }
    }
}

/* The same, durable. */
static inline void
fixture_write(log_t *log, uint8_t kind, unsigned count, size_t size)
{
    fixture_append(log, kind, count, size);
    struct why why = {{0}};
    cr_assert_eq(log_commit(log, 0, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(log_reap(log, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(log_durable(log) + 1, log_next(log));
}

/* Read all from `from` on; every record must be the one of its position. Returns how many. */
static inline uint64_t
fixture_count(log_t *log, uint64_t from, uint32_t kinds)
{
    struct log_cursor cursor;
    struct log_record record;
    struct why why = {{0}};
    uint64_t count = 0;
    uint64_t last = 0;
    err_t rc;
    log_cursor_init(&cursor, log, from, kinds);
    while ((rc = log_cursor_next(&cursor, &record, &why)) == ERR_OK) {
        cr_assert_gt(record.position, last);
        last = record.position;
        if (record.size >= sizeof last) {
            cr_assert_eq(memcmp(record.body, &last, sizeof last), 0, "position %llu",
                         (unsigned long long)last);
        }
        count++;
    }
    cr_assert_eq(rc, ERR_AGAIN, "%s", why.text);
    log_cursor_fini(&cursor);
    return count;
}

static inline void
fixture_flip(sim_disk_t *disk, const char *path, size_t offset)
{
    size_t size = 0;
    uint8_t *bytes = sim_disk_bytes(disk, path, &size);
    cr_assert_not_null(bytes);
    cr_assert_lt(offset, size);
    bytes[offset] ^= 1;
    sim_disk_settle(disk);
}

/* A block with `count` records of one kind and size, sealed by nobody yet. */
static inline log_block_t *
fixture_block(uint64_t first, unsigned count, uint8_t kind, size_t size)
{
    log_block_t *block = log_block_new(first, size);
    for (unsigned i = 0; i < count; i++) {
        memset(log_block_add(block, kind, size), kind, size);
    }
    return block;
}

#endif
