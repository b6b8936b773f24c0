/*
 * The commands of herald-journal. Each opens the log's directory by itself, prints to stdout, and
 * returns the process's exit code.
 */
#ifndef HERALD_TOOLS_JOURNAL_COMMAND_H
#define HERALD_TOOLS_JOURNAL_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

enum journal_exit {
    JOURNAL_SOUND = 0,
    JOURNAL_DAMAGED = 1,    /* the log is damaged; the output says where */
    JOURNAL_USAGE = 2,      /* the command line makes no sense */
    JOURNAL_UNREADABLE = 3, /* the log could not be read: missing, permissions, newer format */
};

struct journal_command {
    char *directory; /* owned; the journal's, "." when the path has no slash */
    char *name;      /* owned; of the log */
    bool json;
    uint64_t from;    /* print: positions; 0: from the oldest */
    uint64_t to;      /* print: UINT64_MAX: to the end */
    uint32_t kinds;   /* print: bit mask */
    bool bodies;      /* print: the whole body in hexadecimal */
    const char *into; /* salvage: the new journal directory; borrowed */
    uint64_t up_to;   /* salvage: LOST at least up to this position; 0: as is claimed */
};

int journal_info_run(const struct journal_command *command);
int journal_print_run(const struct journal_command *command);
int journal_salvage_run(const struct journal_command *command);
int journal_verify_run(const struct journal_command *command);

#endif
