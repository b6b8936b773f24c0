/*
 * What log.c, log_cursor.c and log_search.c share. Private to the journal.
 */
#ifndef HERALD_JOURNAL_LOG_PRIVATE_H
#define HERALD_JOURNAL_LOG_PRIVATE_H

#include "base/limits.h"
#include "journal/log.h"

#define LOG_KEPT_BLOCKS 8 /* of a quarter of a MiB, some of them */

/* A block read lately, and where in it the last record was found: neighbours are near. */
struct log_kept {
    log_block_t *block; /* held; NULL: empty */
    uint64_t position;
    const uint8_t *next; /* that record's first byte */
    uint64_t used;
};

struct log {
    log_store_t *store; /* owned */
    bool owner;
    bool open;              /* the last of gathered takes more records */
    log_block_t **gathered; /* owned, held; not yet handed to the store */
    size_t gathered_count;
    size_t gathered_capacity;
    size_t typical_bytes; /* of a commit's records, to size the next block */
    size_t block_bytes;   /* largest that the store takes, header and padding included */
    uint64_t next;
    uint64_t newest[LIMIT_KINDS]; /* position of the last record appended, by kind */
    struct log_store_state state; /* as of the last look */
    struct log_kept kept[LOG_KEPT_BLOCKS];
    uint64_t clock; /* for `used` */
};

/* Decode the record at *next and move on; false when the bytes are not one. */
bool log_cursor_decode(const log_block_t *block, const uint8_t **next, uint64_t position,
                       struct log_record *record);

#endif
