#include "submit_input.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define SUBMIT_INPUT_BYTES (SUBMIT_INPUT_LINE_BYTES + 256 * 1024)

err_t
submit_input_open(struct submit_input *input, const char *path, struct why *why)
{
    memset(input, 0, sizeof *input);
    input->is_owned = strcmp(path, "-") != 0;
    input->fd = input->is_owned ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (input->fd < 0) {
        return why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    }
    input->data = mem_alloc(SUBMIT_INPUT_BYTES);
    return ERR_OK;
}

void
submit_input_close(struct submit_input *input)
{
    if (input->is_owned && input->fd >= 0) {
        (void)close(input->fd); /* it was only read */
    }
    mem_free(input->data);
    memset(input, 0, sizeof *input);
    input->fd = -1;
}

/* Without a line end: the last line of the input is one too. */
static err_t
submit_input_rest(struct submit_input *input, const char **line, size_t *size)
{
    size_t left = input->end - input->begin;
    if (left > SUBMIT_INPUT_LINE_BYTES) {
        bool first = !input->passing_over;
        input->passing_over = true;
        input->begin = input->end;
        input->line += first;
        return first ? ERR_INVALID : ERR_AGAIN;
    }
    if (!input->at_end) {
        return ERR_AGAIN;
    }
    *line = input->data + input->begin;
    *size = left;
    input->last = input->begin;
    input->begin = input->end;
    if (left == 0 || input->passing_over) {
        return ERR_NOT_FOUND;
    }
    input->line++;
    return ERR_OK;
}

err_t
submit_input_next(struct submit_input *input, const char **line, size_t *size)
{
    for (;;) {
        const char *from = input->data + input->begin;
        size_t left = input->end - input->begin;
        const char *newline = left == 0 ? NULL : memchr(from, '\n', left);
        if (newline == NULL) {
            return submit_input_rest(input, line, size);
        }
        *line = from;
        *size = (size_t)(newline - from);
        input->last = input->begin;
        input->begin += *size + 1;
        if (!input->passing_over) {
            input->line++;
            return *size > SUBMIT_INPUT_LINE_BYTES ? ERR_INVALID : ERR_OK;
        }
        input->passing_over = false;
    }
}

void
submit_input_put_back(struct submit_input *input)
{
    input->begin = input->last;
    input->line--;
}

err_t
submit_input_fill(struct submit_input *input, int wait_ms, struct why *why)
{
    if (input->at_end) {
        return ERR_OK;
    }
    struct pollfd ready = {.fd = input->fd, .events = POLLIN};
    if (poll(&ready, 1, wait_ms) <= 0) {
        return ERR_AGAIN; /* also by a signal */
    }
    if (input->begin > 0) {
        memmove(input->data, input->data + input->begin, input->end - input->begin);
        input->end -= input->begin;
        input->begin = 0;
    }
    ssize_t got = read(input->fd, input->data + input->end, SUBMIT_INPUT_BYTES - input->end);
    if (got < 0) {
        return errno == EINTR || errno == EAGAIN
                   ? ERR_AGAIN
                   : why_set(why, ERR_IO, "the input: %s", strerror(errno));
    }
    input->at_end = got == 0;
    input->end += (size_t)got;
    return ERR_OK;
}
