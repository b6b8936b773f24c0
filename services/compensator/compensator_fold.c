#include "compensator_fold.h"

#include "compensator_cases.h"
#include "compensator_checkpoint.h"
#include "compensator_ends.h"
#include "compensator_salvaged.h"
#include "delivery/record_codec.h"

static err_t
fold_taken(compensator_t *self, const struct log_record *record, struct why *why)
{
    struct record_custody taken;
    err_t rc = record_custody_decode(record->body, record->size, &taken, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct compensator_entry *entry = compensator_table_find(self->table, taken.key);
    if (entry == NULL) {
        entry = compensator_table_add(self->table, taken.key);
    }
    if (entry->state == COMPENSATOR_ENDED) {
        return ERR_OK; /* it was given again by who had not read of the end */
    }
    if (taken.turn > entry->turn &&
        (entry->state == COMPENSATOR_HELD || entry->state == COMPENSATOR_CASE)) {
        compensator_salvaged_left(self, entry);
    }
    if (!compensator_table_to(entry, COMPENSATOR_TAKE)) {
        return why_set(why, ERR_CORRUPT, "position %llu: TAKEN of a delivery that is held",
                       (unsigned long long)record->position);
    }
    entry->turn = taken.turn;
    entry->attempts = taken.attempts;
    entry->tries = 0;
    entry->plan = PLAN_NONE;
    entry->moved_for = taken.cause;
    if (taken.cause == OUTCOME_CANCEL && entry->cancel_turn < taken.turn - 1) {
        entry->cancel_turn = taken.turn - 1;
    }
    entry->cause = taken.cause;
    entry->sent = taken.sent;
    entry->alone = taken.alone;
    entry->first_sent_unix_ms = taken.first_sent_unix_ms;
    entry->last = record->position;
    entry->taken = record->position;
    return ERR_OK;
}

static void
fold_replayed(compensator_t *self, struct compensator_entry *entry,
              const struct record_custody *moved, uint64_t position)
{
    entry->turn = moved->turn;
    entry->attempts = 0;
    entry->tries = 0;
    entry->plan = PLAN_NONE;
    entry->last = position;
    if (entry->state == COMPENSATOR_HELD) {
        compensator_salvaged_left(self, entry); /* its CASE is lost */
    } else if (compensator_table_to(entry, COMPENSATOR_REPLAY)) {
        compensator_cases_close(self, entry, END_NONE);
    }
}

static err_t
fold_moved(compensator_t *self, const struct log_record *record, struct why *why)
{
    struct record_custody moved;
    err_t rc = record_custody_decode(record->body, record->size, &moved, why);
    struct compensator_entry *entry =
        rc == ERR_OK ? compensator_table_find(self->table, moved.key) : NULL;
    if (entry != NULL) {
        fold_replayed(self, entry, &moved, record->position);
    } else if (rc == ERR_OK && self->lost_at != 0) {
        entry = compensator_table_add(self->table, moved.key);
        (void)compensator_table_to(entry, COMPENSATOR_LEAVE); /* a new entry does */
        entry->turn = moved.turn;
        entry->last = record->position;
        entry->taken = record->position;
    }
    return rc;
}

static err_t
fold_case(compensator_t *self, const struct log_record *record, struct why *why)
{
    struct record_case opened;
    err_t rc = record_case_decode(record->body, record->size, &opened, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct compensator_entry *entry = compensator_table_find(self->table, opened.custody.key);
    if (entry == NULL) { /* its TAKEN was trimmed, since the case says all that is needed */
        entry = compensator_table_add(self->table, opened.custody.key);
        (void)compensator_table_to(entry, COMPENSATOR_TAKE); /* a new entry takes it */
        entry->moved_for = opened.custody.cause;
    }
    if (entry->state == COMPENSATOR_AWAY && opened.custody.turn > entry->turn) {
        (void)compensator_table_to(entry, COMPENSATOR_TAKE); /* a salvage lost the TAKEN */
        entry->moved_for = opened.custody.cause;
    }
    if (!compensator_table_to(entry, COMPENSATOR_OPEN)) {
        return ERR_OK; /* a checkpoint has told it already */
    }
    entry->turn = opened.custody.turn;
    entry->cause = opened.custody.cause;
    entry->attempts = opened.custody.attempts;
    entry->tries = 0;
    entry->plan = PLAN_NONE;
    entry->sent = opened.custody.sent;
    entry->fenced = opened.fenced;
    entry->undo_unanswered = opened.undo_unanswered;
    entry->first_sent_unix_ms = opened.custody.first_sent_unix_ms;
    entry->case_id = record->position;
    entry->taken = record->position;
    entry->last = record->position;
    compensator_cases_describe(entry, &opened, record->position);
    return ERR_OK;
}

static void
fold_order(struct compensator_entry *entry, const struct record_event *order)
{
    bool is_case = entry->state == COMPENSATOR_CASE;
    if (order->order == ORDER_CANCEL) {
        entry->cancel_turn = order->turn > entry->cancel_turn ? order->turn : entry->cancel_turn;
    } else if (order->order == ORDER_UNDO && is_case) {
        entry->attempts = (uint16_t)(entry->attempts + entry->tries);
        entry->tries = 0;
        entry->plan = PLAN_ORDER_UNDO;
        entry->ordered = true;
    } else if (order->order == ORDER_UNDO) {
        entry->plan = PLAN_UNDO;
        entry->undo_out = true;
    } else if (order->order == ORDER_RESOLVE) {
        entry->plan = PLAN_ORDER_RESOLVE;
        entry->ordered = true;
    }
}

/* The same as a try's answer does when it comes. */
static void
fold_failed(const compensator_t *self, struct compensator_entry *entry,
            const struct record_event *failed)
{
    bool lease = failed->outcome == OUTCOME_LEASE;
    bool refused = failed->outcome == OUTCOME_FENCED || failed->outcome == OUTCOME_UNDONE;
    entry->tries = (uint16_t)(failed->attempt - entry->attempts);
    entry->cause = failed->outcome;
    entry->sent = true;
    entry->alone = entry->alone || lease;
    if (entry->undo_out || entry->plan == PLAN_ORDER_UNDO) {
        entry->undo_out = false;
        entry->undo_unanswered = entry->undo_unanswered || lease;
    } else if (refused) {
        entry->fenced = true;
    }
    bool used_up = entry->plan == PLAN_ORDER_UNDO && entry->tries >= self->settings.tries;
    if (used_up || entry->plan == PLAN_ORDER_RESOLVE) { /* of a fence only that it was refused */
        entry->plan = PLAN_NONE;
    } else if (entry->state == COMPENSATOR_HELD && (refused || failed->outcome == OUTCOME_REJECT) &&
               entry->plan != PLAN_UNDO) {
        entry->tries = self->settings.tries; /* its CASE was cut off: open it now */
    }
}

static bool
is_end(uint8_t kind)
{
    return kind == RECORD_DONE || kind == RECORD_EVIDENCE || kind == RECORD_ENDED ||
           kind == RECORD_CLOSED;
}

static err_t
fold_event(compensator_t *self, const struct log_record *record, struct why *why)
{
    struct record_event event;
    err_t rc = record_event_decode(record->kind, record->body, record->size, &event, why);
    struct compensator_entry *entry =
        rc == ERR_OK ? compensator_table_find(self->table, event.key) : NULL;
    if (rc == ERR_OK && entry == NULL && self->lost_at != 0 && is_end(event.kind)) {
        entry = compensator_table_add(self->table, event.key); /* its TAKEN may be what was lost */
        (void)compensator_table_to(entry, COMPENSATOR_TAKE);   /* a new entry takes it */
    }
    if (entry == NULL || entry->state == COMPENSATOR_ENDED) {
        return rc; /* trimmed, or late news */
    }
    if (event.kind != RECORD_EVIDENCE) {
        entry->last = record->position;
    }
    switch ((enum record_kind)event.kind) { /* UNREACHED: the cursor hands out no other kinds */
    case RECORD_FAILED:
        fold_failed(self, entry, &event);
        break;
    case RECORD_ORDER:
        fold_order(entry, &event);
        break;
    case RECORD_FENCED:
        entry->fenced = true;
        break;
    case RECORD_DONE:
    case RECORD_EVIDENCE:
        compensator_ends_finish(self, entry, END_DONE);
        break;
    case RECORD_ENDED:
    case RECORD_CLOSED:
        compensator_ends_finish(self, entry, event.end);
        break;
    case RECORD_POSITION:
    case RECORD_CHECKPOINT_BEGIN:
    case RECORD_CHECKPOINT_ITEM:
    case RECORD_CHECKPOINT_END:
    case RECORD_NOTIFICATION:
    case RECORD_MOVED:
    case RECORD_TAKEN:
    case RECORD_CASE:
    case RECORD_SUBSCRIPTION:
    case RECORD_GROUP:
    case RECORD_INDEX:
    case RECORD_KIND_COUNT:
    default:
        break; /* not events */
    }
    return ERR_OK;
}

static err_t
fold_record(compensator_t *self, const struct log_record *record, struct why *why)
{
    switch (record->kind) {
    case RECORD_TAKEN:
        return fold_taken(self, record, why);
    case RECORD_MOVED:
        return fold_moved(self, record, why);
    case RECORD_CASE:
        return fold_case(self, record, why);
    case RECORD_CHECKPOINT_ITEM:
        return compensator_checkpoint_take(self, record->body, record->size, why);
    case LOG_KIND_LOST:
        self->lost_at = self->lost_at == 0 ? record->position : self->lost_at;
        return ERR_OK;
    default:
        return fold_event(self, record, why);
    }
}

/* The record of a case that is still open is never trimmed. */
static err_t
check_cases(const compensator_t *self, struct why *why)
{
    if (self->failure != ERR_OK) {
        return why_set(why, self->failure, "%s", self->failure_why.text);
    }
    for (uint32_t i = 0; i < compensator_table_slots(self->table); i++) {
        const struct compensator_entry *entry = compensator_table_at(self->table, i);
        if (entry->state == COMPENSATOR_CASE && entry->info == NULL) {
            return why_set(why, ERR_CORRUPT, "case %llu is in a checkpoint, but not in the log",
                           (unsigned long long)entry->case_id);
        }
    }
    return ERR_OK;
}

#define FOLDED_KINDS                                                                               \
    (LOG_KIND_BIT(LOG_KIND_LOST) | LOG_KIND_BIT(RECORD_TAKEN) | LOG_KIND_BIT(RECORD_MOVED) |       \
     LOG_KIND_BIT(RECORD_CASE) | LOG_KIND_BIT(RECORD_CHECKPOINT_ITEM) |                            \
     LOG_KIND_BIT(RECORD_FAILED) | LOG_KIND_BIT(RECORD_ORDER) | LOG_KIND_BIT(RECORD_FENCED) |      \
     LOG_KIND_BIT(RECORD_DONE) | LOG_KIND_BIT(RECORD_EVIDENCE) | LOG_KIND_BIT(RECORD_ENDED) |      \
     LOG_KIND_BIT(RECORD_CLOSED))

err_t
compensator_fold_own(compensator_t *self, struct why *why)
{
    uint64_t from = 0;
    err_t rc = log_checkpoint(self->own, &from, why);
    if (rc == ERR_NOT_FOUND) { /* what is needed of the log is never trimmed */
        from = log_first(self->own);
        rc = ERR_OK;
    }
    if (rc != ERR_OK) {
        return rc;
    }
    self->checkpoint_since = from;
    struct log_cursor cursor;
    log_cursor_init(&cursor, self->own, from, FOLDED_KINDS);
    while (rc == ERR_OK) {
        struct log_record record;
        rc = log_cursor_next(&cursor, &record, why);
        if (rc == ERR_OK) {
            rc = fold_record(self, &record, why);
        }
    }
    log_cursor_fini(&cursor);
    return rc == ERR_AGAIN ? check_cases(self, why) : rc;
}
