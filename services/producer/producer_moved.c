#include "producer_moved.h"

#include "base/check.h"
#include "base/mem.h"

#define CHUNK_BITS 10U
#define CHUNK_ENTRIES (1U << CHUNK_BITS)
#define FIRST_CAPACITY 8U
#define LOAD_TENTHS 8U /* a table grows when it is so full */

#define TAKEN 1U
#define IS_CASE 2U
#define FENCED 4U
#define BROKEN 8U

/* 40-bit numbers as 32 and 8 bits, so that no entry is padded. */
struct producer_moved_packed {
    uint32_t position;
    uint32_t scheduler;
    uint32_t compensator;
    uint32_t case_at;
    uint32_t latest;
    uint32_t due;
    uint32_t turn;
    uint32_t cancel_turn;
    uint32_t weight_flags; /* 24 bits and 8 */
    uint16_t due_high;
    uint16_t attempts;
    uint8_t position_high;
    uint8_t scheduler_high;
    uint8_t compensator_high;
    uint8_t case_high;
    uint8_t latest_high;
    uint8_t subscription;
    uint8_t custodian;
    uint8_t end;
};
static_assert(sizeof(struct producer_moved_packed) == 48, "as the header says");

static uint64_t
wide(uint32_t low, uint8_t high)
{
    return (uint64_t)high << 32 | low;
}

static uint8_t
high_of(uint64_t value)
{
    CHECK(value <= PRODUCER_MOVED_POSITION_MAX);
    return (uint8_t)(value >> 32);
}

static void
pack(const struct producer_moved_entry *entry, struct producer_moved_packed *to)
{
    const struct fold *fold = &entry->fold;
    uint64_t due = entry->due_unix_ms > 0 ? (uint64_t)entry->due_unix_ms : 0;
    CHECK(entry->weight <= PRODUCER_MOVED_WEIGHT_MAX && entry->key.subscription <= UINT8_MAX);
    uint32_t flags = (fold->taken ? TAKEN : 0) | (fold->is_case ? IS_CASE : 0) |
                     (fold->fenced ? FENCED : 0) | (fold->broken ? BROKEN : 0);
    *to = (struct producer_moved_packed){
        .position = (uint32_t)entry->key.position,
        .position_high = high_of(entry->key.position),
        .subscription = (uint8_t)entry->key.subscription,
        .scheduler = (uint32_t)entry->scheduler_last,
        .scheduler_high = high_of(entry->scheduler_last),
        .compensator = (uint32_t)entry->compensator_last,
        .compensator_high = high_of(entry->compensator_last),
        .case_at = (uint32_t)entry->case_at,
        .case_high = high_of(entry->case_at),
        .latest = (uint32_t)fold->latest,
        .latest_high = high_of(fold->latest),
        .due = (uint32_t)due,
        .due_high = (uint16_t)(due >> 32), /* as far as the year 10889 */
        .turn = fold->turn,
        .cancel_turn = fold->cancel_turn,
        .weight_flags = entry->weight << 8 | flags,
        .attempts = fold->attempts,
        .custodian = fold->custodian,
        .end = fold->end,
    };
}

static void
unpack(const struct producer_moved_packed *from, struct producer_moved_entry *entry)
{
    *entry = (struct producer_moved_entry){
        .key = {.position = wide(from->position, from->position_high),
                .subscription = from->subscription},
        .scheduler_last = wide(from->scheduler, from->scheduler_high),
        .compensator_last = wide(from->compensator, from->compensator_high),
        .case_at = wide(from->case_at, from->case_high),
        .due_unix_ms = (int64_t)((uint64_t)from->due_high << 32 | from->due),
        .weight = from->weight_flags >> 8,
        .fold =
            {
                .latest = wide(from->latest, from->latest_high),
                .turn = from->turn,
                .cancel_turn = from->cancel_turn,
                .attempts = from->attempts,
                .custodian = from->custodian,
                .end = from->end,
                .taken = (from->weight_flags & TAKEN) != 0,
                .is_case = (from->weight_flags & IS_CASE) != 0,
                .fenced = (from->weight_flags & FENCED) != 0,
                .broken = (from->weight_flags & BROKEN) != 0,
            },
    };
}

static struct producer_moved_packed *
packed_at(const struct producer_moved *self, uint32_t number)
{
    return &self->chunks[number >> CHUNK_BITS][number & (CHUNK_ENTRIES - 1)];
}

static uint64_t
hash_of(uint64_t position, uint16_t subscription)
{
    uint64_t mixed = (position * 64 + subscription) * UINT64_C(0x9E3779B97F4A7C15);
    return mixed ^ mixed >> 29;
}

static uint64_t
hash_at(const struct producer_moved *self, uint32_t number)
{
    const struct producer_moved_packed *packed = packed_at(self, number);
    return hash_of(wide(packed->position, packed->position_high), packed->subscription);
}

static uint32_t
table_of(uint64_t hash)
{
    return (uint32_t)(hash >> 56);
}
static_assert(PRODUCER_MOVED_TABLES == 256, "the upper eight bits of a hash");

void
producer_moved_fini(struct producer_moved *self)
{
    for (uint32_t i = 0; i < self->count; i += CHUNK_ENTRIES) {
        mem_free(self->chunks[i >> CHUNK_BITS]);
    }
    mem_free(self->chunks);
    for (uint32_t i = 0; i < PRODUCER_MOVED_TABLES; i++) {
        mem_free(self->tables[i].slots);
    }
    *self = (struct producer_moved){0};
}

/* The slot that holds this number, plus 1; or, for the number 0, the first empty one. */
static uint32_t
slot_of(const struct producer_moved_table *table, uint64_t hash, uint32_t number_plus_1)
{
    uint32_t at = (uint32_t)hash & (table->capacity - 1);
    while (table->slots[at] != number_plus_1) {
        at = (at + 1) & (table->capacity - 1);
    }
    return at;
}

/* Number of the entry with this key, plus 1; 0: it is not there. */
static uint32_t
number_of(const struct producer_moved *self, struct delivery_key key, uint64_t hash)
{
    const struct producer_moved_table *table = &self->tables[table_of(hash)];
    if (table->capacity == 0) {
        return 0;
    }
    uint32_t at = (uint32_t)hash & (table->capacity - 1);
    for (; table->slots[at] != 0; at = (at + 1) & (table->capacity - 1)) {
        const struct producer_moved_packed *packed = packed_at(self, table->slots[at] - 1);
        if (wide(packed->position, packed->position_high) == key.position &&
            /* UNREACHED: hash_of puts the deliveries of one notification into different tables */
            packed->subscription == key.subscription) {
            return table->slots[at];
        }
    }
    return 0;
}

bool
producer_moved_find(const struct producer_moved *self, struct delivery_key key,
                    struct producer_moved_entry *entry)
{
    uint32_t number = number_of(self, key, hash_of(key.position, key.subscription));
    if (number != 0) {
        unpack(packed_at(self, number - 1), entry);
    }
    return number != 0;
}

void
producer_moved_at(const struct producer_moved *self, uint32_t number,
                  struct producer_moved_entry *entry)
{
    CHECK(number < self->count);
    unpack(packed_at(self, number), entry);
}

static void
grow(const struct producer_moved *self, struct producer_moved_table *table)
{
    struct producer_moved_table old = *table;
    table->capacity = old.capacity == 0 ? FIRST_CAPACITY : old.capacity * 2;
    table->slots = mem_array(table->capacity, sizeof *table->slots);
    for (uint32_t i = 0; i < old.capacity; i++) {
        if (old.slots[i] != 0) {
            table->slots[slot_of(table, hash_at(self, old.slots[i] - 1), 0)] = old.slots[i];
        }
    }
    mem_free(old.slots);
}

static uint32_t
add(struct producer_moved *self, uint64_t hash)
{
    uint32_t number = self->count++;
    CHECK(self->count < UINT32_MAX);
    if ((number & (CHUNK_ENTRIES - 1)) == 0) {
        size_t chunks = (number >> CHUNK_BITS) + 1;
        self->chunks = mem_resize(self->chunks, chunks * sizeof *self->chunks);
        self->chunks[chunks - 1] = mem_array(CHUNK_ENTRIES, sizeof **self->chunks);
    }
    struct producer_moved_table *table = &self->tables[table_of(hash)];
    if ((table->count + 1) * 10 > table->capacity * LOAD_TENTHS) {
        grow(self, table);
    }
    table->slots[slot_of(table, hash, 0)] = number + 1;
    table->count++;
    return number;
}

void
producer_moved_put(struct producer_moved *self, const struct producer_moved_entry *entry)
{
    uint64_t hash = hash_of(entry->key.position, entry->key.subscription);
    uint32_t number = number_of(self, entry->key, hash);
    pack(entry, packed_at(self, number != 0 ? number - 1 : add(self, hash)));
}

/* Empty a slot, and close the gap so that every entry behind it is still found. */
static void
clear_slot(const struct producer_moved *self, struct producer_moved_table *table, uint32_t gap)
{
    uint32_t mask = table->capacity - 1;
    for (uint32_t at = (gap + 1) & mask; table->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t home = (uint32_t)hash_at(self, table->slots[at] - 1) & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            table->slots[gap] = table->slots[at];
            gap = at;
        }
    }
    table->slots[gap] = 0;
    table->count--;
}

/* The last entry takes the number of the one that goes. */
static void
forget(struct producer_moved *self, uint32_t number)
{
    uint64_t hash = hash_at(self, number);
    struct producer_moved_table *table = &self->tables[table_of(hash)];
    clear_slot(self, table, slot_of(table, hash, number + 1));
    uint32_t last = self->count - 1;
    if (number != last) {
        hash = hash_at(self, last);
        table = &self->tables[table_of(hash)];
        table->slots[slot_of(table, hash, last + 1)] = number + 1;
        *packed_at(self, number) = *packed_at(self, last);
    }
    self->count--;
    if ((last & (CHUNK_ENTRIES - 1)) == 0) {
        mem_free(self->chunks[last >> CHUNK_BITS]);
    }
}

void
producer_moved_expire(struct producer_moved *self, uint64_t position, uint32_t most)
{
    most = most < self->count ? most : self->count;
    for (uint32_t i = 0; i < most; i++) {
        self->swept = self->swept < self->count ? self->swept : 0;
        const struct producer_moved_packed *packed = packed_at(self, self->swept);
        if (packed->end != END_NONE && wide(packed->position, packed->position_high) < position) {
            forget(self, self->swept);
        } else {
            self->swept++;
        }
    }
}

uint64_t
producer_moved_bytes(const struct producer_moved *self)
{
    uint64_t chunks = ((uint64_t)self->count + CHUNK_ENTRIES - 1) / CHUNK_ENTRIES;
    uint64_t bytes = chunks * (CHUNK_ENTRIES * sizeof **self->chunks + sizeof *self->chunks);
    for (uint32_t i = 0; i < PRODUCER_MOVED_TABLES; i++) {
        bytes += self->tables[i].capacity * sizeof *self->tables[i].slots;
    }
    return bytes;
}
