#include "producer_index.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/mem.h"
#include "producer_slots.h"

#include <assert.h>
#include <string.h>

#define TABLES PRODUCER_INDEX_TABLES
#define PLACES 7U /* of a group */
#define STRIDE 8U /* a search's cursor counts so many for a group */
#define LOW_BITS UINT64_C(0x7f7f7f7f7f7f7f7f)
#define PLACE_BITS UINT64_C(0x0080808080808080) /* the highest of each place's byte */
#define EACH_BYTE UINT64_C(0x0101010101010101)
#define FETCH_MOST (32U * 1024) /* a near cache's worth */

/* A cache line: who looks one up, and adds it, waits for one, and walks to one page. */
struct group {
    uint8_t controls[8]; /* one for each place; the last is 0, and none's */
    struct producer_index_entry entries[PLACES];
};

static_assert(sizeof(struct group) == 64, "a cache line");

/* Its groups are in the index's slots of its number: one in part 0, one in part 1, twice as many in
 * each after it. */
struct table {
    uint32_t groups; /* a power of two; 0: none yet */
    uint32_t count;  /* of entries */
};

/* An entry on its way from one place to another. */
struct moving {
    uint32_t tag;
    uint64_t bits;
};

struct producer_index {
    struct producer_slots slots; /* owned; of groups */
    struct table tables[TABLES];
    struct moving *moving; /* owned; of a table that is put together again */
    uint32_t moving_capacity;
    uint64_t count;
    uint64_t bytes; /* of the tables */
    unsigned parts; /* of slots, that the largest table has */
    uint64_t ahead; /* with so many entries the next part is fetched; 0: not any more */
};

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
first_group(uint32_t tag, uint32_t groups)
{
    return (tag * 0x9E3779B1U) >> 7 & (groups - 1);
}

static inline struct group *
group_at(const producer_index_t *self, uint32_t number, uint32_t at)
{
    unsigned part = at == 0 ? 0 : 32U - (unsigned)__builtin_clz(at);
    uint32_t within = at == 0 ? 0 : at ^ 1U << (part - 1);
    return (struct group *)producer_slots_at(&self->slots, number, part) + within;
}

/* Where a search is that has found so many groups full: at first in a pair of cache lines, which
 * were fetched together, then in pairs that are 1, 2, 3... apart, so that it comes to all of them.
 */
static inline uint32_t
probe(uint32_t first, uint32_t full, uint32_t groups)
{
    uint32_t pairs = full / 2;
    return ((first ^ (full & 1)) + pairs * (pairs + 1)) & (groups - 1);
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
    return ~controls & PLACE_BITS;
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
    producer_slots_init(&self->slots, TABLES, sizeof(struct group));
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
    if (table->groups > 0) {
        uint32_t first = first_group(tag_of(hash), table->groups);
        __builtin_prefetch(group_at(self, number, first), 1);
        __builtin_prefetch(group_at(self, number, probe(first, 1, table->groups)), 1);
    }
}

struct producer_index_entry *
producer_index_find(producer_index_t *self, uint64_t hash, uint32_t *cursor)
{
    uint32_t number = producer_index_table(hash);
    uint32_t groups = self->tables[number].groups;
    if (groups == 0) {
        return NULL;
    }
    uint32_t tag = tag_of(hash);
    uint32_t first = first_group(tag, groups);
    uint32_t full = *cursor / STRIDE;
    uint64_t passed = (UINT64_C(1) << *cursor % STRIDE * 8) - 1; /* places of this group */
    for (;; full++, passed = 0) {
        struct group *group = group_at(self, number, probe(first, full, groups));
        uint64_t controls = bytes_get_u64(group->controls);
        uint64_t found = matches(controls, control_of(tag)) & ~passed;
        for (; found != 0; found &= found - 1) {
            uint32_t place = place_of(found);
            if ((group->entries[place].bits & TAG_MASK) == bits_of(tag)) {
                *cursor = full * STRIDE + place + 1;
                return &group->entries[place];
            }
        }
        if (empties(controls) != 0) { /* there is one somewhere */
            return NULL;
        }
    }
}

static void
put(producer_index_t *self, uint32_t number, uint32_t tag, uint64_t bits)
{
    struct table *table = &self->tables[number];
    uint32_t first = first_group(tag, table->groups);
    uint32_t full = 0;
    struct group *group = group_at(self, number, first);
    uint64_t empty = 0;
    while ((empty = empties(bytes_get_u64(group->controls))) == 0) {
        group = group_at(self, number, probe(first, ++full, table->groups));
    }
    uint32_t place = place_of(empty);
    group->controls[place] = control_of(tag);
    group->entries[place].bits = bits;
    table->count++;
}

static bool
lives(const struct producer_index_entry *entry, uint64_t expired)
{
    return (entry->bits & PRODUCER_INDEX_PINNED) != 0 || producer_index_position(entry) >= expired;
}

/* A table that will not grow when it is full, but get rid of what has expired. */
static bool
has_expired(const producer_index_t *self, uint32_t number, uint64_t expired)
{
    for (uint32_t at = 0; at < self->tables[number].groups; at++) {
        const struct group *group = group_at(self, number, at);
        for (uint32_t i = 0; i < PLACES; i++) {
            if (group->controls[i] != 0 && !lives(&group->entries[i], expired)) {
                return true;
            }
        }
    }
    return false;
}

/* Take all entries out of a table: those that live are in `moving`, which has room for them; their
 * count. */
static uint32_t
take_all(producer_index_t *self, uint32_t number, uint64_t expired)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < self->tables[number].groups; at++) {
        struct group *group = group_at(self, number, at);
        for (uint32_t i = 0; i < PLACES; i++) {
            if (group->controls[i] != 0 && lives(&group->entries[i], expired)) {
                uint64_t bits = group->entries[i].bits;
                uint32_t tag = (uint32_t)((bits & TAG_MASK) >> TAG_SHIFT << 7);
                self->moving[count++] =
                    (struct moving){.tag = tag | (group->controls[i] & 0x7fU), .bits = bits};
            }
        }
        memset(group->controls, 0, sizeof group->controls);
    }
    return count;
}

/* Parts of so many groups. */
static unsigned
parts(uint32_t groups)
{
    return groups == 0 ? 0 : 32U - (unsigned)__builtin_clz(groups);
}

/* Memory that is in no cache yet, and is written here and there in a moment. */
static void
fetch(const uint8_t *memory, size_t size)
{
    for (size_t at = 0; at < size && at < FETCH_MOST; at += sizeof(struct group)) {
        __builtin_prefetch(memory + at, 1);
    }
}

/* A table has grown by parts that no other had: some time before the next is needed, when the
 * tables are full to 2/3, it is fetched. The first of them grow when all are full to 0.72, and
 * memory that a virtual machine has to ask its host for takes a thread 5 ms for each 2 MiB. Tables
 * are alike: of which one has expired entries all will be put together again as large as they are.
 */
static void
plan_ahead(producer_index_t *self, unsigned reached)
{
    self->parts = reached;
    self->ahead = ((uint64_t)TABLES * PLACES << (reached - 1)) * 2 / 3;
}

/* Without what has expired; twice as large when that is not enough, or as large as it is to be. */
static void
rebuild(producer_index_t *self, uint32_t number, uint32_t groups, uint64_t expired)
{
    struct table *table = &self->tables[number];
    if (table->count > self->moving_capacity) {
        self->moving_capacity = table->groups * PLACES;
        mem_free(self->moving);
        self->moving = mem_array(self->moving_capacity, sizeof *self->moving);
    }
    uint32_t live = take_all(self, number, expired);
    while (live * 3ULL >= groups * 2ULL * PLACES) {
        groups *= 2;
    }
    for (unsigned part = parts(table->groups); part < parts(groups); part++) {
        producer_slots_reach(&self->slots, part); /* zeroed: these are empty */
        fetch(producer_slots_at(&self->slots, number, part),
              producer_slots_bytes(&self->slots, part));
    }
    if (parts(groups) > self->parts) {
        plan_ahead(self, parts(groups));
    }
    self->count -= table->count - live;
    self->bytes += (groups - table->groups) * sizeof(struct group);
    *table = (struct table){.groups = groups};
    for (uint32_t i = 0; i < live; i++) {
        put(self, number, self->moving[i].tag, self->moving[i].bits);
    }
}

void
producer_index_reserve(producer_index_t *self, uint64_t count)
{
    uint64_t each = count / TABLES + 1;
    uint32_t groups = 1;
    while (groups * 2ULL * PLACES < each * 3) {
        groups *= 2;
    }
    for (uint32_t i = 0; i < TABLES; i++) {
        if (self->tables[i].groups < groups) {
            rebuild(self, i, groups, 0);
        }
    }
}

void
producer_index_add(producer_index_t *self, uint64_t hash, uint64_t position, uint64_t expired)
{
    CHECK(position <= PRODUCER_INDEX_POSITION);
    uint32_t number = producer_index_table(hash);
    const struct table *table = &self->tables[number];
    if ((table->count + 1ULL) * 4 > table->groups * 3ULL * PLACES) {
        rebuild(self, number, table->groups == 0 ? 1 : table->groups, expired);
    }
    uint32_t tag = tag_of(hash);
    put(self, number, tag, bits_of(tag) | position);
    if (++self->count == self->ahead) {
        self->ahead = 0; /* of that size */
        if (!has_expired(self, number, expired)) {
            producer_slots_reach(&self->slots, self->parts);
        }
    }
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
