/*
 * A start over a log that a salvage made (`herald-journal salvage`): LOST records stand where
 * others stood. A checkpoint that has one does not count (log_checkpoint); here is what else is
 * done.
 */
#include "producer_private.h"

#include "delivery/content_hash.h"

#include <stdio.h>

#define EVENT_KINDS                                                                                \
    (LOG_KIND_BIT(RECORD_MOVED) | LOG_KIND_BIT(RECORD_DONE) | LOG_KIND_BIT(RECORD_CLOSED) |        \
     LOG_KIND_BIT(RECORD_ENDED) | LOG_KIND_BIT(RECORD_EVIDENCE) | LOG_KIND_BIT(RECORD_ORDER))

static err_t
index_notification(producer_core_t *self, const struct log_record *at, struct why *why)
{
    struct record_notification record;
    err_t rc = record_notification_decode(at->body, at->size, &record, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct wire_peek peek = wire_notification_peek(record.encoded, record.encoded_size);
    uint64_t hash = content_hash_id(peek.biz_id.data, peek.biz_id.size);
    producer_index_restore(self->index, hash, at->position);
    producer_touch(self, hash, at->position); /* the next checkpoint's chain has all */
    return ERR_OK;
}

/* It is the newest record of its notification, or of each of a run. */
static err_t
index_event(producer_core_t *self, const struct log_record *at, struct why *why)
{
    struct record_custody custody = {.key = {0}};
    struct record_event event = {.key = {0}};
    err_t rc = at->kind == RECORD_MOVED
                   ? record_custody_decode(at->body, at->size, &custody, why)
                   : record_event_decode(at->kind, at->body, at->size, &event, why);
    uint64_t about = at->kind == RECORD_MOVED ? custody.key.position : event.key.position;
    if (rc != ERR_OK || about >= at->position || event.more >= at->position - about) {
        return rc;
    }
    for (uint64_t end = about + event.more; about <= end; about++) {
        if (about >= log_first(self->log)) { /* else trimmed, as far as the index is concerned */
            producer_heads_set(&self->heads, about, at->position);
        }
    }
    return ERR_OK;
}

err_t
producer_reindex(producer_core_t *self, struct why *why)
{
    producer_index_destroy(&self->index);
    self->index = producer_index_new();
    producer_index_reserve(self->index, self->total - self->gone);
    producer_heads_fini(&self->heads);
    producer_heads_init(&self->heads);
    self->index_chain = 0;
    struct log_cursor cursor;
    struct log_record record;
    log_cursor_init(&cursor, self->log, log_first(self->log),
                    EVENT_KINDS | LOG_KIND_BIT(RECORD_NOTIFICATION) |
                        LOG_KIND_BIT(RECORD_CHECKPOINT_BEGIN));
    err_t rc = log_cursor_next(&cursor, &record, why);
    while (rc == ERR_OK && record.position < self->checkpoint_at) { /* its BEGIN at the latest */
        if (record.kind == RECORD_NOTIFICATION) {
            rc = index_notification(self, &record, why);
        } else if (record.kind != RECORD_CHECKPOINT_BEGIN) {
            rc = index_event(self, &record, why);
        }
        rc = rc == ERR_OK ? log_cursor_next(&cursor, &record, why) : rc;
    }
    log_cursor_fini(&cursor);
    return rc;
}

static void
tell_lost(producer_core_t *self, uint16_t id, uint64_t count)
{
    char text[WHY_TEXT_SIZE];
    const struct catalog_subscription *subscription = catalog_subscription(self->catalog, id);
    (void)snprintf(text, sizeof text,
                   "a salvage lost the notifications of %llu deliveries that were open; their "
                   "providers have to submit them again",
                   (unsigned long long)count);
    const struct alarm_facts facts = {
        .kind = "notification_missing",
        .subject = subscription == NULL
                       ? "unknown"
                       : catalog_group_at(self->catalog, subscription->group)->name,
        .text = text,
    };
    outbox_alarm(self->outbox, 0, &facts); /* it follows from no record */
}

static bool
close_one(producer_core_t *self, uint16_t id, uint64_t position)
{
    struct producer_queue *queue = self->queues[id];
    if (queue == NULL || !producer_open_has(&queue->open, position)) {
        return false;
    }
    (void)producer_open_close(&queue->open, position);
    producer_load_remove(self, id, 1, 0);
    return true;
}

/* Below the log's beginning nothing can be read: the salvage could not tell it from trimmed. */
static uint64_t
close_below(producer_core_t *self, uint16_t id, uint64_t first)
{
    uint64_t count = 0;
    struct producer_queue *queue = self->queues[id];
    while (queue != NULL && producer_open_low(&queue->open, first) < first) {
        count += close_one(self, id, producer_open_low(&queue->open, first)) ? 1 : 0;
    }
    return count;
}

err_t
producer_close_lost(producer_core_t *self, struct why *why)
{
    uint64_t lost[LIMIT_SUBSCRIPTIONS + 1] = {0};
    uint64_t first = log_first(self->log);
    uint64_t from = self->checkpoint_at;
    for (uint16_t id = 1; id <= self->queue_count && from != 0; id++) {
        lost[id] = close_below(self, id, first);
        uint64_t low =
            self->queues[id] == NULL ? from : producer_open_low(&self->queues[id]->open, from);
        from = low < from ? low : from;
    }
    struct log_cursor cursor;
    struct log_record record = {.position = 0};
    log_cursor_init(&cursor, self->log, from,
                    LOG_KIND_BIT(LOG_KIND_LOST) | LOG_KIND_BIT(RECORD_CHECKPOINT_BEGIN));
    err_t rc = ERR_OK;
    while (rc == ERR_OK && record.position < self->checkpoint_at) {
        rc = log_cursor_next(&cursor, &record, why);
        for (uint16_t id = 1; id <= self->queue_count && rc == ERR_OK; id++) {
            lost[id] += close_one(self, id, record.position) ? 1 : 0;
        }
    }
    log_cursor_fini(&cursor);
    for (uint16_t id = 1; id <= self->queue_count && rc == ERR_OK; id++) {
        if (lost[id] > 0) {
            tell_lost(self, id, lost[id]);
        }
    }
    return rc;
}
