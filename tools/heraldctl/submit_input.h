/*
 * Lines of a file or of stdin, without ever waiting in a read: so that answers are taken in while a
 * slow pipe has nothing to say. A line longer than any notification is passed over and reported.
 */
#ifndef HERALDCTL_SUBMIT_INPUT_H
#define HERALDCTL_SUBMIT_INPUT_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUBMIT_INPUT_LINE_BYTES (1024 * 1024)

struct submit_input {
    int fd;
    bool is_owned; /* the descriptor */
    bool at_end;
    bool passing_over; /* the rest of a line that is too long */
    char *data;        /* owned */
    size_t last;       /* where the line begins that was handed out last */
    size_t begin;      /* of what is not handed out yet */
    size_t end;
    uint64_t line; /* number of the line that was handed out last, from 1 */
};

/* path: "-" is stdin. ERR_IO: why. */
err_t submit_input_open(struct submit_input *input, const char *path, struct why *why);
void submit_input_close(struct submit_input *input);

/*
 * The next whole line, without its end; borrowed until the next fill.
 *
 * ERR_AGAIN      fill first
 * ERR_NOT_FOUND  there is none any more
 * ERR_INVALID    this line is too long and passed over
 */
err_t submit_input_next(struct submit_input *input, const char **line, size_t *size);

/* The line that was handed out last is to come again. Before the next fill. */
void submit_input_put_back(struct submit_input *input);

/* Read once, waiting up to wait_ms. ERR_AGAIN: nothing came. ERR_IO: why. */
err_t submit_input_fill(struct submit_input *input, int wait_ms, struct why *why);

#endif
