#include "unit/journal/journal_fixture.h"

#include "base/limits.h"

#include <errno.h>
#include <stdlib.h>

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

TestSuite(log, .init = setup, .fini = teardown);

Test(log, a_fresh_log_is_empty_and_begins_run_1_at_position_1)
{
    log_t *log = fixture_own(0);
    static const uint8_t nothing[16];
    cr_assert_eq(log_run(log), 1);
    cr_assert_eq(log_first(log), 1);
    cr_assert_eq(log_durable(log), 0);
    cr_assert_eq(log_next(log), 1);
    cr_assert_neq(memcmp(log_identity(log), nothing, 16), 0);
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 0);
    log_close(&log);
    cr_assert_null(log);
    log_close(&log);
}

Test(log, positions_are_numbered_from_1_without_holes)
{
    log_t *log = fixture_own(0);
    cr_assert_eq(log_append(log, 5, "a", 1), 1);
    cr_assert_eq(log_append(log, 6, "", 0), 2);
    cr_assert_eq(log_next(log), 3);
    cr_assert_eq(log_durable(log), 0);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    cr_assert_eq(log_durable(log), 0, "a commit is not durable before it is reaped");
    cr_assert_eq(log_reap(log, NULL), ERR_OK);
    cr_assert_eq(log_durable(log), 2);
    cr_assert_eq(log_reap(log, NULL), ERR_OK);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    log_close(&log);
}

Test(log, a_commit_of_any_size_is_cut_into_blocks_that_fit)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 2000, 500); /* 1 MB, in segments of 64 KiB */
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 2000);
    log_close(&log);
    struct log_settings settings = fixture_settings();
    settings.segment_bytes = 4U * 1024 * 1024;
    cr_assert_eq(log_own(&log, &settings, "big", 0, NULL), ERR_OK);
    fixture_write(log, 5, 40, LIMIT_RECORD_BYTES);
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 40);
    log_close(&log);
}

Test(log, everything_is_there_after_a_restart_and_the_run_counts_up)
{
    uint8_t identity[16];
    for (uint64_t run = 1; run <= 10; run++) {
        log_t *log = fixture_own((run - 1) * 30);
        if (run == 1) {
            memcpy(identity, log_identity(log), 16);
        }
        cr_assert_eq(log_run(log), run);
        cr_assert_eq(memcmp(identity, log_identity(log), 16), 0);
        cr_assert_eq(log_durable(log), (run - 1) * 30);
        cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), (run - 1) * 30);
        fixture_write(log, 5, 30, 700);
        log_close(&log);
    }
}

Test(log, a_follower_sees_what_is_durable_and_nothing_more)
{
    log_t *reader = fixture_follow();
    cr_assert_eq(log_durable(reader), 0);
    cr_assert_eq(log_run(reader), 0);
    static const uint8_t nothing[16];
    cr_assert_eq(memcmp(log_identity(reader), nothing, 16), 0);
    cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
    log_t *log = fixture_own(0);
    uint64_t seen = 0;
    struct log_cursor cursor;
    struct log_record record;
    log_cursor_init(&cursor, reader, 1, LOG_ALL_KINDS);
    for (int i = 0; i < 60; i++) {
        fixture_append(log, 5, 7, 400);
        cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
        cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
        cr_assert_eq(log_durable(reader), seen);
        cr_assert_eq(log_cursor_next(&cursor, &record, NULL), ERR_AGAIN);
        cr_assert_eq(log_reap(log, NULL), ERR_OK);
        cr_assert_eq(log_reap(reader, NULL), ERR_OK);
        cr_assert_eq(log_durable(reader), seen + 7);
        for (int k = 0; k < 7; k++) {
            cr_assert_eq(log_cursor_next(&cursor, &record, NULL), ERR_OK);
            cr_assert_eq(record.position, ++seen);
        }
    }
    cr_assert_eq(log_run(reader), 1);
    cr_assert_eq(log_fd(reader), -1);
    cr_assert_eq(memcmp(log_identity(reader), log_identity(log), 16), 0);
    log_cursor_fini(&cursor);
    log_close(&log);
    log_close(&reader);
}

Test(log, a_follower_goes_on_over_restarts_of_the_owner)
{
    log_t *reader = fixture_follow();
    struct log_cursor cursor;
    struct log_record record;
    uint64_t seen = 0;
    log_cursor_init(&cursor, reader, 1, LOG_ALL_KINDS);
    for (unsigned run = 0; run < 12; run++) {
        log_t *log = fixture_own(seen);
        if (run % 3 != 1) { /* some runs write nothing */
            fixture_write(log, 5, 40 * run, 300);
            fixture_append(log, 5, 3, 300);
            cr_assert_eq(log_commit(log, 0, NULL), ERR_OK); /* never reaped: a tail */
        }
        log_close(&log);
        cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
        while (log_cursor_next(&cursor, &record, NULL) == ERR_OK) {
            cr_assert_eq(record.position, ++seen);
            cr_assert_eq(memcmp(record.body, &seen, sizeof seen), 0);
        }
        cr_assert_eq(seen, log_durable(reader));
    }
    log_cursor_fini(&cursor);
    log_close(&reader);
}

Test(log, a_follower_is_told_that_its_position_was_trimmed)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 100, 900);
    log_t *reader = fixture_follow();
    struct log_cursor cursor;
    struct log_record record;
    log_cursor_init(&cursor, reader, 1, LOG_ALL_KINDS);
    for (int i = 0; i < 20; i++) {
        fixture_write(log, 5, 50, 900);
        cr_assert_eq(log_trim(log, log_durable(log), NULL), ERR_OK);
    }
    err_t rc;
    while ((rc = log_cursor_next(&cursor, &record, NULL)) == ERR_OK) {
        /* What its open files still hold may be read; never anything wrong. */
        cr_assert_eq(memcmp(record.body, &record.position, 8), 0);
    }
    cr_assert_eq(rc, ERR_NOT_FOUND);
    log_cursor_fini(&cursor);
    cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
    cr_assert_eq(fixture_count(reader, log_first(reader), LOG_ALL_KINDS),
                 log_durable(log) + 1 - log_first(reader));
    log_close(&reader);
    log_close(&log);
}

Test(log, a_follower_notices_that_the_log_was_replaced)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 10, 100);
    log_t *reader = fixture_follow();
    log_close(&log);
    static const char *const files[] = {"lock", "position", "0000000000000001.seg"};
    for (int i = 0; i < 3; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "j/producer/%s", files[i]);
        cr_assert_eq(sim_disk_remove(disk, path), 0);
    }
    cr_assert_eq(sim_disk_remove(disk, "j/producer"), 0);
    log = fixture_own(0);
    fixture_write(log, 5, 20, 100);
    struct why why = {{0}};
    sim_disk_set_now(disk, 5000);
    cr_assert_eq(log_refresh(reader, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "replaced"), "%s", why.text);
    log_close(&log);
    log_close(&reader);
}

Test(log, a_log_restored_from_a_backup_is_refused_with_the_witness)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 10, 100);
    log_close(&log);
    sim_disk_t *backup = sim_disk_clone(disk);
    log = fixture_own(0);
    fixture_write(log, 5, 10, 100);
    log_t *reader = fixture_follow();
    log_close(&log);
    log_close(&reader);
    sim_disk_use(backup);
    struct why why = {{0}};
    cr_assert_eq(fixture_own_fails(&why, 20), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "position 20 was durable"), "%s", why.text);
    log = fixture_own(10); /* what the backup holds is fine */
    log_close(&log);
    sim_disk_destroy(&backup);
}

Test(log, nothing_is_written_after_a_loss)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 10, 100);
    fixture_append(log, 5, 10, 100);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    struct sim_disk_fault fault = {SIM_DISK_ERROR, 1, EIO, false};
    sim_disk_set_fault(disk, &fault);
    struct why why = {{0}};
    cr_assert_eq(log_reap(log, &why), ERR_LOST);
    cr_assert_eq(log_durable(log), 10);
    fixture_append(log, 5, 1, 100);
    why.text[0] = '\0';
    cr_assert_eq(log_commit(log, 0, &why), ERR_LOST);
    cr_assert_not_null(strstr(why.text, "cannot sync"), "%s", why.text);
    log_close(&log);
}

/* The next block is made as large as this one was, but never larger than a block may be. */
Test(log, commits_nearly_as_large_as_a_block_are_whole)
{
    struct log_settings settings = fixture_settings();
    settings.segment_bytes = 1024U * 1024;
    log_t *log = NULL;
    cr_assert_eq(log_own(&log, &settings, "producer", 0, NULL), ERR_OK);
    for (int i = 0; i < 5; i++) {
        fixture_write(log, 5, 250, 1000);
        cr_assert_eq(log_gathered(log), 0);
    }
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 1250);
    log_close(&log);
}

/* Over several blocks; and nothing else makes it less than a commit that was taken. */
Test(log, what_waits_for_the_next_commit_is_counted)
{
    log_t *log = fixture_own(0);
    cr_assert_eq(log_gathered(log), 0);
    for (unsigned i = 1; i <= 200; i++) {
        fixture_append(log, 5, 1, 1000);
        cr_assert_eq(log_gathered(log), i * log_block_record_bytes(1000));
    }
    sim_disk_set_capacity(disk, 0);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_FULL);
    cr_assert_gt(log_gathered(log), 0, "what was not written still waits");
    sim_disk_set_capacity(disk, UINT64_C(1) << 30);
    sim_disk_set_now(disk, 60000); /* room is measured again */
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    cr_assert_eq(log_gathered(log), 0);
    log_close(&log);
}

Test(log, the_last_position_appended_is_known_kind_by_kind)
{
    log_t *log = fixture_own(0);
    cr_assert_eq(log_newest_appended(log, LOG_ALL_KINDS), 0);
    fixture_append(log, 5, 2, 10);
    fixture_append(log, 6, 3, 10);
    fixture_append(log, 5, 1, 10);
    static const struct {
        uint32_t kinds;
        uint64_t newest;
    } known[] = {
        {LOG_KIND_BIT(5), 6}, {LOG_KIND_BIT(6), 5}, {LOG_KIND_BIT(5) | LOG_KIND_BIT(6), 6},
        {LOG_KIND_BIT(7), 0}, {LOG_ALL_KINDS, 6},   {0, 0},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        cr_assert_eq(log_newest_appended(log, known[i].kinds), known[i].newest, "case %zu", i);
    }
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    cr_assert_eq(log_reap(log, NULL), ERR_OK);
    log_close(&log);
    log = fixture_own(0); /* nobody knows of what kinds these were, so they are of all */
    cr_assert_eq(log_newest_appended(log, LOG_KIND_BIT(7)), 6);
    fixture_append(log, 7, 1, 10);
    cr_assert_eq(log_newest_appended(log, LOG_KIND_BIT(7)), 7);
    cr_assert_eq(log_newest_appended(log, LOG_KIND_BIT(6)), 6);
    log_close(&log);
}
