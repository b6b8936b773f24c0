#include "compensator_records.h"

#include "base/mem.h"
#include "delivery/record_codec.h"

/* What a receiver said, as much of it as a record takes. */
static struct record_text
cut(const compensator_t *self, struct record_text reason)
{
    size_t most = peers_reason_bytes(self->peers);
    size_t size = reason.size < most ? reason.size : most;
    size = size == 0 ? 0 : wire_in_utf8_prefix(reason.data, size);
    return (struct record_text){.data = reason.data, .size = size};
}

void
compensator_records_event(compensator_t *self, struct compensator_entry *entry,
                          struct record_event *event)
{
    event->key = entry->key;
    event->reason = cut(self, event->reason);
    event->turn = event->turn == 0 ? entry->turn : event->turn;
    event->at_unix_ms = self->now_unix_ms;
    event->previous = entry->last;
    uint8_t body[RECORD_EVENT_MAX];
    size_t size = record_event_encode(event, body);
    entry->last = log_append(self->own, event->kind, body, size);
}

static uint64_t
append_custody(compensator_t *self, uint8_t kind, const struct record_custody *custody)
{
    uint8_t body[RECORD_CUSTODY_MAX];
    return log_append(self->own, kind, body, record_custody_encode(custody, body));
}

void
compensator_records_taken(compensator_t *self, struct compensator_entry *entry,
                          const struct record_custody *moved, enum log_id giver, uint64_t given)
{
    struct record_custody taken = *moved;
    taken.previous = entry->last;
    taken.reason = cut(self, moved->reason);
    taken.given = given;
    taken.given_by = (uint8_t)giver;
    entry->last = append_custody(self, RECORD_TAKEN, &taken);
}

void
compensator_records_replayed(compensator_t *self, struct compensator_entry *entry,
                             struct record_text reason)
{
    struct record_custody moved = {
        .key = entry->key,
        .turn = entry->turn,
        .to = LOG_SCHEDULER,
        .cause = OUTCOME_REPLAY,
        .sent = entry->sent,
        .alone = entry->alone,
        .at_unix_ms = self->now_unix_ms,
        .first_sent_unix_ms = entry->first_sent_unix_ms,
        .reason = cut(self, reason),
        .previous = entry->last,
    };
    entry->last = append_custody(self, RECORD_MOVED, &moved);
}

uint64_t
compensator_records_case(compensator_t *self, struct compensator_entry *entry,
                         struct record_case *opened)
{
    struct record_custody *custody = &opened->custody;
    custody->key = entry->key;
    custody->turn = entry->turn;
    custody->to = LOG_COMPENSATOR;
    custody->attempts = entry->attempts;
    custody->sent = entry->sent;
    custody->alone = entry->alone;
    custody->at_unix_ms = self->now_unix_ms;
    custody->first_sent_unix_ms = entry->first_sent_unix_ms;
    custody->previous = entry->last;
    custody->reason = cut(self, custody->reason);
    uint8_t *body = mem_alloc(RECORD_CASE_MAX);
    entry->last = log_append(self->own, RECORD_CASE, body, record_case_encode(opened, body));
    mem_free(body);
    return entry->last;
}

void
compensator_records_evidence(compensator_t *self, struct delivery_key key, uint32_t turn,
                             uint64_t previous)
{
    struct record_event event = {
        .key = key,
        .turn = turn,
        .kind = RECORD_EVIDENCE,
        .outcome = OUTCOME_DONE,
        .at_unix_ms = self->now_unix_ms,
        .previous = previous,
    };
    uint8_t body[RECORD_EVENT_MAX];
    (void)log_append(self->own, RECORD_EVIDENCE, body,
                     record_event_encode(&event, body)); /* the last record of it */
}
