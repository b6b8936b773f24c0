/*
 * The bytes of a segment file: its header, its blocks' headers and its footer. Pure: no file is
 * touched here. docs/JOURNAL.md draws the same; segment.c has the offsets.
 */
#ifndef HERALD_JOURNAL_SEGMENT_H
#define HERALD_JOURNAL_SEGMENT_H

#include "base/limits.h"
#include "base/why.h"
#include "journal/log_block_private.h"

#include <stdbool.h>
#include <stdint.h>

#define SEGMENT_MAJOR 2 /* 1: without zeros behind the records; read as well */
#define SEGMENT_MINOR 0
#define SEGMENT_HEAD_BYTES 4096   /* blocks start behind it */
#define SEGMENT_CHUNK_BYTES 65536 /* one mark of the index for each */
#define SEGMENT_NAME_SIZE 32      /* of a file name, terminator included */
#define SEGMENT_BYTES_DEFAULT (64U * 1024 * 1024)
#define SEGMENT_BYTES_MIN (64U * 1024)
#define SEGMENT_BYTES_MAX (1024U * 1024 * 1024)

struct segment_head {
    char name[LIMIT_NAME_BYTES + 1]; /* the log's */
    uint8_t identity[16];            /* the log's */
    uint64_t run;
    uint64_t counter;      /* the file's number, from 1 */
    uint64_t first;        /* position of the first record here; the predecessor's last is
                              one below */
    uint64_t previous;     /* the predecessor's counter; 0: none */
    uint64_t previous_end; /* offset at which the predecessor's content ends */
    uint64_t bytes;        /* of the whole file when it was made */
    uint64_t salt;         /* random: bytes that an earlier use of the file left, even one
                              with the same run and counter, never pass for this one's */
};

/* What a block's header says. */
struct segment_block {
    uint64_t run;
    uint64_t first;
    uint64_t synced; /* highest position known to be synced when this block was written */
    uint32_t count;
    uint32_t kinds;
    uint32_t size; /* of the records, and of zeros behind them that count as theirs */
};

/* One chunk of the segment in which at least one block starts. */
struct segment_mark {
    uint64_t first;  /* position of the first record of the first block that starts in it */
    uint32_t offset; /* of that block */
    uint32_t kinds;  /* of all blocks that start in it */
};

/* "0000000000000001.seg", and back: 0 when the name is not a segment's. */
void segment_file_name(uint64_t counter, char name[SEGMENT_NAME_SIZE]);
uint64_t segment_file_counter(const char *name);

/* Offset at which blocks must end; the footer follows. */
uint64_t segment_data_end(uint64_t segment_bytes);

/* Bytes of a segment that can take so many bytes of blocks. */
uint64_t segment_bytes_for(uint64_t block_bytes);

/* Writes SEGMENT_HEAD_BYTES. */
void segment_head_encode(const struct segment_head *head, uint8_t *to);

/*
 * ERR_UNSUPPORTED  a newer major version
 * ERR_CORRUPT      anything else that is wrong; why has no file name, the caller adds it
 */
err_t segment_head_decode(const uint8_t *from, struct segment_head *head, struct why *why);

/* Fill in the block's header and padding for this place. */
void segment_block_seal(const struct segment_head *head, uint64_t offset, uint64_t synced,
                        log_block_t *block);

/*
 * Decode LOG_BLOCK_HEAD_BYTES at `offset`. False when they are not the header of a block of this
 * segment and place. The records are not looked at: segment_block_check does.
 */
bool segment_block_decode(const struct segment_head *head, uint64_t offset, const uint8_t *from,
                          struct segment_block *block);

/* The checksum over header and records; `from` holds both, decode has passed. */
bool segment_block_check(const struct segment_head *head, uint64_t offset, const uint8_t *from,
                         const struct segment_block *block);

/* Whether the records inside are well-formed: count, kinds and lengths agree with the header. */
bool segment_block_records_ok(const struct segment_block *block, const uint8_t *records);

/* Bytes of the footer of a segment of this size; it starts at segment_data_end. */
uint64_t segment_foot_bytes(uint64_t segment_bytes);

/* Writes segment_foot_bytes. `end` is where the content ends. */
void segment_foot_encode(const struct segment_head *head, uint64_t end,
                         const struct segment_mark *marks, uint32_t count, uint8_t *to);

/* The marks (owned by the caller, mem_free), or NULL when this is no valid footer for `end`. */
struct segment_mark *segment_foot_decode(const struct segment_head *head, uint64_t end,
                                         const uint8_t *from, uint32_t *count);

#endif
