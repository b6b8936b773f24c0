#include "base/err_name.h"
#include "support/odd_call.h"
#include "unit/journal/journal_forge.h"

#include <errno.h>

#define SEGMENT_1 "j/producer/0000000000000001.seg"
#define SEGMENT_2 "j/producer/0000000000000002.seg"

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

TestSuite(recovery, .init = setup, .fini = teardown);

static void
write_and_close(unsigned batches)
{
    log_t *log = fixture_own(0);
    for (unsigned i = 0; i < batches; i++) {
        fixture_write(log, 5, 10, 100); /* 1536 bytes a block */
    }
    log_close(&log);
}

static void
forget_position(void)
{
    size_t size;
    uint8_t *bytes = sim_disk_bytes(disk, "j/producer/position", &size);
    memset(bytes, 0, size);
    sim_disk_settle(disk);
}

Test(recovery, a_torn_tail_is_cut_at_every_byte_of_the_last_batch)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 10, 100);
    fixture_append(log, 5, 10, 100);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK); /* never reaped */
    log_close(&log);
    sim_disk_t *whole = disk;
    size_t block = LOG_BLOCK_HEAD_BYTES + 10 * 102;
    for (size_t cut = 0; cut < block; cut++) {
        disk = sim_disk_clone(whole);
        sim_disk_use(disk);
        size_t size;
        uint8_t *bytes = sim_disk_bytes(disk, SEGMENT_1, &size);
        memset(bytes + 4096 + 1536 + cut, 0xff, block - cut);
        sim_disk_settle(disk);
        log = fixture_own(10);
        cr_assert_eq(log_durable(log), 10);
        cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 10);
        struct log_store_state state;
        cr_assert_eq(log_inspect(log, &state, NULL), ERR_OK);
        cr_assert_not_null(strstr(state.notice, "torn at offset 5632"), "%s", state.notice);
        log_close(&log);
        sim_disk_destroy(&disk);
    }
    disk = whole;
}

Test(recovery, a_whole_tail_is_kept_with_its_numbers)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 10, 100);
    fixture_append(log, 6, 10, 100);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    log_close(&log);
    log = fixture_own(10);
    cr_assert_eq(log_durable(log), 20);
    cr_assert_eq(log_run(log), 2);
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 20);
    cr_assert_eq(fixture_count(log, 1, LOG_KIND_BIT(6)), 10);
    log_close(&log);
    size_t size;
    cr_assert_not_null(sim_disk_bytes(disk, SEGMENT_1, &size));
    cr_assert_eq(size, 4096 + 1536, "the abandoned segment is shrunk to what it holds");
}

Test(recovery, starts_alone_leave_one_empty_segment)
{
    for (int i = 0; i < 20; i++) {
        log_t *log = fixture_own(0);
        cr_assert_eq(log_run(log), (uint64_t)i + 1);
        log_close(&log);
    }
    size_t size;
    cr_assert_null(sim_disk_bytes(disk, SEGMENT_1, &size));
    cr_assert_not_null(sim_disk_bytes(disk, "j/producer/0000000000000014.seg", &size));
    cr_assert_null(sim_disk_bytes(disk, "j/producer/0000000000000013.seg", &size));
}

Test(recovery, damage_before_the_published_position_is_refused_and_nothing_is_touched)
{
    write_and_close(5);
    for (unsigned block = 0; block < 5; block++) {
        sim_disk_t *whole = sim_disk_clone(disk);
        fixture_flip(disk, SEGMENT_1, 4096 + block * 1536 + 300);
        uint64_t before = sim_disk_hash(disk);
        struct why why = {{0}};
        cr_assert_eq(fixture_own_fails(&why, 0), ERR_CORRUPT);
        char expected[200];
        (void)snprintf(expected, sizeof expected,
                       SEGMENT_1 " is damaged at offset %u: position 50 was durable (so says the "
                                 "position file), but valid content ends with position %u",
                       4096 + block * 1536, block * 10);
        cr_assert_str_eq(why.text, expected);
        cr_assert_eq(sim_disk_hash(disk), before);
        sim_disk_destroy(&disk);
        disk = whole;
        sim_disk_use(disk);
    }
}

Test(recovery, damage_is_found_by_a_later_block_when_the_position_file_is_gone)
{
    write_and_close(5);
    forget_position();
    for (unsigned block = 0; block < 4; block++) {
        sim_disk_t *whole = sim_disk_clone(disk);
        fixture_flip(disk, SEGMENT_1, 4096 + block * 1536 + 300);
        struct why why = {{0}};
        cr_assert_eq(fixture_own_fails(&why, 0), ERR_CORRUPT, "block %u", block);
        cr_assert_not_null(strstr(why.text, "a later block"));
        sim_disk_destroy(&disk);
        disk = whole;
        sim_disk_use(disk);
    }
}

Test(recovery, damage_in_the_last_batch_is_found_by_a_witness)
{
    write_and_close(5);
    forget_position();
    fixture_flip(disk, SEGMENT_1, 4096 + 4 * 1536 + 300);
    struct why why = {{0}};
    cr_assert_eq(fixture_own_fails(&why, 41), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "another log that has read it"));
    log_t *log = fixture_own(40);
    cr_assert_eq(log_durable(log), 40);
    log_close(&log);
}

Test(recovery, a_witness_inside_a_block_proves_the_whole_block)
{
    write_and_close(3);
    forget_position();
    log_t *log = fixture_own(25);
    cr_assert_eq(log_durable(log), 30);
    log_close(&log);
    size_t size;
    (void)sim_disk_bytes(disk, SEGMENT_1, &size);
    cr_assert_eq(size, 4096 + 3 * 1536, "nothing had to be copied");
}

Test(recovery, a_missing_segment_is_corruption)
{
    log_t *log = fixture_own(0);
    for (int i = 0; i < 60; i++) {
        fixture_write(log, 5, 10, 900);
    }
    log_close(&log);
    struct why why = {{0}};
    sim_disk_t *whole = sim_disk_clone(disk);
    cr_assert_eq(sim_disk_remove(disk, "j/producer/0000000000000003.seg"), 0);
    cr_assert_eq(fixture_own_fails(&why, 0), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "0000000000000003.seg is missing"), "%s", why.text);
    sim_disk_destroy(&disk);
    disk = whole;
    sim_disk_use(disk);
    /* The newest of all: only the position file knows it. */
    char newest[64] = {0};
    size_t size;
    for (int i = 1; i < 20; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "j/producer/%016x.seg", (unsigned)i);
        if (sim_disk_bytes(disk, path, &size) != NULL) {
            memcpy(newest, path, sizeof newest);
        }
    }
    cr_assert_eq(sim_disk_remove(disk, newest), 0);
    cr_assert_eq(fixture_own_fails(&why, 0), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "is missing: the position file says"), "%s", why.text);
}

Test(recovery, an_emptied_directory_is_refused_when_anybody_knows_better)
{
    write_and_close(2);
    cr_assert_eq(sim_disk_remove(disk, SEGMENT_1), 0);
    struct why why = {{0}};
    cr_assert_eq(fixture_own_fails(&why, 0), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "position 20 is durable"));
    cr_assert_eq(sim_disk_remove(disk, "j/producer/position"), 0);
    cr_assert_eq(fixture_own_fails(&why, 20), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "another log has seen its position 20"));
}

Test(recovery, a_newer_format_is_refused_and_left_untouched)
{
    write_and_close(2);
    size_t size;
    uint8_t *bytes = sim_disk_bytes(disk, SEGMENT_1, &size);
    bytes[8] = SEGMENT_MAJOR + 1;
    sim_disk_settle(disk);
    uint64_t before = sim_disk_hash(disk);
    struct why why = {{0}};
    cr_assert_eq(fixture_own_fails(&why, 0), ERR_UNSUPPORTED);
    cr_assert_not_null(strstr(why.text, "has format version 3"));
    cr_assert_eq(sim_disk_hash(disk), before);
    struct log_settings settings = fixture_settings();
    log_t *reader = NULL;
    cr_assert_eq(log_follow(&reader, &settings, "producer", &why), ERR_UNSUPPORTED);
}

Test(recovery, a_directory_that_was_renamed_is_refused)
{
    write_and_close(2);
    struct log_settings settings = fixture_settings();
    log_t *log = NULL;
    cr_assert_eq(log_own(&log, &settings, "other", 0, NULL), ERR_OK);
    log_close(&log);
    /* Its segment gets the content of the first log's. */
    size_t size;
    size_t other_size;
    uint8_t *from = sim_disk_bytes(disk, SEGMENT_1, &size);
    uint8_t *to = sim_disk_bytes(disk, "j/other/0000000000000001.seg", &other_size);
    memcpy(to, from, size < other_size ? size : other_size);
    sim_disk_settle(disk);
    struct why why = {{0}};
    cr_assert_eq(log_own(&log, &settings, "other", 0, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "holds the log \"producer\""), "%s", why.text);
}

Test(recovery, read_errors_refuse_and_are_never_the_end)
{
    log_t *log = fixture_own(0);
    for (unsigned i = 0; i < 5; i++) {
        fixture_write(log, 5, 10, 100);
    }
    fixture_append(log, 5, 10, 100); /* a tail that is copied, and read again */
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    log_close(&log);
    for (uint64_t at = 1; at < 60; at++) {
        sim_disk_t *whole = sim_disk_clone(disk);
        struct sim_disk_fault fault = {SIM_DISK_ERROR, at, EIO, false};
        sim_disk_set_fault(disk, &fault);
        struct log_settings settings = fixture_settings();
        log = NULL;
        err_t rc = log_own(&log, &settings, "producer", 0, NULL);
        cr_assert(rc == ERR_OK || rc == ERR_IO || rc == ERR_LOST, "%s", err_name(rc));
        cr_assert(rc != ERR_OK || log_durable(log) == 60);
        log_close(&log);
        sim_disk_kill(disk);
        log = fixture_own(50);
        cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 60);
        log_close(&log);
        sim_disk_destroy(&disk);
        disk = whole;
        sim_disk_use(disk);
    }
}

Test(recovery, left_overs_of_interrupted_work_are_removed)
{
    write_and_close(2);
    const struct file_ops *ops = file_ops_current();
    struct file_store_settings settings = {.directory = "j",
                                           .name = "producer",
                                           .segment_bytes = FIXTURE_SEGMENT,
                                           .no_write_ahead = true};
    (void)ops->close(ops->open(-100, "j/producer/new.tmp", 0102, 0600));
    (void)ops->close(ops->open(-100, "j/producer/9.tmp", 0102, 0600));
    (void)ops->close(ops->open(-100, "j/producer/8.spare", 0102, 0600));
    log_store_t *store = NULL;
    cr_assert_eq(file_store_own(&store, &settings, 0, NULL), ERR_OK);
    size_t size;
    cr_assert_null(sim_disk_bytes(disk, "j/producer/new.tmp", &size));
    cr_assert_null(sim_disk_bytes(disk, "j/producer/9.tmp", &size));
    cr_assert_null(sim_disk_bytes(disk, "j/producer/8.spare", &size));
    log_store_close(&store);
}

Test(recovery, works_on_a_full_disk)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 20, 900);
    fixture_append(log, 5, 5, 900);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    log_close(&log);
    /* Room for the tail and the header, not for a segment. */
    sim_disk_set_capacity(disk, FIXTURE_SEGMENT + 2048 + 4096 + 10000);
    log = fixture_own(20);
    cr_assert_eq(log_durable(log), 25);
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 25);
    cr_assert_eq(log_room(log), 0);
    log_close(&log);
}

Test(recovery, needs_room_for_the_tail_and_says_so)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 20, 900);
    fixture_append(log, 5, 20, 900);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    log_close(&log);
    sim_disk_set_capacity(disk, FIXTURE_SEGMENT + 2048);
    struct why why = {{0}};
    cr_assert_eq(fixture_own_fails(&why, 0), ERR_FULL);
    sim_disk_set_capacity(disk, 1U << 30);
    log = fixture_own(20);
    cr_assert_eq(log_durable(log), 40);
    log_close(&log);
}

Test(recovery, a_larger_tail_than_a_segment_of_today_gets_a_larger_one)
{
    struct log_settings settings = fixture_settings();
    settings.segment_bytes = 1024U * 1024;
    log_t *log = NULL;
    cr_assert_eq(log_own(&log, &settings, "producer", 0, NULL), ERR_OK);
    fixture_append(log, 5, 500, 900);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    log_close(&log);
    log = fixture_own(0);
    cr_assert_eq(log_durable(log), 500);
    fixture_write(log, 5, 200, 900);
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 700);
    log_close(&log);
}

/* Under a right checksum: too many records, and positions that do not follow. */
Test(recovery, a_last_batch_that_makes_no_sense_is_cut)
{
    for (int i = 0; i < 2; i++) {
        sim_disk_destroy(&disk);
        disk = fixture_disk();
        write_and_close(1);
        log_block_t *forged = fixture_block(i == 0 ? 11 : 15, 10, 5, 100);
        forged->count += i == 0 ? 1 : 0;
        forge_block(disk, SEGMENT_1, 4096 + 1536, forged);
        log_t *log = fixture_own(10);
        cr_assert_eq(log_durable(log), 10);
        cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 10);
        struct log_store_state state;
        cr_assert_eq(log_inspect(log, &state, NULL), ERR_OK);
        cr_assert_not_null(strstr(state.notice, "torn at offset 5632"), "%s", state.notice);
        log_close(&log);
    }
}

Test(recovery, a_position_file_that_knows_a_later_run_is_refused)
{
    write_and_close(2);
    struct position_claim claim = forge_last_claim(disk, "j/producer/position");
    claim.run++;
    forge_claim(disk, "j/producer/position", &claim);
    struct why why = {{0}};
    cr_assert_eq(fixture_own_fails(&why, 0), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "is missing: the position file says"), "%s", why.text);
}

Test(recovery, a_segment_that_is_shorter_than_the_system_says_is_not_cut)
{
    write_and_close(2);
    /* Behind the position file and the segment's header. */
    odd_call_set(&(struct odd_call){.operation = ODD_PREAD, .after = 2, .answer = 0});
    struct why why = {{0}};
    cr_assert_eq(fixture_own_fails(&why, 0), ERR_IO);
    cr_assert_str_eq(why.text, SEGMENT_1 ": short read");
    log_t *log = fixture_own(20);
    log_close(&log);
}

/* For the salt, and for the identity of a log that is new. */
Test(recovery, without_random_bytes_no_segment_is_made)
{
    for (unsigned i = 0; i < 3; i++) {
        const struct odd_call none = {.operation = ODD_RANDOM, .after = i % 2, .answer = -ENOSYS};
        struct why why = {{0}};
        size_t size;
        odd_call_set(&none);
        cr_assert_eq(fixture_own_fails(&why, 0), ERR_IO);
        cr_assert_str_eq(why.text, "no random bytes for j/producer: Function not implemented");
        cr_assert_null(sim_disk_bytes(disk, i < 2 ? SEGMENT_1 : SEGMENT_2, &size));
        if (i == 1) {
            write_and_close(1);
        }
    }
}
