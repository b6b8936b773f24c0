#include "heraldctl/submit_input.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An input that reads what is put into a pipe. */
static struct submit_input
piped(int *write_end)
{
    struct submit_input input;
    struct why why;
    int ends[2];
    cr_assert_eq(submit_input_open(&input, "/dev/null", &why), ERR_OK, "%s", why.text);
    cr_assert_eq(pipe(ends), 0);
    close(input.fd);
    input.fd = ends[0];
    *write_end = ends[1];
    return input;
}

static void
put(int fd, const char *text)
{
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void
next_is(struct submit_input *input, const char *text)
{
    const char *line;
    size_t size;
    cr_assert_eq(submit_input_next(input, &line, &size), ERR_OK, "%s", text);
    cr_assert_eq(size, strlen(text));
    cr_assert_eq(memcmp(line, text, size), 0);
}

static err_t
next_error(struct submit_input *input)
{
    const char *line;
    size_t size;
    return submit_input_next(input, &line, &size);
}

Test(submit_input, lines_come_whole_and_are_counted)
{
    int fd;
    struct why why;
    struct submit_input input = piped(&fd);
    put(fd, "a\nbb\n\nun");
    cr_assert_eq(next_error(&input), ERR_AGAIN);
    cr_assert_eq(submit_input_fill(&input, 0, &why), ERR_OK);
    next_is(&input, "a");
    next_is(&input, "bb");
    next_is(&input, "");
    cr_assert_eq(input.line, 3);
    cr_assert_eq(next_error(&input), ERR_AGAIN, "half a line is no line");
    cr_assert_eq(submit_input_fill(&input, 0, &why), ERR_AGAIN, "nothing came, nobody waited");
    put(fd, "til");
    close(fd);
    cr_assert_eq(submit_input_fill(&input, 0, &why), ERR_OK);
    cr_assert_eq(next_error(&input), ERR_AGAIN);
    cr_assert_eq(submit_input_fill(&input, 0, &why), ERR_OK);
    next_is(&input, "until");
    cr_assert_eq(input.line, 4);
    cr_assert_eq(next_error(&input), ERR_NOT_FOUND);
    cr_assert_eq(next_error(&input), ERR_NOT_FOUND);
    submit_input_close(&input);
}

Test(submit_input, a_line_that_is_put_back_comes_again_under_its_number)
{
    int fd;
    struct why why;
    struct submit_input input = piped(&fd);
    put(fd, "a\nbb\nlast");
    close(fd);
    cr_assert_eq(submit_input_fill(&input, 0, &why), ERR_OK);
    next_is(&input, "a");
    next_is(&input, "bb");
    submit_input_put_back(&input);
    cr_assert_eq(input.line, 1);
    next_is(&input, "bb");
    cr_assert_eq(input.line, 2);
    cr_assert_eq(next_error(&input), ERR_AGAIN);
    cr_assert_eq(submit_input_fill(&input, 0, &why), ERR_OK);
    next_is(&input, "last");
    submit_input_put_back(&input);
    next_is(&input, "last");
    cr_assert_eq(input.line, 3);
    cr_assert_eq(next_error(&input), ERR_NOT_FOUND);
    submit_input_close(&input);
}

Test(submit_input, a_line_that_is_too_long_is_passed_over_and_reported_once)
{
    char path[] = "/tmp/herald-input-XXXXXX";
    int fd = mkstemp(path);
    char *long_line = malloc(3 * SUBMIT_INPUT_LINE_BYTES);
    cr_assert_not_null(long_line);
    memset(long_line, 'x', 3 * SUBMIT_INPUT_LINE_BYTES);
    put(fd, "first\n");
    cr_assert_eq(write(fd, long_line, 3 * SUBMIT_INPUT_LINE_BYTES), 3 * SUBMIT_INPUT_LINE_BYTES);
    put(fd, "\nlast\n");
    close(fd);
    struct submit_input input;
    struct why why;
    cr_assert_eq(submit_input_open(&input, path, &why), ERR_OK);
    size_t too_long = 0;
    size_t lines = 0;
    err_t rc = ERR_OK;
    while (rc != ERR_NOT_FOUND) {
        const char *line;
        size_t size;
        rc = submit_input_next(&input, &line, &size);
        lines += rc == ERR_OK;
        if (rc == ERR_INVALID) {
            too_long++;
            cr_assert_eq(input.line, 2);
        }
        if (rc == ERR_AGAIN) {
            cr_assert_eq(submit_input_fill(&input, 0, &why), ERR_OK);
        }
    }
    cr_assert_eq(too_long, 1);
    cr_assert_eq(lines, 2);
    cr_assert_eq(input.line, 3);
    submit_input_close(&input);
    free(long_line);
    unlink(path);
}

Test(submit_input, a_file_that_is_not_there_is_named)
{
    struct submit_input input;
    struct why why;
    cr_assert_eq(submit_input_open(&input, "/nonexistent/file", &why), ERR_IO);
    cr_assert_not_null(strstr(why.text, "/nonexistent/file"));
    submit_input_close(&input);
}
