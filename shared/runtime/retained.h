/*
 * From where on a log's records are younger than a retention.
 *
 * Records stand in the order in which they were written, and most events say when that was, so a
 * few reads find the place by bisection: nothing is kept in memory for it, and a restart changes
 * nothing. Where the wall clock has stepped the answer is as wrong as the clock was.
 */
#ifndef HERALD_RUNTIME_RETAINED_H
#define HERALD_RUNTIME_RETAINED_H

#include "journal/log.h"

/*
 * *keep_from   in: no position from here on may go; out: the first that was written at this time or
 *              later, at most what it was, at least the log's first
 *
 * Errors are those of the log; *keep_from is then as it was.
 */
err_t retained_from(log_t *log, int64_t since_unix_ms, uint64_t *keep_from, struct why *why);

#endif
