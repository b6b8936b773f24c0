#include "producer_index.h"

#include "base/check.h"
#include "base/mem.h"
#include "producer_slots.h"

#include <assert.h>
#include <string.h>

#define TABLES PRODUCER_INDEX_TABLES
#define FIRST_BITS 3U
#define FIRST_CAPACITY (1U << FIRST_BITS)
#define PINNED 2
#define LINE_ENTRIES 4 /* of a cache line */

/* Its entries are in the index's slots of its number: FIRST_CAPACITY in part 0, as many in part 1,
 * twice as many in each after it. */
struct table {
    uint32_t capacity; /* a power of two; 0: none yet */
    uint32_t count;
};

struct producer_index {
    struct producer_slots slots; /* owned */
    struct table tables[TABLES];
    struct producer_index_entry *moving; /* owned; of a table that is put together again */
    uint32_t moving_capacity;
    uint64_t count;
    uint64_t bytes; /* of the tables */
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

static inline struct producer_index_entry *
entry_at(const producer_index_t *self, uint32_t number, uint32_t at)
{
    if (at < FIRST_CAPACITY) {
        struct producer_index_entry *entries = producer_slots_at(&self->slots, number, 0);
        return &entries[at];
    }
    unsigned bit = 31 - (unsigned)__builtin_clz(at); /* the part begins with it */
    struct producer_index_entry *entries =
        producer_slots_at(&self->slots, number, bit - FIRST_BITS + 1);
    return &entries[at ^ 1U << bit];
}

/* The one behind it, in the same part as a rule. */
static inline struct producer_index_entry *
entry_behind(const producer_index_t *self, uint32_t number, uint32_t *at,
             struct producer_index_entry *entry)
{
    *at = (*at + 1) & (self->tables[number].capacity - 1);
    return (*at & (*at - 1)) == 0 ? entry_at(self, number, *at) : entry + 1;
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
        mem_free(self->moving);
        mem_free(self);
        *self_p = NULL;
    }
}

void
producer_index_prefetch(const producer_index_t *self, uint64_t hash)
{
    uint32_t number = producer_index_table(hash);
    const struct table *table = &self->tables[number];
    if (table->capacity > 0) {
        uint32_t at = place_of((uint32_t)(hash >> 32), table->capacity);
        __builtin_prefetch(entry_at(self, number, at));
        /* A search often goes so far. */
        __builtin_prefetch(entry_at(self, number, (at + LINE_ENTRIES) & (table->capacity - 1)));
    }
}

struct producer_index_entry *
producer_index_find(producer_index_t *self, uint64_t hash, uint32_t *cursor)
{
    uint32_t number = producer_index_table(hash);
    const struct table *table = &self->tables[number];
    uint32_t tag = (uint32_t)(hash >> 32);
    if (table->capacity == 0) {
        return NULL;
    }
    uint32_t at = (place_of(tag, table->capacity) + *cursor) & (table->capacity - 1);
    struct producer_index_entry *entry = entry_at(self, number, at);
    while (entry->used != 0) { /* there is a free one */
        (*cursor)++;
        if (entry->tag == tag) {
            return entry;
        }
        entry = entry_behind(self, number, &at, entry);
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
put(producer_index_t *self, uint32_t number, const struct producer_index_entry *entry)
{
    struct table *table = &self->tables[number];
    uint32_t at = place_of(entry->tag, table->capacity);
    struct producer_index_entry *place = entry_at(self, number, at);
    while (place->used != 0) {
        place = entry_behind(self, number, &at, place);
    }
    *place = *entry;
    table->count++;
}

static bool
lives(const struct producer_index_entry *entry, uint64_t expired)
{
    return entry->used == PINNED || (entry->used != 0 && producer_index_position(entry) >= expired);
}

/* Where the entries of a part begin in a table. */
static uint32_t
part_first(unsigned part)
{
    return part == 0 ? 0 : FIRST_CAPACITY << (part - 1);
}

/* All entries of a table that live, in `moving`, which has room for them; their count. */
static uint32_t
gather(producer_index_t *self, uint32_t number, uint64_t expired)
{
    uint32_t count = 0;
    for (unsigned part = 0; part_first(part) < self->tables[number].capacity; part++) {
        const struct producer_index_entry *entries = producer_slots_at(&self->slots, number, part);
        for (uint32_t i = 0; i < part_first(part + 1) - part_first(part); i++) {
            if (lives(&entries[i], expired)) {
                self->moving[count++] = entries[i];
            }
        }
    }
    return count;
}

/* Without what has expired; twice as large when that is not enough, or as large as it is to be. */
static void
rebuild(producer_index_t *self, uint32_t number, uint32_t capacity, uint64_t expired)
{
    struct table *table = &self->tables[number];
    if (table->count > self->moving_capacity) {
        self->moving_capacity = table->capacity;
        mem_free(self->moving);
        self->moving = mem_array(self->moving_capacity, sizeof *self->moving);
    }
    uint32_t live = gather(self, number, expired);
    while (live * 10ULL >= capacity * 7ULL) {
        capacity *= 2;
    }
    for (unsigned part = 0; part_first(part) < capacity; part++) {
        producer_slots_reach(&self->slots, part);
        if (part_first(part) < table->capacity) {
            memset(producer_slots_at(&self->slots, number, part), 0,
                   producer_slots_bytes(&self->slots, part));
        }
    }
    self->count -= table->count - live;
    self->bytes += (capacity - table->capacity) * sizeof *self->moving;
    *table = (struct table){.capacity = capacity};
    for (uint32_t i = 0; i < live; i++) {
        put(self, number, &self->moving[i]);
    }
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
            rebuild(self, i, capacity, 0);
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

/* Which table the hash belongs to; there is room for one more. */
static uint32_t
table_with_room(producer_index_t *self, uint64_t hash, uint64_t expired)
{
    uint32_t number = producer_index_table(hash);
    const struct table *table = &self->tables[number];
    if ((table->count + 1ULL) * 10 > table->capacity * 8ULL) {
        rebuild(self, number, table->capacity == 0 ? FIRST_CAPACITY : table->capacity, expired);
    }
    return number;
}

void
producer_index_add(producer_index_t *self, uint64_t hash, uint64_t position, uint64_t expired)
{
    uint32_t number = table_with_room(self, hash, expired);
    struct producer_index_entry entry = entry_with(hash, position, position);
    put(self, number, &entry);
    self->count++;
}

void
producer_index_restore(producer_index_t *self, uint64_t hash, uint64_t position, uint64_t last)
{
    uint32_t number = table_with_room(self, hash, 0);
    struct table *table = &self->tables[number];
    struct producer_index_entry entry = entry_with(hash, position, last);
    uint32_t at = place_of(entry.tag, table->capacity);
    struct producer_index_entry *place = entry_at(self, number, at);
    while (place->used != 0) {
        if (place->tag == entry.tag && producer_index_position(place) == position) {
            return;
        }
        place = entry_behind(self, number, &at, place);
    }
    *place = entry;
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
    return self->bytes + self->moving_capacity * sizeof *self->moving + sizeof *self;
}
