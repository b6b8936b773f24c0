#include "runtime/logger.h"

#include "base/mem.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 2048U

/* What the event is written as: one line, in memory of the caller, which must free it. */
static char *
line_of(bool json, const struct logger_field *fields)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    int stderr_fd = dup(STDERR_FILENO);
    cr_assert_geq(dup2(ends[1], STDERR_FILENO), 0);
    logger_setup("test", LOGGER_INFO, json);
    logger_event(LOGGER_INFO, "something", fields);
    cr_assert_geq(dup2(stderr_fd, STDERR_FILENO), 0);
    (void)close(stderr_fd); /* the test's own */
    (void)close(ends[1]);
    char *line = mem_zeroed(8 * MOST);
    ssize_t size = read(ends[0], line, 8 * MOST - 1);
    (void)close(ends[0]);
    cr_assert_gt(size, 0);
    cr_assert_leq((size_t)size, MOST);
    cr_assert_eq(line[size - 1], '\n');
    cr_assert_eq(strchr(line, '\n') - line, size - 1, "it is one line: %s", line);
    return line;
}

static json_t *
object_of(const struct logger_field *fields)
{
    char *line = line_of(true, fields);
    json_error_t error;
    json_t *object = json_loads(line, 0, &error);
    cr_assert_not_null(object, "%s: %s", error.text, line);
    cr_assert_str_eq(json_string_value(json_object_get(object, "event")), "something");
    mem_free(line);
    return object;
}

Test(logger, a_line_that_fits_is_whole)
{
    const struct logger_field fields[] = {
        LOGGER_TEXT("a", "b c\n\"d\""), LOGGER_TEXT("plain", "x"), LOGGER_INT("n", -3), {.key = 0}};
    char *line = line_of(false, fields);
    cr_assert_not_null(strstr(line, " level=info service=test event=something "
                                    "a=\"b c\\u000a\\\"d\\\"\" plain=x n=-3\n"),
                       "%s", line);
    mem_free(line);
    json_t *object = object_of(fields);
    cr_assert_str_eq(json_string_value(json_object_get(object, "a")), "b c\n\"d\"");
    cr_assert_str_eq(json_string_value(json_object_get(object, "n")), "-3");
    json_decref(object);
}

/* Of every length around the bound, of bytes that are escaped, and of characters of several. */
Test(logger, a_line_that_is_too_long_is_cut_and_still_a_line)
{
    static const char *const units[] = {
        "x", "x ", "\"", "\\", "\x01", "\xc3\xa4", "\xf0\x9f\x90\xa2"};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        for (size_t size = MOST - 300; size < MOST + 300; size += u == 0 ? 1 : 7) {
            char *text = mem_zeroed(size + 8);
            for (size_t used = 0; used < size; used += strlen(units[u])) {
                memcpy(text + used, units[u], strlen(units[u]));
            }
            const struct logger_field fields[] = {
                LOGGER_TEXT("first", text),  LOGGER_TEXT("second", text),
                LOGGER_TEXT("third", "y z"), LOGGER_TEXT("fourth", ""),
                LOGGER_INT("fifth", 5),      {.key = 0}};
            json_t *object = object_of(fields);
            const char *first = json_string_value(json_object_get(object, "first"));
            cr_assert_eq(strncmp(text, first, strlen(first)), 0, "only its end is missing");
            json_decref(object);
            mem_free(line_of(false, fields));
            mem_free(text);
        }
    }
}
