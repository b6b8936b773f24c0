/* Reading a checkpoint back; its formats are drawn in producer_checkpoint.c. */
#include "producer_private.h"

#include "base/bytes.h"

static err_t
nonsense(struct why *why, const char *what, uint64_t position)
{
    return why_set(why, ERR_CORRUPT, "%s at %llu of the producer's log makes no sense", what,
                   (unsigned long long)position);
}

#define AHEAD 32U /* entries whose places are being fetched */

/* What is known of it already is newer. */
static void
restore(producer_core_t *self, const struct producer_indexed *entry)
{
    producer_index_restore(self->index, entry->hash, entry->position);
    if (entry->newest > producer_heads_newest(&self->heads, entry->position)) {
        producer_heads_set(&self->heads, entry->position, entry->newest);
    }
}

/* One INDEX record's entries. Returns the record before. */
static err_t
take_index(producer_core_t *self, const struct log_record *record, uint64_t *before,
           struct why *why)
{
    struct producer_indexed ahead[AHEAD];
    struct bytes_in in = bytes_in_over(record->body, record->size);
    *before = bytes_in_varint(&in);
    uint64_t count = bytes_in_varint(&in);
    in.failed = in.failed || count > record->size;
    for (uint64_t i = 0; i < count + AHEAD && !in.failed; i++) {
        if (i >= AHEAD) {
            restore(self, &ahead[i % AHEAD]);
        }
        if (i < count) {
            uint64_t hash = bytes_in_u64(&in);
            uint64_t position = bytes_in_varint(&in);
            uint64_t newest = position + bytes_in_varint(&in);
            if (position == 0 || position >= record->position || newest >= record->position) {
                in.failed = true;
            }
            producer_index_prefetch(self->index, hash);
            ahead[i % AHEAD].hash = hash;
            ahead[i % AHEAD].position = position;
            ahead[i % AHEAD].newest = newest;
        }
    }
    return !bytes_in_done(&in) || *before >= record->position
               ? nonsense(why, "the INDEX record", record->position)
               : ERR_OK;
}

/* Where a salvage has cut the chain, from the records that it is an index of. */
static err_t
read_index(producer_core_t *self, struct why *why)
{
    uint64_t at = self->index_chain;
    err_t rc = ERR_OK;
    while (rc == ERR_OK && at != 0 && at >= log_first(self->log)) {
        struct log_record record;
        log_block_t *block = NULL;
        bool lost = false;
        rc = log_read(self->log, at, &record, &block, why);
        if (rc == ERR_OK) {
            lost = record.kind == LOG_KIND_LOST;
        }
        if (rc == ERR_OK && !lost) {
            rc = record.kind == RECORD_INDEX ? take_index(self, &record, &at, why)
                                             : nonsense(why, "the index chain", record.position);
        }
        log_block_release(&block);
        if (lost) {
            return producer_reindex(self, why);
        }
    }
    return rc;
}

/* What a checkpoint tells of is before it. */
static void
take_open(producer_core_t *self, struct bytes_in *in)
{
    uint64_t subscription = bytes_in_varint(in);
    uint64_t from = bytes_in_varint(in);
    uint64_t words = bytes_in_varint(in);
    if (subscription == 0 || subscription > LIMIT_SUBSCRIPTIONS || from % 64 != 0 ||
        from >= self->checkpoint_at || bytes_in_left(in) % 8 != 0 ||
        words != bytes_in_left(in) / 8) {
        in->failed = true;
        return;
    }
    struct producer_queue *queue = producer_queue_of(self, (uint16_t)subscription);
    uint64_t before = queue->open.count;
    for (uint64_t i = 0; i < words && !in->failed; i++, from += 64) {
        in->failed =
            !producer_open_restore(&queue->open, from, bytes_in_u64(in), self->checkpoint_at);
    }
    queue->held += queue->open.count - before;
}

static void
take_moved(producer_core_t *self, struct bytes_in *in)
{
    /* UNREACHED: nothing is left of what has failed; see bytes_in_left. */
    while (bytes_in_left(in) > 0 && !in->failed) {
        struct delivery_key key = {.position = bytes_in_varint(in)};
        key.subscription = (uint16_t)bytes_in_varint(in);
        struct producer_moved_entry entry = {.key = key};
        entry.scheduler_last = bytes_in_varint(in);
        entry.compensator_last = bytes_in_varint(in);
        entry.case_at = bytes_in_varint(in);
        entry.due_unix_ms = (int64_t)bytes_in_varint(in);
        uint64_t weight = bytes_in_varint(in);
        entry.weight = (uint32_t)weight;
        entry.fold.latest = bytes_in_varint(in);
        entry.fold.turn = (uint32_t)bytes_in_varint(in);
        entry.fold.attempts = (uint16_t)bytes_in_varint(in);
        entry.fold.custodian = bytes_in_u8(in);
        entry.fold.end = bytes_in_u8(in);
        unsigned flags = bytes_in_u8(in);
        entry.fold.taken = (flags & 1) != 0;
        entry.fold.is_case = (flags & 2) != 0;
        /* Older checkpoints do not say when: then the first turn, so that it may be asked again. */
        entry.fold.cancel_turn = (flags & 4) != 0 ? 1 : 0;
        if ((flags & 32) != 0) {
            entry.fold.cancel_turn = (uint32_t)bytes_in_varint(in);
        }
        entry.fold.fenced = (flags & 8) != 0;
        entry.fold.broken = (flags & 16) != 0;
        if (key.position == 0 || key.position >= self->checkpoint_at || key.subscription == 0 ||
            key.subscription > LIMIT_SUBSCRIPTIONS || entry.fold.custodian >= LOG_ID_COUNT ||
            entry.fold.end >= END_COUNT || weight > PRODUCER_MOVED_WEIGHT_MAX ||
            (entry.scheduler_last | entry.compensator_last | entry.case_at | entry.fold.latest) >
                PRODUCER_MOVED_POSITION_MAX) {
            in->failed = true;
        }
        if (!in->failed) {
            producer_moved_put(&self->moved, &entry);
            producer_queue_of(self, key.subscription)->held += entry.weight > 0;
        }
    }
}

static void
take_deadlines(producer_core_t *self, struct bytes_in *in)
{
    /* UNREACHED: nothing is left of what has failed; see bytes_in_left. */
    while (bytes_in_left(in) > 0 && !in->failed) {
        uint64_t position = bytes_in_varint(in);
        uint64_t at_unix_ms = bytes_in_varint(in);
        in->failed = in->failed || position == 0 || position >= self->checkpoint_at ||
                     at_unix_ms > INT64_MAX;
        if (!in->failed) {
            producer_deadline_add(self, position, (int64_t)at_unix_ms);
        }
    }
}

static void
take_marks(producer_core_t *self, struct bytes_in *in)
{
    /* UNREACHED: nothing is left of what has failed; see bytes_in_left. */
    while (bytes_in_left(in) > 0 && !in->failed && self->mark_count < PRODUCER_MARKS) {
        struct producer_mark mark = {.position = bytes_in_varint(in)};
        mark.total = bytes_in_varint(in);
        uint64_t at_unix_ms = bytes_in_varint(in);
        mark.unix_ms = (int64_t)at_unix_ms;
        in->failed = in->failed || mark.position > self->checkpoint_at ||
                     mark.total > self->total || at_unix_ms > INT64_MAX;
        if (!in->failed) {
            self->marks[self->mark_count++] = mark;
        }
    }
}

static err_t
take_item(producer_core_t *self, const struct log_record *record, struct why *why)
{
    struct bytes_in in = bytes_in_over(record->body, record->size);
    err_t rc = ERR_OK;
    switch (bytes_in_u8(&in)) {
    case PRODUCER_ITEM_OPEN:
        take_open(self, &in);
        break;
    case PRODUCER_ITEM_MOVED:
        take_moved(self, &in);
        break;
    case PRODUCER_ITEM_DEADLINE:
        take_deadlines(self, &in);
        break;
    case PRODUCER_ITEM_SUBSCRIPTION:
        rc = catalog_take(self->catalog, RECORD_SUBSCRIPTION, in.next, bytes_in_left(&in), why);
        break;
    case PRODUCER_ITEM_GROUP:
        rc = catalog_take(self->catalog, RECORD_GROUP, in.next, bytes_in_left(&in), why);
        break;
    case PRODUCER_ITEM_MARK:
        take_marks(self, &in);
        break;
    default:
        break; /* a newer minor version's */
    }
    return rc == ERR_OK && in.failed ? nonsense(why, "a checkpoint's item", record->position) : rc;
}

static err_t
take_begin(producer_core_t *self, const struct log_record *record, uint64_t read[LOG_ID_COUNT],
           struct why *why)
{
    struct bytes_in in = bytes_in_over(record->body, record->size);
    self->checkpoint_at = record->position;
    self->index_chain = bytes_in_varint(&in);
    self->total = bytes_in_varint(&in);
    self->gone = bytes_in_varint(&in);
    self->load.deliveries = bytes_in_varint(&in);
    self->load.bytes = bytes_in_varint(&in);
    read[LOG_SCHEDULER] = bytes_in_varint(&in);
    read[LOG_COMPENSATOR] = bytes_in_varint(&in);
    /* Each notification has a position of its own: so many may be given memory, and no more. */
    if (in.failed || self->index_chain >= record->position || self->gone > self->total ||
        self->total >= record->position) {
        return nonsense(why, "the checkpoint", record->position);
    }
    producer_index_reserve(self->index, self->total - self->gone);
    return ERR_OK;
}

static err_t
read_begin(producer_core_t *self, uint64_t begin, uint64_t read[LOG_ID_COUNT], struct why *why)
{
    struct log_record record;
    log_block_t *block = NULL;
    err_t rc = log_read(self->log, begin, &record, &block, why);
    if (rc == ERR_OK) {
        rc = take_begin(self, &record, read, why);
    }
    log_block_release(&block);
    return rc;
}

static err_t
read_items(producer_core_t *self, struct why *why)
{
    struct log_cursor cursor;
    struct log_record record = {.kind = 0};
    log_cursor_init(&cursor, self->log, self->checkpoint_at,
                    LOG_KIND_BIT(RECORD_CHECKPOINT_ITEM) | LOG_KIND_BIT(RECORD_CHECKPOINT_END));
    err_t rc = ERR_OK;
    while (rc == ERR_OK && record.kind != RECORD_CHECKPOINT_END) {
        rc = log_cursor_next(&cursor, &record, why);
        if (rc == ERR_OK && record.kind == RECORD_CHECKPOINT_ITEM) {
            rc = take_item(self, &record, why);
        }
    }
    log_cursor_fini(&cursor);
    return rc;
}

err_t
producer_checkpoint_read(producer_core_t *self, uint64_t *from, uint64_t read[LOG_ID_COUNT],
                         struct why *why)
{
    uint64_t begin = 0;
    err_t rc = log_checkpoint(self->log, &begin, why);
    if (rc == ERR_NOT_FOUND && log_first(self->log) > 1) {
        return ERR_CORRUPT; /* what was trimmed is in none */
    }
    if (rc != ERR_OK) {
        return rc;
    }
    *from = begin;
    rc = read_begin(self, begin, read, why);
    if (rc == ERR_OK) {
        rc = read_index(self, why);
    }
    return rc == ERR_OK ? read_items(self, why) : rc;
}
