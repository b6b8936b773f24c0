#include "producer_index.h"

#include "base/check.h"
#include "base/mem.h"
#include "producer_slots.h"

#include <assert.h>
#include <string.h>

#define TABLES PRODUCER_INDEX_TABLES
#define FIRST_CAPACITY 8U
#define PINNED 2
#define LINE_ENTRIES 4 /* of a cache line */

struct table {
    struct producer_index_entry *entries; /* in the index's slots */
    uint32_t capacity;                    /* a power of two; 0: none yet */
    uint32_t count;
};

struct producer_index {
    struct producer_slots slots; /* owned */
    struct table tables[TABLES];
    uint64_t count;
    uint64_t bytes;
};

static_assert(sizeof(struct producer_index_entry) == 16, "16 bytes an entry");
static_assert(LINE_ENTRIES * sizeof(struct producer_index_entry) == 64, "a cache line");

/* A table by the lowest 10 bits; a tag by the upper 32; the place in the table by the tag's mix, so
 * that a table can grow without the whole hash. */
static uint32_t
place_of(uint32_t tag, uint32_t capacity)
{
    return (tag * 0x9E3779B1U) >> 7 & (capacity - 1);
}

producer_index_t *
producer_index_new(void)
{
    producer_index_t *self = mem_zeroed(sizeof *self);
    producer_slots_init(&self->slots, TABLES, FIRST_CAPACITY * sizeof(struct producer_index_entry));
    return self;
}

void
producer_index_destroy(producer_index_t **self_p)
{
    producer_index_t *self = *self_p;
    if (self != NULL) {
        producer_slots_fini(&self->slots);
        mem_free(self);
        *self_p = NULL;
    }
}

void
producer_index_prefetch(const producer_index_t *self, uint64_t hash)
{
    const struct table *table = &self->tables[producer_index_table(hash)];
    if (table->capacity > 0) {
        uint32_t at = place_of((uint32_t)(hash >> 32), table->capacity);
        __builtin_prefetch(&table->entries[at]);
        /* A search often goes so far. */
        __builtin_prefetch(&table->entries[(at + LINE_ENTRIES) & (table->capacity - 1)]);
    }
}

struct producer_index_entry *
producer_index_find(producer_index_t *self, uint64_t hash, uint32_t *cursor)
{
    struct table *table = &self->tables[producer_index_table(hash)];
    uint32_t tag = (uint32_t)(hash >> 32);
    while (*cursor < table->capacity) {
        uint32_t at = (place_of(tag, table->capacity) + (*cursor)++) & (table->capacity - 1);
        struct producer_index_entry *entry = &table->entries[at];
        if (entry->used == 0) {
            return NULL;
        }
        if (entry->tag == tag) {
            return entry;
        }
    }
    return NULL;
}

uint64_t
producer_index_position(const struct producer_index_entry *entry)
{
    return entry->position_low | (uint64_t)entry->position_high << 32;
}

uint64_t
producer_index_last(const struct producer_index_entry *entry)
{
    return entry->last_low | (uint64_t)entry->last_high << 32;
}

void
producer_index_set_last(struct producer_index_entry *entry, uint64_t last)
{
    entry->last_low = (uint32_t)last;
    entry->last_high = (uint8_t)(last >> 32);
}

static void
put(struct table *table, const struct producer_index_entry *entry)
{
    uint32_t at = place_of(entry->tag, table->capacity);
    while (table->entries[at].used != 0) {
        at = (at + 1) & (table->capacity - 1);
    }
    table->entries[at] = *entry;
    table->count++;
}

static bool
lives(const struct producer_index_entry *entry, uint64_t expired)
{
    return entry->used == PINNED || (entry->used != 0 && producer_index_position(entry) >= expired);
}

static void
fill(struct table *table, const struct table *from, uint64_t expired)
{
    for (uint32_t i = 0; i < from->capacity; i++) {
        if (lives(&from->entries[i], expired)) {
            put(table, &from->entries[i]);
        }
    }
}

static void
resize(producer_index_t *self, struct table *table, uint32_t capacity, uint64_t expired)
{
    uint32_t number = (uint32_t)(table - self->tables);
    struct table old = *table;
    size_t old_bytes = old.capacity * sizeof *old.entries;
    size_t bytes = capacity * sizeof *old.entries;
    *table = (struct table){.capacity = capacity};
    if (capacity == old.capacity) { /* in its place, by way of a copy */
        table->entries = old.entries;
        old.entries = mem_copy(old.entries, old_bytes);
        memset(table->entries, 0, bytes);
        fill(table, &old, expired);
        mem_free(old.entries);
    } else {
        table->entries = producer_slots_take(&self->slots, number, bytes);
        fill(table, &old, expired);
        if (old_bytes > 0) {
            producer_slots_leave(&self->slots, number, old_bytes);
        }
    }
    self->count -= old.count - table->count;
    self->bytes += bytes - old_bytes;
}

/* Without what has expired; twice as large when that is not enough. */
static void
rebuild(producer_index_t *self, struct table *table, uint64_t expired)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < table->capacity; i++) {
        live += lives(&table->entries[i], expired);
    }
    uint32_t capacity = table->capacity == 0 ? FIRST_CAPACITY : table->capacity;
    while (live * 10ULL >= capacity * 7ULL) {
        capacity *= 2;
    }
    resize(self, table, capacity, expired);
}

void
producer_index_reserve(producer_index_t *self, uint64_t count)
{
    uint64_t each = count / TABLES + 1;
    uint32_t capacity = FIRST_CAPACITY;
    while (capacity * 7ULL < each * 10) {
        capacity *= 2;
    }
    for (uint32_t i = 0; i < TABLES; i++) {
        if (self->tables[i].capacity < capacity) {
            resize(self, &self->tables[i], capacity, 0);
        }
    }
}

void
producer_index_pin(struct producer_index_entry *entry, bool pinned)
{
    entry->used = pinned ? PINNED : 1;
}

static struct producer_index_entry
entry_with(uint64_t hash, uint64_t position, uint64_t last)
{
    CHECK(position < UINT64_C(1) << 40 && last < UINT64_C(1) << 40);
    return (struct producer_index_entry){
        .tag = (uint32_t)(hash >> 32),
        .position_low = (uint32_t)position,
        .position_high = (uint8_t)(position >> 32),
        .last_low = (uint32_t)last,
        .last_high = (uint8_t)(last >> 32),
        .used = 1,
    };
}

static struct table *
table_with_room(producer_index_t *self, uint64_t hash, uint64_t expired)
{
    struct table *table = &self->tables[producer_index_table(hash)];
    if ((table->count + 1ULL) * 10 > table->capacity * 8ULL) {
        rebuild(self, table, expired);
    }
    return table;
}

void
producer_index_add(producer_index_t *self, uint64_t hash, uint64_t position, uint64_t expired)
{
    struct table *table = table_with_room(self, hash, expired);
    struct producer_index_entry entry = entry_with(hash, position, position);
    put(table, &entry);
    self->count++;
}

void
producer_index_restore(producer_index_t *self, uint64_t hash, uint64_t position, uint64_t last)
{
    struct table *table = table_with_room(self, hash, 0);
    struct producer_index_entry entry = entry_with(hash, position, last);
    uint32_t at = place_of(entry.tag, table->capacity);
    while (table->entries[at].used != 0) {
        const struct producer_index_entry *known = &table->entries[at];
        if (known->tag == entry.tag && producer_index_position(known) == position) {
            return;
        }
        at = (at + 1) & (table->capacity - 1);
    }
    table->entries[at] = entry;
    table->count++;
    self->count++;
}

uint64_t
producer_index_count(const producer_index_t *self)
{
    return self->count;
}

uint64_t
producer_index_bytes(const producer_index_t *self)
{
    return self->bytes + sizeof *self;
}
