#include "unit/journal/journal_fixture.h"

#include "base/bytes.h"

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
    log_t *log = fixture_own(0);
    uint64_t begin;
    (void)log_append(log, LOG_KIND_CHECKPOINT_END, "", 0);
    fixture_write(log, 9, 1, 10);
    cr_assert_eq(log_checkpoint(log, &begin, NULL), ERR_CORRUPT);
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
