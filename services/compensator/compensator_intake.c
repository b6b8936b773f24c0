#include "compensator_intake.h"

#include "compensator_ends.h"
#include "compensator_plan.h"
#include "compensator_records.h"
#include "compensator_salvaged.h"
#include "delivery/record_codec.h"

#define BOTH_KINDS                                                                                 \
    (LOG_KIND_BIT(RECORD_MOVED) | LOG_KIND_BIT(RECORD_EVIDENCE) | LOG_KIND_BIT(RECORD_ORDER))
#define PRODUCER_KINDS (BOTH_KINDS | LOG_KIND_BIT(RECORD_SUBSCRIPTION) | LOG_KIND_BIT(RECORD_GROUP))
#define SCHEDULER_KINDS (BOTH_KINDS | LOG_KIND_BIT(RECORD_DONE) | LOG_KIND_BIT(RECORD_ENDED))

static_assert((PRODUCER_KINDS & PEERS_UNREAD_OF_PRODUCER) == 0, "it is woken for these");

uint32_t
compensator_intake_kinds(enum log_id log)
{
    return log == LOG_PRODUCER ? PRODUCER_KINDS : SCHEDULER_KINDS;
}

/* A cancel was asked for before the delivery came, since the logs are read one after the other. The
 * turn that it was asked in; 0: it was not. */
static uint32_t
was_asked(compensator_t *self, struct delivery_key key)
{
    uint32_t turn = 0;
    for (uint32_t i = 0; i < COMPENSATOR_ASKED_MAX; i++) {
        struct compensator_asked *asked = &self->asked[i];
        if (asked->key.position == key.position && asked->key.subscription == key.subscription) {
            turn = asked->turn > turn ? asked->turn : turn;
            *asked = (struct compensator_asked){0};
        }
    }
    return turn;
}

static void
record_cancel(compensator_t *self, struct compensator_entry *entry,
              const struct record_event *asked)
{
    struct record_event copy = {
        .kind = RECORD_ORDER,
        .turn = asked->turn,
        .order = ORDER_CANCEL,
        .by = asked->by,
        .reason = asked->reason,
    };
    compensator_records_event(self, entry, &copy);
    entry->cancel_turn = asked->turn;
}

static void
take(compensator_t *self, enum log_id giver, uint64_t given, const struct record_custody *moved)
{
    struct compensator_entry *entry = compensator_table_find(self->table, moved->key);
    if (entry != NULL && (moved->turn <= entry->turn || entry->state == COMPENSATOR_ENDED)) {
        return; /* read before: the POSITION behind it was lost */
    }
    if (entry == NULL) {
        entry = compensator_table_add(self->table, moved->key);
    } else if (entry->state != COMPENSATOR_AWAY) {
        compensator_salvaged_left(self, entry);
    }
    (void)compensator_table_to(entry, COMPENSATOR_TAKE); /* new or away, as was just seen */
    entry->turn = moved->turn;
    entry->attempts = moved->attempts;
    entry->tries = 0;
    entry->waits = 0;
    entry->plan = PLAN_NONE;
    entry->moved_for = moved->cause;
    entry->cause = moved->cause;
    entry->sent = moved->sent;
    entry->alone = moved->alone;
    entry->first_sent_unix_ms = moved->first_sent_unix_ms;
    entry->instead = false;
    if (moved->cause == OUTCOME_CANCEL && entry->cancel_turn < moved->turn - 1) {
        entry->cancel_turn = moved->turn - 1;
    }
    compensator_records_taken(self, entry, moved, giver, given);
    entry->taken = entry->last;
    self->counts[COUNT_TAKEN]++;
    const struct record_event asked = {.turn = was_asked(self, moved->key)};
    if (asked.turn > entry->cancel_turn && compensator_entry_cancel(entry, asked.turn)) {
        record_cancel(self, entry, &asked);
    }
    compensator_plan_choose(self, entry);
}

static void
take_done(compensator_t *self, struct delivery_key key)
{
    struct compensator_entry *entry = compensator_table_find(self->table, key);
    if (entry == NULL) {
        (void)compensator_ends_late(self, key); /* the other log has the record */
    } else if (entry->state != COMPENSATOR_ENDED) {
        compensator_ends_learned(self, entry);
    }
}

void
compensator_intake_ended(compensator_t *self, struct delivery_key key, uint8_t end)
{
    struct compensator_entry *entry = compensator_table_find(self->table, key);
    if (entry == NULL || entry->state == COMPENSATOR_ENDED) {
        return;
    }
    if (end == END_DONE) {
        compensator_ends_learned(self, entry);
        return;
    }
    struct record_event event = {.kind = RECORD_ENDED, .end = end};
    compensator_records_event(self, entry, &event);
    compensator_ends_finish(self, entry, end);
}

static void
take_cancel(compensator_t *self, enum log_id log, const struct record_event *asked)
{
    struct compensator_entry *entry = compensator_table_find(self->table, asked->key);
    if (entry == NULL) {
        if (log == LOG_PRODUCER) {
            self->asked[self->asked_count++ % COMPENSATOR_ASKED_MAX] =
                (struct compensator_asked){.key = asked->key, .turn = asked->turn};
        }
        return;
    }
    if (entry->state == COMPENSATOR_ENDED || asked->turn <= entry->cancel_turn ||
        !compensator_entry_cancel(entry, asked->turn)) {
        return; /* known, or a replay has made it void */
    }
    record_cancel(self, entry, asked); /* of a case too, where it is for the person to see */
    if (entry->state == COMPENSATOR_HELD && entry->token == 0) {
        compensator_plan_choose(self, entry);
    }
}

static err_t
take_event(compensator_t *self, enum log_id log, const struct log_record *record, struct why *why)
{
    struct record_event event;
    err_t rc = record_event_decode(record->kind, record->body, record->size, &event, why);
    if (rc != ERR_OK) {
        return rc;
    }
    bool done = record->kind == RECORD_EVIDENCE || record->kind == RECORD_DONE ||
                (record->kind == RECORD_ENDED && event.end == END_DONE);
    if (done) {
        take_done(self, event.key);
    } else if (record->kind == RECORD_ENDED) {
        compensator_intake_ended(self, event.key, event.end); /* else its own record is lost */
    } else if (record->kind == RECORD_ORDER && event.order == ORDER_CANCEL) {
        take_cancel(self, log, &event);
    }
    return ERR_OK;
}

static err_t
take_record(compensator_t *self, enum log_id log, const struct log_record *record, struct why *why)
{
    if (record->kind == RECORD_SUBSCRIPTION || record->kind == RECORD_GROUP) {
        return catalog_take(self->catalog, record->kind, record->body, record->size, why);
    }
    if (record->kind != RECORD_MOVED) {
        return take_event(self, log, record, why);
    }
    struct record_custody moved;
    err_t rc = record_custody_decode(record->body, record->size, &moved, why);
    if (rc == ERR_OK && moved.to == LOG_COMPENSATOR) {
        take(self, log, record->position, &moved);
    }
    return rc;
}

err_t
compensator_intake_read(compensator_t *self, uint32_t max, bool *more, struct why *why)
{
    *more = false;
    for (uint32_t i = 0; i < max; i++) {
        enum log_id log = LOG_PRODUCER;
        struct log_record record;
        err_t rc = peers_next(self->peers, &log, &record, why);
        if (rc == ERR_AGAIN) {
            return ERR_OK;
        }
        if (rc == ERR_OK) {
            rc = take_record(self, log, &record, why);
        }
        if (rc != ERR_OK) {
            return rc;
        }
    }
    *more = true;
    return ERR_OK;
}
