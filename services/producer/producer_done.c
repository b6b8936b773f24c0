/*
 * DONE, the common case, kept short. Receivers answer many deliveries at once, and what one frame
 * submitted lies together in the log: such a run is one record, and costs little more than one.
 */
#include "producer_private.h"

#include "base/check.h"

#include <assert.h>

static_assert(LIMIT_FRAME_NOTIFICATIONS <= RECORD_RUN_MAX, "a frame's answers fit a record");

struct run {
    struct record_event event; /* of its first; `more` is said at the end */
    uint64_t position;         /* that its record will have: nothing else is appended meanwhile */
    uint64_t weight;
    uint32_t count; /* 0: none has begun */
};

static void
end_run(producer_core_t *self, struct run *run)
{
    if (run->count == 0) {
        return;
    }
    uint8_t body[RECORD_EVENT_MAX];
    struct record_event *event = &run->event;
    event->more = run->count - 1;
    self->together += event->more;
    size_t size = record_event_encode(event, body);
    CHECK(log_append(self->log, event->kind, body, size) == run->position);
    producer_load_remove(self, event->key.subscription, run->count, run->weight);
    self->counts.done += run->count;
    for (uint32_t i = 0; i < run->count && self->watches.count > 0; i++) {
        struct delivery_key key = event->key;
        key.position += i;
        producer_told(self, key, WIRE_STATE_DONE, 1);
    }
    run->count = 0;
}

static bool
goes_on(const struct run *run, struct delivery_key key, uint64_t previous)
{
    return run->count > 0 && key.position == run->event.key.position + run->count &&
           key.subscription == run->event.key.subscription && previous == run->event.previous;
}

/* The next of the run, or the first of another. It is not open any more. */
static void
add(producer_core_t *self, struct run *run, const struct sender_entry *entry, uint8_t outcome)
{
    struct delivery_key key = entry->key;
    uint64_t previous = producer_previous(self, key.position);
    if (!goes_on(run, key, previous)) {
        end_run(self, run);
        run->event = (struct record_event){
            .kind = RECORD_DONE,
            .key = key,
            .turn = 1,
            .outcome = outcome,
            .attempt = 1,
            .at_unix_ms = self->now_unix_ms,
            .previous = previous,
        };
        run->weight = 0;
        run->position = log_next(self->log);
    }
    producer_relink(self, entry->user, key.position);
    run->weight += entry->weight;
    run->count++;
}

void
producer_done(void *context, const struct sender_entry *entries, uint32_t count, uint8_t outcome)
{
    producer_core_t *self = context;
    struct run run = {.count = 0};
    for (uint32_t i = 0; i < count; i++) {
        struct producer_queue *queue = producer_queue_of(self, entries[i].key.subscription);
        if (producer_open_close(&queue->open, entries[i].key.position)) {
            add(self, &run, &entries[i], outcome);
            absence_answered(&queue->absence);
        } else {
            end_run(self, &run);
            producer_done_late(self, &entries[i], outcome);
        }
    }
    end_run(self, &run);
}

void
producer_done_late(producer_core_t *self, const struct sender_entry *entry, uint8_t outcome)
{
    struct producer_moved_entry moved;
    if ((outcome != OUTCOME_DONE && outcome != OUTCOME_DUPLICATE) ||
        !producer_moved_find(&self->moved, entry->key, &moved) || moved.fold.end == END_DONE) {
        return;
    }
    struct record_event event = {
        .kind = RECORD_EVIDENCE, .key = entry->key, .turn = 1, .outcome = outcome, .attempt = 1};
    uint64_t position = producer_append_event(self, entry->user, &event);
    producer_learned(self, &moved, LOG_PRODUCER, position, &event);
    self->counts.evidence++;
}
