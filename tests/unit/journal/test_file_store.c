#include "unit/journal/journal_forge.h"
#include "unit/journal/store_fixture.h"

#include "base/err_name.h"
#include "support/odd_call.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
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

TestSuite(file_store, .init = setup, .fini = teardown);

Test(file_store, what_is_appended_is_not_read_before_it_is_reaped)
{
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
    log_block_t *block = NULL;
    uint64_t tag;
    uint64_t position;
    cr_assert_eq(log_store_fd(store), -1);
    store_fixture_append(store, 1, 3, 5);
    store_fixture_append(store, 4, 2, 6);
    cr_assert_eq(log_store_read(store, 1, LOG_ALL_KINDS, &block, NULL), ERR_AGAIN);
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    cr_assert_eq(position, 5);
    cr_assert_eq(tag, 5);
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN);
    cr_assert_eq(log_store_read(store, 1, LOG_ALL_KINDS, &block, NULL), ERR_OK);
    cr_assert_eq(log_block_first(block), 1);
    log_block_release(&block);
    cr_assert_eq(log_store_read(store, 1, 1U << 6, &block, NULL), ERR_OK);
    cr_assert_eq(log_block_first(block), 4);
    log_block_release(&block);
    cr_assert_eq(log_store_read(store, 6, LOG_ALL_KINDS, &block, NULL), ERR_AGAIN);
    cr_assert_eq(log_store_read(store, 1, 1U << 9, &block, NULL), ERR_AGAIN);
    log_store_close(&store);
}

Test(file_store, a_failed_sync_is_final_and_touches_the_file_no_more)
{
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
    uint64_t tag;
    uint64_t position;
    struct why why = {{0}};
    store_fixture_append(store, 1, 3, 5);
    struct sim_disk_fault fault = {SIM_DISK_ERROR, 1, EIO, false};
    sim_disk_set_fault(disk, &fault);
    cr_assert_eq(log_store_reap(store, &tag, &position, &why), ERR_LOST);
    cr_assert_not_null(strstr(why.text, "cannot sync j/producer/0000000000000001.seg"));
    uint64_t operations = sim_disk_operations(disk);
    for (int i = 0; i < 3; i++) {
        log_block_t *block = fixture_block(4, 1, 5, 10);
        cr_assert_eq(log_store_append(store, block, LOG_STORE_FINISHING, &tag), ERR_LOST);
        log_block_release(&block);
        cr_assert_eq(log_store_reap(store, &tag, &position, &why), ERR_LOST);
    }
    cr_assert_eq(sim_disk_operations(disk), operations);
    log_store_close(&store);
    cr_assert_eq(sim_disk_operations(disk), operations);
}

Test(file_store, a_failed_write_is_final)
{
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
    log_block_t *block = fixture_block(1, 1, 5, 10);
    uint64_t tag;
    struct sim_disk_fault fault = {SIM_DISK_ERROR, 1, EIO, false};
    sim_disk_set_fault(disk, &fault);
    cr_assert_eq(log_store_append(store, block, LOG_STORE_FINISHING, &tag), ERR_LOST);
    cr_assert_eq(log_store_append(store, block, LOG_STORE_FINISHING, &tag), ERR_LOST);
    log_block_release(&block);
    log_store_close(&store);
}

Test(file_store, every_fault_during_a_roll_is_full_or_lost_and_loses_nothing_acknowledged)
{
    for (uint64_t at = 1; at < 20; at++) {
        for (int error = 0; error < 2; error++) {
            sim_disk_destroy(&disk);
            disk = fixture_disk();
            log_t *log = fixture_own(0);
            fixture_write(log, 5, 55, 1000); /* the next block does not fit */
            struct sim_disk_fault fault = {SIM_DISK_ERROR, at, error == 0 ? EIO : ENOSPC, false};
            sim_disk_set_fault(disk, &fault);
            fixture_append(log, 6, 20, 1000);
            err_t rc = log_commit(log, LOG_STORE_FINISHING, NULL);
            rc = rc == ERR_OK ? log_reap(log, NULL) : rc;
            cr_assert(rc == ERR_OK || rc == ERR_FULL || rc == ERR_LOST, "%s", err_name(rc));
            uint64_t durable = log_durable(log);
            log_close(&log);
            sim_disk_crash(disk, at);
            log = fixture_own(durable);
            cr_assert_geq(log_durable(log), durable);
            cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), log_durable(log));
            log_close(&log);
        }
    }
}

Test(file_store, a_thread_of_its_own_syncs_and_tells_by_the_descriptor)
{
    file_ops_install(NULL); /* threads and the simulated disk do not mix */
    char path[64];
    const char *base = getenv("TMPDIR");
    (void)snprintf(path, sizeof path, "%s/herald-sync-XXXXXX", base == NULL ? "/tmp" : base);
    cr_assert_not_null(mkdtemp(path));
    struct log_settings settings = {
        .directory = path,
        .segment_bytes = 1024U * 1024,
        .sync = LOG_SYNC_ASIDE, /* and a spare in the background */
    };
    log_t *log = NULL;
    cr_assert_eq(log_own(&log, &settings, "producer", 0, NULL), ERR_OK);
    for (int i = 0; i < 300; i++) {
        fixture_append(log, 5, 40, 300);
        cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
        cr_assert_eq(log_reap(log, NULL), ERR_OK);
    }
    while (log_durable(log) + 1 != log_next(log)) {
        struct pollfd event = {.fd = log_fd(log), .events = POLLIN};
        cr_assert_eq(poll(&event, 1, 60000), 1);
        cr_assert_eq(log_reap(log, NULL), ERR_OK);
    }
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 300 * 40);
    log_close(&log);
    cr_assert_eq(log_own(&log, &settings, "producer", 0, NULL), ERR_OK);
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 300 * 40);
    log_close(&log);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r '%s'", path);
    cr_assert_eq(system(command), 0);
}

Test(file_store, a_spare_written_ahead_is_used_by_the_next_roll)
{
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
    cr_assert_eq(file_store_prepare(store), 0);
    size_t size;
    cr_assert_not_null(sim_disk_bytes(disk, "j/producer/2.spare", &size));
    cr_assert_eq(size, FIXTURE_SEGMENT);
    uint64_t next = 1;
    for (; next < 1000; next += 50) {
        store_fixture_append(store, next, 50, 5);
    }
    cr_assert_null(sim_disk_bytes(disk, "j/producer/2.spare", &size));
    log_store_close(&store);
}

/* Whichever it is: nothing is written into a spare whose old name may come back, and no sync is
 * tried again. The next start is as if there had been none. */
static void
start_with_failing(enum odd_operation operation)
{
    const struct file_store_settings settings = {
        .directory = "j",
        .name = "producer",
        .segment_bytes = FIXTURE_SEGMENT,
        .no_write_ahead = true,
    };
    odd_call_set(&(struct odd_call){.operation = ODD_NONE});
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
    store_fixture_append(store, 1, 3, 5); /* a tail that each start copies and then drops */
    cr_assert_eq(file_store_prepare(store), 0);
    log_store_close(&store);
    unsigned failed = 0;
    bool all = false;
    for (unsigned after = 0; !all; after++) {
        struct why why = {{0}};
        odd_call_set(&(struct odd_call){
            .operation = operation, .answer = -EIO, .after = after, .times = 100});
        err_t rc = file_store_own(&store, &settings, 0, &why);
        all = odd_call_count() == 0;
        failed += odd_call_count();
        cr_assert_eq(odd_call_count(), all ? 0 : 1, "no second one");
        cr_assert(all ? rc == ERR_OK : rc == ERR_IO || rc == ERR_LOST, "%s %s", err_name(rc),
                  why.text);
        cr_assert(all || strstr(why.text, "cannot") != NULL, "%s", why.text);
        log_store_close(&store);
    }
    cr_assert_gt(failed, 1);
}

Test(file_store, a_start_whose_directory_cannot_be_synced_is_none)
{
    start_with_failing(ODD_SYNC_DIRECTORY);
}

Test(file_store, a_start_that_cannot_sync_what_it_writes_is_none)
{
    start_with_failing(ODD_SYNC_DATA);
}

Test(file_store, blocks_of_the_largest_size_are_written_and_read)
{
    struct file_store_settings settings = {
        .directory = "j",
        .name = "big",
        .segment_bytes = 4U * 1024 * 1024,
        .no_write_ahead = true,
    };
    log_store_t *store = NULL;
    cr_assert_eq(file_store_own(&store, &settings, 0, NULL), ERR_OK);
    uint64_t tag;
    uint64_t position;
    for (uint64_t i = 0; i < 12; i++) {
        log_block_t *block = fixture_block(1 + i * 16, 16, 5, 65000);
        cr_assert_eq(log_store_append(store, block, 0, &tag), ERR_OK);
        log_block_release(&block);
    }
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    for (uint64_t i = 1; i <= 12 * 16; i++) {
        log_block_t *block = NULL;
        cr_assert_eq(log_store_read(store, i, LOG_ALL_KINDS, &block, NULL), ERR_OK);
        cr_assert_eq(log_block_first(block), (i - 1) / 16 * 16 + 1);
        log_block_release(&block);
    }
    log_store_close(&store);
}

Test(file_store, settings_out_of_range_are_refused)
{
    struct file_store_settings settings = {.directory = "j", .name = "x"};
    static const uint64_t bad[] = {1, 4096, 65536 + 1, 2U * 1024 * 1024 * 1024};
    for (size_t i = 0; i < 4; i++) {
        log_store_t *store = NULL;
        settings.segment_bytes = bad[i];
        cr_assert_eq(file_store_own(&store, &settings, 0, NULL), ERR_INVALID);
        cr_assert_null(store);
    }
}

Test(file_store, segments_have_64_mib_unless_told_otherwise)
{
    struct file_store_settings settings = {.directory = "j", .name = "x"};
    log_store_t *store = NULL;
    struct log_store_state state;
    cr_assert_eq(file_store_follow(&store, &settings, NULL), ERR_OK);
    cr_assert_eq(log_store_inspect(store, &state, NULL), ERR_OK);
    cr_assert_eq(state.segment_bytes, 64U * 1024 * 1024);
    log_store_close(&store);
}

Test(file_store, the_last_block_up_to_a_position_is_found_in_the_files)
{
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
    uint64_t tag;
    uint64_t position;
    for (uint64_t i = 0; i < 10; i++) {
        store_fixture_append(store, 1 + 3 * i, 3, i == 0 || i > 6 ? 5 : 6);
    }
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    log_store_close(&store);
    store = store_fixture_own(LOG_SYNC_HERE); /* and nothing is in memory */
    for (uint64_t up_to = 1; up_to <= 30; up_to++) {
        log_block_t *block = NULL;
        cr_assert_eq(log_store_read_back(store, up_to, LOG_ALL_KINDS, &block, NULL), ERR_OK);
        cr_assert_eq(log_block_first(block), (up_to - 1) / 3 * 3 + 1);
        log_block_release(&block);
        err_t rc = log_store_read_back(store, up_to, 1U << 6, &block, NULL);
        cr_assert_eq(rc, up_to < 4 ? ERR_NOT_FOUND : ERR_OK);
        cr_assert(rc != ERR_OK || log_block_kinds(block) == 1U << 6);
        log_block_release(&block);
    }
    log_store_close(&store);
}

/* Followers look whether it was trimmed meanwhile; nobody but the owner trims. */
Test(file_store, a_segment_that_is_gone_is_not_taken_for_a_trimmed_one_by_its_owner)
{
    log_t *log = fixture_own(0);
    for (uint8_t kind = 5; kind < 8; kind++) {
        fixture_write(log, kind, 55, 1000); /* a segment each */
    }
    log_close(&log);
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE); /* nothing is in memory */
    cr_assert_eq(sim_disk_remove(disk, "j/producer/0000000000000001.seg"), 0);
    for (int i = 0; i < 2; i++) {
        log_block_t *block = NULL;
        struct why why = {{0}};
        cr_assert_eq(log_store_read(store, 1, LOG_ALL_KINDS, &block, &why), ERR_IO);
        cr_assert_str_eq(why.text,
                         "cannot open j/producer/0000000000000001.seg: No such file or directory");
        cr_assert_eq(log_store_read_back(store, 40, LOG_ALL_KINDS, &block, &why), ERR_IO);
        cr_assert_eq(log_store_read(store, 56, LOG_ALL_KINDS, &block, &why), ERR_OK, "%s",
                     why.text);
        log_block_release(&block);
    }
    log_store_close(&store);
}

Test(file_store, the_position_file_of_another_log_is_refused)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 10, 100);
    log_close(&log);
    struct position_claim claim = forge_last_claim(disk, "j/producer/position");
    claim.identity[15] ^= 1;
    forge_claim(disk, "j/producer/position", &claim);
    uint64_t before = sim_disk_hash(disk);
    struct why why = {{0}};
    cr_assert_eq(fixture_own_fails(&why, 0), ERR_CORRUPT);
    cr_assert_str_eq(why.text, "j/producer/position belongs to another log than the segments "
                               "beside it");
    cr_assert_eq(sim_disk_hash(disk), before);
}
