#include "producer_fixture.h"

#include <errno.h>
#include <stdio.h>

static struct delivery_key
moved_away(struct fixture *self, uint8_t outcome)
{
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_outcome(self, 0, outcome, 0);
    return self->deliveries[0].key;
}

Test(producer_answers, cancel_ends_at_once_what_was_never_sent)
{
    struct fixture *self = fixture_open(1);
    uint8_t status = 0;
    fixture_submit(self, "order.paid", "a", "{}");
    cr_assert_eq(fixture_cancel(self, "a"), WIRE_CANCELLED);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).state, WIRE_STATE_CANCELLED);
    cr_assert_eq(fixture_cancel(self, "a"), WIRE_CANCELLED);
    fixture_join(self, "shop", 1);
    cr_assert_eq(self->delivery_count, 0);
    fixture_restart(self);
    fixture_join(self, "shop", 1);
    cr_assert_eq(self->delivery_count, 0);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    fixture_close(self);
}

Test(producer_answers, cancel_of_what_was_sent_or_survived_a_restart_is_a_request)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    cr_assert_eq(self->delivery_count, 1);
    cr_assert_eq(fixture_cancel(self, "a"), WIRE_REQUESTED);
    struct record_custody moved = fixture_last_moved(self);
    cr_assert_eq(moved.to, LOG_COMPENSATOR);
    cr_assert_eq(moved.cause, OUTCOME_CANCEL);
    cr_assert(moved.sent);
    cr_assert_eq(fixture_count(self, RECORD_ORDER), 1);
    fixture_outcome(self, 0, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_count(self, RECORD_EVIDENCE), 1, "the effect came first");
    cr_assert_eq(fixture_cancel(self, "a"), WIRE_ENDED);
    fixture_close(self);
}

Test(producer_answers, cancel_of_what_is_elsewhere_is_one_order_on_record)
{
    struct fixture *self = fixture_open(1);
    uint8_t status = 0;
    (void)moved_away(self, OUTCOME_RETRY);
    cr_assert_eq(fixture_cancel(self, "a"), WIRE_REQUESTED);
    cr_assert_eq(fixture_cancel(self, "a"), WIRE_REQUESTED);
    cr_assert_eq(fixture_count(self, RECORD_ORDER), 1);
    cr_assert(fixture_query(self, "a", "orders", &status).cancel_asked);
    cr_assert_eq(fixture_cancel(self, "unknown"), WIRE_NOT_FOUND);
    fixture_close(self);
}

Test(producer_answers, a_cancel_after_a_replay_is_another_order_on_record)
{
    struct fixture *self = fixture_open(1);
    uint8_t status = 0;
    struct delivery_key key = moved_away(self, OUTCOME_REJECT);
    cr_assert_eq(fixture_cancel(self, "a"), WIRE_REQUESTED);
    (void)fixture_other_case(self, key, 2);
    fixture_step(self);
    cr_assert_eq(fixture_cancel(self, "a"), WIRE_IS_CASE);
    struct record_custody replayed = {.key = key,
                                      .turn = 3,
                                      .to = LOG_SCHEDULER,
                                      .cause = OUTCOME_REPLAY,
                                      .at_unix_ms = self->now_unix_ms};
    (void)fixture_other_custody(self->compensator, RECORD_MOVED, &replayed);
    fixture_step(self);
    cr_assert_not(fixture_query(self, "a", "orders", &status).cancel_asked, "the replay is newer");
    cr_assert_eq(fixture_cancel(self, "a"), WIRE_REQUESTED);
    cr_assert_eq(fixture_count(self, RECORD_ORDER), 2);
    cr_assert(fixture_query(self, "a", "orders", &status).cancel_asked);
    fixture_restart(self);
    cr_assert(fixture_query(self, "a", "orders", &status).cancel_asked);
    cr_assert_eq(fixture_cancel(self, "a"), WIRE_REQUESTED);
    cr_assert_eq(fixture_count(self, RECORD_ORDER), 2);
    fixture_close(self);
}

Test(producer_answers, follows_the_others_to_the_end_and_tells_watchers)
{
    struct fixture *self = fixture_open(1);
    uint8_t status = 0;
    struct delivery_key key = moved_away(self, OUTCOME_RETRY);
    cr_assert_eq(fixture_watch(self, "a", 10000), WIRE_OK);
    cr_assert_eq(self->event_count, 0);
    struct record_custody taken = {.key = key,
                                   .turn = 2,
                                   .to = LOG_SCHEDULER,
                                   .cause = OUTCOME_RETRY,
                                   .attempts = 1,
                                   .at_unix_ms = self->now_unix_ms};
    uint64_t last = fixture_other_custody(self->scheduler, RECORD_TAKEN, &taken);
    struct record_event failed = {.key = key,
                                  .turn = 2,
                                  .kind = RECORD_FAILED,
                                  .outcome = OUTCOME_RETRY,
                                  .attempt = 2,
                                  .at_unix_ms = self->now_unix_ms + 1,
                                  .due_unix_ms = self->now_unix_ms + 5000,
                                  .previous = last};
    last = fixture_other_event(self->scheduler, &failed);
    fixture_step(self);
    struct wire_delivery said = fixture_query(self, "a", "orders", &status);
    cr_assert_eq(said.custodian, LOG_SCHEDULER);
    cr_assert_eq(said.attempts, 2);
    cr_assert_eq(said.count, 2, "both attempts are told");
    cr_assert_eq(said.due_unix_ms, failed.due_unix_ms);
    struct record_event done = {.key = key,
                                .turn = 2,
                                .kind = RECORD_DONE,
                                .outcome = OUTCOME_DONE,
                                .attempt = 3,
                                .at_unix_ms = self->now_unix_ms + 2,
                                .previous = last};
    fixture_other_event(self->scheduler, &done);
    fixture_step(self);
    cr_assert_eq(self->event_count, 1);
    cr_assert_eq(self->events[0].state, WIRE_STATE_DONE);
    cr_assert_str_eq(self->events[0].biz_id, "a");
    cr_assert_eq(fixture_count(self, RECORD_ENDED), 1);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    fixture_restart(self);
    said = fixture_query(self, "a", "orders", &status);
    cr_assert_eq(said.state, WIRE_STATE_DONE);
    cr_assert_eq(said.count, 3);
    cr_assert_eq(fixture_count(self, RECORD_ENDED), 1, "ended once, also after a restart");
    fixture_close(self);
}

Test(producer_answers, a_case_is_told_and_not_cancelled)
{
    struct fixture *self = fixture_open(1);
    uint8_t status = 0;
    struct delivery_key key = moved_away(self, OUTCOME_REJECT);
    cr_assert_eq(fixture_watch(self, "a", 10000), WIRE_OK);
    (void)fixture_other_case(self, key, 2);
    fixture_step(self);
    cr_assert_eq(self->event_count, 1);
    cr_assert_eq(self->events[0].state, WIRE_STATE_CASE);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).state, WIRE_STATE_CASE);
    cr_assert_eq(fixture_cancel(self, "a"), WIRE_IS_CASE);
    struct record_event closed = {.key = key,
                                  .turn = 2,
                                  .kind = RECORD_CLOSED,
                                  .end = END_RESOLVED,
                                  .at_unix_ms = self->now_unix_ms};
    fixture_other_event(self->compensator, &closed);
    fixture_step(self);
    cr_assert_eq(self->event_count, 2);
    cr_assert_eq(self->events[1].state, WIRE_STATE_RESOLVED);
    fixture_close(self);
}

Test(producer_answers, an_effect_beside_a_fence_is_an_alarm)
{
    struct fixture *self = fixture_open(1);
    struct delivery_key key = moved_away(self, OUTCOME_REJECT);
    struct record_event fenced = {.key = key, .turn = 2, .kind = RECORD_FENCED};
    struct record_event done = {.key = key, .turn = 2, .kind = RECORD_EVIDENCE};
    fixture_other_event(self->compensator, &fenced);
    fixture_other_event(self->scheduler, &done);
    fixture_step(self);
    cr_assert_eq(self->alarms, 1);
    fixture_close(self);
}

Test(producer_answers, watches_end_with_their_lease_and_are_bounded)
{
    struct fixture *self = fixture_open(1);
    for (uint32_t i = 0; i < 17; i++) {
        char biz_id[] = {(char)('a' + i), '\0'};
        fixture_submit(self, "order.paid", biz_id, "");
        cr_assert_eq(fixture_watch(self, biz_id, 5000), i < 16 ? WIRE_OK : WIRE_BUSY);
    }
    cr_assert_eq(fixture_watch(self, "a", 5000), WIRE_OK, "renewing needs no room");
    fixture_advance(self, 6000);
    cr_assert_eq(fixture_counter(self, "watches"), 0);
    cr_assert_eq(fixture_watch(self, "nothing", 5000), WIRE_NOT_FOUND);
    fixture_close(self);
}

Test(producer_answers, what_has_ended_is_told_to_a_new_watcher_at_once)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "");
    fixture_outcome(self, 0, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_watch(self, "a", 5000), WIRE_OK);
    cr_assert_eq(self->event_count, 1);
    cr_assert_eq(self->events[0].state, WIRE_STATE_DONE);
    fixture_close(self);
}

Test(producer_answers, an_unknown_biz_id_is_said_to_be_unknown)
{
    struct fixture *self = fixture_open(1);
    uint8_t status = 0;
    (void)fixture_query(self, "a", "orders", &status);
    cr_assert_eq(status, WIRE_NOT_FOUND);
    fixture_close(self);
}

/* The core is asked, and its step must not go on: nothing may be answered from a log that cannot be
 * read. */
static void
ask_with_a_broken_disk(struct fixture *self, struct wire_out *out)
{
    const struct sim_disk_fault fault = {
        .kind = SIM_DISK_ERROR, .at = 1, .error = EIO, .for_ever = true};
    struct why why = {{0}};
    sim_disk_set_fault(self->disk, &fault);
    producer_core_front(self->core, &self->route, out->data, out->size);
    const struct sim_disk_fault none = {0};
    sim_disk_set_fault(self->disk, &none);
    wire_out_fini(out);
    cr_assert_neq(producer_core_step(self->core, self->now_ms, self->now_unix_ms, &why), ERR_OK);
}

/* "a" is accepted, and so much after it that nothing of it is kept in memory. */
static struct fixture *
long_ago(void)
{
    static char payload[60000];
    memset(payload, 'x', sizeof payload - 1);
    struct fixture *self = fixture_open(1);
    fixture_submit(self, "order.paid", "a", "{}");
    for (int i = 0; i < 200; i++) {
        char biz_id[16];
        (void)snprintf(biz_id, sizeof biz_id, "b%d", i); /* fits */
        fixture_submit(self, "order.paid", biz_id, payload);
        fixture_submit(self, "order.paid", biz_id, payload); /* which reads it */
    }
    return self;
}

Test(producer_answers, a_read_error_is_never_not_found)
{
    struct fixture *self = long_ago();
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_ids_out ids = wire_query_begin(&out, 5);
    wire_ids_add(&ids, "a", 1);
    wire_ids_end(&ids);
    ask_with_a_broken_disk(self, &out);
    fixture_close(self);
}

Test(producer_answers, a_read_error_never_admits_a_second_time)
{
    struct fixture *self = long_ago();
    const struct wire_notification again = {
        .topic = {.data = "order.paid", .size = 10},
        .biz_id = {.data = "a", .size = 1},
        .payload = {.data = (const uint8_t *)"{}", .size = 2},
    };
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_submit_out list = wire_submit_begin(&out, 5);
    wire_submit_add(&list, &again);
    wire_submit_end(&list);
    ask_with_a_broken_disk(self, &out);
    fixture_close(self);
}

/* All that is known of it is what a checkpoint said. */
Test(producer_answers, what_has_ended_and_left_no_record_is_told_without_a_time)
{
    struct fixture *self = fixture_open(1);
    uint64_t position = fixture_submit(self, "order.paid", "a", "{}").position;
    struct producer_moved_entry moved = {.key = {.position = position, .subscription = 1}};
    fold_accept(&moved.fold, position);
    moved.fold.end = END_RESOLVED;
    producer_moved_put(&self->core->moved, &moved);
    cr_assert_eq(fixture_watch(self, "a", 5000), WIRE_OK);
    cr_assert_eq(self->event_count, 1);
    cr_assert_eq(self->events[0].state, WIRE_STATE_RESOLVED);
    fixture_close(self);
}

Test(producer_answers, a_watch_without_a_lease_ends_it)
{
    struct fixture *self = fixture_open(1);
    fixture_submit(self, "order.paid", "a", "{}");
    cr_assert_eq(fixture_watch(self, "a", 5000), WIRE_OK);
    cr_assert_eq(fixture_counter(self, "watches"), 1);
    cr_assert_eq(fixture_watch(self, "a", 0), WIRE_OK);
    cr_assert_eq(fixture_counter(self, "watches"), 0);
    fixture_close(self);
}
