#include "producer_heads.h"

#include "base/check.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void
producer_heads_init(struct producer_heads *self)
{
    *self = (struct producer_heads){.bytes = PRODUCER_HEADS_NODE * sizeof *self->nodes};
    self->nodes = mem_array(PRODUCER_HEADS_NODE, sizeof *self->nodes);
}

static void
drop(struct producer_heads *self, uint64_t number)
{
    struct producer_heads_node **node = &self->nodes[number >> PRODUCER_HEADS_NODE_BITS];
    struct producer_heads_leaf **leaf = &(*node)->leaves[number % PRODUCER_HEADS_NODE];
    if (*leaf == NULL) {
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

/* All leaves from one number to before another. */
static void
drop_range(struct producer_heads *self, uint64_t from, uint64_t end)
{
    while (from < end) {
        if (self->nodes[from >> PRODUCER_HEADS_NODE_BITS] == NULL) {
            from = (from | (PRODUCER_HEADS_NODE - 1)) + 1; /* nothing in all of the node */
        } else {
            drop(self, from++);
        }
    }
}

void
producer_heads_fini(struct producer_heads *self)
{
    if (self->nodes != NULL) {
        drop_range(self, 0, UINT64_C(1) << 2 * PRODUCER_HEADS_NODE_BITS);
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

/* Where it is among the old ones, or would be. */
static size_t
old_at(const struct producer_heads *self, uint64_t position)
{
    size_t from = 0;
    size_t end = self->old_count;
    while (from < end) {
        size_t middle = from + (end - from) / 2;
        if (self->old[middle].position < position) {
            from = middle + 1;
        } else {
            end = middle;
        }
    }
    return from;
}

uint64_t
producer_heads_newest_old(const struct producer_heads *self, uint64_t position)
{
    size_t at = old_at(self, position);
    return at < self->old_count && self->old[at].position == position ? self->old[at].newest
                                                                      : position;
}

static void
reserve_old(struct producer_heads *self, size_t count)
{
    if (count > self->old_capacity) {
        size_t capacity = count + count / 2;
        self->old = mem_resize(self->old, capacity * sizeof *self->old);
        self->bytes += (capacity - self->old_capacity) * sizeof *self->old;
        self->old_capacity = capacity;
    }
}

static void
set_old(struct producer_heads *self, uint64_t position, uint64_t newest)
{
    size_t at = old_at(self, position);
    if (at == self->old_count || self->old[at].position != position) {
        reserve_old(self, self->old_count + 1);
        memmove(&self->old[at + 1], &self->old[at], (self->old_count - at) * sizeof *self->old);
        self->old_count++;
    }
    self->old[at] = (struct producer_head){.position = position, .newest = newest};
}

void
producer_heads_set(struct producer_heads *self, uint64_t position, uint64_t newest)
{
    CHECK(position <= PRODUCER_HEADS_POSITION_MAX && newest <= PRODUCER_HEADS_POSITION_MAX);
    if (position < self->low) {
        set_old(self, position, newest);
        return;
    }
    struct producer_heads_leaf *leaf = leaf_for(self, position >> PRODUCER_HEADS_LEAF_BITS);
    uint32_t at = position % PRODUCER_HEADS_LEAF;
    leaf->low[at] = (uint32_t)newest;
    leaf->high[at] = (uint8_t)(newest >> 32);
}

static int
by_value(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

void
producer_heads_forget(struct producer_heads *self, uint64_t below, uint64_t *kept,
                      size_t kept_count)
{
    CHECK(below <= PRODUCER_HEADS_POSITION_MAX);
    below -= below % PRODUCER_HEADS_LEAF;
    if (below <= self->low) {
        return;
    }
    if (kept_count > 0) {
        qsort(kept, kept_count, sizeof *kept, by_value);
    }
    struct producer_heads before = *self;
    self->old = NULL;
    self->old_count = 0;
    self->old_capacity = 0;
    self->bytes -= before.old_capacity * sizeof *before.old;
    for (size_t i = 0; i < kept_count && kept[i] < below; i++) {
        uint64_t newest = producer_heads_newest(&before, kept[i]);
        if (newest != kept[i] && (i == 0 || kept[i] != kept[i - 1])) {
            reserve_old(self, self->old_count + 1);
            self->old[self->old_count++] =
                (struct producer_head){.position = kept[i], .newest = newest};
        }
    }
    mem_free(before.old);
    drop_range(self, self->low >> PRODUCER_HEADS_LEAF_BITS, below >> PRODUCER_HEADS_LEAF_BITS);
    self->low = below;
}
