#include "unit/journal/journal_fixture.h"

#include "base/bytes.h"
#include "base/err_name.h"

#include <errno.h>

static sim_disk_t *disk;

static void
setup(void)
{
    disk = fixture_disk();
}

static void
teardown(void)
{
    sim_disk_destroy(&disk);
}

TestSuite(log_search, .init = setup, .fini = teardown);

/* A checkpoint of `items` items; complete: with its END. Returns the position of BEGIN. */
static uint64_t
checkpoint(log_t *log, unsigned items, bool complete)
{
    uint64_t begin = log_append(log, LOG_KIND_CHECKPOINT_BEGIN, "", 0);
    fixture_write(log, LOG_KIND_CHECKPOINT_ITEM, items, 200);
    if (complete) {
        uint8_t body[BYTES_VARINT_MAX];
        size_t size = bytes_put_varint(body, begin);
        (void)log_append(log, LOG_KIND_CHECKPOINT_END, body, size);
    }
    fixture_write(log, 9, 1, 10);
    return begin;
}

Test(log_search, every_record_is_found_by_its_position)
{
    log_t *log = fixture_own(0);
    for (int i = 0; i < 40; i++) {
        fixture_write(log, 5, 11, 450);
    }
    log_t *reader = fixture_follow();
    log_t *logs[2] = {log, reader};
    for (int i = 0; i < 2; i++) {
        for (uint64_t k = 0; k < 2000; k++) {
            uint64_t position = k * 7919 % 440 + 1;
            struct log_record record;
            log_block_t *block = NULL;
            cr_assert_eq(log_read(logs[i], position, &record, &block, NULL), ERR_OK);
            cr_assert_eq(record.position, position);
            cr_assert_eq(memcmp(record.body, &position, 8), 0);
            log_block_release(&block);
        }
    }
    log_close(&reader);
    log_close(&log);
}

Test(log_search, a_record_outlives_the_log_in_its_block)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 3, 100);
    struct log_record record;
    log_block_t *block = NULL;
    cr_assert_eq(log_read(log, 2, &record, &block, NULL), ERR_OK);
    log_close(&log);
    uint64_t position = 2;
    cr_assert_eq(memcmp(record.body, &position, 8), 0);
    log_block_release(&block);
}

Test(log_search, a_position_that_is_not_durable_is_not_there_yet)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 3, 100);
    struct log_record record;
    log_block_t *block = NULL;
    cr_assert_eq(log_read(log, 4, &record, &block, NULL), ERR_AGAIN);
    fixture_append(log, 5, 1, 100);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    cr_assert_eq(log_read(log, 4, &record, &block, NULL), ERR_AGAIN);
    log_close(&log);
}

Test(log_search, the_newest_of_a_kind_is_found_wherever_it_lies)
{
    log_t *log = fixture_own(0);
    struct log_record record;
    log_block_t *block = NULL;
    cr_assert_eq(log_newest(log, 6, &record, &block, NULL), ERR_NOT_FOUND);
    fixture_write(log, 6, 5, 100);
    uint64_t newest = log_durable(log);
    for (int i = 0; i < 60; i++) {
        fixture_write(log, 5, 20, 450);
    }
    cr_assert_eq(log_newest(log, 6, &record, &block, NULL), ERR_OK);
    cr_assert_eq(record.position, newest);
    log_block_release(&block);
    log_close(&log);
    log = fixture_own(0);
    cr_assert_eq(log_newest(log, 6, &record, &block, NULL), ERR_OK);
    cr_assert_eq(record.position, newest);
    log_block_release(&block);
    fixture_append(log, 6, 1, 100);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    cr_assert_eq(log_newest(log, 6, &record, &block, NULL), ERR_OK);
    cr_assert_eq(record.position, newest, "one that is not durable does not count");
    log_block_release(&block);
    log_close(&log);
}

Test(log_search, only_a_complete_checkpoint_counts)
{
    log_t *log = fixture_own(0);
    uint64_t begin = 0;
    cr_assert_eq(log_checkpoint(log, &begin, NULL), ERR_NOT_FOUND);
    (void)checkpoint(log, 20, false);
    cr_assert_eq(log_checkpoint(log, &begin, NULL), ERR_NOT_FOUND);
    uint64_t first = checkpoint(log, 20, true);
    (void)checkpoint(log, 300, false);
    cr_assert_eq(log_checkpoint(log, &begin, NULL), ERR_OK);
    cr_assert_eq(begin, first);
    uint64_t second = checkpoint(log, 300, true);
    cr_assert_eq(log_checkpoint(log, &begin, NULL), ERR_OK);
    cr_assert_eq(begin, second);
    log_close(&log);
    log_t *reader = fixture_follow();
    cr_assert_eq(log_checkpoint(reader, &begin, NULL), ERR_OK);
    cr_assert_eq(begin, second);
    log_close(&reader);
}

Test(log_search, a_checkpoint_that_does_not_say_where_it_begins_is_corrupt)
{
    /* Nothing, before the first position, at its own END, behind it, at another kind. */
    static const char *const bodies[] = {"", "\0", "\x05", "\x08", "\x02"};
    log_t *log = fixture_own(0);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        uint64_t begin;
        struct why why = {{0}};
        cr_assert_eq(log_append(log, LOG_KIND_CHECKPOINT_END, bodies[i], i == 0 ? 0 : 1),
                     2 * i + 1);
        fixture_write(log, 9, 1, 10);
        cr_assert_eq(log_checkpoint(log, &begin, &why), ERR_CORRUPT, "body %zu", i);
        cr_assert_not_null(strstr(why.text, "does not say where it begins"), "%s", why.text);
        cr_assert_eq(log_trim(log, 2 * i + 1, NULL), ERR_CORRUPT, "what it needs is not known");
    }
    log_close(&log);
}

/* Four records, the one at `lost` (0: BEGIN, 1 and 2: items, 3: END; else none) as a salvage leaves
 * it; in one block, or each in one of its own. */
static uint64_t
salvaged_checkpoint(log_t *log, unsigned lost, bool apart)
{
    static const uint8_t kinds[] = {LOG_KIND_CHECKPOINT_BEGIN, LOG_KIND_CHECKPOINT_ITEM,
                                    LOG_KIND_CHECKPOINT_ITEM, LOG_KIND_CHECKPOINT_END};
    uint8_t begin[BYTES_VARINT_MAX];
    uint64_t first = log_next(log);
    size_t size = bytes_put_varint(begin, first);
    for (unsigned i = 0; i < sizeof kinds; i++) {
        uint8_t kind = i == lost ? LOG_KIND_LOST : kinds[i];
        (void)log_append(log, kind, begin, kind == LOG_KIND_CHECKPOINT_END ? size : 0);
        if (apart || i + 1 == sizeof kinds) {
            cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
            cr_assert_eq(log_reap(log, NULL), ERR_OK);
        }
    }
    return first;
}

Test(log_search, a_checkpoint_that_lost_a_record_does_not_count)
{
    for (unsigned apart = 0; apart < 2; apart++) {
        log_t *log = fixture_own(0);
        uint64_t begin = 0;
        for (unsigned lost = 0; lost < 4; lost++) {
            (void)salvaged_checkpoint(log, lost, apart == 1);
            struct why why = {{0}};
            cr_assert_eq(log_checkpoint(log, &begin, &why), ERR_NOT_FOUND);
            cr_assert_not_null(strstr(why.text, "no checkpoint is whole"), "%s", why.text);
        }
        fixture_write(log, LOG_KIND_LOST, 1, 0);
        uint64_t whole = salvaged_checkpoint(log, 9, apart == 1);
        fixture_write(log, LOG_KIND_LOST, 1, 0);
        for (unsigned lost = 0; lost < 4; lost++) {
            (void)salvaged_checkpoint(log, lost, apart == 1);
            cr_assert_eq(log_checkpoint(log, &begin, NULL), ERR_OK);
            cr_assert_eq(begin, whole, "record %u was lost", lost);
        }
        uint64_t newest = salvaged_checkpoint(log, 9, apart == 1);
        cr_assert_eq(log_checkpoint(log, &begin, NULL), ERR_OK);
        cr_assert_eq(begin, newest);
        log_close(&log);
        teardown();
        setup();
    }
}

/* It was trimmed, and then a salvage cut the one that had allowed that. */
Test(log_search, a_checkpoint_whose_beginning_was_trimmed_does_not_count)
{
    log_t *log = fixture_own(0);
    uint64_t old = checkpoint(log, 400, true);
    uint64_t begin = 0;
    fixture_write(log, LOG_KIND_POSITION, 1, 50);
    cr_assert_eq(log_trim(log, log_durable(log), NULL), ERR_OK);
    cr_assert_eq(log_first(log), old, "it is kept");
    (void)checkpoint(log, 10, true);
    cr_assert_eq(log_trim(log, log_durable(log), NULL), ERR_OK);
    cr_assert_gt(log_first(log), old);
    (void)salvaged_checkpoint(log, 1, false);
    cr_assert_eq(log_checkpoint(log, &begin, NULL), ERR_OK);
    cr_assert_gt(begin, old + 400);
    log_close(&log);
}

Test(log_search, trimming_keeps_the_newest_position_record)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 100, 900);
    fixture_write(log, LOG_KIND_POSITION, 1, 50);
    uint64_t kept = log_durable(log);
    fixture_write(log, 5, 500, 900);
    cr_assert_eq(log_trim(log, log_durable(log), NULL), ERR_OK);
    cr_assert_gt(log_first(log), 1);
    cr_assert_leq(log_first(log), kept);
    log_close(&log);
}

Test(log_search, trimming_keeps_the_newest_complete_checkpoint)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 200, 900);
    uint64_t begin = checkpoint(log, 50, true);
    fixture_write(log, 5, 200, 900);
    (void)checkpoint(log, 50, false);
    fixture_write(log, LOG_KIND_POSITION, 1, 50);
    cr_assert_eq(log_trim(log, log_durable(log), NULL), ERR_OK);
    cr_assert_gt(log_first(log), 1);
    cr_assert_leq(log_first(log), begin);
    log_close(&log);
}

Test(log_search, a_checkpoint_behind_what_is_to_be_kept_changes_nothing)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 500, 900);
    (void)checkpoint(log, 50, true);
    cr_assert_eq(log_trim(log, 200, NULL), ERR_OK);
    cr_assert_gt(log_first(log), 1);
    cr_assert_leq(log_first(log), 200);
    log_close(&log);
}

/* An operation that fails is told. When the next one does not fail it may have been made again. */
static bool
is_told(err_t rc, const struct sim_disk_fault *fault)
{
    bool hit = sim_disk_fault_hit(disk);
    return rc == (hit ? ERR_IO : ERR_OK) || (rc == ERR_OK && !fault->for_ever);
}

/* In one segment; a chunk without the kind is passed over as a whole, and what cannot be read on
 * the way is not. */
Test(log_search, a_kind_is_found_in_whichever_chunk_it_lies)
{
    struct log_settings settings = fixture_settings();
    settings.segment_bytes = 4U * 1024 * 1024;
    log_t *log = NULL;
    cr_assert_eq(log_own(&log, &settings, "producer", 0, NULL), ERR_OK);
    for (uint8_t i = 0; i < 10; i++) { /* 200 KiB of each */
        for (int k = 0; k < 10; k++) {
            fixture_write(log, (uint8_t)(5 + i), 20, 1000);
        }
    }
    log_close(&log);
    for (uint64_t at = 0; at < 40; at++) {
        sim_disk_set_fault(disk, &(struct sim_disk_fault){.kind = SIM_DISK_NO_FAULT});
        log_t *reader = fixture_follow();
        cr_assert_eq(fixture_count(reader, 1, LOG_KIND_BIT(9)), 200); /* makes the index */
        const struct sim_disk_fault fault = {at < 2 ? SIM_DISK_NO_FAULT : SIM_DISK_ERROR, at / 2,
                                             EIO, at % 2 == 1};
        struct log_cursor cursor;
        struct log_record record;
        log_block_t *block = NULL;
        sim_disk_set_fault(disk, &fault);
        log_cursor_init(&cursor, reader, 1, LOG_KIND_BIT(13));
        err_t rc = log_cursor_next(&cursor, &record, NULL);
        cr_assert(is_told(rc, &fault), "%s", err_name(rc));
        cr_assert(rc != ERR_OK || record.position == 1601);
        log_cursor_fini(&cursor);
        sim_disk_set_fault(disk, &fault);
        rc = log_newest(reader, 6, &record, &block, NULL);
        cr_assert(is_told(rc, &fault), "%s", err_name(rc));
        cr_assert(rc != ERR_OK || record.position == 400);
        log_block_release(&block);
        log_close(&reader);
    }
}
