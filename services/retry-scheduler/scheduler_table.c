#include "scheduler_table.h"

#include "base/check.h"
#include "base/mem.h"
#include "delivery/fold.h"

#define CHUNK_BITS 12U
#define CHUNK_ENTRIES (1U << CHUNK_BITS)
#define FIRST_BUCKETS 1024U

static struct scheduler_entry *
place_at(const struct scheduler_table *self, uint32_t index)
{
    return &self->chunks[index >> CHUNK_BITS][index & (CHUNK_ENTRIES - 1)];
}

static uint32_t *
heap_place(void *owner, uint32_t item)
{
    return &place_at(owner, item)->place;
}

void
scheduler_table_init(struct scheduler_table *self)
{
    *self = (struct scheduler_table){.free = SCHEDULER_NONE, .bucket_count = FIRST_BUCKETS};
    self->buckets = mem_alloc(FIRST_BUCKETS * sizeof *self->buckets);
    for (uint32_t i = 0; i < FIRST_BUCKETS; i++) {
        self->buckets[i] = SCHEDULER_NONE;
    }
    for (uint32_t i = 0; i < LIMIT_GROUPS; i++) {
        self->lines[i] = (struct scheduler_line){.first = SCHEDULER_NONE, .last = SCHEDULER_NONE};
    }
    deadline_heap_init(&self->heap, heap_place, self);
}

void
scheduler_table_fini(struct scheduler_table *self)
{
    for (uint32_t i = 0; i < self->used; i += CHUNK_ENTRIES) {
        mem_free(self->chunks[i >> CHUNK_BITS]);
    }
    mem_free(self->chunks);
    mem_free(self->buckets);
    deadline_heap_fini(&self->heap);
    *self = (struct scheduler_table){0};
}

static uint32_t *
bucket_of(const struct scheduler_table *self, struct delivery_key key)
{
    uint64_t mixed = (key.position * 64 + key.subscription) * UINT64_C(0x9E3779B97F4A7C15);
    return &self->buckets[(uint32_t)(mixed >> 32) & (self->bucket_count - 1)];
}

static void
chain(struct scheduler_table *self, struct scheduler_entry *entry)
{
    uint32_t *bucket = bucket_of(self, scheduler_entry_key(entry));
    entry->chain = *bucket;
    *bucket = scheduler_entry_index(entry);
}

static void
grow(struct scheduler_table *self)
{
    self->bucket_count *= 2;
    self->buckets = mem_resize(self->buckets, self->bucket_count * sizeof *self->buckets);
    for (uint32_t i = 0; i < self->bucket_count; i++) {
        self->buckets[i] = SCHEDULER_NONE;
    }
    for (uint32_t i = 0; i < self->used; i++) {
        struct scheduler_entry *entry = place_at(self, i);
        if (entry->state != SCHEDULER_FREE) {
            chain(self, entry);
        }
    }
}

struct scheduler_entry *
scheduler_table_find(const struct scheduler_table *self, struct delivery_key key)
{
    for (uint32_t i = *bucket_of(self, key); i != SCHEDULER_NONE;) {
        struct scheduler_entry *entry = place_at(self, i);
        /* UNREACHED: the hash never puts two subscriptions of one position into one bucket. */
        if (entry->position == key.position && entry->subscription == key.subscription) {
            return entry;
        }
        i = entry->chain;
    }
    return NULL;
}

static struct scheduler_entry *
new_place(struct scheduler_table *self)
{
    if (self->free != SCHEDULER_NONE) {
        struct scheduler_entry *entry = place_at(self, self->free);
        self->free = entry->before;
        return entry;
    }
    CHECK(self->used < SCHEDULER_NONE);
    uint32_t index = self->used++;
    if ((index & (CHUNK_ENTRIES - 1)) == 0) {
        uint32_t count = (index >> CHUNK_BITS) + 1;
        self->chunks = mem_resize(self->chunks, count * sizeof *self->chunks);
        self->chunks[count - 1] = mem_array(CHUNK_ENTRIES, sizeof **self->chunks);
    }
    struct scheduler_entry *entry = place_at(self, index);
    entry->index_low = index & UINT16_MAX;
    entry->index_high = (uint16_t)(index >> 16);
    return entry;
}

struct scheduler_entry *
scheduler_table_add(struct scheduler_table *self, struct delivery_key key)
{
    CHECK(scheduler_table_find(self, key) == NULL);
    if (scheduler_table_count(self) >= self->bucket_count) {
        grow(self);
    }
    struct scheduler_entry *entry = new_place(self);
    *entry = (struct scheduler_entry){
        .position = SCHEDULER_POSITION(key.position),
        .subscription = (uint8_t)key.subscription,
        .state = SCHEDULER_AWAY,
        .index_low = entry->index_low,
        .index_high = entry->index_high,
        .generation = (entry->generation + 1) & UINT8_MAX,
        .place = DEADLINE_HEAP_NOWHERE,
        .before = SCHEDULER_NONE,
        .behind = SCHEDULER_NONE,
    };
    self->counts[SCHEDULER_AWAY]++;
    chain(self, entry);
    return entry;
}

/* Out of heap and line. */
static void
leave(struct scheduler_table *self, struct scheduler_entry *entry)
{
    CHECK(entry->state != SCHEDULER_FREE && self->counts[entry->state] > 0);
    deadline_heap_remove(&self->heap, scheduler_entry_index(entry));
    if (entry->state == SCHEDULER_READY) {
        struct scheduler_line *line = &self->lines[entry->group];
        uint32_t before = entry->before;
        uint32_t behind = entry->behind;
        *(before == SCHEDULER_NONE ? &line->first : &place_at(self, before)->behind) = behind;
        *(behind == SCHEDULER_NONE ? &line->last : &place_at(self, behind)->before) = before;
        entry->before = SCHEDULER_NONE;
        entry->behind = SCHEDULER_NONE;
        line->count--;
    }
    self->counts[entry->state]--;
}

static void
enter(struct scheduler_table *self, struct scheduler_entry *entry, enum scheduler_state state)
{
    entry->state = (uint8_t)state & 7U;
    self->counts[state]++;
}

void
scheduler_table_remove(struct scheduler_table *self, struct scheduler_entry *entry)
{
    leave(self, entry);
    uint32_t *from = bucket_of(self, scheduler_entry_key(entry));
    while (*from != scheduler_entry_index(entry)) {
        from = &place_at(self, *from)->chain;
    }
    *from = entry->chain;
    entry->state = SCHEDULER_FREE;
    entry->before = self->free;
    self->free = scheduler_entry_index(entry);
}

struct scheduler_entry *
scheduler_table_at(const struct scheduler_table *self, uint32_t index)
{
    CHECK(index < self->used);
    struct scheduler_entry *entry = place_at(self, index);
    return entry->state == SCHEDULER_FREE ? NULL : entry;
}

uint32_t
scheduler_table_count(const struct scheduler_table *self)
{
    return self->counts[SCHEDULER_WAITING] + self->counts[SCHEDULER_READY] +
           self->counts[SCHEDULER_OUT] + self->counts[SCHEDULER_AWAY];
}

bool
scheduler_entry_cancel(const struct scheduler_entry *entry, uint32_t cancel_turn)
{
    uint8_t custodian = entry->state == SCHEDULER_AWAY ? LOG_COMPENSATOR : LOG_SCHEDULER;
    return fold_cancel_stands(cancel_turn, entry->turn, custodian);
}

int64_t
scheduler_table_due_ms(const struct scheduler_table *self, const struct scheduler_entry *entry)
{
    CHECK(entry->state == SCHEDULER_WAITING);
    return self->heap.due_ms[entry->place];
}

uint64_t
scheduler_table_bytes(const struct scheduler_table *self)
{
    uint64_t chunks = ((uint64_t)self->used + CHUNK_ENTRIES - 1) / CHUNK_ENTRIES;
    return chunks * (CHUNK_ENTRIES * sizeof **self->chunks + sizeof *self->chunks) +
           self->bucket_count * sizeof *self->buckets +
           self->heap.capacity * (sizeof *self->heap.due_ms + sizeof *self->heap.items);
}

void
scheduler_table_wait(struct scheduler_table *self, struct scheduler_entry *entry, int64_t due_ms)
{
    leave(self, entry);
    enter(self, entry, SCHEDULER_WAITING);
    deadline_heap_set(&self->heap, scheduler_entry_index(entry), due_ms);
}

void
scheduler_table_ready(struct scheduler_table *self, struct scheduler_entry *entry, uint32_t group,
                      int64_t deadline_ms)
{
    CHECK(group < LIMIT_GROUPS);
    leave(self, entry);
    enter(self, entry, SCHEDULER_READY);
    struct scheduler_line *line = &self->lines[group];
    entry->group = group & UINT8_MAX;
    entry->before = line->last;
    entry->behind = SCHEDULER_NONE;
    *(line->last == SCHEDULER_NONE ? &line->first : &place_at(self, line->last)->behind) =
        scheduler_entry_index(entry);
    line->last = scheduler_entry_index(entry);
    line->count++;
    if (deadline_ms != INT64_MAX) {
        deadline_heap_set(&self->heap, scheduler_entry_index(entry), deadline_ms);
    }
}

void
scheduler_table_out(struct scheduler_table *self, struct scheduler_entry *entry)
{
    leave(self, entry);
    enter(self, entry, SCHEDULER_OUT);
}

void
scheduler_table_away(struct scheduler_table *self, struct scheduler_entry *entry)
{
    leave(self, entry);
    enter(self, entry, SCHEDULER_AWAY);
}

struct scheduler_entry *
scheduler_table_first(const struct scheduler_table *self, uint32_t group)
{
    CHECK(group < LIMIT_GROUPS);
    uint32_t first = self->lines[group].first;
    return first == SCHEDULER_NONE ? NULL : place_at(self, first);
}
