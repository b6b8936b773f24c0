/*
 * The sparse index of one segment, in memory: one mark for each 64 KiB in which a block starts, so
 * that a position, or the next block of some kinds, is found without touching the rest.
 */
#ifndef HERALD_JOURNAL_SEGMENT_INDEX_H
#define HERALD_JOURNAL_SEGMENT_INDEX_H

#include "journal/segment.h"

struct segment_index {
    struct segment_mark *marks; /* owned */
    uint32_t count;
    uint32_t capacity;
    uint32_t kinds;         /* of all blocks in it */
    uint64_t next_offset;   /* where the next block to be added starts */
    uint64_t next_position; /* and the position of its first record */
    bool coarse;            /* some of it was passed over */
};

void segment_index_init(struct segment_index *self, uint64_t first);
void segment_index_fini(struct segment_index *self);

/* Blocks are added in order, without holes. */
void segment_index_add(struct segment_index *self, const struct segment_block *block);

/* Pass over what lies before this offset, where the block with this position will start: there may
 * be anything. */
void segment_index_pass(struct segment_index *self, uint64_t offset, uint64_t position);

/* Take over marks that a footer held; the segment's content ends at `end` with position `last`. */
void segment_index_adopt(struct segment_index *self, struct segment_mark *marks, uint32_t count,
                         uint64_t end, uint64_t last);

/* The mark from which to look for this position: the last that starts at or before it. */
uint32_t segment_index_find(const struct segment_index *self, uint64_t position);

#endif
