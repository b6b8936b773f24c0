/*
 * Finding a log's segments in its directory and making sure that they form one chain: each header
 * names its predecessor and where that one's content ends.
 */
#ifndef HERALD_JOURNAL_SEGMENT_CHAIN_H
#define HERALD_JOURNAL_SEGMENT_CHAIN_H

#include "journal/segment_set.h"

/*
 * Look at the directory (again). Segments known before keep their index and descriptor. The end of
 * all but the newest becomes known by its successor's header; the newest one's is kept, or
 * SEGMENT_HEAD_BYTES. Files that a segment's link to its predecessor skips are left-overs of a
 * recovery: they are listed in set->leftovers and read by nobody.
 *
 * ERR_CORRUPT      a damaged header, a hole in the chain, segments of different logs
 * ERR_UNSUPPORTED  a newer format
 * ERR_IO, ERR_DENIED, ERR_FULL  by the system; the set is as before after any of these
 */
err_t segment_chain_load(struct segment_set *set, struct why *why);

/* One header by its file's counter. inode and file_bytes may be NULL. ERR_NOT_FOUND: no file. */
err_t segment_chain_head(const struct segment_set *set, uint64_t counter, struct segment_head *head,
                         struct file_stat *stat, struct why *why);

/* The counters of all segment files, in order; *counters is the caller's (mem_free). */
err_t segment_chain_list(const struct segment_set *set, uint64_t **counters, size_t *count,
                         struct why *why);

#endif
