/*
 * The names of spares in a log's directory: a number, and whether the file was filled to its end.
 */
#ifndef HERALD_JOURNAL_SPARE_NAMES_H
#define HERALD_JOURNAL_SPARE_NAMES_H

#include "journal/spare_pool.h"

#define SPARE_FINISHED ".spare"
#define SPARE_UNFINISHED ".tmp"

struct spare_names {
    char (*items)[SPARE_POOL_NAME_SIZE]; /* owned */
    size_t count;
};

/* Those there are, of either kind; none where the directory cannot be listed. */
void spare_names_list(struct spare_names *self, const struct file_ops *ops, int dir_fd);
void spare_names_fini(struct spare_names *self);

bool spare_name_finished(const char *name);
uint64_t spare_name_number(const char *name); /* 0: it begins with none */

#endif
