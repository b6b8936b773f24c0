#include "compensator_table.h"

#include "base/check.h"
#include "base/mem.h"
#include "delivery/fold.h"

#include <string.h>

#define TO(state) ((int8_t)(1 + (state)))

static const int8_t next_state[COMPENSATOR_STATE_COUNT][COMPENSATOR_EVENT_COUNT] = {
    [COMPENSATOR_NONE] =
        {[COMPENSATOR_TAKE] = TO(COMPENSATOR_HELD), [COMPENSATOR_LEAVE] = TO(COMPENSATOR_AWAY)},
    [COMPENSATOR_HELD] = {[COMPENSATOR_OPEN] = TO(COMPENSATOR_CASE),
                          [COMPENSATOR_END] = TO(COMPENSATOR_ENDED),
                          [COMPENSATOR_LEAVE] = TO(COMPENSATOR_AWAY)},
    [COMPENSATOR_CASE] = {[COMPENSATOR_REPLAY] = TO(COMPENSATOR_AWAY),
                          [COMPENSATOR_END] = TO(COMPENSATOR_ENDED),
                          [COMPENSATOR_LEAVE] = TO(COMPENSATOR_AWAY)},
    [COMPENSATOR_AWAY] =
        {[COMPENSATOR_TAKE] = TO(COMPENSATOR_HELD), [COMPENSATOR_END] = TO(COMPENSATOR_ENDED)},
};
static_assert(COMPENSATOR_STATE_COUNT == 5, "the table above and the header change together");

struct compensator_table {
    struct compensator_entry **slots; /* owned, and what they point to */
    uint32_t slot_count;              /* ever used */
    uint32_t slot_capacity;
    uint32_t *spare; /* owned; slots that are free again */
    uint32_t spare_count;
    uint32_t *buckets; /* owned; slot + 1, 0: empty; open addressing, linear */
    uint32_t bucket_count;
    uint32_t count;
};

compensator_table_t *
compensator_table_new(void)
{
    compensator_table_t *self = mem_zeroed(sizeof *self);
    self->bucket_count = 64;
    self->buckets = mem_array(self->bucket_count, sizeof *self->buckets);
    return self;
}

void
compensator_table_destroy(compensator_table_t **self_p)
{
    compensator_table_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    for (uint32_t i = 0; i < self->slot_count; i++) {
        if (self->slots[i] != NULL) {
            mem_free(self->slots[i]->info);
            mem_free(self->slots[i]);
        }
    }
    mem_free(self->slots);
    mem_free(self->spare);
    mem_free(self->buckets);
    mem_free(self);
    *self_p = NULL;
}

static uint32_t
home(const compensator_table_t *self, struct delivery_key key)
{
    uint64_t mixed = (key.position * 64 + key.subscription) * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(mixed >> 32) & (self->bucket_count - 1);
}

static bool
same(struct delivery_key a, struct delivery_key b)
{
    return a.position == b.position && a.subscription == b.subscription;
}

/* The bucket that has the key, or the empty one where it belongs. */
static uint32_t
bucket_of(const compensator_table_t *self, struct delivery_key key)
{
    uint32_t bucket = home(self, key);
    while (self->buckets[bucket] != 0 && !same(self->slots[self->buckets[bucket] - 1]->key, key)) {
        bucket = (bucket + 1) & (self->bucket_count - 1);
    }
    return bucket;
}

struct compensator_entry *
compensator_table_find(const compensator_table_t *self, struct delivery_key key)
{
    uint32_t found = self->buckets[bucket_of(self, key)];
    return found == 0 ? NULL : self->slots[found - 1];
}

static void
grow_buckets(compensator_table_t *self)
{
    self->bucket_count *= 2;
    mem_free(self->buckets);
    self->buckets = mem_array(self->bucket_count, sizeof *self->buckets);
    for (uint32_t i = 0; i < self->slot_count; i++) {
        CHECK(self->slots[i] != NULL); /* places that are free again are taken before it grows */
        self->buckets[bucket_of(self, self->slots[i]->key)] = i + 1;
    }
}

static uint32_t
free_slot(compensator_table_t *self)
{
    if (self->spare_count > 0) {
        return self->spare[--self->spare_count];
    }
    if (self->slot_count == self->slot_capacity) {
        self->slot_capacity = self->slot_capacity == 0 ? 64 : self->slot_capacity * 2;
        self->slots = mem_resize(self->slots, self->slot_capacity * sizeof(*self->slots));
        self->spare = mem_resize(self->spare, self->slot_capacity * sizeof *self->spare);
    }
    return self->slot_count++;
}

struct compensator_entry *
compensator_table_add(compensator_table_t *self, struct delivery_key key)
{
    if ((self->count + 1) * 2 > self->bucket_count) {
        grow_buckets(self);
    }
    uint32_t bucket = bucket_of(self, key);
    CHECK(self->buckets[bucket] == 0);
    struct compensator_entry *entry = mem_zeroed(sizeof *entry);
    entry->key = key;
    entry->slot = free_slot(self);
    entry->heap_place = COMPENSATOR_NOWHERE;
    entry->ready_group = COMPENSATOR_NOWHERE;
    self->slots[entry->slot] = entry;
    self->buckets[bucket] = entry->slot + 1;
    self->count++;
    return entry;
}

/* Close the gap: whoever stands behind it moves forward when its home allows that. */
static void
close_gap(compensator_table_t *self, uint32_t gap)
{
    uint32_t mask = self->bucket_count - 1;
    uint32_t at = gap;
    for (;;) {
        at = (at + 1) & mask;
        if (self->buckets[at] == 0) {
            break;
        }
        uint32_t wanted = home(self, self->slots[self->buckets[at] - 1]->key);
        if (((at - wanted) & mask) >= ((at - gap) & mask)) {
            self->buckets[gap] = self->buckets[at];
            gap = at;
        }
    }
    self->buckets[gap] = 0;
}

void
compensator_table_drop(compensator_table_t *self, struct compensator_entry *entry)
{
    CHECK(entry->heap_place == COMPENSATOR_NOWHERE && entry->ready_group == COMPENSATOR_NOWHERE);
    close_gap(self, bucket_of(self, entry->key));
    self->slots[entry->slot] = NULL;
    self->spare[self->spare_count++] = entry->slot;
    self->count--;
    mem_free(entry->info);
    mem_free(entry);
}

uint32_t
compensator_table_slots(const compensator_table_t *self)
{
    return self->slot_count;
}

struct compensator_entry *
compensator_table_at(const compensator_table_t *self, uint32_t slot)
{
    CHECK(slot < self->slot_count);
    return self->slots[slot];
}

uint32_t
compensator_table_count(const compensator_table_t *self)
{
    return self->count;
}

bool
compensator_entry_cancel(const struct compensator_entry *entry, uint32_t cancel_turn)
{
    uint8_t custodian = entry->state == COMPENSATOR_AWAY ? LOG_SCHEDULER : LOG_COMPENSATOR;
    return fold_cancel_stands(cancel_turn, entry->turn, custodian);
}

bool
compensator_table_to(struct compensator_entry *entry, enum compensator_event event)
{
    int8_t next = next_state[entry->state][event];
    if (next == 0) {
        return false;
    }
    entry->state = (uint8_t)(next - 1);
    return true;
}
