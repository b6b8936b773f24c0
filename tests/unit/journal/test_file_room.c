#include "unit/journal/journal_fixture.h"

#include "journal/segment.h"
#include "support/odd_call.h"

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

TestSuite(file_room, .init = setup, .fini = teardown);

#define FLOOR (1024U * 1024)

static size_t
segment_count(void)
{
    size_t count = 0;
    for (uint64_t counter = 1; counter < 200; counter++) {
        char name[SEGMENT_NAME_SIZE];
        char path[64];
        size_t size;
        segment_file_name(counter, name);
        (void)snprintf(path, sizeof path, "j/producer/%s", name);
        count += sim_disk_bytes(disk, path, &size) != NULL;
    }
    return count;
}

Test(file_room, is_whole_segments_of_free_space_and_what_is_left_in_the_active_one)
{
    sim_disk_set_capacity(disk, FLOOR + 10 * FIXTURE_SEGMENT + 5000);
    log_t *log = fixture_own(0);
    uint64_t segment = segment_data_end(FIXTURE_SEGMENT);
    /* One segment is active; lock and position take the odd bytes. */
    cr_assert_eq(log_room(log), 9 * segment + segment - SEGMENT_HEAD_BYTES);
    fixture_append(log, 5, 1, 1000);
    cr_assert_eq(log_room(log), 9 * segment + segment - SEGMENT_HEAD_BYTES - 1536);
    log_reserve(log, 2 * segment);
    cr_assert_eq(log_room(log), 7 * segment + segment - SEGMENT_HEAD_BYTES - 1536);
    log_reserve(log, 100 * segment);
    cr_assert_eq(log_room(log), 0);
    log_close(&log);
}

Test(file_room, a_full_disk_refuses_new_records_and_forgets_none)
{
    sim_disk_set_capacity(disk, FLOOR + 4 * FIXTURE_SEGMENT);
    log_t *log = fixture_own(0);
    err_t rc = ERR_OK;
    while (rc == ERR_OK) {
        fixture_append(log, 5, 10, 900);
        rc = log_commit(log, 0, NULL);
        cr_assert_eq(log_reap(log, NULL), ERR_OK);
    }
    cr_assert_eq(rc, ERR_FULL);
    uint64_t held = log_durable(log);
    cr_assert_gt(held, 200);
    cr_assert_eq(log_next(log), held + 11);
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), held);
    /* Room comes back: the same records are written by the next commit. */
    sim_disk_set_capacity(disk, FLOOR + 8 * FIXTURE_SEGMENT);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    cr_assert_eq(log_reap(log, NULL), ERR_OK);
    cr_assert_eq(log_durable(log), held + 10);
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), held + 10);
    log_close(&log);
}

Test(file_room, records_that_finish_accepted_work_use_the_reserve)
{
    sim_disk_set_capacity(disk, FLOOR + 6 * FIXTURE_SEGMENT);
    log_t *log = fixture_own(0);
    log_reserve(log, 3 * FIXTURE_SEGMENT);
    err_t rc = ERR_OK;
    while (rc == ERR_OK) {
        fixture_append(log, 5, 10, 900);
        rc = log_commit(log, 0, NULL);
    }
    cr_assert_eq(rc, ERR_FULL);
    uint64_t before = log_next(log);
    while (log_next(log) < before + 150) {
        cr_assert_eq(log_commit(log, LOG_STORE_FINISHING, NULL), ERR_OK);
        cr_assert_eq(log_reap(log, NULL), ERR_OK);
        fixture_append(log, 6, 10, 900);
    }
    log_close(&log);
}

Test(file_room, trimming_drops_whole_segments_and_never_the_active_one)
{
    log_t *log = fixture_own(0);
    for (int i = 0; i < 50; i++) {
        fixture_write(log, 5, 10, 900);
    }
    size_t before = segment_count();
    cr_assert_gt(before, 5);
    cr_assert_eq(log_trim(log, 1, NULL), ERR_OK);
    cr_assert_eq(segment_count(), before);
    cr_assert_eq(log_trim(log, 200, NULL), ERR_OK);
    cr_assert_lt(segment_count(), before);
    cr_assert_gt(log_first(log), 1);
    cr_assert_leq(log_first(log), 200);
    cr_assert_eq(fixture_count(log, log_first(log), LOG_ALL_KINDS), 501 - log_first(log));
    cr_assert_eq(log_trim(log, UINT64_MAX, NULL), ERR_OK);
    cr_assert_eq(segment_count(), 1);
    struct log_record record;
    log_block_t *block = NULL;
    struct why why = {{0}};
    cr_assert_eq(log_read(log, 1, &record, &block, &why), ERR_NOT_FOUND);
    cr_assert_not_null(strstr(why.text, "trimmed away"));
    log_close(&log);
    log = fixture_own(0);
    cr_assert_eq(log_durable(log), 500);
    log_close(&log);
}

Test(file_room, retired_segments_are_used_again)
{
    log_t *log = fixture_own(0);
    struct log_store_state state;
    for (int i = 0; i < 200; i++) {
        fixture_write(log, 5, 10, 900);
        cr_assert_eq(log_trim(log, log_durable(log), NULL), ERR_OK);
    }
    cr_assert_eq(log_inspect(log, &state, NULL), ERR_OK);
    cr_assert_leq(state.bytes, 4 * FIXTURE_SEGMENT);
    cr_assert_eq(fixture_count(log, log_first(log), LOG_ALL_KINDS), 2001 - log_first(log));
    log_close(&log);
    log = fixture_own(0);
    cr_assert_eq(fixture_count(log, log_first(log), LOG_ALL_KINDS), 2001 - log_first(log));
    log_close(&log);
}

Test(file_room, an_error_while_trimming_is_told_and_harms_nothing)
{
    log_t *log = fixture_own(0);
    for (int i = 0; i < 50; i++) {
        fixture_write(log, 5, 10, 900);
    }
    for (uint64_t at = 1; at < 12; at++) {
        struct sim_disk_fault fault = {SIM_DISK_ERROR, at, 5 /* EIO */, false};
        sim_disk_set_fault(disk, &fault);
        err_t rc = log_trim(log, 60 + at * 20, NULL);
        cr_assert(rc == ERR_OK || rc == ERR_IO);
        fault.kind = SIM_DISK_NO_FAULT;
        sim_disk_set_fault(disk, &fault);
        uint64_t first = log_first(log);
        cr_assert_eq(log_refresh(log, NULL), ERR_OK);
        first = log_first(log);
        cr_assert_eq(fixture_count(log, first, LOG_ALL_KINDS), 501 - first);
    }
    log_close(&log);
    log = fixture_own(0);
    cr_assert_eq(log_durable(log), 500);
    log_close(&log);
}

static uint64_t
free_bytes(log_t *log)
{
    sim_disk_set_now(disk, 1000000); /* measured at most once a second */
    cr_assert_eq(log_refresh(log, NULL), ERR_OK);
    return log_seen(log)->free_bytes;
}

Test(file_room, what_is_kept_for_accepted_work_is_set_aside_by_no_log_for_itself)
{
    sim_disk_set_capacity(disk, FLOOR + 20 * FIXTURE_SEGMENT);
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 50, 1000);
    uint64_t before = free_bytes(log);
    fixture_write(log, 5, 50, 1000); /* a second segment */
    sim_disk_set_now(disk, 2000000);
    cr_assert_eq(log_refresh(log, NULL), ERR_OK);
    cr_assert_eq(segment_count(), 2);
    cr_assert_eq(before - log_seen(log)->free_bytes, FIXTURE_SEGMENT);
    log_reserve(log, UINT64_C(1) << 40);
    uint64_t first = log_next(log);
    before = log_seen(log)->free_bytes;
    fixture_append(log, 5, 50, 1000);
    cr_assert_eq(log_commit(log, LOG_STORE_FINISHING, NULL), ERR_OK);
    cr_assert_eq(log_reap(log, NULL), ERR_OK);
    cr_assert_eq(segment_count(), 3);
    sim_disk_set_now(disk, 3000000);
    cr_assert_eq(log_refresh(log, NULL), ERR_OK);
    cr_assert_lt(before - log_seen(log)->free_bytes, FIXTURE_SEGMENT - 4096, "what was written");
    cr_assert_eq(fixture_count(log, first, LOG_ALL_KINDS), 50);
    log_close(&log);
    log = fixture_own(0);
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 150);
    log_close(&log);
}

Test(file_room, a_segment_that_goes_while_room_is_short_is_everybodys)
{
    sim_disk_set_capacity(disk, FLOOR + 20 * FIXTURE_SEGMENT);
    log_t *log = fixture_own(0);
    for (int i = 0; i < 8; i++) {
        fixture_write(log, 5, 60, 1000);
    }
    log_reserve(log, UINT64_C(1) << 40);
    uint64_t before = free_bytes(log);
    size_t count = segment_count();
    cr_assert_eq(log_trim(log, log_durable(log), NULL), ERR_OK);
    size_t gone = count - segment_count();
    cr_assert_geq(gone, 6);
    sim_disk_set_now(disk, 3000000);
    cr_assert_eq(log_refresh(log, NULL), ERR_OK);
    cr_assert_eq(log_seen(log)->free_bytes - before, gone * FIXTURE_SEGMENT);
    log_close(&log);
}

Test(file_room, a_segment_that_cannot_be_removed_stays_and_is_told)
{
    static const enum odd_operation operations[] = {ODD_UNLINK, ODD_SYNC_DIRECTORY};
    odd_call_set(&(struct odd_call){.operation = ODD_NONE});
    log_t *log = fixture_own(0);
    for (int i = 0; i < 8; i++) {
        fixture_write(log, 5, 50, 1000); /* a segment each */
    }
    log_reserve(log, UINT64_C(1) << 40); /* so that none becomes a spare */
    for (size_t i = 0; i < 2; i++) {
        struct why why = {{0}};
        odd_call_set(&(struct odd_call){.operation = operations[i], .answer = -EIO});
        cr_assert_eq(log_trim(log, log_durable(log), &why), i == 0 ? ERR_IO : ERR_LOST);
        cr_assert_str_eq(why.text, "cannot remove j/producer/0000000000000001.seg: "
                                   "Input/output error");
        cr_assert_eq(log_refresh(log, NULL), ERR_OK);
        cr_assert_eq(log_first(log), i == 0 ? 1 : 51, "unlinked, if perhaps not for good");
        uint64_t first = log_first(log);
        cr_assert_eq(fixture_count(log, first, LOG_ALL_KINDS), 401 - first);
    }
    cr_assert_eq(log_trim(log, log_durable(log), NULL), ERR_OK);
    cr_assert_eq(segment_count(), 1);
    log_close(&log);
}
