#include "scheduler_fixture.h"

static struct fixture self;
static struct delivery_key key;

/* One delivery, sent: number 0. */
static void
setup(void)
{
    fixture_open(&self, "1s,2s,4s");
    key = fixture_notify(&self, NULL, 0);
    fixture_give(&self, key, 0);
    fixture_step(&self);
    cr_assert_eq(self.count, 1);
}

static void
teardown(void)
{
    fixture_close(&self);
}

TestSuite(scheduler_outcome, .init = setup, .fini = teardown, .timeout = 60);

Test(scheduler_outcome, duplicate_counts_as_done)
{
    fixture_answer(&self, 0, OUTCOME_DUPLICATE, 0);
    cr_assert_eq(fixture_last_event(&self, RECORD_DONE).outcome, OUTCOME_DUPLICATE);
    cr_assert_null(fixture_entry(&self, key));
}

Test(scheduler_outcome, reject_moves_on_at_once)
{
    fixture_answer(&self, 0, OUTCOME_REJECT, 0);
    struct record_custody moved = fixture_last_custody(&self, RECORD_MOVED);
    cr_assert_eq(moved.cause, OUTCOME_REJECT);
    cr_assert_eq(moved.turn, 3);
    cr_assert_eq(moved.to, LOG_COMPENSATOR);
    cr_assert(moved.sent);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_AWAY);
    fixture_advance(&self, 3600 * 1000);
    cr_assert_eq(self.count, 1);
}

Test(scheduler_outcome, fenced_counts_as_reject)
{
    fixture_answer(&self, 0, OUTCOME_FENCED, 0);
    cr_assert_eq(fixture_last_custody(&self, RECORD_MOVED).cause, OUTCOME_FENCED);
}

Test(scheduler_outcome, retry_waits_as_long_as_the_receiver_asked_when_that_is_later)
{
    fixture_answer(&self, 0, OUTCOME_RETRY, 60000);
    fixture_advance(&self, 59999);
    cr_assert_eq(self.count, 1);
    fixture_advance(&self, 1);
    cr_assert_eq(self.count, 2);
    cr_assert_eq(self.deliveries[1].item.attempt, 3);
    fixture_answer(&self, 1, OUTCOME_RETRY, 10);
    fixture_advance(&self, 3999);
    cr_assert_eq(self.count, 2, "the schedule's 4 s are later than 10 ms");
    fixture_advance(&self, 1);
    cr_assert_eq(self.count, 3);
}

Test(scheduler_outcome, seven_days_is_the_longest_that_a_receiver_can_ask_for)
{
    fixture_answer(&self, 0, OUTCOME_RETRY, LIMIT_POLICY_DELAY_MS + 1);
    cr_assert_eq(fixture_counter(&self, "malformed"), 1);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_OUT);
    fixture_answer(&self, 0, OUTCOME_RETRY, LIMIT_POLICY_DELAY_MS);
    struct record_event failed = fixture_last_event(&self, RECORD_FAILED);
    cr_assert_eq(failed.due_unix_ms - failed.at_unix_ms, LIMIT_POLICY_DELAY_MS);
}

Test(scheduler_outcome, down_burns_no_attempt_up_to_its_bound_and_then_does)
{
    static const int64_t waits_ms[] = {1000, 2000, 4000, 8000};
    for (uint32_t i = 0; i < 4; i++) {
        fixture_answer(&self, i, OUTCOME_DOWN, 0);
        struct record_event failed = fixture_last_event(&self, RECORD_FAILED);
        cr_assert_eq(failed.attempt, 1);
        cr_assert_eq(failed.unburnt, i + 1);
        cr_assert_eq(failed.outcome, OUTCOME_DOWN);
        fixture_advance(&self, waits_ms[i] - 1);
        cr_assert_eq(self.count, i + 1);
        fixture_advance(&self, 1);
        cr_assert_eq(self.count, i + 2);
        cr_assert_eq(self.deliveries[i + 1].item.attempt, 2);
    }
    fixture_answer(&self, 4, OUTCOME_DOWN, 0);
    cr_assert_eq(fixture_last_event(&self, RECORD_FAILED).attempt, 2);
    fixture_advance(&self, 2000);
    cr_assert_eq(self.deliveries[5].item.attempt, 3);
    fixture_answer(&self, 5, OUTCOME_DOWN, 0);
    fixture_advance(&self, 4000);
    fixture_answer(&self, 6, OUTCOME_DOWN, 0);
    cr_assert_eq(fixture_last_custody(&self, RECORD_MOVED).cause, OUTCOME_DOWN);
    cr_assert_eq(fixture_last_custody(&self, RECORD_MOVED).unburnt, 4);
}

Test(scheduler_outcome, while_room_is_short_down_leaves_no_record_and_keeps_its_bound)
{
    fixture_short(&self, true);
    for (uint32_t i = 0; i < 4; i++) {
        fixture_answer(&self, i, OUTCOME_DOWN, 0);
        cr_assert_eq(fixture_count(&self, RECORD_FAILED), 0);
        cr_assert_eq(fixture_entry(&self, key)->unburnt, i + 1);
        fixture_advance(&self, (1000 << i) - 1);
        cr_assert_eq(self.count, i + 1);
        fixture_advance(&self, 1);
        cr_assert_eq(self.count, i + 2);
        cr_assert_eq(self.deliveries[i + 1].item.attempt, 2);
    }
    fixture_answer(&self, 4, OUTCOME_DOWN, 0);
    struct record_event failed = fixture_last_event(&self, RECORD_FAILED);
    cr_assert_eq(failed.attempt, 2, "the bound is reached: it burns");
    cr_assert_eq(failed.unburnt, 4);
    fixture_restart(&self, 0);
    cr_assert_eq(fixture_entry(&self, key)->attempts, 2);
    cr_assert_eq(fixture_entry(&self, key)->unburnt, 4);
}

Test(scheduler_outcome, what_was_down_while_room_was_short_is_tried_at_once_after_a_restart)
{
    fixture_short(&self, true);
    fixture_answer(&self, 0, OUTCOME_DOWN, 0);
    fixture_restart(&self, 0);
    fixture_step(&self);
    cr_assert_eq(self.deliveries[self.count - 1].item.attempt, 2);
    cr_assert_eq(fixture_entry(&self, key)->unburnt, 0);
    fixture_short(&self, false);
    fixture_answer(&self, self.count - 1, OUTCOME_DOWN, 0);
    cr_assert_eq(fixture_last_event(&self, RECORD_FAILED).unburnt, 1);
}

Test(scheduler_outcome, down_never_waits_longer_than_thirty_seconds_by_itself)
{
    fixture_close(&self);
    setup();
    self.core->settings.down_limit = 20;
    for (uint32_t i = 0; i < 12; i++) {
        fixture_answer(&self, i, OUTCOME_DOWN, 0);
        struct record_event failed = fixture_last_event(&self, RECORD_FAILED);
        int64_t wait_ms = failed.due_unix_ms - failed.at_unix_ms;
        cr_assert_eq(wait_ms, i < 5 ? 1000LL << i : 30000);
        fixture_advance(&self, wait_ms);
    }
    fixture_answer(&self, 12, OUTCOME_DOWN, 50000);
    cr_assert_eq(fixture_due_ms(&self, key), self.now_ms + 50000);
}

Test(scheduler_outcome, what_was_handed_back_comes_again_after_50_ms_without_a_record)
{
    uint64_t next = log_next(peers_own(self.peers));
    fixture_answer(&self, 0, OUTCOME_NOT_STARTED, 0);
    cr_assert_eq(log_next(peers_own(self.peers)), next);
    fixture_advance(&self, 49);
    cr_assert_eq(self.count, 1);
    fixture_advance(&self, 1);
    cr_assert_eq(self.count, 2);
    cr_assert_eq(self.deliveries[1].item.attempt, 2);
    cr_assert_not(self.deliveries[1].item.alone);
}

/* A receiver that begins nothing is not sent the same 20 times a second. */
Test(scheduler_outcome, what_is_handed_back_again_and_again_comes_ever_more_rarely)
{
    uint64_t next = log_next(peers_own(self.peers));
    int64_t wait_ms = 50;
    for (uint32_t i = 0; i < 300; i++) {
        fixture_answer(&self, i, OUTCOME_NOT_STARTED, 0);
        cr_assert_eq(fixture_due_ms(&self, key), self.now_ms + wait_ms, "after %u", i);
        fixture_advance(&self, wait_ms);
        cr_assert_eq(self.count, i + 2);
        cr_assert_eq(self.deliveries[i + 1].item.attempt, 2, "none is burnt");
        wait_ms = wait_ms * 2 < 30000 ? wait_ms * 2 : 30000;
    }
    cr_assert_eq(log_next(peers_own(self.peers)), next);
    cr_assert_eq(fixture_counter(&self, "handed_back"), 300);
    fixture_answer(&self, 300, OUTCOME_RETRY, 0);
    fixture_advance(&self, 2000);
    fixture_answer(&self, 301, OUTCOME_NOT_STARTED, 0);
    cr_assert_eq(fixture_due_ms(&self, key), self.now_ms + 50, "it had begun in between");
}

Test(scheduler_outcome, a_receiver_that_hands_everything_back_is_an_alarm_once)
{
    for (uint32_t i = 0; self.now_ms < 1000000 + 1300000; i++) {
        bool early = self.now_ms < 1000000 + 570000;
        fixture_answer(&self, i, OUTCOME_NOT_STARTED, 0);
        fixture_advance(&self, fixture_due_ms(&self, key) - self.now_ms);
        cr_assert(!early || self.alarms[0] == '\0', "too early: %s", self.alarms);
    }
    cr_assert_str_eq(self.alarms, "receiver_absent of orders ");
    cr_assert_eq(fixture_counter(&self, "alarms"), 1);
}

Test(scheduler_outcome, a_receiver_that_says_it_is_down_for_long_is_an_alarm_too)
{
    self.core->settings.down_limit = 1000;
    for (uint32_t i = 0; self.now_ms < 1000000 + 700000; i++) {
        fixture_answer(&self, i, OUTCOME_DOWN, 0);
        fixture_advance(&self, fixture_due_ms(&self, key) - self.now_ms);
    }
    cr_assert_str_eq(self.alarms, "receiver_absent of orders ");
}

Test(scheduler_outcome, a_lease_that_ran_out_burns_an_attempt_and_it_travels_alone_after_it)
{
    fixture_advance(&self, FIXTURE_LEASE_MS);
    struct record_event failed = fixture_last_event(&self, RECORD_FAILED);
    cr_assert_eq(failed.outcome, OUTCOME_LEASE);
    cr_assert_eq(failed.attempt, 2);
    for (int i = 0; i < 5; i++) {
        fixture_give(&self, fixture_notify(&self, NULL, 0), 2000);
    }
    fixture_advance(&self, 2000);
    cr_assert_eq(self.count, 7);
    for (uint32_t i = 1; i < 7; i++) {
        bool same = self.deliveries[i].item.position == key.position;
        cr_assert_eq(self.deliveries[i].item.alone, same);
        cr_assert_eq(self.deliveries[i].in_frame == 1, same);
    }
}

Test(scheduler_outcome, working_extends_the_lease_and_changes_nothing_else)
{
    for (int i = 0; i < 4; i++) {
        fixture_advance(&self, FIXTURE_LEASE_MS - 100);
        fixture_answer(&self, 0, OUTCOME_WORKING, 0);
    }
    cr_assert_eq(fixture_count(&self, RECORD_FAILED), 0);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_OUT);
    fixture_answer(&self, 0, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 1);
}

Test(scheduler_outcome, what_a_lost_consumer_had_comes_again_at_once_alone_and_unburnt)
{
    uint64_t next = log_next(peers_own(self.peers));
    self.nonce++; /* another process says HELLO under the same name */
    fixture_step(&self);
    cr_assert_eq(self.count, 2);
    cr_assert(self.deliveries[1].item.alone);
    cr_assert_eq(self.deliveries[1].item.attempt, 2);
    cr_assert_eq(log_next(peers_own(self.peers)), next, "no record says so");
    self.nonce++;
    fixture_step(&self);
    cr_assert_eq(self.count, 2);
    struct record_event failed = fixture_last_event(&self, RECORD_FAILED);
    cr_assert_eq(failed.outcome, OUTCOME_LOST);
    cr_assert_eq(failed.attempt, 2, "alone and lost again: it burns");
}

Test(scheduler_outcome, a_late_done_ends_what_is_still_here)
{
    fixture_advance(&self, FIXTURE_LEASE_MS);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_WAITING);
    fixture_answer(&self, 0, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 1);
    cr_assert_null(fixture_entry(&self, key));
    fixture_advance(&self, 3600 * 1000);
    cr_assert_eq(self.count, 1);
}

Test(scheduler_outcome, a_late_done_of_what_was_given_away_is_recorded_as_evidence)
{
    fixture_cancel(&self, self.producer, key);
    fixture_step(&self);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_AWAY);
    fixture_answer(&self, 0, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 0);
    struct record_event evidence = fixture_last_event(&self, RECORD_EVIDENCE);
    cr_assert_eq(evidence.key.position, key.position);
    cr_assert_eq(evidence.turn, 2);
    cr_assert_eq(evidence.attempt, 2);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_AWAY);
}

Test(scheduler_outcome, a_late_done_of_what_has_ended_is_recorded_as_evidence)
{
    struct record_event closed = {
        .key = key, .turn = 3, .kind = RECORD_CLOSED, .end = END_RESOLVED};
    fixture_event(self.compensator, &closed);
    fixture_step(&self);
    cr_assert_null(fixture_entry(&self, key));
    fixture_answer(&self, 0, OUTCOME_DUPLICATE, 0);
    cr_assert_eq(fixture_count(&self, RECORD_EVIDENCE), 1);
}

Test(scheduler_outcome, any_other_late_answer_changes_nothing)
{
    fixture_advance(&self, FIXTURE_LEASE_MS);
    uint64_t next = log_next(peers_own(self.peers));
    fixture_answer(&self, 0, OUTCOME_REJECT, 0);
    cr_assert_eq(log_next(peers_own(self.peers)), next);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_WAITING);
}

Test(scheduler_outcome, an_answer_to_an_earlier_turn_does_not_count_for_a_later_one)
{
    fixture_cancel(&self, self.producer, key);
    fixture_step(&self);
    struct record_custody again = {.key = key,
                                   .turn = 4,
                                   .to = LOG_SCHEDULER,
                                   .cause = OUTCOME_REPLAY,
                                   .attempts = 1, /* the same number as in the turn before */
                                   .at_unix_ms = self.now_unix_ms};
    fixture_custody(self.compensator, RECORD_MOVED, &again);
    fixture_step(&self);
    cr_assert_eq(self.count, 2);
    cr_assert_eq(self.deliveries[1].item.turn, 4);
    fixture_answer(&self, 0, OUTCOME_REJECT, 0);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_OUT);
    fixture_answer(&self, 1, OUTCOME_RETRY, 0);
    cr_assert_eq(fixture_entry(&self, key)->attempts, 2);
}

Test(scheduler_outcome, a_malformed_outcome_is_counted_and_changes_nothing)
{
    static const uint8_t nonsense[] = {0x93, 1, 25, 0xc1};
    self.shell.outcome(self.shell.self, nonsense, sizeof nonsense);
    cr_assert_eq(fixture_counter(&self, "malformed"), 1);
    cr_assert_eq(self.events, 1);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_OUT);
}
