/*
 * The newest record of each notification in the own log: the head of its chain of records
 * (`previous`). By position, so that what lies together in the log lies together here: a run of
 * ends is written one behind the other, where the index would be searched for each.
 *
 * A tree of three levels over positions of 40 bits. 5 bytes a position, 20 KiB at a time, and only
 * where something was said of one: memory is for what is kept, however far it lies apart.
 */
#ifndef HERALD_PRODUCER_HEADS_H
#define HERALD_PRODUCER_HEADS_H

#include <stdbool.h>
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
    bool kept;                         /* it outlives the next producer_heads_forget */
};

struct producer_heads_node {
    struct producer_heads_leaf *leaves[PRODUCER_HEADS_NODE]; /* owned; NULL: nothing was said */
    uint32_t count;
};

struct producer_heads {
    struct producer_heads_node **nodes; /* owned; PRODUCER_HEADS_NODE of them; NULL: as above */
    uint64_t low;  /* number of the leaf before which there is none but the old ones */
    uint64_t *old; /* owned; numbers of leaves that were kept */
    size_t old_count;
    uint64_t bytes;
};

void producer_heads_init(struct producer_heads *self);
void producer_heads_fini(struct producer_heads *self);

/* Of the notification at this position; its own position: none came after it, or it is forgotten.
 * Any position. */
static inline uint64_t
producer_heads_newest(const struct producer_heads *self, uint64_t position)
{
    uint64_t number = position >> PRODUCER_HEADS_LEAF_BITS;
    if (position > PRODUCER_HEADS_POSITION_MAX) {
        return position;
    }
    const struct producer_heads_node *node = self->nodes[number >> PRODUCER_HEADS_NODE_BITS];
    const struct producer_heads_leaf *leaf =
        node == NULL ? NULL : node->leaves[number % PRODUCER_HEADS_NODE];
    uint32_t at = position % PRODUCER_HEADS_LEAF;
    uint64_t newest = leaf == NULL ? 0 : leaf->low[at] | (uint64_t)leaf->high[at] << 32;
    return newest == 0 ? position : newest;
}

/* Both at most PRODUCER_HEADS_POSITION_MAX. Of what was forgotten nothing is noted. */
void producer_heads_set(struct producer_heads *self, uint64_t position, uint64_t newest);

/* Forget what is below, a whole leaf at a time, but for leaves with a position that was given to
 * producer_heads_keep since the last time. */
void producer_heads_keep(struct producer_heads *self, uint64_t position);
void producer_heads_forget(struct producer_heads *self, uint64_t below);

#endif
