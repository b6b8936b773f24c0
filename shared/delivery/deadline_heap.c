#include "delivery/deadline_heap.h"

#include "base/check.h"
#include "base/mem.h"

#define ARITY 4U
#define FIRST_CAPACITY 1024U

void
deadline_heap_init(struct deadline_heap *self, deadline_heap_place_fn *place, void *owner)
{
    *self = (struct deadline_heap){.place = place, .owner = owner};
}

void
deadline_heap_fini(struct deadline_heap *self)
{
    mem_free(self->due_ms);
    mem_free(self->items);
    *self = (struct deadline_heap){0};
}

static void
heap_put(struct deadline_heap *self, uint32_t at, int64_t due_ms, uint32_t item)
{
    self->due_ms[at] = due_ms;
    self->items[at] = item;
    *self->place(self->owner, item) = at;
}

static void
heap_up(struct deadline_heap *self, uint32_t at, int64_t due_ms, uint32_t item)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / ARITY;
        if (self->due_ms[parent] <= due_ms) {
            break;
        }
        heap_put(self, at, self->due_ms[parent], self->items[parent]);
        at = parent;
    }
    heap_put(self, at, due_ms, item);
}

static void
heap_down(struct deadline_heap *self, uint32_t at, int64_t due_ms, uint32_t item)
{
    for (;;) {
        uint32_t first = at * ARITY + 1;
        uint32_t least = at;
        int64_t least_ms = due_ms;
        for (uint32_t child = first; child < first + ARITY && child < self->count; child++) {
            if (self->due_ms[child] < least_ms) {
                least = child;
                least_ms = self->due_ms[child];
            }
        }
        if (least == at) {
            break;
        }
        heap_put(self, at, self->due_ms[least], self->items[least]);
        at = least;
    }
    heap_put(self, at, due_ms, item);
}

void
deadline_heap_set(struct deadline_heap *self, uint32_t item, int64_t due_ms)
{
    uint32_t at = *self->place(self->owner, item);
    if (at != DEADLINE_HEAP_NOWHERE) {
        if (due_ms < self->due_ms[at]) {
            heap_up(self, at, due_ms, item);
        } else {
            heap_down(self, at, due_ms, item);
        }
        return;
    }
    if (self->count == self->capacity) {
        /* An eighth more at a time: a million of entries never doubles. Large blocks grow in their
         * place, so it costs little. */
        self->capacity = self->capacity == 0 ? FIRST_CAPACITY : self->capacity + self->capacity / 8;
        self->due_ms = mem_resize(self->due_ms, self->capacity * sizeof *self->due_ms);
        self->items = mem_resize(self->items, self->capacity * sizeof *self->items);
    }
    heap_up(self, self->count++, due_ms, item);
}

void
deadline_heap_remove(struct deadline_heap *self, uint32_t item)
{
    uint32_t *place = self->place(self->owner, item);
    uint32_t at = *place;
    if (at == DEADLINE_HEAP_NOWHERE) {
        return;
    }
    CHECK(at < self->count && self->items[at] == item);
    *place = DEADLINE_HEAP_NOWHERE;
    self->count--;
    if (at == self->count) {
        return;
    }
    int64_t due_ms = self->due_ms[self->count];
    uint32_t last = self->items[self->count];
    if (at > 0 && due_ms < self->due_ms[(at - 1) / ARITY]) {
        heap_up(self, at, due_ms, last);
    } else {
        heap_down(self, at, due_ms, last);
    }
}

bool
deadline_heap_due(const struct deadline_heap *self, int64_t now_ms, uint32_t *item)
{
    if (self->count == 0 || self->due_ms[0] > now_ms) {
        return false;
    }
    *item = self->items[0];
    return true;
}

int64_t
deadline_heap_next_ms(const struct deadline_heap *self)
{
    return self->count == 0 ? INT64_MAX : self->due_ms[0];
}
