#include "producer_heads.h"

#include "base/check.h"
#include "base/mem.h"

void
producer_heads_init(struct producer_heads *self)
{
    *self = (struct producer_heads){.bytes = PRODUCER_HEADS_NODE * sizeof(void *)};
    self->nodes = mem_array(PRODUCER_HEADS_NODE, sizeof *self->nodes);
}

static struct producer_heads_leaf **
leaf_at(const struct producer_heads *self, uint64_t number)
{
    struct producer_heads_node *node = self->nodes[number >> PRODUCER_HEADS_NODE_BITS];
    return node == NULL ? NULL : &node->leaves[number % PRODUCER_HEADS_NODE];
}

static void
drop(struct producer_heads *self, uint64_t number)
{
    struct producer_heads_node **node = &self->nodes[number >> PRODUCER_HEADS_NODE_BITS];
    struct producer_heads_leaf **leaf = leaf_at(self, number);
    if (leaf == NULL || *leaf == NULL) {
        return;
    }
    mem_free(*leaf);
    *leaf = NULL;
    self->bytes -= sizeof **leaf;
    if (--(*node)->count == 0) {
        mem_free(*node);
        *node = NULL;
        self->bytes -= sizeof **node;
    }
}

void
producer_heads_fini(struct producer_heads *self)
{
    for (uint64_t i = 0; self->nodes != NULL && i < PRODUCER_HEADS_NODE; i++) {
        for (uint64_t k = 0; self->nodes[i] != NULL && k < PRODUCER_HEADS_NODE; k++) {
            drop(self, i << PRODUCER_HEADS_NODE_BITS | k);
        }
    }
    mem_free(self->nodes);
    mem_free(self->old);
    *self = (struct producer_heads){.nodes = NULL};
}

static struct producer_heads_leaf *
leaf_for(struct producer_heads *self, uint64_t number)
{
    struct producer_heads_node **node = &self->nodes[number >> PRODUCER_HEADS_NODE_BITS];
    if (*node == NULL) {
        *node = mem_zeroed(sizeof **node);
        self->bytes += sizeof **node;
    }
    struct producer_heads_leaf **leaf = &(*node)->leaves[number % PRODUCER_HEADS_NODE];
    if (*leaf == NULL) {
        *leaf = mem_zeroed(sizeof **leaf);
        (*node)->count++;
        self->bytes += sizeof **leaf;
    }
    return *leaf;
}

void
producer_heads_set(struct producer_heads *self, uint64_t position, uint64_t newest)
{
    CHECK(position <= PRODUCER_HEADS_POSITION_MAX && newest <= PRODUCER_HEADS_POSITION_MAX);
    uint64_t number = position >> PRODUCER_HEADS_LEAF_BITS;
    struct producer_heads_leaf **there = leaf_at(self, number);
    struct producer_heads_leaf *leaf = there == NULL ? NULL : *there;
    if (leaf == NULL) {
        if (number < self->low) {
            return;
        }
        leaf = leaf_for(self, number);
    }
    uint32_t at = position % PRODUCER_HEADS_LEAF;
    leaf->low[at] = (uint32_t)newest;
    leaf->high[at] = (uint8_t)(newest >> 32);
}

void
producer_heads_keep(struct producer_heads *self, uint64_t position)
{
    CHECK(position <= PRODUCER_HEADS_POSITION_MAX);
    struct producer_heads_leaf **leaf = leaf_at(self, position >> PRODUCER_HEADS_LEAF_BITS);
    if (leaf != NULL && *leaf != NULL) {
        (*leaf)->kept = true;
    }
}

/* Whether it has to be looked at again. */
static bool
pass(struct producer_heads *self, uint64_t number)
{
    struct producer_heads_leaf **leaf = leaf_at(self, number);
    if (leaf == NULL || *leaf == NULL) {
        return false;
    }
    bool kept = (*leaf)->kept;
    (*leaf)->kept = false;
    if (!kept) {
        drop(self, number);
    }
    return kept;
}

void
producer_heads_forget(struct producer_heads *self, uint64_t below)
{
    CHECK(below <= PRODUCER_HEADS_POSITION_MAX);
    size_t count = 0;
    for (size_t i = 0; i < self->old_count; i++) {
        if (pass(self, self->old[i])) {
            self->old[count++] = self->old[i];
        }
    }
    self->old_count = count;
    uint64_t end = below >> PRODUCER_HEADS_LEAF_BITS;
    while (self->low < end) {
        uint64_t number = self->low++;
        if (self->nodes[number >> PRODUCER_HEADS_NODE_BITS] == NULL) {
            self->low = (number | (PRODUCER_HEADS_NODE - 1)) + 1; /* nothing in all of the node */
            self->low = self->low < end ? self->low : end;
        } else if (pass(self, number)) {
            self->old = mem_resize(self->old, (self->old_count + 1) * sizeof *self->old);
            self->old[self->old_count++] = number;
        }
    }
}
