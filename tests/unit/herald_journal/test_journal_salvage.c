#include "tool_fixture.h"

#include "journal/position_file.h"
#include "journal_command.h"
#include "support/odd_call.h"

#include <criterion/criterion.h>
#include <fcntl.h>
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

/* Who follows it before it has an owner sees all of it. */
static void
assert_followed(void)
{
    struct log_settings settings = {.directory = into};
    log_t *reader = NULL;
    struct log_cursor cursor;
    struct log_record record;
    uint64_t count = 0;
    cr_assert_eq(log_follow(&reader, &settings, "producer", NULL), ERR_OK);
    log_cursor_init(&cursor, reader, 1, LOG_ALL_KINDS);
    while (log_cursor_next(&cursor, &record, NULL) == ERR_OK) {
        count++;
    }
    cr_assert_eq(count, RECORDS);
    log_cursor_fini(&cursor);
    log_close(&reader);
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
    assert_followed();

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

/* Own the log "producer" in this directory, another log having read it up to here; and leave it. */
static err_t
own_witnessed(const char *directory, uint64_t witnessed, struct why *why)
{
    struct log_settings settings = {
        .directory = directory, .segment_bytes = SEGMENT_BYTES_MIN, .no_write_ahead = true};
    log_t *log = NULL;
    err_t rc = log_own(&log, &settings, "producer", witnessed, why);
    cr_assert(rc != ERR_OK || log_next(log) == witnessed + 1);
    log_close(&log);
    return rc;
}

/* As a power cut leaves it that comes before the position file was synced: it speaks of less. */
static void
claim_less(uint64_t durable)
{
    struct position_file file;
    struct position_claim claim;
    uint8_t slots[POSITION_FILE_BYTES];
    const struct file_ops *ops = file_ops_current();
    int dir_fd = ops->open(AT_FDCWD, log_path, O_RDONLY | O_DIRECTORY, 0);
    position_file_init(&file, ops);
    cr_assert_eq(position_file_open(&file, dir_fd, true), 0);
    cr_assert_eq(position_file_read(&file, &claim, NULL), ERR_OK);
    cr_assert_eq(claim.durable, RECORDS);
    claim.durable = durable;
    claim.end = SEGMENT_HEAD_BYTES + (durable - 1) % BLOCKS_A_SEGMENT * BLOCK_SPAN + BLOCK_SPAN;
    position_claim_encode(&claim, slots);
    position_claim_encode(&claim, slots + sizeof slots / 2);
    cr_assert_eq(ops->pwrite(file.fd, slots, sizeof slots, 0), sizeof slots);
    position_file_close(&file);
    (void)ops->close(dir_fd);
}

static bool
last_ten_lost(uint64_t position)
{
    return position > RECORDS - 10;
}

/* The log's end is damaged and its position file old: only another log knows what was there. */
static void
lose_the_last_ten(void)
{
    for (uint64_t position = RECORDS - 9; position <= RECORDS; position++) {
        flip_record(position);
    }
    claim_less(RECORDS - 10);
}

Test(journal_salvage, what_another_log_has_read_is_lost_up_to_the_position_that_is_given)
{
    struct why why = {{0}};
    lose_the_last_ten();
    cr_assert_eq(own_witnessed(tool_directory, RECORDS, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "position 150 was durable (so says another log"), "%s",
                       why.text);

    struct tool_result result = TOOL("salvage", "--into", into, log_path);
    cr_assert_not_null(strstr(result.out, "up to position 140; lost 0"), "%s", result.out);
    tool_result_fini(&result);
    cr_assert_eq(own_witnessed(into, RECORDS, &why), ERR_CORRUPT, "nobody told salvage");

    char again[TOOL_PATH_SIZE];
    char saved[TOOL_PATH_SIZE];
    (void)tool_path("again", again);
    result = TOOL("salvage", "--into", again, "--up-to", "150", tool_path("saved/producer", saved));
    cr_assert_eq(result.code, 1, "%s%s", result.out, result.err);
    cr_assert_not_null(strstr(result.out, "LOST positions 141 to 150\n"), "%s", result.out);
    tool_result_fini(&result);
    cr_assert_eq(own_witnessed(again, RECORDS, &why), ERR_OK, "%s", why.text);
}

Test(journal_salvage, a_position_that_is_given_works_on_the_damaged_log_at_once)
{
    lose_the_last_ten();
    struct tool_result result = TOOL("salvage", "--up-to", "150", "--into", into, log_path);
    cr_assert_eq(result.code, 1, "%s%s", result.out, result.err);
    tool_result_fini(&result);
    assert_saved(last_ten_lost);
}

Test(journal_salvage, a_position_below_what_is_there_or_claimed_takes_nothing_away)
{
    static const char *const below[] = {"0", "1", "139", "150"};
    flip_record(RECORDS);
    char place[TOOL_PATH_SIZE];
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        struct tool_result result =
            TOOL("salvage", "--up-to", below[i], "--into", tool_path(below[i], place), log_path);
        cr_assert_eq(result.code, 1, "%s%s", result.out, result.err);
        cr_assert_not_null(strstr(result.out, "up to position 150; lost 1"), "%s", result.out);
        tool_result_fini(&result);
    }
}

Test(journal_salvage, a_position_that_makes_no_sense_is_refused_before_anything_is_written)
{
    static const struct {
        const char *value;
        const char *error;
    } bad[] = {
        {"", "not a position"},
        {"-1", "not a position"},
        {"150x", "not a position"},
        {"100000151", "more than 100000000 positions beyond 150"},
        {"18446744073709551615", "more than 100000000 positions beyond 150"},
        {"99999999999999999999999", "more than 100000000 positions beyond 150"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tool_result result =
            TOOL("salvage", "--up-to", bad[i].value, "--into", into, log_path);
        cr_assert_eq(result.code, 2, "%s: %s%s", bad[i].value, result.out, result.err);
        cr_assert_not_null(strstr(result.err, bad[i].error), "%s", result.err);
        tool_result_fini(&result);
        cr_assert_neq(access(into, F_OK), 0, "%s", bad[i].value);
    }
}

static uint64_t
offset_of(uint64_t position)
{
    return SEGMENT_HEAD_BYTES + (position - 1) % BLOCKS_A_SEGMENT * BLOCK_SPAN;
}

/* These bytes of a file of the log can be read no more. */
static void
spoil(const char *name, uint64_t from, uint64_t to)
{
    char path[TOOL_PATH_SIZE + 32];
    (void)snprintf(path, sizeof path, "%s/%s", log_path, name);
    odd_call_unreadable(path, from, to);
}

/* Salvage on the disk that was spoiled, so in this process; what it prints is compared. */
static void
salvage_prints(const char *expected)
{
    char directory[TOOL_PATH_SIZE];
    char path[TOOL_PATH_SIZE];
    char out[4096] = "";
    char name[] = "producer";
    (void)snprintf(directory, sizeof directory, "%s", tool_directory);
    cr_assert_not_null(freopen(tool_path("out", path), "w", stdout));
    const struct journal_command command = {.directory = directory, .name = name, .into = into};
    cr_assert_eq(journal_salvage_run(&command), JOURNAL_DAMAGED);
    (void)fflush(stdout);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    cr_assert_gt(fread(out, 1, sizeof out - 1, file), 0);
    (void)fclose(file);
    cr_assert_not_null(strstr(out, expected), "%s", out);
    odd_call_set(&(struct odd_call){.operation = ODD_NONE}); /* the new log's disk is a good one */
}

static bool
thirtieth_lost(uint64_t position)
{
    return position == 30;
}

Test(journal_salvage, a_block_that_cannot_be_read_is_lost_and_no_other)
{
    spoil("0000000000000001.seg", offset_of(30) + 512, offset_of(30) + 1024);
    salvage_prints("0000000000000001.seg: offset 33792 to 34816, not all of it can be read\n"
                   "LOST positions 30 to 30\ncopied 149 records");
    assert_saved(thirtieth_lost);
}

Test(journal_salvage, a_segment_whose_header_cannot_be_read_is_lost_and_no_other)
{
    spoil("0000000000000002.seg", 0, 512);
    salvage_prints("0000000000000002.seg: its header cannot be read; all in it is lost\n"
                   "LOST positions 57 to 112\n");
    assert_saved(second_lost);
}

Test(journal_salvage, a_position_file_that_cannot_be_read_is_done_without)
{
    spoil("position", 0, 512);
    salvage_prints("/producer/position: it cannot be read\ncopied 150 records");
    assert_saved(none_lost);
}

/* Perhaps nothing was written there, perhaps records: the one who salvages has to know. */
Test(journal_salvage, what_cannot_be_read_behind_the_newest_block_is_told)
{
    spoil("0000000000000003.seg", offset_of(150) + 4096, offset_of(150) + 4608);
    salvage_prints("0000000000000003.seg: offset 43008 to 46592, not all of it can be read\n"
                   "copied 150 records");
    assert_saved(none_lost);
}

/* One sector in front of where the successor says that the content ends. */
Test(journal_salvage, a_last_block_that_cannot_be_read_is_lost_and_told)
{
    spoil("0000000000000001.seg", offset_of(56), offset_of(56) + 512);
    salvage_prints("0000000000000001.seg: offset 60416 to 61440, not all of it can be read\n"
                   "LOST positions 56 to 56\n");
}
