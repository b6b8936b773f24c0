/*
 * The log store on a local disk: one directory a log. docs/JOURNAL.md has its files and bytes.
 */
#ifndef HERALD_JOURNAL_FILE_STORE_H
#define HERALD_JOURNAL_FILE_STORE_H

#include "journal/log_store.h"

struct file_store_settings {
    const char *directory;  /* the journal's: each log is a directory in it; borrowed */
    const char *name;       /* of the log, 1 to LIMIT_NAME_BYTES of a-z 0-9 - _; borrowed */
    uint64_t segment_bytes; /* 0: 64 MiB; at least 64 KiB, a multiple of 4096 */
    enum log_sync sync;
    bool no_write_ahead;   /* no spare segment in the background */
    size_t recent_bytes;   /* of blocks written last that are kept in memory; 0: 8 MiB */
    uint64_t cached_bytes; /* behind the end, that may stay in the page cache; 0: 256 MiB */
    uint64_t reserve;      /* at least this is kept from the first moment on; log_store_reserve */
};

/* The errors of both are those of log_own and log_follow, which see. */
err_t file_store_own(log_store_t **self_p, const struct file_store_settings *settings,
                     uint64_t witnessed, struct why *why);
err_t file_store_follow(log_store_t **self_p, const struct file_store_settings *settings,
                        struct why *why);

/* Write one segment ahead now, where no thread does it. 0 or a negative errno. */
int file_store_prepare(log_store_t *self);

#endif
