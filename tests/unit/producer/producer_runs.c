#include "producer_runs.h"

#include <stdio.h>

struct runs_said runs_done[RUNS_DONE];

const char *
runs_name(unsigned number)
{
    static char name[8];
    (void)snprintf(name, sizeof name, "n%02u", number % 100); /* fits */
    return name;
}

void
runs_submit(struct fixture *self, unsigned from, unsigned count)
{
    static const uint8_t payload[2 * RUNS_MANY * 7];
    struct wire_out out;
    cr_assert_leq(from + count, 2 * RUNS_MANY);
    wire_out_init(&out, 4096);
    struct wire_submit_out list = wire_submit_begin(&out, 7);
    for (unsigned i = from; i < from + count; i++) {
        const struct wire_notification notification = {
            .topic = {"order.paid", 10},
            .biz_id = {runs_name(i), 3},
            .payload = {.data = payload, .size = (size_t)i * 7},
        };
        wire_submit_add(&list, &notification);
    }
    wire_submit_end(&list);
    fixture_front(self, &out);
}

struct fixture *
runs_begin(size_t subscriptions)
{
    struct fixture *self = fixture_open(subscriptions);
    fixture_join(self, "shop", 1);
    runs_submit(self, 0, RUNS_MANY);
    cr_assert_eq(self->delivery_count, RUNS_MANY);
    cr_assert_eq(self->deliveries[RUNS_MANY - 1].key.position,
                 self->deliveries[0].key.position + RUNS_MANY - 1);
    cr_assert_eq(self->deliveries[RUNS_MANY - 1].token, self->deliveries[0].token + RUNS_MANY - 1);
    return self;
}

void
runs_take(struct fixture *self, const struct runs_part *parts, size_t count)
{
    const char *group = self->deliveries[parts->first].group;
    struct wire_outcomes head = {.run = log_run(peers_own(self->peers)),
                                 .receiver = {group, strlen(group)},
                                 .lane = self->deliveries[parts->first].lane};
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_outcomes_out outcomes = wire_outcomes_begin(&out, &head);
    for (size_t i = 0; i < count; i++) {
        const struct wire_outcome outcome = {.first_token = self->deliveries[parts[i].first].token,
                                             .count = parts[i].count,
                                             .outcome = parts[i].outcome};
        wire_outcomes_add(&outcomes, &outcome);
    }
    wire_outcomes_end(&outcomes);
    producer_core_now(self->core, self->now_ms, self->now_unix_ms);
    producer_core_outcome(self->core, out.data, out.size);
    wire_out_fini(&out);
    cr_assert_eq(self->core->counts.bad_outcomes, 0);
}

void
runs_answer(struct fixture *self, struct runs_part part)
{
    runs_take(self, &part, 1);
    fixture_step(self);
}

void
runs_checkpoint(struct fixture *self)
{
    producer_checkpoint_write(self->core);
    fixture_step(self);
}

void
runs_restart(struct fixture *self, bool from_checkpoint)
{
    if (from_checkpoint) {
        runs_checkpoint(self);
    }
    fixture_restart(self);
}

uint32_t
runs_read(struct fixture *self)
{
    struct log_cursor cursor;
    struct log_record record;
    uint32_t count = 0;
    log_t *log = peers_own(self->peers);
    log_cursor_init(&cursor, log, log_first(log), LOG_KIND_BIT(RECORD_DONE));
    while (log_cursor_next(&cursor, &record, NULL) == ERR_OK) {
        cr_assert_lt(count, RUNS_DONE);
        struct runs_said *said = &runs_done[count++];
        said->position = record.position;
        cr_assert_eq(record_event_decode(record.kind, record.body, record.size, &said->event, NULL),
                     ERR_OK);
    }
    log_cursor_fini(&cursor);
    return count;
}

void
runs_assert(const struct fixture *self, const struct runs_said *said, struct runs_part part,
            uint64_t previous)
{
    const struct record_event *event = &said->event;
    const struct delivery_key *key = &self->deliveries[part.first].key;
    cr_assert_eq(event->key.position, key->position, "%lu", event->key.position);
    cr_assert_eq(event->key.subscription, key->subscription);
    cr_assert_eq(event->more, part.count - 1, "%u", event->more);
    cr_assert_eq(event->outcome, part.outcome);
    cr_assert_eq(event->previous, previous, "%lu", event->previous);
    cr_assert_eq(event->turn, 1);
    cr_assert_eq(event->attempt, 1);
}

void
runs_assert_told(struct fixture *self, const char *subscription, unsigned from, unsigned count,
                 const struct runs_said *by)
{
    for (unsigned i = from; i < from + count; i++) {
        uint8_t status = 0;
        struct wire_delivery said = fixture_query(self, runs_name(i), subscription, &status);
        cr_assert_eq(status, WIRE_OK);
        cr_assert_eq(said.state, WIRE_STATE_DONE, "%u is %u", i, said.state);
        cr_assert_eq(said.count, 1, "%u: %u", i, said.count);
        cr_assert_eq(said.left_out, 0);
        cr_assert_eq(said.turn, 1);
        cr_assert_eq(self->attempt.outcome, by->event.outcome);
        cr_assert_eq(self->attempt.number, 1);
        cr_assert_eq(self->attempt.turn, 1);
        cr_assert_eq(self->attempt.custodian, LOG_PRODUCER);
        cr_assert_eq(self->attempt.at_unix_ms, by->event.at_unix_ms, "%u", i);
    }
}
