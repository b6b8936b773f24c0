/*
 * A restart: the newest checkpoint, the own log after it, the others' logs from where the
 * checkpoint had read them. Nothing is answered or sent before.
 */
#include "producer_private.h"

#include "base/check.h"
#include "base/mem.h"
#include "delivery/content_hash.h"

/* What is known of each position read so far, for the events about it. */
struct seen {
    uint64_t hash;
    uint32_t weight;
};

struct replay {
    producer_core_t *core;
    uint64_t from;     /* position of seen[0] */
    struct seen *seen; /* owned; up to the log's end */
};

/* Of a notification: as replayed, or read when the checkpoint is younger than it. */
static struct seen
look_up(struct replay *replay, uint64_t position)
{
    if (position >= replay->from) {
        return replay->seen[position - replay->from];
    }
    struct seen found = {.weight = 1}; /* of one that a salvage lost nobody knows it */
    struct producer_stored stored;
    if (producer_stored_get(replay->core, position, &stored)) {
        const struct wire_text *biz_id = &stored.notification.biz_id;
        found.hash = content_hash_id(biz_id->data, biz_id->size);
        found.weight = producer_weight(&stored.notification, stored.record.encoded_size);
        producer_stored_release(&stored);
    }
    return found;
}

static err_t
replay_notification(struct replay *replay, const struct log_record *at, struct why *why)
{
    producer_core_t *core = replay->core;
    struct record_notification record;
    err_t rc = record_notification_decode(at->body, at->size, &record, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct wire_peek peek = wire_notification_peek(record.encoded, record.encoded_size);
    uint64_t hash = content_hash_id(peek.biz_id.data, peek.biz_id.size);
    uint32_t weight = producer_weight_of(&record);
    replay->seen[at->position - replay->from] = (struct seen){.hash = hash, .weight = weight};
    producer_mark(core, at->position, record.received_unix_ms);
    producer_index_add(core->index, hash, at->position, 0);
    producer_touch(core, hash, at->position);
    for (unsigned i = 0; i < record.subscription_count; i++) {
        struct producer_queue *queue = producer_queue_of(core, record.subscriptions[i]);
        producer_open_add(&queue->open, at->position);
        producer_load_add(core, queue, weight);
    }
    core->total++;
    struct wire_notification notification;
    if (peek.has_deadline && wire_notification_decode(record.encoded, record.encoded_size,
                                                      &notification, NULL) == ERR_OK) {
        producer_deadline_add(core, at->position, notification.deadline_unix_ms);
    }
    return ERR_OK;
}

/* The record is its notification's newest. */
static void
relink(struct replay *replay, uint64_t hash, uint64_t notification, uint64_t position)
{
    if (hash != 0) { /* else it is not kept any more */
        if (notification < replay->from) {
            producer_touch(replay->core, hash, notification);
        }
        producer_heads_set(&replay->core->heads, notification, position);
    }
}

/* A record about this position, and so many more behind it. */
static err_t
check_order(const struct log_record *at, uint64_t about, uint32_t more, struct why *why)
{
    return about < at->position && more < at->position - about
               ? ERR_OK
               : why_set(why, ERR_CORRUPT,
                         "record %llu of the producer's log is about %llu, which is not before it",
                         (unsigned long long)at->position, (unsigned long long)about + more);
}

static err_t
replay_moved(struct replay *replay, const struct log_record *at, struct why *why)
{
    struct record_custody custody;
    err_t rc = record_custody_decode(at->body, at->size, &custody, why);
    if (rc == ERR_OK) {
        rc = check_order(at, custody.key.position, 0, why);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    struct seen seen = look_up(replay, custody.key.position);
    relink(replay, seen.hash, custody.key.position, at->position);
    struct producer_moved_entry moved = {.key = custody.key};
    fold_accept(&moved.fold, custody.key.position);
    fold_custody(&moved.fold, LOG_PRODUCER, at->position, RECORD_MOVED, &custody);
    moved.due_unix_ms = custody.due_unix_ms;
    moved.weight = seen.weight;
    producer_moved_put(&replay->core->moved, &moved);
    producer_close(replay->core, custody.key, 0);
    return ERR_OK;
}

/* For one delivery, where the event is of a run. */
static void
replay_event_of(struct replay *replay, const struct log_record *at,
                const struct record_event *event, struct delivery_key key)
{
    producer_core_t *core = replay->core;
    struct seen seen = look_up(replay, key.position);
    relink(replay, seen.hash, key.position, at->position);
    struct producer_moved_entry moved;
    bool ends = at->kind == RECORD_DONE || at->kind == RECORD_CLOSED || at->kind == RECORD_ENDED ||
                at->kind == RECORD_EVIDENCE;
    if (producer_moved_find(&core->moved, key, &moved)) {
        fold_event(&moved.fold, LOG_PRODUCER, at->position, event);
        if (ends && moved.weight > 0) {
            producer_close(core, key, moved.weight);
            moved.weight = 0;
        }
        producer_moved_put(&core->moved, &moved);
    } else if (ends &&
               producer_open_has(&producer_queue_of(core, key.subscription)->open, key.position)) {
        producer_close(core, key, seen.weight);
    }
}

static err_t
replay_event(struct replay *replay, const struct log_record *at, struct why *why)
{
    struct record_event event;
    err_t rc = record_event_decode(at->kind, at->body, at->size, &event, why);
    if (rc == ERR_OK) {
        rc = check_order(at, event.key.position, event.more, why);
    }
    replay->core->together += event.more;
    for (uint64_t i = 0; rc == ERR_OK && i <= event.more; i++) {
        struct delivery_key key = event.key;
        key.position += i;
        replay_event_of(replay, at, &event, key);
    }
    return rc;
}

/* What is open counts by its subscription's policy of now, as it did when this was written. */
static err_t
replay_catalog(struct replay *replay, const struct log_record *at, struct why *why)
{
    err_t rc = catalog_take(replay->core->catalog, at->kind, at->body, at->size, why);
    producer_load_recount(replay->core);
    return rc;
}

static err_t
replay_record(struct replay *replay, const struct log_record *at, struct why *why)
{
    switch (at->kind) {
    case RECORD_NOTIFICATION:
        return replay_notification(replay, at, why);
    case RECORD_MOVED:
        return replay_moved(replay, at, why);
    case RECORD_DONE:
    case RECORD_CLOSED:
    case RECORD_ENDED:
    case RECORD_EVIDENCE:
    case RECORD_ORDER:
        return replay_event(replay, at, why);
    case RECORD_SUBSCRIPTION:
    case RECORD_GROUP:
        return replay_catalog(replay, at, why);
    default: /* a later checkpoint's, too: it was not finished, or is not whole */
        return ERR_OK;
    }
}

static err_t
replay_own(producer_core_t *self, uint64_t from, struct why *why)
{
    struct replay replay = {.core = self, .from = from};
    replay.seen = mem_array(log_next(self->log) - from + 1, sizeof *replay.seen);
    struct log_cursor cursor;
    log_cursor_init(&cursor, self->log, from, LOG_ALL_KINDS);
    err_t rc = ERR_OK;
    while (rc == ERR_OK) {
        struct log_record record;
        rc = log_cursor_next(&cursor, &record, why);
        if (rc == ERR_OK && record.position >= log_next(self->log)) {
            rc = why_set(why, ERR_CORRUPT, "a record says that it is %llu, the log ends before",
                         (unsigned long long)record.position);
        }
        if (rc == ERR_OK) {
            rc = replay_record(&replay, &record, why);
        }
    }
    log_cursor_fini(&cursor);
    mem_free(replay.seen);
    return rc == ERR_AGAIN ? ERR_OK : rc;
}

static err_t
read_others(producer_core_t *self, const uint64_t read[LOG_ID_COUNT], struct why *why)
{
    static const uint32_t kinds[LOG_ID_COUNT] = {
        [LOG_SCHEDULER] = PRODUCER_KINDS_SCHEDULER,
        [LOG_COMPENSATOR] = PRODUCER_KINDS_COMPENSATOR,
    };
    for (int id = LOG_SCHEDULER; id <= LOG_COMPENSATOR; id++) {
        uint64_t first = log_first(peers_log(self->peers, (enum log_id)id));
        uint64_t from = read[id] > first ? read[id] : first;
        peers_read_from(self->peers, (enum log_id)id, from, kinds[id]);
    }
    /* Until both are read to their ends; what grows meanwhile is the next steps' business. */
    uint64_t before = 0;
    uint64_t now = 0;
    err_t rc = ERR_OK;
    do {
        before = now;
        rc = producer_follow(self, UINT32_MAX, why);
        now = peers_read(self->peers, LOG_SCHEDULER) + peers_read(self->peers, LOG_COMPENSATOR);
    } while (rc == ERR_OK && now != before);
    return rc;
}

/* An open case keeps its notification's entry, whose INDEX record may be trimmed. */
static void
restore_cases(producer_core_t *self)
{
    for (uint32_t i = 0; i < self->moved.count; i++) {
        struct producer_moved_entry moved;
        producer_moved_at(&self->moved, i, &moved);
        if (!moved.fold.is_case || moved.fold.end != END_NONE) {
            continue;
        }
        uint64_t hash = producer_hash_of(self, moved.key.position);
        if (hash != 0) {
            producer_index_restore(self->index, hash, moved.key.position);
            producer_pin(self, &moved);
        }
    }
}

err_t
producer_core_recover(producer_core_t *self, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    CHECK(self->total == 0 && self->run_first == 0);
    producer_core_now(self, now_ms, now_unix_ms);
    self->started_ms = now_ms;
    uint64_t from = log_first(self->log);
    uint64_t read[LOG_ID_COUNT] = {0};
    err_t rc = producer_checkpoint_read(self, &from, read, why);
    producer_load_recount(self);
    if (rc == ERR_OK || rc == ERR_NOT_FOUND) {
        rc = replay_own(self, from, why);
    }
    if (rc == ERR_OK) {
        rc = producer_close_lost(self, why);
    }
    self->expired = log_first(self->log);
    self->run_first = log_next(self->log);
    if (rc == ERR_OK) {
        rc = read_others(self, read, why);
    }
    if (rc == ERR_OK) {
        restore_cases(self);
    }
    if (rc == ERR_OK && self->fault != ERR_OK) {
        rc = why_set(why, self->fault, "a notification that a restart needs cannot be read");
    }
    for (uint16_t id = 1; id <= self->queue_count && rc == ERR_OK; id++) {
        struct producer_queue *queue = self->queues[id];
        if (queue != NULL) {
            log_cursor_fini(&queue->cursor);
            log_cursor_init(&queue->cursor, self->log,
                            producer_open_low(&queue->open, self->run_first),
                            LOG_KIND_BIT(RECORD_NOTIFICATION));
        }
    }
    return rc;
}
