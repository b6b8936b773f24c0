#include "producer_moved.h"

#include "base/mem.h"

#define FIRST_CAPACITY 256U

static uint64_t
place_of(const struct producer_moved *self, struct delivery_key key)
{
    uint64_t mixed = (key.position * 64 + key.subscription) * UINT64_C(0x9E3779B97F4A7C15);
    return mixed >> 20 & (self->capacity - 1);
}

void
producer_moved_fini(struct producer_moved *self)
{
    mem_free(self->entries);
    *self = (struct producer_moved){0};
}

static struct producer_moved_entry *
slot_of(const struct producer_moved *self, struct delivery_key key)
{
    uint64_t at = place_of(self, key);
    while (self->entries[at].key.position != 0 &&
           (self->entries[at].key.position != key.position ||
            self->entries[at].key.subscription != key.subscription)) {
        at = (at + 1) & (self->capacity - 1);
    }
    return &self->entries[at];
}

struct producer_moved_entry *
producer_moved_find(const struct producer_moved *self, struct delivery_key key)
{
    if (self->count == 0) {
        return NULL;
    }
    struct producer_moved_entry *entry = slot_of(self, key);
    return entry->key.position == 0 ? NULL : entry;
}

static void
rebuild(struct producer_moved *self, uint64_t capacity, uint64_t expired)
{
    struct producer_moved larger = {.capacity = capacity};
    larger.entries = mem_array(capacity, sizeof *larger.entries);
    for (uint64_t i = 0; i < self->capacity; i++) {
        const struct producer_moved_entry *entry = &self->entries[i];
        bool gone = entry->key.position < expired && entry->fold.end != END_NONE;
        if (entry->key.position != 0 && !gone) {
            *slot_of(&larger, entry->key) = *entry;
            larger.count++;
        }
    }
    mem_free(self->entries);
    *self = larger;
}

struct producer_moved_entry *
producer_moved_add(struct producer_moved *self, struct delivery_key key)
{
    if ((self->count + 1) * 10 > self->capacity * 7) {
        rebuild(self, self->capacity == 0 ? FIRST_CAPACITY : self->capacity * 2, 0);
    }
    struct producer_moved_entry *entry = slot_of(self, key);
    if (entry->key.position == 0) {
        entry->key = key;
        self->count++;
    }
    return entry;
}

void
producer_moved_expire(struct producer_moved *self, uint64_t position)
{
    if (self->count > 0) {
        rebuild(self, self->capacity, position);
    }
}
