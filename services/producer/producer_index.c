#include "producer_index.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/mem.h"
#include "producer_slots.h"

#include <assert.h>
#include <string.h>

#define TABLES PRODUCER_INDEX_TABLES
#define GROUP 8U /* places: eight control bytes, a cache line of entries */
#define LOW_BITS UINT64_C(0x7f7f7f7f7f7f7f7f)
#define HIGH_BITS UINT64_C(0x8080808080808080)
#define EACH_BYTE UINT64_C(0x0101010101010101)
#define LINE_BYTES 64U
#define FETCH_MOST (16U * 1024) /* of controls, and of entries: a near cache's worth */

/* Its places are in the index's slots of its number: GROUP in part 0, as many in part 1, twice as
 * many in each after it. */
struct table {
    uint32_t capacity; /* GROUP times a power of two; 0: none yet */
    uint32_t count;
};

/* An entry on its way from one place to another. */
struct moving {
    uint32_t tag;
    uint64_t bits;
};

struct producer_index {
    struct producer_slots controls; /* owned; a byte a place */
    struct producer_slots entries;  /* owned */
    struct table tables[TABLES];
    struct moving *moving; /* owned; of a table that is put together again */
    uint32_t moving_capacity;
    uint64_t count;
    uint64_t bytes; /* of the tables */
};

#define PLACE_BYTES (1 + sizeof(struct producer_index_entry))

static_assert(GROUP * sizeof(struct producer_index_entry) == 64, "a cache line");

#define TAG_SHIFT 40 /* in an entry's bits */
#define TAG_MASK ((UINT64_C(1) << 63) - (UINT64_C(1) << TAG_SHIFT))

/* What tells entries of a table apart: 30 bits. The lowest 7 are in the control byte, the others in
 * the entry; all choose the group, so that a table can grow without the whole hash. */
static uint32_t
tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 34);
}

static uint64_t
bits_of(uint32_t tag)
{
    return (uint64_t)(tag >> 7) << TAG_SHIFT;
}

static uint8_t
control_of(uint32_t tag)
{
    return (uint8_t)(tag | 0x80U);
}

static uint32_t
first_group(uint32_t tag, uint32_t capacity)
{
    return (tag * 0x9E3779B1U) >> 7 & (capacity / GROUP - 1);
}

/* A group's control bytes and entries. */
struct group {
    uint8_t *controls;
    struct producer_index_entry *entries;
};

static inline struct group
group_at(const producer_index_t *self, uint32_t number, uint32_t at)
{
    unsigned part = at == 0 ? 0 : 32U - (unsigned)__builtin_clz(at);
    uint32_t within = at == 0 ? 0 : (at ^ 1U << (part - 1)) * GROUP;
    uint8_t *controls = producer_slots_at(&self->controls, number, part);
    struct producer_index_entry *entries = producer_slots_at(&self->entries, number, part);
    return (struct group){.controls = controls + within, .entries = entries + within};
}

static inline uint32_t
group_behind(const producer_index_t *self, uint32_t number, uint32_t at)
{
    return (at + 1) & (self->tables[number].capacity / GROUP - 1);
}

/* 0x80 in each byte of `word` that is 0, and 0 in all others. */
static inline uint64_t
zero_bytes(uint64_t word)
{
    return ~(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS);
}

static inline uint64_t
matches(uint64_t controls, uint8_t control)
{
    return zero_bytes(controls ^ control * EACH_BYTE);
}

static inline uint64_t
empties(uint64_t controls)
{
    return ~controls & HIGH_BITS;
}

/* Which place of the group the first of these is. */
static inline uint32_t
place_of(uint64_t found)
{
    return (uint32_t)__builtin_ctzll(found) / 8;
}

producer_index_t *
producer_index_new(void)
{
    producer_index_t *self = mem_zeroed(sizeof *self);
    producer_slots_init(&self->controls, TABLES, GROUP);
    producer_slots_init(&self->entries, TABLES, GROUP * sizeof(struct producer_index_entry));
    return self;
}

void
producer_index_destroy(producer_index_t **self_p)
{
    producer_index_t *self = *self_p;
    if (self != NULL) {
        producer_slots_fini(&self->controls);
        producer_slots_fini(&self->entries);
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
        struct group group = group_at(self, number, first_group(tag_of(hash), table->capacity));
        __builtin_prefetch(group.controls);
        __builtin_prefetch(group.entries, 1);
    }
}

struct producer_index_entry *
producer_index_find(producer_index_t *self, uint64_t hash, uint32_t *cursor)
{
    uint32_t number = producer_index_table(hash);
    uint32_t capacity = self->tables[number].capacity;
    if (capacity == 0) {
        return NULL;
    }
    uint32_t tag = tag_of(hash);
    uint32_t at = (first_group(tag, capacity) + *cursor / GROUP) & (capacity / GROUP - 1);
    uint64_t passed = (UINT64_C(1) << *cursor % GROUP * 8) - 1; /* places of the first group */
    for (;;) {
        struct group group = group_at(self, number, at);
        uint64_t controls = bytes_get_u64(group.controls);
        uint64_t found = matches(controls, control_of(tag)) & ~passed;
        for (; found != 0; found &= found - 1) {
            uint32_t place = place_of(found);
            if ((group.entries[place].bits & TAG_MASK) == bits_of(tag)) {
                *cursor = *cursor / GROUP * GROUP + place + 1;
                return &group.entries[place];
            }
        }
        if (empties(controls) != 0) { /* there is one somewhere */
            return NULL;
        }
        *cursor = (*cursor / GROUP + 1) * GROUP;
        passed = 0;
        at = group_behind(self, number, at);
    }
}

static void
put(producer_index_t *self, uint32_t number, uint32_t tag, uint64_t bits)
{
    struct table *table = &self->tables[number];
    uint32_t at = first_group(tag, table->capacity);
    struct group group = group_at(self, number, at);
    uint64_t empty = 0;
    while ((empty = empties(bytes_get_u64(group.controls))) == 0) {
        at = group_behind(self, number, at);
        group = group_at(self, number, at);
    }
    uint32_t place = place_of(empty);
    group.controls[place] = control_of(tag);
    group.entries[place].bits = bits;
    table->count++;
}

static bool
lives(const struct producer_index_entry *entry, uint64_t expired)
{
    return (entry->bits & PRODUCER_INDEX_PINNED) != 0 || producer_index_position(entry) >= expired;
}

/* All entries of a table that live, in `moving`, which has room for them; their count. */
static uint32_t
gather(producer_index_t *self, uint32_t number, uint64_t expired)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < self->tables[number].capacity / GROUP; at++) {
        struct group group = group_at(self, number, at);
        for (uint32_t i = 0; i < GROUP; i++) {
            if (group.controls[i] != 0 && lives(&group.entries[i], expired)) {
                uint64_t bits = group.entries[i].bits;
                uint32_t tag = (uint32_t)((bits & TAG_MASK) >> TAG_SHIFT << 7);
                self->moving[count++] =
                    (struct moving){.tag = tag | (group.controls[i] & 0x7fU), .bits = bits};
            }
        }
    }
    return count;
}

/* Parts of groups that begin below this capacity. */
static unsigned
parts(uint32_t capacity)
{
    return capacity == 0 ? 0 : 32U - (unsigned)__builtin_clz(capacity / GROUP);
}

/* Memory that is in no cache yet, and is written here and there in a moment. */
static void
fetch(uint8_t *memory, size_t size)
{
    for (size_t at = 0; at < size && at < FETCH_MOST; at += LINE_BYTES) {
        __builtin_prefetch(memory + at, 1);
    }
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
    for (unsigned part = 0; part < parts(capacity); part++) {
        producer_slots_reach(&self->controls, part);
        producer_slots_reach(&self->entries, part);
        uint8_t *controls = producer_slots_at(&self->controls, number, part);
        if (part < parts(table->capacity)) {
            memset(controls, 0, producer_slots_bytes(&self->controls, part));
        } else { /* those that are new are empty */
            fetch(controls, producer_slots_bytes(&self->controls, part));
            fetch(producer_slots_at(&self->entries, number, part),
                  producer_slots_bytes(&self->entries, part));
        }
    }
    self->count -= table->count - live;
    self->bytes += (capacity - table->capacity) * PLACE_BYTES;
    *table = (struct table){.capacity = capacity};
    for (uint32_t i = 0; i < live; i++) {
        put(self, number, self->moving[i].tag, self->moving[i].bits);
    }
}

void
producer_index_reserve(producer_index_t *self, uint64_t count)
{
    uint64_t each = count / TABLES + 1;
    uint32_t capacity = GROUP;
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
producer_index_add(producer_index_t *self, uint64_t hash, uint64_t position, uint64_t expired)
{
    CHECK(position <= PRODUCER_INDEX_POSITION);
    uint32_t number = producer_index_table(hash);
    const struct table *table = &self->tables[number];
    if ((table->count + 1ULL) * 10 > table->capacity * 8ULL) {
        rebuild(self, number, table->capacity == 0 ? GROUP : table->capacity, expired);
    }
    uint32_t tag = tag_of(hash);
    put(self, number, tag, bits_of(tag) | position);
    self->count++;
}

void
producer_index_restore(producer_index_t *self, uint64_t hash, uint64_t position)
{
    uint32_t cursor = 0;
    const struct producer_index_entry *entry = producer_index_find(self, hash, &cursor);
    while (entry != NULL && producer_index_position(entry) != position) {
        entry = producer_index_find(self, hash, &cursor);
    }
    if (entry == NULL) {
        producer_index_add(self, hash, position, 0);
    }
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
