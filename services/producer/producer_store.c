#include "producer_private.h"

#include "base/check.h"
#include "base/mem.h"
#include "delivery/content_hash.h"

#include <string.h>

void
producer_stored_release(struct producer_stored *stored)
{
    log_block_release(&stored->block);
}

static err_t
decode_stored(struct producer_stored *stored, uint64_t position, struct why *why)
{
    err_t rc = wire_notification_decode(stored->record.encoded, stored->record.encoded_size,
                                        &stored->notification, why);
    if (rc != ERR_OK) {
        return why_set(why, ERR_CORRUPT, "notification %llu of the producer's log is malformed",
                       (unsigned long long)position);
    }
    return ERR_OK;
}

/* The copy that a case holds of a notification whose segment has gone, or that a salvage lost. */
static err_t
read_copy(producer_core_t *self, uint64_t position, struct producer_stored *stored, struct why *why)
{
    log_t *log = peers_log(self->peers, LOG_COMPENSATOR);
    for (uint16_t id = 1; id <= self->queue_count; id++) {
        struct producer_moved_entry moved;
        struct delivery_key key = {.position = position, .subscription = id};
        if (!producer_moved_find(&self->moved, key, &moved) || moved.case_at == 0) {
            continue;
        }
        struct log_record record;
        err_t rc = log_read(log, moved.case_at, &record, &stored->block, why);
        if (rc == ERR_NOT_FOUND || rc == ERR_AGAIN) {
            continue; /* another delivery's case may have it */
        }
        if (rc != ERR_OK) {
            return rc;
        }
        if (record.kind == LOG_KIND_LOST) {
            log_block_release(&stored->block);
            continue;
        }
        struct record_case opened;
        rc = record_case_decode(record.body, record.size, &opened, why);
        if (rc == ERR_OK && opened.notification.encoded_size == 0) {
            log_block_release(&stored->block); /* a case of what a salvage lost */
            continue;
        }
        if (rc == ERR_OK) {
            stored->record = opened.notification;
            return decode_stored(stored, position, why);
        }
        log_block_release(&stored->block);
        return rc;
    }
    return why_set(why, ERR_NOT_FOUND, "notification %llu is not kept any more",
                   (unsigned long long)position);
}

err_t
producer_stored_read(producer_core_t *self, uint64_t position, struct producer_stored *stored,
                     struct why *why)
{
    CHECK(position <= log_durable(self->log));
    *stored = (struct producer_stored){0};
    struct log_record record;
    if (position < log_first(self->log)) {
        return read_copy(self, position, stored, why);
    }
    err_t rc = log_read(self->log, position, &record, &stored->block, why);
    if (rc == ERR_OK && record.kind == LOG_KIND_LOST) {
        producer_stored_release(stored);
        return read_copy(self, position, stored, why);
    }
    if (rc == ERR_OK) {
        rc = record.kind == RECORD_NOTIFICATION
                 ? record_notification_decode(record.body, record.size, &stored->record, why)
                 : why_set(why, ERR_CORRUPT, "record %llu of the producer's log is no notification",
                           (unsigned long long)position);
    }
    if (rc == ERR_OK) {
        rc = decode_stored(stored, position, why);
    }
    if (rc != ERR_OK) {
        producer_stored_release(stored);
    }
    return rc;
}

bool
producer_stored_get(producer_core_t *self, uint64_t position, struct producer_stored *stored)
{
    err_t rc = producer_stored_read(self, position, stored, NULL);
    if (rc != ERR_OK && rc != ERR_NOT_FOUND) {
        self->fault = rc;
    }
    return rc == ERR_OK;
}

/* Only durable records can be read. A repeat of something of the same round is rare enough to pay
 * for a sync of its own. */
err_t
producer_make_durable(producer_core_t *self, uint64_t position)
{
    err_t rc = ERR_OK;
    if (log_durable(self->log) < position) {
        rc = peers_commit(self->peers, true, self->now_ms, NULL); /* the round's own says why */
        if (rc == ERR_OK && log_durable(self->log) < position) {
            rc = ERR_FULL;
        }
        (void)log_refresh(self->log, NULL); /* what was written has taken of the room */
    }
    return rc;
}

struct producer_index_entry *
producer_find(producer_core_t *self, struct wire_text biz_id, struct producer_stored *stored)
{
    return producer_find_hashed(self, content_hash_id(biz_id.data, biz_id.size), biz_id, stored);
}

struct producer_index_entry *
producer_find_hashed(producer_core_t *self, uint64_t hash, struct wire_text biz_id,
                     struct producer_stored *stored)
{
    uint32_t cursor = 0;
    struct producer_index_entry *entry = NULL;
    self->unreadable = false;
    while ((entry = producer_index_find(self->index, hash, &cursor)) != NULL) {
        uint64_t position = producer_index_position(entry);
        err_t rc = producer_make_durable(self, position);
        if (rc == ERR_OK) {
            rc = producer_stored_read(self, position, stored, NULL);
        }
        if (rc == ERR_NOT_FOUND) {
            continue; /* it has expired, or a salvage lost it */
        }
        if (rc != ERR_OK) {
            /* The disk is full: what waits for it cannot be compared yet. Any other error ends the
             * service at the next step, so that nobody hears "unknown". */
            self->fault = rc == ERR_FULL ? self->fault : rc;
            self->unreadable = true;
            return NULL;
        }
        const struct wire_text *found = &stored->notification.biz_id;
        if (found->size == biz_id.size && memcmp(found->data, biz_id.data, biz_id.size) == 0) {
            return entry;
        }
        producer_stored_release(stored);
    }
    return NULL;
}

struct producer_index_entry *
producer_entry_of(producer_core_t *self, uint64_t hash, uint64_t position)
{
    uint32_t cursor = 0;
    struct producer_index_entry *entry = producer_index_find(self->index, hash, &cursor);
    while (entry != NULL && producer_index_position(entry) != position) {
        entry = producer_index_find(self->index, hash, &cursor);
    }
    return entry;
}

void
producer_touch(producer_core_t *self, uint64_t hash, uint64_t position)
{
    if (self->touched_count == self->touched_capacity) {
        self->touched_capacity = self->touched_capacity == 0 ? 65536 : self->touched_capacity * 2;
        self->touched = mem_resize(self->touched, self->touched_capacity * sizeof *self->touched);
    }
    self->touched[self->touched_count++] =
        (struct producer_touched){.hash = hash, .position = position};
}

uint64_t
producer_previous(const producer_core_t *self, uint64_t notification)
{
    uint64_t newest = producer_heads_newest(&self->heads, notification);
    return newest == notification ? 0 : newest;
}

void
producer_relink(producer_core_t *self, uint64_t hash, uint64_t notification)
{
    if (hash == 0) {
        return;
    }
    if (producer_heads_newest(&self->heads, notification) < self->checkpoint_at) {
        producer_touch(self, hash, notification);
    }
    producer_heads_set(&self->heads, notification, log_next(self->log));
}

static uint64_t
link_record(producer_core_t *self, uint64_t hash, uint64_t notification)
{
    uint64_t previous = producer_previous(self, notification);
    producer_relink(self, hash, notification);
    return previous;
}

uint64_t
producer_append_event(producer_core_t *self, uint64_t hash, struct record_event *event)
{
    uint8_t body[RECORD_EVENT_MAX];
    event->at_unix_ms = self->now_unix_ms;
    event->previous = link_record(self, hash, event->key.position);
    return log_append(self->log, event->kind, body, record_event_encode(event, body));
}

uint64_t
producer_append_custody(producer_core_t *self, uint64_t hash, struct record_custody *custody)
{
    uint8_t body[RECORD_CUSTODY_MAX];
    custody->at_unix_ms = self->now_unix_ms;
    custody->previous = link_record(self, hash, custody->key.position);
    return log_append(self->log, RECORD_MOVED, body, record_custody_encode(custody, body));
}
