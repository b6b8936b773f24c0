/*
 * A 4-ary heap of deadlines of numbered items: one for millions, no timer an item. 12 bytes an
 * entry; where an item stands in the heap is kept by its owner (`place`), so that it can be changed
 * or removed. Pure.
 */
#ifndef HERALD_DELIVERY_DEADLINE_HEAP_H
#define HERALD_DELIVERY_DEADLINE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEADLINE_HEAP_NOWHERE UINT32_MAX

/* Where the item's place is kept; DEADLINE_HEAP_NOWHERE while it is not in the heap. */
typedef uint32_t *deadline_heap_place_fn(void *owner, uint32_t item);

struct deadline_heap {
    int64_t *due_ms; /* owned */
    uint32_t *items; /* owned */
    uint32_t count;
    uint32_t capacity;
    deadline_heap_place_fn *place;
    void *owner; /* borrowed */
};

void deadline_heap_init(struct deadline_heap *self, deadline_heap_place_fn *place, void *owner);
void deadline_heap_fini(struct deadline_heap *self);

void deadline_heap_set(struct deadline_heap *self, uint32_t item,
                       int64_t due_ms); /* adds or moves */
void deadline_heap_remove(struct deadline_heap *self,
                          uint32_t item); /* fine when it is not there */

/* The earliest item when it is due; it stays in the heap. */
bool deadline_heap_due(const struct deadline_heap *self, int64_t now_ms, uint32_t *item);
/* INT64_MAX when the heap is empty. */
int64_t deadline_heap_next_ms(const struct deadline_heap *self);

#endif
