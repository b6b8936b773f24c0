/*
 * A log's directory opened for reading, below the log: its segments and its position file. Nothing
 * is changed, and no lock is taken, so the log's owner may be at work.
 */
#ifndef HERALD_TOOLS_JOURNAL_PLACE_H
#define HERALD_TOOLS_JOURNAL_PLACE_H

#include "journal/position_file.h"
#include "journal/segment_set.h"
#include "journal_command.h"

struct journal_place {
    const struct file_ops *ops; /* borrowed */
    char *path;                 /* owned */
    int dir_fd;                 /* owned; -1: not open */
    struct segment_set set;     /* not loaded yet */
    struct position_claim claim;
    bool claimed; /* the position file holds a valid claim */
};

/* ERR_NOT_FOUND, ERR_DENIED, ERR_IO, ERR_UNSUPPORTED: call close all the same. */
err_t journal_place_open(struct journal_place *self, const struct journal_command *command,
                         struct why *why);
void journal_place_close(struct journal_place *self);

/* The exit code that goes with an error. */
int journal_place_exit(err_t rc);

#endif
