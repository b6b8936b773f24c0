#include "tool_fixture.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SPAN 1024U
#define BLOCKS_A_SEGMENT 56U
#define RECORDS 150U

static char log_path[TOOL_PATH_SIZE];
static char into[TOOL_PATH_SIZE];

static void
setup(void)
{
    tool_setup();
    tool_path("producer", log_path);
    tool_path("saved", into);
    log_t *log = tool_own(tool_directory);
    tool_write(log, RECORDS);
    log_close(&log);
}

TestSuite(journal_salvage, .init = setup, .fini = tool_teardown);

static void
flip_record(uint64_t position)
{
    uint64_t block = position - 1;
    tool_flip(1 + block / BLOCKS_A_SEGMENT,
              SEGMENT_HEAD_BYTES + block % BLOCKS_A_SEGMENT * BLOCK_SPAN + 200);
}

/* The salvaged log is owned like any other, and holds every record but those lost. */
static void
assert_saved(bool (*lost)(uint64_t position))
{
    struct tool_result result;
    char saved[TOOL_PATH_SIZE];
    result = TOOL("verify", tool_path("saved/producer", saved));
    cr_assert_eq(result.code, 0, "%s%s", result.out, result.err);
    tool_result_fini(&result);

    log_t *log = tool_own(into);
    cr_assert_eq(log_next(log), RECORDS + 1);
    cr_assert_eq(log_run(log), 3, "after a run of its own, which salvage began");
    struct log_cursor cursor;
    struct log_record record;
    struct why why = {{0}};
    uint64_t expected = 1;
    err_t rc;
    log_cursor_init(&cursor, log, 1, LOG_ALL_KINDS);
    while ((rc = log_cursor_next(&cursor, &record, &why)) == ERR_OK) {
        cr_assert_eq(record.position, expected++);
        cr_assert(lost(record.position) ? record.kind == LOG_KIND_LOST && record.size == 0
                                        : tool_body_is_of(&record),
                  "position %" PRIu64, record.position);
    }
    cr_assert_eq(rc, ERR_AGAIN, "%s", why.text);
    cr_assert_eq(expected, RECORDS + 1);
    log_cursor_fini(&cursor);
    tool_write(log, 3); /* and it goes on */
    cr_assert_eq(log_durable(log), RECORDS + 3);
    log_close(&log);
}

static bool
none_lost(uint64_t position)
{
    (void)position;
    return false;
}

static bool
some_lost(uint64_t position)
{
    return position == 1 || position == 30 || position == 31 || position == 57 || position == 150;
}

static bool
second_lost(uint64_t position)
{
    return position > BLOCKS_A_SEGMENT && position <= 2 * (uint64_t)BLOCKS_A_SEGMENT;
}

Test(journal_salvage, a_sound_log_is_copied_as_it_is)
{
    struct tool_result result = TOOL("salvage", "--into", into, log_path);
    cr_assert_eq(result.code, 0, "%s%s", result.out, result.err);
    cr_assert_not_null(strstr(result.out, "copied 150 records"), "%s", result.out);
    tool_result_fini(&result);
    assert_saved(none_lost);
}

Test(journal_salvage, all_that_is_sound_is_kept_and_what_is_lost_is_marked)
{
    for (uint64_t position = 2; position <= RECORDS; position++) {
        if (some_lost(position)) {
            flip_record(position);
        }
    }
    struct tool_result result = TOOL("salvage", "--into", into, log_path);
    cr_assert_eq(result.code, 1, "%s%s", result.out, result.err);
    cr_assert_not_null(strstr(result.out, "LOST positions 30 to 31\n"), "%s", result.out);
    cr_assert_not_null(strstr(result.out, "LOST positions 57 to 57\n"), "%s", result.out);
    cr_assert_not_null(strstr(result.out, "LOST positions 150 to 150\n"), "%s", result.out);
    cr_assert_not_null(strstr(result.out, "copied 146 records"), "%s", result.out);
    cr_assert_not_null(strstr(result.out, "0000000000000001.seg: offset 33792 to 35840"), "%s",
                       result.out);
    tool_result_fini(&result);
}

Test(journal_salvage, a_loss_at_the_very_front_is_marked_too)
{
    for (uint64_t position = 1; position <= RECORDS; position++) {
        if (some_lost(position)) {
            flip_record(position);
        }
    }
    struct tool_result result = TOOL("salvage", "--into", into, log_path);
    cr_assert_eq(result.code, 1, "%s%s", result.out, result.err);
    cr_assert_not_null(strstr(result.out, "LOST positions 1 to 1\n"), "%s", result.out);
    tool_result_fini(&result);
    assert_saved(some_lost);
}

Test(journal_salvage, a_segment_whose_header_is_damaged_is_lost_and_no_other)
{
    tool_flip(2, 40);
    struct tool_result result = TOOL("salvage", "--into", into, log_path);
    cr_assert_eq(result.code, 1, "%s%s", result.out, result.err);
    cr_assert_not_null(strstr(result.out, "0000000000000002.seg"), "%s", result.out);
    cr_assert_not_null(strstr(result.out, "LOST positions 57 to 112\n"), "%s", result.out);
    tool_result_fini(&result);
    assert_saved(second_lost);
}

Test(journal_salvage, a_segment_that_is_missing_is_lost_and_no_other)
{
    char path[TOOL_PATH_SIZE];
    cr_assert_eq(unlink(tool_path("producer/0000000000000002.seg", path)), 0);
    struct tool_result result = TOOL("salvage", "--into", into, log_path);
    cr_assert_eq(result.code, 1, "%s%s", result.out, result.err);
    tool_result_fini(&result);
    assert_saved(second_lost);
}

Test(journal_salvage, nothing_is_written_over_and_the_damaged_log_stays_as_it_was)
{
    flip_record(30);
    struct tool_result result = TOOL("salvage", "--into", into, log_path);
    cr_assert_eq(result.code, 1);
    tool_result_fini(&result);
    result = TOOL("salvage", "--into", into, log_path);
    cr_assert_eq(result.code, 3);
    cr_assert_not_null(strstr(result.err, "exists"), "%s", result.err);
    tool_result_fini(&result);
    result = TOOL("salvage", "--into", tool_directory, log_path);
    cr_assert_eq(result.code, 3);
    tool_result_fini(&result);
    flip_record(30);
    result = TOOL("verify", log_path);
    cr_assert_eq(result.code, 0, "%s", result.out);
    tool_result_fini(&result);
}
