/* Every record of the own log is written here, together with what it says of the entry. */
#include "delivery/record_codec.h"
#include "scheduler_private.h"

/* What a receiver said, as much of it as a record takes. */
static struct record_text
cut(const struct scheduler_core *self, struct record_text reason)
{
    size_t most = peers_reason_bytes(self->peers);
    size_t size = reason.size < most ? reason.size : most;
    size = size == 0 ? 0 : wire_in_utf8_prefix(reason.data, size);
    return (struct record_text){.data = reason.data, .size = size};
}

static uint64_t
append_custody(struct scheduler_core *self, uint8_t kind, const struct record_custody *custody)
{
    uint8_t body[RECORD_CUSTODY_MAX];
    return log_append(self->log, kind, body, record_custody_encode(custody, body));
}

static uint64_t
append_event(struct scheduler_core *self, const struct record_event *event)
{
    uint8_t body[RECORD_EVENT_MAX];
    return log_append(self->log, event->kind, body, record_event_encode(event, body));
}

static struct record_event
event_of(const struct scheduler_core *self, const struct scheduler_entry *entry, uint8_t kind)
{
    return (struct record_event){
        .key = scheduler_entry_key(entry),
        .turn = entry->turn,
        .kind = kind,
        .at_unix_ms = self->now_unix_ms,
        .previous = entry->last,
    };
}

void
scheduler_take(struct scheduler_core *self, const struct record_custody *moved, uint64_t copy)
{
    struct scheduler_entry *entry = scheduler_table_find(&self->table, moved->key);
    if (entry == NULL) {
        entry = scheduler_table_add(&self->table, moved->key);
    }
    struct record_custody taken = *moved;
    taken.previous = entry->last;
    taken.reason = cut(self, moved->reason);
    entry->last = SCHEDULER_POSITION(append_custody(self, RECORD_TAKEN, &taken));
    entry->taken = entry->last;
    entry->copy = SCHEDULER_POSITION(copy);
    entry->turn = SCHEDULER_TURN(moved->turn);
    entry->attempts = scheduler_attempts(moved->attempts);
    entry->unburnt = moved->unburnt;
    entry->sent = moved->sent;
    entry->alone = moved->alone;
    entry->first_sent_unix_ms = SCHEDULER_TIME(moved->first_sent_unix_ms);
    entry->is_case = false;
    int64_t left_ms = scheduler_remaining_ms(self, moved->due_unix_ms, moved->at_unix_ms);
    scheduler_table_wait(&self->table, entry, self->now_ms + left_ms);
    self->counters.taken++;
}

void
scheduler_move(struct scheduler_core *self, struct scheduler_entry *entry,
               const struct scheduler_cause *cause)
{
    struct record_custody moved = {
        .key = scheduler_entry_key(entry),
        .turn = entry->turn + 1,
        .to = LOG_COMPENSATOR,
        .cause = cause->outcome,
        .attempts = entry->attempts,
        .unburnt = entry->unburnt,
        .sent = entry->sent,
        .alone = entry->alone,
        .at_unix_ms = self->now_unix_ms,
        .first_sent_unix_ms = entry->first_sent_unix_ms,
        .reason = cut(self, cause->reason),
        .previous = entry->last,
    };
    entry->last = SCHEDULER_POSITION(append_custody(self, RECORD_MOVED, &moved));
    entry->turn = SCHEDULER_TURN(moved.turn);
    scheduler_table_away(&self->table, entry);
    self->counters.moved++;
}

void
scheduler_fail(struct scheduler_core *self, struct scheduler_entry *entry,
               const struct scheduler_cause *cause, int64_t delay_ms)
{
    struct record_event failed = event_of(self, entry, RECORD_FAILED);
    failed.outcome = cause->outcome;
    failed.attempt = entry->attempts;
    failed.unburnt = entry->unburnt;
    failed.due_unix_ms = self->now_unix_ms + delay_ms;
    failed.reason = cut(self, cause->reason);
    entry->last = SCHEDULER_POSITION(append_event(self, &failed));
    scheduler_table_wait(&self->table, entry, self->now_ms + delay_ms);
    self->counters.failed++;
}

void
scheduler_done(struct scheduler_core *self, struct scheduler_entry *entry, uint8_t outcome)
{
    struct record_event done = event_of(self, entry, RECORD_DONE);
    done.outcome = outcome;
    done.attempt = (uint16_t)(entry->attempts + 1);
    (void)append_event(self, &done); /* nothing comes after it */
    scheduler_table_remove(&self->table, entry);
    self->counters.done++;
}

void
scheduler_end(struct scheduler_core *self, struct scheduler_entry *entry, uint8_t end)
{
    struct record_event ended = event_of(self, entry, RECORD_ENDED);
    ended.end = end;
    (void)append_event(self, &ended); /* nothing comes after it */
    scheduler_table_remove(&self->table, entry);
    self->counters.ended++;
}

void
scheduler_order(struct scheduler_core *self, struct scheduler_entry *entry,
                const struct record_event *order)
{
    struct record_event copy = *order; /* its turn too: that is the one it was asked in */
    copy.previous = entry->last;
    copy.reason = cut(self, order->reason);
    entry->last = SCHEDULER_POSITION(append_event(self, &copy));
    entry->cancel_turn = SCHEDULER_TURN(order->turn);
}

void
scheduler_evidence(struct scheduler_core *self, const struct sender_entry *sent, uint8_t outcome)
{
    struct scheduler_entry *entry = scheduler_table_find(&self->table, sent->key);
    struct record_event evidence = {
        .key = sent->key,
        .turn = sent->turn,
        .kind = RECORD_EVIDENCE,
        .outcome = outcome,
        .attempt = sent->attempt,
        .at_unix_ms = self->now_unix_ms,
        .previous = entry == NULL ? 0 : entry->last,
    };
    uint64_t position = append_event(self, &evidence);
    if (entry != NULL) {
        entry->last = SCHEDULER_POSITION(position);
    }
    self->counters.evidence++;
}
