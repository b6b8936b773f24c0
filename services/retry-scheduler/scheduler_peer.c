/* What the producer and the compensator have written, and what follows from it. */
#include "delivery/record_codec.h"
#include "scheduler_private.h"

static_assert((SCHEDULER_PRODUCER_KINDS & PEERS_UNREAD_OF_PRODUCER) == 0, "it is woken for these");

static const struct scheduler_cause cancelled = {.outcome = OUTCOME_CANCEL};

static err_t
take_moved(struct scheduler_core *self, enum log_id from, const struct log_record *record,
           struct why *why)
{
    struct record_custody moved;
    err_t rc = record_custody_decode(record->body, record->size, &moved, why);
    if (rc != ERR_OK || moved.to != LOG_SCHEDULER) {
        return rc;
    }
    if (moved.key.position != SCHEDULER_POSITION(moved.key.position)) {
        return why_set(why, ERR_CORRUPT, "a MOVED of notification %llu: positions have 40 bits",
                       (unsigned long long)moved.key.position);
    }
    struct scheduler_entry *entry = scheduler_table_find(&self->table, moved.key);
    if (entry != NULL ? moved.turn <= entry->turn : scheduler_ended_has(&self->ended, moved.key)) {
        return ERR_OK; /* read again after a restart */
    }
    scheduler_take(self, &moved, from == LOG_COMPENSATOR ? record->position : 0);
    entry = scheduler_table_find(&self->table, moved.key);
    rc = scheduler_describe(self, entry, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (scheduler_entry_cancel(entry, entry->cancel_turn)) {
        scheduler_move(self, entry, &cancelled);
    } else if (scheduler_too_late(self, entry,
                                  scheduler_table_due_ms(&self->table, entry) - self->now_ms)) {
        scheduler_move(
            self, entry,
            &(struct scheduler_cause){.outcome = OUTCOME_DEADLINE, .reason = moved.reason});
    }
    return ERR_OK;
}

void
scheduler_move_cancelled(struct scheduler_core *self)
{
    for (uint32_t i = 0; i < self->table.used; i++) {
        struct scheduler_entry *entry = scheduler_table_at(&self->table, i);
        if (entry != NULL && entry->state != SCHEDULER_AWAY &&
            scheduler_entry_cancel(entry, entry->cancel_turn)) {
            scheduler_move(self, entry, &cancelled);
        }
    }
}

static void
take_order(struct scheduler_core *self, const struct record_event *order)
{
    struct scheduler_entry *entry = scheduler_table_find(&self->table, order->key);
    if (entry == NULL || order->order != ORDER_CANCEL ||
        !scheduler_entry_cancel(entry, order->turn)) {
        return; /* a replay has made it void */
    }
    if (order->turn > entry->cancel_turn) {
        scheduler_order(self, entry, order);
    }
    if (entry->state != SCHEDULER_AWAY) {
        scheduler_move(
            self, entry,
            &(struct scheduler_cause){.outcome = OUTCOME_CANCEL, .reason = order->reason});
    }
}

static err_t
take_event(struct scheduler_core *self, const struct log_record *record, struct why *why)
{
    struct record_event event;
    err_t rc = record_event_decode(record->kind, record->body, record->size, &event, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (record->kind == RECORD_ORDER) {
        take_order(self, &event);
        return ERR_OK;
    }
    struct scheduler_entry *entry = scheduler_table_find(&self->table, event.key);
    if (entry != NULL) {
        bool done = record->kind == RECORD_DONE || record->kind == RECORD_EVIDENCE;
        scheduler_end(self, entry, done ? END_DONE : event.end);
    }
    return ERR_OK;
}

static err_t
take_case(struct scheduler_core *self, const struct log_record *record, struct why *why)
{
    struct record_case opened;
    err_t rc = record_case_decode(record->body, record->size, &opened, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct scheduler_entry *entry = scheduler_table_find(&self->table, opened.custody.key);
    if (entry != NULL && entry->state == SCHEDULER_AWAY && opened.custody.turn >= entry->turn) {
        entry->is_case = true;
    }
    return ERR_OK;
}

static err_t
take_record(struct scheduler_core *self, enum log_id from, const struct log_record *record,
            struct why *why)
{
    switch (record->kind) {
    case RECORD_MOVED:
        return take_moved(self, from, record, why);
    case RECORD_CASE:
        return take_case(self, record, why);
    case RECORD_SUBSCRIPTION:
    case RECORD_GROUP:
        return catalog_take(self->catalog, record->kind, record->body, record->size, why);
    default:
        return take_event(self, record, why);
    }
}

err_t
scheduler_read_peers(struct scheduler_core *self, uint32_t max, bool *more, struct why *why)
{
    *more = false;
    for (uint32_t i = 0; i < max; i++) {
        enum log_id from;
        struct log_record record;
        err_t rc = peers_next(self->peers, &from, &record, why);
        if (rc == ERR_AGAIN) {
            return ERR_OK;
        }
        if (rc == ERR_OK) {
            rc = take_record(self, from, &record, why);
        }
        if (rc != ERR_OK) {
            return rc;
        }
    }
    *more = true;
    return ERR_OK;
}
