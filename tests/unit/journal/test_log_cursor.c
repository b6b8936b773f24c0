#include "base/err_name.h"
#include "unit/journal/journal_fixture.h"

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

TestSuite(log_cursor, .init = setup, .fini = teardown);

Test(log_cursor, sees_only_the_kinds_it_asks_for)
{
    log_t *log = fixture_own(0);
    for (uint8_t i = 0; i < 90; i++) {
        fixture_append(log, (uint8_t)(5 + i % 3), 10, 300);
        if (i % 2 == 0) {
            cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
        }
    }
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    cr_assert_eq(log_reap(log, NULL), ERR_OK);
    log_t *reader = fixture_follow();
    log_t *logs[2] = {log, reader};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(fixture_count(logs[i], 1, LOG_KIND_BIT(5)), 300);
        cr_assert_eq(fixture_count(logs[i], 1, LOG_KIND_BIT(6) | LOG_KIND_BIT(7)), 600);
        cr_assert_eq(fixture_count(logs[i], 1, LOG_KIND_BIT(9)), 0);
        cr_assert_eq(fixture_count(logs[i], 1, LOG_ALL_KINDS), 900);
    }
    log_close(&reader);
    log_close(&log);
}

Test(log_cursor, may_begin_anywhere_also_inside_a_block)
{
    log_t *log = fixture_own(0);
    for (int i = 0; i < 30; i++) {
        fixture_write(log, 5, 13, 500);
    }
    log_t *reader = fixture_follow();
    for (uint64_t from = 1; from <= 391; from++) {
        cr_assert_eq(fixture_count(log, from, LOG_ALL_KINDS), 391 - from);
        cr_assert_eq(fixture_count(reader, from, LOG_ALL_KINDS), 391 - from);
    }
    cr_assert_eq(fixture_count(log, 0, LOG_ALL_KINDS), 390, "0 is as 1");
    log_close(&reader);
    log_close(&log);
}

Test(log_cursor, goes_on_where_it_waited)
{
    log_t *log = fixture_own(0);
    struct log_cursor cursor;
    struct log_record record;
    log_cursor_init(&cursor, log, 1, LOG_KIND_BIT(7));
    cr_assert_eq(log_cursor_next(&cursor, &record, NULL), ERR_AGAIN);
    fixture_write(log, 5, 10, 100);
    cr_assert_eq(log_cursor_next(&cursor, &record, NULL), ERR_AGAIN);
    cr_assert_eq(cursor.position, 11, "what holds none of its kinds is not looked at again");
    fixture_write(log, 7, 1, 100);
    cr_assert_eq(log_cursor_next(&cursor, &record, NULL), ERR_OK);
    cr_assert_eq(record.position, 11);
    cr_assert_eq(record.kind, 7);
    cr_assert_eq(record.size, 100);
    log_cursor_fini(&cursor);
    log_close(&log);
}

Test(log_cursor, a_read_error_is_never_the_end)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 30, 1000);
    log_t *reader = fixture_follow();
    for (uint64_t at = 1; at < 4; at++) {
        struct log_cursor cursor;
        struct log_record record;
        log_cursor_init(&cursor, reader, 1, LOG_ALL_KINDS);
        struct sim_disk_fault fault = {SIM_DISK_ERROR, at, EIO, true};
        sim_disk_set_fault(disk, &fault);
        err_t rc = log_cursor_next(&cursor, &record, NULL);
        cr_assert(rc == ERR_OK || rc == ERR_IO);
        cr_assert_eq(rc == ERR_IO, sim_disk_fault_hit(disk));
        log_cursor_fini(&cursor);
    }
    sim_disk_set_fault(disk, &(struct sim_disk_fault){.kind = SIM_DISK_NO_FAULT});
    log_close(&reader);
    log_close(&log);
}

/* One operation fails and the next one does not: what it stood before must not be passed over. */
Test(log_cursor, a_read_error_that_passes_skips_nothing)
{
    log_t *log = fixture_own(0);
    for (int i = 0; i < 60; i++) {
        fixture_write(log, (uint8_t)(5 + i % 2), 3, 700);
    }
    for (uint64_t at = 1; at < 60; at++) {
        log_t *reader = fixture_follow();
        struct log_cursor cursor;
        struct log_record record;
        struct sim_disk_fault fault = {SIM_DISK_ERROR, at, EIO, false};
        sim_disk_set_fault(disk, &fault);
        uint64_t count = 0;
        err_t rc;
        log_cursor_init(&cursor, reader, 1, LOG_KIND_BIT(6));
        while ((rc = log_cursor_next(&cursor, &record, NULL)) == ERR_OK) {
            count++;
        }
        cr_assert(rc == ERR_IO || (rc == ERR_AGAIN && count == 90), "operation %llu: %s after %llu",
                  (unsigned long long)at, err_name(rc), (unsigned long long)count);
        log_cursor_fini(&cursor);
        log_close(&reader);
        sim_disk_set_fault(disk, &(struct sim_disk_fault){.kind = SIM_DISK_NO_FAULT});
    }
    log_close(&log);
}

Test(log_cursor, damage_is_told_with_file_and_offset)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 1, 1000);
    fixture_write(log, 5, 1, 1000);
    log_t *reader = fixture_follow();
    fixture_flip(disk, "j/producer/0000000000000001.seg", 4096 + 1536 + 200);
    struct log_cursor cursor;
    struct log_record record;
    struct why why = {{0}};
    log_cursor_init(&cursor, reader, 1, LOG_ALL_KINDS);
    cr_assert_eq(log_cursor_next(&cursor, &record, &why), ERR_OK);
    cr_assert_eq(log_cursor_next(&cursor, &record, &why), ERR_CORRUPT);
    cr_assert_str_eq(why.text, "j/producer/0000000000000001.seg is damaged at offset 5632: the "
                               "block's checksum is wrong");
    log_cursor_fini(&cursor);
    log_close(&reader);
    log_close(&log);
}
