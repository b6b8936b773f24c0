/*
 * Checkpoints: what a restart needs to know of everything before, so that it reads only what came
 * after. All integers are LEB128 unless a width is given.
 *
 *   INDEX  the INDEX record before (0: none), count, count times: hash 8 bytes, position,
 *          newest record minus position
 *          The chain of INDEX records holds every index entry; of several for one notification the
 *          newest counts. A checkpoint writes those that changed since the one before.
 *   BEGIN  newest INDEX record, notifications ever, notifications trimmed, open deliveries, their
 *          weights, how far the scheduler's and the compensator's logs were read
 *   ITEM   kind u8, then as many of these as fit:
 *     1    subscription, first position (a multiple of 64), words, each 8 bytes: bit i set when the
 *          delivery at first + i is open in the producer's custody
 *     2    position, subscription, newest record in the scheduler's log, in the compensator's, CASE
 *          record, due_unix_ms, weight, fold: newest record, turn, attempts, custodian u8, end u8,
 *          flags u8 (1 taken, 2 case, 4 cancel asked, 8 fenced, 16 broken, 32 the next is there),
 *          turn in which the cancel was asked
 *     3    position, deadline_unix_ms (1: it has passed)
 *     4    a SUBSCRIPTION record; 5  a GROUP record
 *     6    position, notifications before it, unix_ms
 *   END    position of BEGIN
 */
#include "producer_private.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

#define INDEX_ENTRIES 2048U
#define INDEX_ENTRY_MAX (8 + 2 * BYTES_VARINT_MAX)
#define ITEM_BYTES 32768U
#define ITEM_ENTRY_MAX 160U
#define WORDS_AN_ITEM 2048U

static_assert(INDEX_ENTRIES * INDEX_ENTRY_MAX + 32 <= LIMIT_RECORD_BYTES, "an INDEX record fits");
static_assert(WORDS_AN_ITEM * 8 + 64 <= ITEM_BYTES, "a record of open bits fits");

/* An ITEM that is being gathered. */
struct item {
    producer_core_t *core;
    struct bytes_out out;
    uint8_t kind;
    uint8_t body[ITEM_BYTES];
};

static void
item_flush(struct item *item)
{
    if (bytes_out_used(&item->out) > 1) {
        (void)log_append(item->core->log, RECORD_CHECKPOINT_ITEM, item->body,
                         bytes_out_used(&item->out)); /* found by its BEGIN */
    }
    item->out = bytes_out_over(item->body, sizeof item->body);
    bytes_out_u8(&item->out, item->kind);
}

static void
item_begin(struct item *item, producer_core_t *core, uint8_t kind)
{
    item->core = core;
    item->kind = kind;
    item->out = bytes_out_over(item->body, sizeof item->body);
    bytes_out_u8(&item->out, kind);
}

/* Room for one more entry of the small kinds. */
static void
item_room(struct item *item)
{
    if (bytes_out_used(&item->out) + ITEM_ENTRY_MAX > sizeof item->body) {
        item_flush(item);
    }
}

/* Table by table: restoring them is done in that order. They came by position, and in that order
 * their newest records lie. */
static struct producer_indexed *
sort_touched(producer_core_t *self)
{
    size_t starts[PRODUCER_INDEX_TABLES + 1] = {0};
    for (size_t i = 0; i < self->touched_count; i++) {
        starts[producer_index_table(self->touched[i].hash) + 1]++;
    }
    for (size_t table = 1; table <= PRODUCER_INDEX_TABLES; table++) {
        starts[table] += starts[table - 1];
    }
    struct producer_indexed *sorted = mem_alloc(self->touched_count * sizeof *sorted);
    for (size_t i = 0; i < self->touched_count; i++) {
        const struct producer_touched *touched = &self->touched[i];
        struct producer_indexed *changed = &sorted[starts[producer_index_table(touched->hash)]++];
        changed->hash = touched->hash;
        changed->position = touched->position;
        changed->newest = producer_heads_newest(&self->heads, touched->position);
    }
    return sorted;
}

static void
write_index(producer_core_t *self)
{
    static uint8_t body[INDEX_ENTRIES * INDEX_ENTRY_MAX + 32]; /* one thread; too large a frame */
    struct producer_indexed *all = sort_touched(self);
    for (size_t at = 0; at < self->touched_count;) {
        size_t count = self->touched_count - at;
        count = count < INDEX_ENTRIES ? count : INDEX_ENTRIES;
        struct bytes_out out = bytes_out_over(body, sizeof body);
        bytes_out_varint(&out, self->index_chain);
        bytes_out_varint(&out, count);
        for (size_t i = 0; i < count; i++, at++) {
            const struct producer_indexed *changed = &all[at];
            bytes_out_u64(&out, changed->hash);
            bytes_out_varint(&out, changed->position);
            bytes_out_varint(&out, changed->newest - changed->position);
        }
        self->index_chain = log_append(self->log, RECORD_INDEX, body, bytes_out_used(&out));
    }
    mem_free(all);
    self->touched_count = 0;
    self->together = 0;
}

static void
write_open(struct item *item, uint16_t subscription, struct producer_queue *queue)
{
    const struct producer_open *open = &queue->open;
    uint64_t from = open->low & ~UINT64_C(63);
    while (open->count > 0 && from < open->next) {
        uint64_t words = (open->next - from + 63) / 64;
        words = words < WORDS_AN_ITEM ? words : WORDS_AN_ITEM;
        item_begin(item, item->core, PRODUCER_ITEM_OPEN);
        bytes_out_varint(&item->out, subscription);
        bytes_out_varint(&item->out, from);
        bytes_out_varint(&item->out, words);
        for (uint64_t i = 0; i < words; i++, from += 64) {
            bytes_out_u64(&item->out, producer_open_word(open, from));
        }
        item_flush(item);
    }
}

static void
write_moved(struct item *item)
{
    const struct producer_moved *moved = &item->core->moved;
    item_begin(item, item->core, PRODUCER_ITEM_MOVED);
    for (uint32_t i = 0; i < moved->count; i++) {
        struct producer_moved_entry entry;
        producer_moved_at(moved, i, &entry);
        item_room(item);
        struct bytes_out *out = &item->out;
        const struct fold *fold = &entry.fold;
        bytes_out_varint(out, entry.key.position);
        bytes_out_varint(out, entry.key.subscription);
        bytes_out_varint(out, entry.scheduler_last);
        bytes_out_varint(out, entry.compensator_last);
        bytes_out_varint(out, entry.case_at);
        bytes_out_varint(out, (uint64_t)entry.due_unix_ms);
        bytes_out_varint(out, entry.weight);
        bytes_out_varint(out, fold->latest);
        bytes_out_varint(out, fold->turn);
        bytes_out_varint(out, fold->attempts);
        bytes_out_u8(out, fold->custodian);
        bytes_out_u8(out, fold->end);
        bytes_out_u8(out, (uint8_t)((fold->taken ? 1 : 0) | (fold->is_case ? 2 : 0) |
                                    (fold->cancel_turn != 0 ? 4 | 32 : 0) | (fold->fenced ? 8 : 0) |
                                    (fold->broken ? 16 : 0)));
        if (fold->cancel_turn != 0) {
            bytes_out_varint(out, fold->cancel_turn);
        }
    }
    item_flush(item);
}

static void
write_deadline(struct item *item, uint64_t position, int64_t at_unix_ms)
{
    item_room(item);
    bytes_out_varint(&item->out, position);
    bytes_out_varint(&item->out, at_unix_ms > 0 ? (uint64_t)at_unix_ms : 1);
}

static void
write_deadlines(struct item *item)
{
    producer_core_t *core = item->core;
    const struct producer_deadlines *deadlines = &core->deadlines;
    const struct deadline_heap *heap = &deadlines->heap;
    const uint32_t passed[] = {deadlines->late, deadlines->passed};
    item_begin(item, core, PRODUCER_ITEM_DEADLINE);
    for (uint32_t i = 0; i < heap->count; i++) {
        write_deadline(item, deadlines->slots[heap->items[i]].position,
                       heap->due_ms[i] - core->now_ms + core->now_unix_ms);
    }
    for (size_t list = 0; list < sizeof passed / sizeof passed[0]; list++) {
        for (uint32_t i = passed[list]; i != DEADLINE_HEAP_NOWHERE; i = deadlines->slots[i].place) {
            write_deadline(item, deadlines->slots[i].position, 1);
        }
    }
    item_flush(item);
}

static struct record_text
text_of(const char *text)
{
    return (struct record_text){.data = text, .size = strlen(text)};
}

/* As records too: the other services read them from the log, whose older part may be trimmed. */
static void
write_catalog(struct item *item)
{
    const catalog_t *catalog = item->core->catalog;
    for (uint16_t id = 1; id <= LIMIT_SUBSCRIPTIONS; id++) {
        const struct catalog_subscription *known = catalog_subscription(catalog, id);
        if (known == NULL) {
            continue;
        }
        struct record_subscription record = {
            .id = id,
            .active = known->active,
            .compensation = known->compensation,
            .lease_ms = known->lease_ms,
            .lease_limit_ms = known->lease_limit_ms,
            .name = text_of(known->name),
            .pattern = text_of(known->pattern),
            .group = text_of(catalog_group_at(catalog, known->group)->name),
            .policy = text_of(known->policy_text),
        };
        uint8_t body[RECORD_SUBSCRIPTION_MAX];
        size_t size = record_subscription_encode(&record, body);
        item_begin(item, item->core, PRODUCER_ITEM_SUBSCRIPTION);
        bytes_out_span(&item->out, body, size);
        item_flush(item);
        (void)log_append(item->core->log, RECORD_SUBSCRIPTION, body, size); /* for the others */
    }
    for (uint32_t i = 0; i < LIMIT_GROUPS; i++) {
        const struct catalog_group *group = catalog_group_at(catalog, i);
        if (group->name_size == 0) {
            continue;
        }
        struct record_group record = {.name = {.data = group->name, .size = group->name_size},
                                      .can_fence = group->can_fence,
                                      .can_undo = group->can_undo};
        memcpy(record.identity, group->identity, sizeof record.identity);
        uint8_t body[RECORD_GROUP_MAX];
        size_t size = record_group_encode(&record, body);
        item_begin(item, item->core, PRODUCER_ITEM_GROUP);
        bytes_out_span(&item->out, body, size);
        item_flush(item);
        (void)log_append(item->core->log, RECORD_GROUP, body, size); /* for the others */
    }
}

static void
write_marks(struct item *item)
{
    producer_core_t *core = item->core;
    item_begin(item, core, PRODUCER_ITEM_MARK);
    for (uint32_t i = 0; i < core->mark_count; i++) {
        const struct producer_mark *mark = &core->marks[(core->mark_first + i) % PRODUCER_MARKS];
        item_room(item);
        bytes_out_varint(&item->out, mark->position);
        bytes_out_varint(&item->out, mark->total);
        bytes_out_varint(&item->out, (uint64_t)mark->unix_ms);
    }
    item_flush(item);
}

/* Entries of open cases whose own INDEX record may be trimmed are written again. */
static void
touch_cases(producer_core_t *self)
{
    for (uint32_t i = 0; i < self->moved.count; i++) {
        struct producer_moved_entry moved;
        producer_moved_at(&self->moved, i, &moved);
        if (moved.fold.is_case && moved.fold.end == END_NONE &&
            moved.key.position < self->expired) {
            uint64_t hash = producer_hash_of(self, moved.key.position);
            if (hash != 0) {
                producer_touch(self, hash, moved.key.position);
            }
        }
    }
}

static uint64_t
write_begin(producer_core_t *self)
{
    uint8_t body[128];
    struct bytes_out out = bytes_out_over(body, sizeof body);
    bytes_out_varint(&out, self->index_chain);
    bytes_out_varint(&out, self->total);
    bytes_out_varint(&out, self->gone);
    bytes_out_varint(&out, self->load.deliveries);
    bytes_out_varint(&out, self->load.bytes);
    bytes_out_varint(&out, peers_read(self->peers, LOG_SCHEDULER));
    bytes_out_varint(&out, peers_read(self->peers, LOG_COMPENSATOR));
    return log_append(self->log, RECORD_CHECKPOINT_BEGIN, body, bytes_out_used(&out));
}

/* How far the others' logs were read, whether or not there was anything in them: what is older than
 * the newest POSITION is what may be trimmed. */
static void
write_position(producer_core_t *self)
{
    struct record_position position = {0};
    for (int id = LOG_SCHEDULER; id <= LOG_COMPENSATOR; id++) {
        position.logs[id].position = peers_read(self->peers, (enum log_id)id) - 1;
        memcpy(position.logs[id].identity, log_identity(peers_log(self->peers, (enum log_id)id)),
               sizeof position.logs[id].identity);
    }
    uint8_t body[RECORD_POSITION_MAX];
    (void)log_append(self->log, RECORD_POSITION, body, record_position_encode(&position, body));
}

void
producer_checkpoint_write(producer_core_t *self)
{
    static struct item item; /* one thread; too large for a stack frame */
    touch_cases(self);
    producer_deadline_prune(self);
    write_index(self);
    uint64_t begin = write_begin(self);
    write_position(self);
    item.core = self;
    write_catalog(&item);
    for (uint16_t id = 1; id <= self->queue_count; id++) {
        if (self->queues[id] != NULL) {
            write_open(&item, id, self->queues[id]);
        }
    }
    write_moved(&item);
    write_deadlines(&item);
    write_marks(&item);
    uint8_t end[BYTES_VARINT_MAX];
    (void)log_append(self->log, RECORD_CHECKPOINT_END, end, bytes_put_varint(end, begin));
    self->checkpoint_at = begin;
    self->counts.checkpoints++;
}
