/*
 * The newest record of each notification in the own log: the head of its chain of records
 * (`previous`). By position, so that what lies together in the log lies together here: a run of
 * ends is written one behind the other, where the index would be searched for each.
 *
 * A tree of three levels over positions of 40 bits. 5 bytes a position, 20 KiB at a time, and only
 * where something was said of one. Of what is older than the log the few that are still needed are
 * a sorted array.
 */
#ifndef HERALD_PRODUCER_HEADS_H
#define HERALD_PRODUCER_HEADS_H

#include <stddef.h>
#include <stdint.h>

#define PRODUCER_HEADS_LEAF_BITS 12U
#define PRODUCER_HEADS_LEAF (1U << PRODUCER_HEADS_LEAF_BITS) /* positions */
#define PRODUCER_HEADS_NODE_BITS 14U
#define PRODUCER_HEADS_NODE (1U << PRODUCER_HEADS_NODE_BITS)
#define PRODUCER_HEADS_POSITION_MAX ((UINT64_C(1) << 40) - 1)

struct producer_heads_leaf {
    uint32_t low[PRODUCER_HEADS_LEAF];
    uint8_t high[PRODUCER_HEADS_LEAF]; /* both 0: none */
};

struct producer_heads_node {
    struct producer_heads_leaf *leaves[PRODUCER_HEADS_NODE]; /* owned; NULL: nothing was said */
    uint32_t count;
};

struct producer_head {
    uint64_t position;
    uint64_t newest;
};

struct producer_heads {
    struct producer_heads_node **nodes; /* owned; PRODUCER_HEADS_NODE of them; NULL: as above */
    uint64_t low;                       /* the tree's first position, a leaf's first */
    struct producer_head *old;          /* owned; of those before it, by position */
    size_t old_count;
    size_t old_capacity;
    uint64_t bytes;
};

void producer_heads_init(struct producer_heads *self);
void producer_heads_fini(struct producer_heads *self);

uint64_t producer_heads_newest_old(const struct producer_heads *self, uint64_t position);

/* Of the notification at this position; its own position: none came after it, or it is forgotten.
 * Any position. */
static inline uint64_t
producer_heads_newest(const struct producer_heads *self, uint64_t position)
{
    uint64_t number = position >> PRODUCER_HEADS_LEAF_BITS;
    if (position < self->low || position > PRODUCER_HEADS_POSITION_MAX) {
        return producer_heads_newest_old(self, position);
    }
    const struct producer_heads_node *node = self->nodes[number >> PRODUCER_HEADS_NODE_BITS];
    const struct producer_heads_leaf *leaf =
        node == NULL ? NULL : node->leaves[number % PRODUCER_HEADS_NODE];
    uint32_t at = position % PRODUCER_HEADS_LEAF;
    uint64_t newest = leaf == NULL ? 0 : leaf->low[at] | (uint64_t)leaf->high[at] << 32;
    return newest == 0 ? position : newest;
}

/* Both at most PRODUCER_HEADS_POSITION_MAX. */
void producer_heads_set(struct producer_heads *self, uint64_t position, uint64_t newest);

/* Forget what is below, in steps of a leaf, but for these positions, which may be in any order,
 * repeated, or not below. They are sorted. */
void producer_heads_forget(struct producer_heads *self, uint64_t below, uint64_t *kept,
                           size_t kept_count);

#endif
