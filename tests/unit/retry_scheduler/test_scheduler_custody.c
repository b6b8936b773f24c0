#include "scheduler_fixture.h"

static struct fixture self;

static void
setup(void)
{
    fixture_open(&self, "1s,2s,4s");
}

static void
teardown(void)
{
    fixture_close(&self);
}

TestSuite(scheduler_custody, .init = setup, .fini = teardown, .timeout = 60);

static struct delivery_key
given(int64_t due_in_ms, int64_t deadline_unix_ms)
{
    struct delivery_key key = fixture_notify(&self, NULL, deadline_unix_ms);
    fixture_give(&self, key, due_in_ms);
    fixture_step(&self);
    return key;
}

static uint64_t
replay(struct delivery_key key, uint32_t turn, uint64_t previous)
{
    struct record_custody again = {
        .key = key,
        .turn = turn,
        .to = LOG_SCHEDULER,
        .cause = OUTCOME_REPLAY,
        .at_unix_ms = self.now_unix_ms,
        .previous = previous,
    };
    return fixture_custody(self.compensator, RECORD_MOVED, &again);
}

Test(scheduler_custody, taken_says_what_moved_said_and_nothing_is_taken_twice)
{
    struct delivery_key key = given(500, 0);
    struct record_custody taken = fixture_last_custody(&self, RECORD_TAKEN);
    cr_assert_eq(taken.key.position, key.position);
    cr_assert_eq(taken.turn, 2);
    cr_assert_eq(taken.to, LOG_SCHEDULER);
    cr_assert_eq(taken.attempts, 1);
    cr_assert_eq(taken.due_unix_ms, FIXTURE_START_UNIX_MS + 500);
    cr_assert_eq(taken.previous, 0);
    fixture_give(&self, key, 0); /* the same turn once more */
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_TAKEN), 1);
    cr_assert_eq(self.count, 0);
}

Test(scheduler_custody, what_moves_between_the_others_is_not_taken)
{
    struct record_custody moved = {.key = {.position = 1, .subscription = 1},
                                   .turn = 2,
                                   .to = LOG_COMPENSATOR,
                                   .cause = OUTCOME_REJECT};
    fixture_custody(self.producer, RECORD_MOVED, &moved);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_TAKEN), 0);
}

Test(scheduler_custody, a_cancel_of_what_waits_is_copied_and_passes_it_on)
{
    struct delivery_key key = given(5000, 0);
    fixture_cancel(&self, self.producer, key);
    fixture_step(&self);
    struct record_event order = fixture_last_event(&self, RECORD_ORDER);
    cr_assert_eq(order.order, ORDER_CANCEL);
    cr_assert_eq(order.by.size, 3);
    struct record_custody moved = fixture_last_custody(&self, RECORD_MOVED);
    cr_assert_eq(moved.cause, OUTCOME_CANCEL);
    cr_assert_eq(moved.turn, 3);
    cr_assert_eq(fixture_history(&self, fixture_entry(&self, key)->last), 3);
    fixture_advance(&self, 5000);
    cr_assert_eq(self.count, 0);
}

Test(scheduler_custody, a_cancel_of_what_is_ready_or_out_passes_it_on_too)
{
    struct delivery_key out = given(0, 0);
    cr_assert_eq(fixture_entry(&self, out)->state, SCHEDULER_OUT);
    fixture_cancel(&self, self.producer, out);
    fixture_subscribe(&self, 2, "nobody", "1s");
    struct delivery_key ready = fixture_notify(&self, NULL, 0);
    ready.subscription = 2;
    fixture_give(&self, ready, 0);
    fixture_step(&self);
    cr_assert_eq(fixture_entry(&self, ready)->state, SCHEDULER_READY);
    fixture_cancel(&self, self.producer, ready);
    fixture_step(&self);
    cr_assert_eq(fixture_counter(&self, "away"), 2);
    cr_assert_eq(fixture_counter(&self, "ready"), 0);
    fixture_answer(&self, 0, OUTCOME_RETRY, 0);
    cr_assert_eq(fixture_count(&self, RECORD_FAILED), 0, "the answer is late now");
}

Test(scheduler_custody, a_cancel_of_what_was_given_away_is_copied_once)
{
    struct delivery_key key = given(0, 0);
    fixture_answer(&self, 0, OUTCOME_REJECT, 0);
    fixture_cancel(&self, self.producer, key);
    fixture_step(&self);
    fixture_cancel(&self, self.compensator, key);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 1);
    cr_assert_eq(fixture_count(&self, RECORD_MOVED), 1);
}

/* A delivery that was rejected at the first attempt here and is the compensator's in turn 3. */
static struct delivery_key
given_away(void)
{
    struct delivery_key key = given(0, 0);
    fixture_answer(&self, 0, OUTCOME_REJECT, 0);
    return key;
}

Test(scheduler_custody, a_replay_voids_the_cancel_that_was_asked_before_it)
{
    struct delivery_key key = given_away();
    fixture_cancel(&self, self.producer, key);
    fixture_cancel_in(&self, self.compensator, key, 3);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 2, "on record: it stands in turn 3");
    replay(key, 4, 0);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_TAKEN), 2);
    cr_assert_eq(self.count, 2, "it is tried again");
    cr_assert_eq(self.deliveries[1].item.turn, 4);
    fixture_cancel_in(&self, self.producer, key, 3); /* an older one that is read late */
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 2);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_OUT);
    fixture_restart(&self, 10);
    cr_assert_eq(fixture_entry(&self, key)->turn, 4, "nor does a start hold on to it");
    cr_assert_neq(fixture_entry(&self, key)->state, SCHEDULER_AWAY);
}

Test(scheduler_custody, a_cancel_that_was_asked_after_the_replay_passes_it_on)
{
    struct delivery_key key = given_away();
    fixture_cancel(&self, self.producer, key);
    replay(key, 4, 0);
    fixture_step(&self);
    fixture_cancel_in(&self, self.producer, key, 4);
    fixture_step(&self);
    struct record_event order = fixture_last_event(&self, RECORD_ORDER);
    cr_assert_eq(order.turn, 4);
    struct record_custody moved = fixture_last_custody(&self, RECORD_MOVED);
    cr_assert_eq(moved.turn, 5);
    cr_assert_eq(moved.cause, OUTCOME_CANCEL);
    cr_assert_eq(self.count, 2);
}

/* The copy keeps the turn that the cancel was asked in, so that everybody judges it alike. */
Test(scheduler_custody, a_copy_of_a_cancel_says_when_it_was_asked)
{
    struct delivery_key key = given_away();
    fixture_cancel(&self, self.producer, key);
    fixture_step(&self);
    cr_assert_eq(fixture_entry(&self, key)->turn, 3);
    cr_assert_eq(fixture_last_event(&self, RECORD_ORDER).turn, 2);
}

Test(scheduler_custody, a_cancel_read_before_the_replay_stops_it_by_the_compensators_copy)
{
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    fixture_cancel_in(&self, self.producer, key, 3);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 0, "never held");
    struct record_custody first = {
        .key = key, .turn = 3, .to = LOG_SCHEDULER, .cause = OUTCOME_REPLAY};
    fixture_custody(self.compensator, RECORD_MOVED, &first);
    fixture_cancel_in(&self, self.compensator, key, 3);
    fixture_step(&self);
    cr_assert_eq(fixture_last_custody(&self, RECORD_MOVED).turn, 4);
    cr_assert_eq(fixture_last_custody(&self, RECORD_MOVED).cause, OUTCOME_CANCEL);
    cr_assert_eq(self.count, 0);
}

Test(scheduler_custody, an_order_that_is_no_cancel_is_not_the_schedulers)
{
    struct delivery_key key = given(5000, 0);
    struct record_event note = {.key = key, .turn = 2, .kind = RECORD_ORDER, .order = ORDER_NOTE};
    fixture_event(self.producer, &note);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 0);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_WAITING);
}

Test(scheduler_custody, an_end_in_another_log_ends_it_here)
{
    static const struct {
        bool producer;
        uint8_t kind;
        uint8_t said;
        uint8_t end;
    } ends[] = {
        {true, RECORD_EVIDENCE, 0, END_DONE},
        {false, RECORD_EVIDENCE, 0, END_DONE},
        {false, RECORD_DONE, 0, END_DONE},
        {false, RECORD_CLOSED, END_UNDONE, END_UNDONE},
        {false, RECORD_CLOSED, END_CANCELLED, END_CANCELLED},
        {false, RECORD_ENDED, END_RESOLVED, END_RESOLVED},
    };
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct delivery_key key = given(5000, 0);
        struct record_event end = {
            .key = key, .turn = 3, .kind = ends[i].kind, .end = ends[i].said};
        fixture_event(ends[i].producer ? self.producer : self.compensator, &end);
        fixture_step(&self);
        cr_assert_eq(fixture_last_event(&self, RECORD_ENDED).end, ends[i].end);
        cr_assert_eq(fixture_last_event(&self, RECORD_ENDED).key.position, key.position);
        cr_assert_null(fixture_entry(&self, key));
    }
    fixture_advance(&self, 3600 * 1000);
    cr_assert_eq(self.count, 0);
}

Test(scheduler_custody, an_end_of_what_was_never_held_is_not_recorded)
{
    struct record_event end = {
        .key = fixture_notify(&self, NULL, 0), .turn = 1, .kind = RECORD_EVIDENCE};
    fixture_event(self.producer, &end);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_ENDED), 0);
}

Test(scheduler_custody, a_wait_that_would_pass_the_deadline_is_not_begun)
{
    struct delivery_key key = given(0, FIXTURE_START_UNIX_MS + 1500);
    fixture_answer(&self, 0, OUTCOME_RETRY, 0); /* 2 s */
    cr_assert_eq(fixture_count(&self, RECORD_FAILED), 0);
    struct record_custody moved = fixture_last_custody(&self, RECORD_MOVED);
    cr_assert_eq(moved.cause, OUTCOME_DEADLINE);
    cr_assert_eq(moved.attempts, 2);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_AWAY);
}

Test(scheduler_custody, a_deadline_later_than_any_that_fits_is_no_earlier_one)
{
    struct delivery_key key = given(0, (INT64_C(1) << 47) + 1000);
    cr_assert_eq(fixture_count(&self, RECORD_MOVED), 0);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_OUT);
    cr_assert_eq(fixture_entry(&self, key)->deadline_unix_ms, (INT64_C(1) << 47) - 1);
}

Test(scheduler_custody, while_room_is_short_the_copy_of_a_cancel_has_a_short_reason)
{
    struct delivery_key key = given(60000, 0);
    static char reason[LIMIT_REASON_BYTES];
    memset(reason, 'r', sizeof reason);
    const struct record_event order = {
        .key = key,
        .turn = 2,
        .kind = RECORD_ORDER,
        .order = ORDER_CANCEL,
        .reason = {.data = reason, .size = sizeof reason},
    };
    log_reserve(self.producer, UINT64_C(1) << 50);
    fixture_event(self.producer, &order);
    fixture_step(&self);
    cr_assert_eq(fixture_last_event(&self, RECORD_ORDER).reason.size, LIMIT_REASON_SHORT_BYTES);
    cr_assert_eq(fixture_last_custody(&self, RECORD_MOVED).cause, OUTCOME_CANCEL);
}

Test(scheduler_custody, what_comes_with_a_wait_beyond_its_deadline_moves_on_at_once)
{
    given(2000, FIXTURE_START_UNIX_MS + 1500);
    cr_assert_eq(fixture_count(&self, RECORD_TAKEN), 1);
    cr_assert_eq(fixture_last_custody(&self, RECORD_MOVED).cause, OUTCOME_DEADLINE);
}

Test(scheduler_custody, a_deadline_passes_also_while_the_receiver_is_absent)
{
    fixture_subscribe(&self, 2, "nobody", "1s");
    struct delivery_key key = fixture_notify(&self, NULL, FIXTURE_START_UNIX_MS + 60000);
    key.subscription = 2;
    fixture_give(&self, key, 0);
    fixture_advance(&self, 60000);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_READY);
    fixture_advance(&self, 1);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_AWAY);
    cr_assert_eq(fixture_last_custody(&self, RECORD_MOVED).cause, OUTCOME_DEADLINE);
}

Test(scheduler_custody, a_replay_gets_the_full_schedule_and_begins_at_once)
{
    struct delivery_key key = given(0, 0);
    fixture_answer(&self, 0, OUTCOME_REJECT, 0);
    uint64_t opened = fixture_case(&self, key, 3);
    fixture_step(&self);
    cr_assert(fixture_entry(&self, key)->is_case);
    uint64_t copy = replay(key, 4, opened);
    fixture_step(&self);
    cr_assert_eq(self.count, 2);
    cr_assert_eq(self.deliveries[1].item.attempt, 1);
    cr_assert_eq(self.deliveries[1].item.turn, 4);
    cr_assert_eq(fixture_entry(&self, key)->copy, copy);
    cr_assert_not(fixture_entry(&self, key)->is_case);
    cr_assert_eq(fixture_history(&self, fixture_entry(&self, key)->last), 3);
}

Test(scheduler_custody, a_replay_behind_a_trimmed_notification_is_sent_from_the_cases_copy)
{
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    uint64_t opened = fixture_case(&self, key, 2);
    for (int i = 0; i < 4000; i++) { /* several segments of 64 KiB */
        fixture_notify(&self, NULL, 0);
    }
    fixture_step(&self);
    cr_assert_eq(log_trim(self.producer, log_next(self.producer) - 1, NULL), ERR_OK);
    cr_assert_gt(log_first(self.producer), key.position);
    replay(key, 3, opened);
    fixture_step(&self);
    cr_assert_eq(self.count, 1);
    cr_assert_eq(self.deliveries[0].item.position, key.position);
    cr_assert_gt(self.deliveries[0].item.notification.size, 10);
    fixture_restart(&self, 1000);
    fixture_subscribe(&self, 1, "orders", "1s,2s,4s"); /* as a producer does at its start */
    fixture_step(&self); /* it is known now, and a consumer of its group is let in */
    fixture_advance(&self, 1000);
    cr_assert_eq(self.count, 2, "and so it is after a restart");
}

Test(scheduler_custody, a_notification_that_no_log_has_alarms_and_holds_up_nobody)
{
    struct delivery_key key = {.position = log_next(self.producer) + 100, .subscription = 1};
    fixture_give(&self, key, 0);
    fixture_give(&self, fixture_notify(&self, NULL, 0), 0);
    fixture_step(&self);
    cr_assert_eq(self.count, 1);
    cr_assert_str_eq(self.alarms, "notification_missing of orders ");
    cr_assert_eq(fixture_counter(&self, "notifications_gone"), 1);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_WAITING);
}

static void
expect_given_up(struct delivery_key key)
{
    fixture_advance(&self, 120000);
    cr_assert_str_eq(self.alarms, "notification_missing of orders ", "and it is told once");
    cr_assert_eq(fixture_counter(&self, "notifications_gone"), 1);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_AWAY);
    const struct record_custody moved = fixture_last_custody(&self, RECORD_MOVED);
    cr_assert_eq(moved.key.position, key.position);
    cr_assert_eq(moved.to, LOG_COMPENSATOR);
}

/* A salvage leaves a record without a body in its place. */
Test(scheduler_custody, a_notification_that_a_salvage_lost_goes_to_a_person)
{
    struct delivery_key key = {.position = fixture_spelt(self.producer, LOG_KIND_LOST, ""),
                               .subscription = 1};
    fixture_give(&self, key, 0);
    fixture_give(&self, fixture_notify(&self, NULL, 0), 0);
    fixture_step(&self);
    cr_assert_eq(self.count, 1, "it holds up nobody");
    fixture_answer(&self, 0, OUTCOME_DONE, 0);
    expect_given_up(key);
}

Test(scheduler_custody, a_notification_before_the_logs_beginning_goes_to_a_person)
{
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    fixture_give(&self, key, 60000);
    fixture_step(&self);
    for (int i = 0; i < 4000; i++) { /* several segments of 64 KiB */
        fixture_notify(&self, NULL, 0);
    }
    fixture_subscribe(&self, 1, "orders", "1s,2s,4s"); /* as a checkpoint has it */
    fixture_step(&self);
    cr_assert_eq(log_trim(self.producer, log_next(self.producer) - 1, NULL), ERR_OK);
    cr_assert_gt(log_first(self.producer), key.position);
    fixture_restart(&self, 1000);
    fixture_step(&self);
    fixture_advance(&self, 60000);
    expect_given_up(key);
}
