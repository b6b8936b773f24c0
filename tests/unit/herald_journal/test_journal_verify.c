#include "tool_fixture.h"

#include "base/mem.h"
#include "journal/position_file.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SPAN 1024U /* of one record of TOOL_BODY_BYTES */

TestSuite(journal_verify, .init = tool_setup, .fini = tool_teardown);

static void
write_log(unsigned count)
{
    log_t *log = tool_own(tool_directory);
    tool_write(log, count);
    log_close(&log);
}

static struct tool_result
on_log(const char *command)
{
    char path[TOOL_PATH_SIZE];
    return TOOL(command, tool_path("producer", path));
}

Test(journal_verify, a_log_that_is_sound_is_said_to_be)
{
    write_log(200);
    write_log(10); /* a second run */
    struct tool_result result = on_log("verify");
    cr_assert_eq(result.code, 0, "%s%s", result.out, result.err);
    cr_assert_not_null(strstr(result.out, "sound: "), "%s", result.out);
    cr_assert_not_null(strstr(result.out, "210 records (1 to 210)"), "%s", result.out);
    tool_result_fini(&result);
}

/* Every block of a segment, its header and its records. */
Test(journal_verify, a_flipped_bit_is_named_by_file_and_offset)
{
    write_log(120);
    for (unsigned block = 0; block < 120; block += 3) {
        uint64_t counter = 1 + block / 56; /* 56 blocks fit a segment of 64 KiB */
        uint64_t offset = SEGMENT_HEAD_BYTES + (uint64_t)(block % 56) * BLOCK_SPAN;
        uint64_t flipped = offset + (uint64_t)(block * 37) % (64 + TOOL_BODY_BYTES);
        tool_flip(counter, flipped);
        struct tool_result result = on_log("verify");
        char expected[64];
        char name[SEGMENT_NAME_SIZE];
        segment_file_name(counter, name);
        (void)snprintf(expected, sizeof expected, "%s is damaged at offset %" PRIu64, name, offset);
        cr_assert_eq(result.code, 1, "block %u: %s%s", block, result.out, result.err);
        cr_assert_not_null(strstr(result.out, expected), "wanted \"%s\", got %s", expected,
                           result.out);
        tool_result_fini(&result);
        tool_flip(counter, flipped);
    }
    struct tool_result result = on_log("verify");
    cr_assert_eq(result.code, 0, "%s", result.out);
    tool_result_fini(&result);
}

Test(journal_verify, a_damaged_header_and_a_missing_segment_are_named)
{
    write_log(170);
    char path[TOOL_PATH_SIZE];
    tool_flip(2, 48);
    struct tool_result result = on_log("verify");
    cr_assert_eq(result.code, 1);
    cr_assert_not_null(strstr(result.out, "0000000000000002.seg"), "%s", result.out);
    tool_result_fini(&result);
    cr_assert_eq(unlink(tool_path("producer/0000000000000002.seg", path)), 0);
    result = on_log("verify");
    cr_assert_eq(result.code, 1);
    cr_assert_not_null(strstr(result.out, "0000000000000002.seg is missing"), "%s", result.out);
    tool_result_fini(&result);
}

Test(journal_verify, json_says_the_same)
{
    write_log(20);
    char path[TOOL_PATH_SIZE];
    tool_path("producer", path);
    struct tool_result result = TOOL("verify", "--json", path);
    json_t *object = json_loads(result.out, 0, NULL);
    cr_assert_not_null(object, "%s", result.out);
    cr_assert(json_is_true(json_object_get(object, "sound")));
    cr_assert_eq(json_integer_value(json_object_get(object, "records")), 20);
    json_decref(object);
    tool_result_fini(&result);
    tool_flip(1, SEGMENT_HEAD_BYTES + 100);
    result = TOOL("verify", "--json", path);
    cr_assert_eq(result.code, 1);
    object = json_loads(result.out, 0, NULL);
    cr_assert_not_null(object, "%s", result.out);
    cr_assert(json_is_false(json_object_get(object, "sound")));
    cr_assert_not_null(strstr(json_string_value(json_object_get(object, "fault")), "offset 4096"));
    json_decref(object);
    tool_result_fini(&result);
}

Test(journal_verify, the_log_may_be_in_use)
{
    log_t *log = tool_own(tool_directory);
    for (unsigned i = 0; i < 5; i++) {
        tool_write(log, 40);
        for (const char *const *command = (const char *const[]){"verify", "info", "print", NULL};
             *command != NULL; command++) {
            struct tool_result result = on_log(*command);
            cr_assert_eq(result.code, 0, "%s: %s%s", *command, result.out, result.err);
            tool_result_fini(&result);
        }
    }
    log_close(&log);
}

Test(journal_verify, info_shows_identity_ends_and_segments)
{
    write_log(100);
    struct tool_result result = on_log("info");
    cr_assert_eq(result.code, 0, "%s", result.err);
    cr_assert_not_null(strstr(result.out, "durable   100 (run 1)"), "%s", result.out);
    cr_assert_not_null(strstr(result.out, "oldest    1\n"), "%s", result.out);
    cr_assert_not_null(strstr(result.out, "0000000000000002.seg"), "%s", result.out);
    tool_result_fini(&result);
    char path[TOOL_PATH_SIZE];
    result = TOOL("info", "--json", tool_path("producer", path));
    json_t *object = json_loads(result.out, 0, NULL);
    cr_assert_not_null(object, "%s", result.out);
    cr_assert_eq(json_integer_value(json_object_get(object, "durable")), 100);
    cr_assert_eq(json_array_size(json_object_get(object, "segments")), 2);
    cr_assert_eq(strlen(json_string_value(json_object_get(object, "identity"))), 32);
    json_decref(object);
    tool_result_fini(&result);
}

Test(journal_verify, exit_codes_tell_usage_from_what_cannot_be_read)
{
    static const struct {
        const char *arguments[4];
        int code;
    } cases[] = {
        {{"--help"}, 0},
        {{NULL}, 2},
        {{"verify"}, 2},
        {{"polish", "producer"}, 2},
        {{"print", "--from", "x", "producer"}, 2},
        {{"print", "--kind", "nonsense", "producer"}, 2},
        {{"print", "--colour", "producer"}, 2},
        {{"salvage", "producer"}, 2},
        {{"verify", "/nonexistent/producer"}, 3},
        {{"info", "/nonexistent/producer"}, 3},
        {{"print", "/nonexistent/producer"}, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *arguments[5] = {cases[i].arguments[0], cases[i].arguments[1],
                                    cases[i].arguments[2], cases[i].arguments[3], NULL};
        struct tool_result result = tool_run(arguments);
        cr_assert_eq(result.code, cases[i].code, "case %zu: %d, %s%s", i, result.code, result.out,
                     result.err);
        cr_assert(cases[i].code == 0 || result.err[0] != '\0' || result.out[0] != '\0');
        tool_result_fini(&result);
    }
}
