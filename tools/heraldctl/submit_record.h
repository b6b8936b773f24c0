/*
 * The submitter's own record of what is known to be accepted: one biz_id a line, appended and
 * synced, so that after any crash of anything each whole line is true.
 */
#ifndef HERALDCTL_SUBMIT_RECORD_H
#define HERALDCTL_SUBMIT_RECORD_H

#include "base/why.h"

#include <stddef.h>

struct submit_record {
    int fd;     /* -1: no record is kept */
    char *data; /* owned; what is not written yet */
    size_t size;
    size_t capacity;
};

/* path NULL: no record is kept. The beginning of a line that a crash left at the end of the file is
 * cut off. ERR_IO, ERR_INVALID (not such a record): why. */
err_t submit_record_open(struct submit_record *record, const char *path, struct why *why);
void submit_record_close(struct submit_record *record);

void submit_record_add(struct submit_record *record, const char *biz_id);
/* Write and sync what was added. ERR_IO: why; what is in the file is not known. */
err_t submit_record_sync(struct submit_record *record, struct why *why);

#endif
