#include "support/odd_call.h"
#include "unit/journal/journal_forge.h"

#include <errno.h>

#define POSITION "j/producer/position"
#define SEGMENT_1 "j/producer/0000000000000001.seg"
#define SEGMENT_2 "j/producer/0000000000000002.seg"

static sim_disk_t *disk;

static void
setup(void)
{
    disk = fixture_disk();
    odd_call_set(&(struct odd_call){.operation = ODD_NONE});
}

static void
teardown(void)
{
    sim_disk_destroy(&disk);
}

TestSuite(file_follow, .init = setup, .fini = teardown);

/* One segment for each kind from 5 on. */
static void
write_segments(uint8_t count)
{
    log_t *log = fixture_own(0);
    for (uint8_t i = 0; i < count; i++) {
        fixture_write(log, (uint8_t)(5 + i), 55, 1000);
    }
    log_close(&log);
}

static err_t
follow_fails(struct why *why)
{
    struct log_settings settings = fixture_settings();
    log_t *log = NULL;
    err_t rc = log_follow(&log, &settings, "producer", why);
    cr_assert_null(log);
    return rc;
}

static err_t
read_first(log_t *reader, struct why *why)
{
    struct log_record record;
    log_block_t *block = NULL;
    err_t rc = log_read(reader, 1, &record, &block, why);
    log_block_release(&block);
    return rc;
}

Test(file_follow, a_claim_that_cannot_follow_the_last_one_is_refused)
{
    write_segments(1);
    log_t *log = fixture_own(0); /* a second run, which keeps the first one's segment */
    fixture_write(log, 5, 1, 100);
    log_t *reader = fixture_follow();
    log_close(&log);
    const struct position_claim good = forge_last_claim(disk, POSITION);
    for (int i = 0; i < 4; i++) {
        struct position_claim bad = good;
        bad.durable += i == 3 ? 1 : 0;
        bad.identity[5] ^= i == 0 ? 1 : 0;
        bad.run -= i == 1 ? 1 : 0;
        bad.durable -= i == 2 ? 1 : 0;
        bad.counter += i == 3 ? 5 : 0;
        forge_claim(disk, POSITION, &bad);
        static const char *const sentences[] = {"replaced by another log", "went back", "went back",
                                                "segment 7 is missing"};
        struct why why = {{0}};
        cr_assert_eq(log_refresh(reader, &why), ERR_CORRUPT, "case %d", i);
        cr_assert_not_null(strstr(why.text, sentences[i]), "%s", why.text);
        cr_assert_eq(log_next(reader), 57, "what was known before is still true");
        forge_claim(disk, POSITION, &good);
        cr_assert_eq(log_refresh(reader, &why), ERR_OK, "%s", why.text);
    }
    cr_assert_eq(fixture_count(reader, 1, LOG_ALL_KINDS), 56);
    log_close(&reader);
}

Test(file_follow, a_new_run_in_the_segment_that_is_known_is_taken)
{
    write_segments(1);
    log_t *reader = fixture_follow();
    struct position_claim claim = forge_last_claim(disk, POSITION);
    claim.run++;
    forge_claim(disk, POSITION, &claim);
    cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
    cr_assert_eq(log_run(reader), claim.run);
    cr_assert_eq(fixture_count(reader, 1, LOG_ALL_KINDS), 55);
    log_close(&reader);
}

/* A start that kept nothing is skipped by the next one; the position file may name it still. */
Test(file_follow, a_claim_may_name_a_segment_that_was_skipped)
{
    write_segments(1);
    log_t *log = fixture_own(0);
    log_close(&log);
    const struct position_claim claim = forge_last_claim(disk, POSITION);
    cr_assert_eq(claim.counter, 2);
    log = fixture_own(0);
    log_close(&log);
    size_t size;
    cr_assert_null(sim_disk_bytes(disk, SEGMENT_2, &size));
    forge_claim(disk, POSITION, &claim);
    log_t *reader = fixture_follow();
    cr_assert_eq(fixture_count(reader, 1, LOG_ALL_KINDS), 55);
    log_close(&reader);
}

Test(file_follow, a_claim_without_any_segment_is_corrupt)
{
    write_segments(1);
    cr_assert_eq(sim_disk_remove(disk, SEGMENT_1), 0);
    struct why why = {{0}};
    cr_assert_eq(follow_fails(&why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "segment 1 is missing"), "%s", why.text);
}

/* What was synced by a roll is not to be read before it is published. */
Test(file_follow, a_segment_that_is_newer_than_the_claim_shows_nothing_more)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 5, 1000);
    for (int i = 0; i < 4; i++) {
        fixture_append(log, 6, 20, 1000);
        cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    }
    size_t size;
    cr_assert_not_null(sim_disk_bytes(disk, SEGMENT_2, &size));
    log_t *reader = fixture_follow();
    cr_assert_eq(log_durable(reader), 5);
    cr_assert_eq(fixture_count(reader, 1, LOG_ALL_KINDS), 5);
    cr_assert_eq(fixture_count(reader, 1, LOG_KIND_BIT(6)), 0);
    cr_assert_eq(log_reap(log, NULL), ERR_OK);
    cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
    cr_assert_eq(fixture_count(reader, 1, LOG_KIND_BIT(6)), 80);
    log_close(&reader);
    log_close(&log);
}

Test(file_follow, a_position_file_that_cannot_be_opened_or_read_is_an_error)
{
    write_segments(1);
    struct why why = {{0}};
    odd_call_set(&(struct odd_call){.operation = ODD_OPEN, .name = "position", .answer = -EACCES});
    cr_assert_eq(follow_fails(&why), ERR_IO);
    cr_assert_str_eq(why.text, "cannot open " POSITION ": Permission denied");
    log_t *reader = fixture_follow();
    odd_call_set(&(struct odd_call){.operation = ODD_PREAD, .answer = -EIO});
    cr_assert_eq(log_refresh(reader, &why), ERR_IO);
    cr_assert_eq(log_refresh(reader, &why), ERR_OK);
    log_close(&reader);
}

Test(file_follow, segments_that_are_gone_or_others_are_not_taken_for_trimmed_ones)
{
    for (int i = 0; i < 3; i++) {
        sim_disk_destroy(&disk);
        setup();
        write_segments(2);
        log_t *reader = fixture_follow();
        size_t size;
        uint8_t copy[FIXTURE_SEGMENT];
        memcpy(copy, sim_disk_bytes(disk, SEGMENT_1, &size), sizeof copy);
        cr_assert_eq(sim_disk_remove(disk, SEGMENT_1), 0);
        if (i == 0) { /* all of them are gone */
            cr_assert_eq(sim_disk_remove(disk, SEGMENT_2), 0);
        } else if (i == 1) { /* the one behind it is damaged */
            fixture_flip(disk, SEGMENT_2, 100);
        } else { /* a copy is in its place */
            const struct file_ops *ops = file_ops_current();
            int fd = ops->open(-100, SEGMENT_1, 0102, 0600);
            cr_assert_eq(ops->pwrite(fd, copy, sizeof copy, 0), (int64_t)sizeof copy);
            (void)ops->close(fd);
        }
        struct why why = {{0}};
        err_t rc = read_first(reader, &why);
        if (i == 1) { /* seed 500114 of the simulator: damage looked like a disk that fails */
            cr_assert_eq(rc, ERR_CORRUPT);
            cr_assert_str_eq(why.text, SEGMENT_2 " has a header whose checksum is wrong");
        } else {
            cr_assert_eq(rc, ERR_IO, "case %d", i);
            cr_assert_str_eq(why.text, "cannot open " SEGMENT_1 ": No such file or directory");
        }
        log_close(&reader);
    }
}

/* The footer says where the blocks are; that one of them is damaged is found on the way to it. */
Test(file_follow, damage_on_the_way_is_told_in_both_directions)
{
    write_segments(2);
    fixture_flip(disk, SEGMENT_1, SEGMENT_HEAD_BYTES + 20);
    for (int i = 0; i < 2; i++) {
        log_t *reader = fixture_follow();
        struct log_record record;
        log_block_t *block = NULL;
        struct why why = {{0}};
        cr_assert_eq(i == 0 ? log_newest(reader, 5, &record, &block, &why)
                            : log_read(reader, 1, &record, &block, &why),
                     ERR_CORRUPT);
        cr_assert_str_eq(why.text, SEGMENT_1 " is damaged at offset 4096: no valid block header");
        cr_assert_null(block);
        log_close(&reader);
    }
}

Test(file_follow, a_log_whose_owner_has_not_served_it_yet_is_empty)
{
    write_segments(1);
    cr_assert_eq(sim_disk_remove(disk, POSITION), 0);
    log_t *reader = fixture_follow();
    cr_assert_eq(log_durable(reader), 0);
    cr_assert_eq(log_next(reader), 1);
    log_t *log = fixture_own(0);
    cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
    cr_assert_eq(fixture_count(reader, 1, LOG_ALL_KINDS), 55);
    log_close(&log);
    log_close(&reader);
}

Test(file_follow, what_was_trimmed_under_a_search_is_not_an_error)
{
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 55, 1000);
    fixture_write(log, 6, 55, 1000);
    log_t *reader = fixture_follow();
    cr_assert_eq(log_trim(log, log_durable(log), NULL), ERR_OK);
    struct log_record record;
    log_block_t *block = NULL;
    cr_assert_eq(log_newest(reader, 5, &record, &block, NULL), ERR_NOT_FOUND);
    cr_assert_eq(log_newest(reader, 6, &record, &block, NULL), ERR_OK);
    log_block_release(&block);
    log_close(&reader);
    log_close(&log);
}

Test(file_follow, a_store_without_a_segment_has_nothing_to_read_yet)
{
    struct file_store_settings settings = {.directory = "j", .name = "producer"};
    log_store_t *store = NULL;
    log_block_t *block = NULL;
    cr_assert_eq(file_store_follow(&store, &settings, NULL), ERR_OK);
    cr_assert_eq(log_store_read(store, 1, LOG_ALL_KINDS, &block, NULL), ERR_AGAIN);
    cr_assert_eq(log_store_read_back(store, 1, LOG_ALL_KINDS, &block, NULL), ERR_NOT_FOUND);
    cr_assert_null(block);
    log_store_close(&store);
}
