/*
 * The biz_ids that a command is about: its operands, or a file of ids or of lines as `submit` takes
 * them.
 */
#ifndef HERALDCTL_CTL_IDS_H
#define HERALDCTL_CTL_IDS_H

#include "ctl.h"

struct ctl_ids {
    char **ids; /* owned, each owned */
    size_t count;
    size_t capacity;
    uint64_t malformed; /* lines of the file without a biz_id */
};

/* Lines of the file that are malformed are said and passed over. On an error it is said, nothing is
 * left to free, and *code is the exit code. */
err_t ctl_ids_load(struct ctl_ids *ids, const struct ctl *ctl, int *code);

/* The exit code of a command that otherwise ends with `code`. */
int ctl_ids_code(const struct ctl_ids *ids, int code);
void ctl_ids_fini(struct ctl_ids *ids);

/* In the order of strcmp, each once. */
void ctl_ids_sort(struct ctl_ids *ids);

/* The biz_id of one line. ERR_INVALID: why. ERR_NOT_FOUND: an empty line. */
err_t ctl_ids_line(char biz_id[LIMIT_BIZ_ID_BYTES + 1], const char *line, size_t size,
                   struct why *why);

#endif
