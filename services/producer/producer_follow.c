/*
 * What the other services' logs say of deliveries that have left our custody: how far they are, for
 * queries; how they ended, for whoever watches, and as ENDED in our own log, which then needs
 * nothing of the others to know it.
 */
#include "producer_private.h"

#include "base/check.h"
#include "delivery/content_hash.h"

#define TURN_OF_OWN 2U /* the last one that the own log tells of */

static uint8_t
state_of(const struct fold *fold)
{
    static_assert((int)END_DONE == (int)WIRE_STATE_DONE &&
                      (int)END_RESOLVED == (int)WIRE_STATE_RESOLVED,
                  "ends are states");
    return fold->end != END_NONE ? fold->end : fold->is_case ? WIRE_STATE_CASE : WIRE_STATE_PENDING;
}

uint64_t
producer_hash_of(producer_core_t *self, uint64_t position)
{
    struct producer_stored stored;
    if (!producer_stored_get(self, position, &stored)) {
        return 0; /* not kept any more: then nothing of it is asked for either */
    }
    const struct wire_text *biz_id = &stored.notification.biz_id;
    uint64_t hash = content_hash_id(biz_id->data, biz_id->size);
    producer_stored_release(&stored);
    return hash;
}

/* An open case keeps its notification's entry, however old it grows. */
void
producer_pin(producer_core_t *self, const struct producer_moved_entry *moved)
{
    uint64_t hash = producer_hash_of(self, moved->key.position);
    struct producer_index_entry *entry = producer_entry_of(self, hash, moved->key.position);
    if (entry != NULL) {
        producer_index_pin(entry, moved->fold.end == END_NONE);
    }
}

/* The delivery has ended elsewhere. What its turns were, too: the others' logs may go before ours.
 */
static void
note_end(producer_core_t *self, struct producer_moved_entry *moved)
{
    struct record_event event = {
        .kind = RECORD_ENDED,
        .key = moved->key,
        .turn = moved->fold.turn,
        .end = moved->fold.end,
        .custodian = (uint8_t)(moved->fold.custodian + 1),
    };
    (void)producer_append_event(self, producer_hash_of(self, moved->key.position), &event);
}

/* Keep what is known now, and compare it with what was told before. */
static void
tell_change(producer_core_t *self, struct producer_moved_entry *moved, uint8_t before, bool own)
{
    uint8_t after = state_of(&moved->fold);
    producer_moved_put(&self->moved, moved);
    if (after == before) {
        return;
    }
    if (moved->fold.end != END_NONE && moved->weight > 0) {
        producer_close(self, moved->key, moved->weight);
        moved->weight = 0;
        producer_moved_put(&self->moved, moved);
    }
    if (moved->fold.end != END_NONE && moved->case_at != 0) {
        producer_pin(self, moved);
    }
    if (moved->fold.end != END_NONE && (!own || moved->fold.turn > TURN_OF_OWN)) {
        note_end(self, moved);
    }
    if (after != WIRE_STATE_PENDING) {
        producer_told(self, moved->key, after, moved->fold.turn);
    }
}

void
producer_learned(producer_core_t *self, struct producer_moved_entry *moved, enum log_id log,
                 uint64_t position, const struct record_event *event)
{
    uint8_t before = state_of(&moved->fold);
    bool broken = moved->fold.broken;
    fold_event(&moved->fold, log, position, event);
    if (event->kind == RECORD_FAILED) {
        moved->due_unix_ms = event->due_unix_ms;
    }
    if (moved->fold.broken && !broken) {
        const struct catalog_subscription *known =
            catalog_subscription(self->catalog, moved->key.subscription);
        producer_alarm(self, "broken_receiver",
                       known == NULL ? "" : catalog_group_at(self->catalog, known->group)->name,
                       "a delivery has its effect and a fence");
    }
    tell_change(self, moved, before, log == LOG_PRODUCER);
}

/* The chain's head in that log; but late evidence of somebody who had forgotten the delivery is
 * linked to nothing, and must not hide what came before it. */
static void
note_newest(uint64_t *newest, const struct log_record *record)
{
    struct record_event event;
    bool alone =
        *newest != 0 && record->kind == RECORD_EVIDENCE &&
        record_event_decode(record->kind, record->body, record->size, &event, NULL) == ERR_OK &&
        event.previous == 0;
    if (!alone) {
        *newest = record->position;
    }
}

/* Another has taken what we hold as our own: a salvage lost the MOVED. True: now it is as if that
 * had been read. */
static bool
gave(producer_core_t *self, struct delivery_key key, struct producer_moved_entry *moved)
{
    const struct producer_queue *queue =
        key.subscription <= LIMIT_SUBSCRIPTIONS ? self->queues[key.subscription] : NULL;
    if (queue == NULL || key.position > log_durable(self->log) ||
        !producer_open_has(&queue->open, key.position)) {
        return false;
    }
    *moved = (struct producer_moved_entry){.key = key, .weight = 1};
    struct producer_stored stored;
    if (producer_stored_get(self, key.position, &stored)) {
        moved->weight = producer_weight(&stored.notification, stored.record.encoded_size);
        producer_stored_release(&stored);
    }
    fold_accept(&moved->fold, key.position);
    producer_close(self, key, 0);
    return true;
}

/* A record of who has it, by whoever has it. */
static bool
is_of_custody(uint8_t kind)
{
    return kind == RECORD_TAKEN || kind == RECORD_MOVED || kind == RECORD_FAILED ||
           kind == RECORD_CASE;
}

static err_t
take_record(producer_core_t *self, enum log_id log, const struct log_record *record,
            struct why *why)
{
    struct delivery_key key;
    if (!record_key(record->kind, record->body, record->size, &key)) {
        return ERR_OK;
    }
    struct producer_moved_entry moved;
    if (!producer_moved_find(&self->moved, key, &moved) &&
        (!is_of_custody(record->kind) || !gave(self, key, &moved))) {
        return ERR_OK; /* finished, and not kept any more */
    }
    note_newest(log == LOG_SCHEDULER ? &moved.scheduler_last : &moved.compensator_last, record);
    uint8_t before = state_of(&moved.fold);
    uint32_t turn = moved.fold.turn;
    err_t rc = ERR_OK;
    if (record->kind == RECORD_MOVED || record->kind == RECORD_TAKEN) {
        struct record_custody custody;
        rc = record_custody_decode(record->body, record->size, &custody, why);
        if (rc == ERR_OK) {
            fold_custody(&moved.fold, log, record->position, record->kind, &custody);
            moved.due_unix_ms = custody.due_unix_ms;
        }
    } else if (record->kind == RECORD_CASE) {
        struct record_case opened;
        rc = record_case_decode(record->body, record->size, &opened, why);
        if (rc == ERR_OK) {
            fold_case(&moved.fold, record->position, &opened);
            moved.case_at = record->position;
            producer_moved_put(&self->moved, &moved); /* its copy is what is read next */
            producer_pin(self, &moved);
        }
    } else {
        struct record_event event;
        rc = record_event_decode(record->kind, record->body, record->size, &event, why);
        if (rc == ERR_OK) {
            producer_learned(self, &moved, log, record->position, &event);
            return ERR_OK;
        }
    }
    if (moved.fold.end != END_NONE && moved.fold.turn > turn) {
        note_end(self, &moved); /* the end was known before its turn was */
    }
    tell_change(self, &moved, before, false);
    return rc;
}

err_t
producer_follow(producer_core_t *self, uint32_t max, struct why *why)
{
    err_t rc = peers_refresh(self->peers, why);
    for (uint32_t i = 0; i < max && rc == ERR_OK; i++) {
        enum log_id log;
        struct log_record record;
        rc = peers_next(self->peers, &log, &record, why);
        if (rc == ERR_OK) {
            rc = take_record(self, log, &record, why);
        }
    }
    if (rc == ERR_AGAIN || rc == ERR_OK) {
        peers_note(self->peers);
        return ERR_OK;
    }
    return rc;
}
