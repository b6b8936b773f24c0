#include "compensator_fixture.h"

static struct fixture self;

static void
setup(void)
{
    fixture_open(&self);
}

static void
teardown(void)
{
    fixture_close(&self);
}

TestSuite(compensator_peers, .init = setup, .fini = teardown, .timeout = 60);

static struct delivery_key
moved_unsent(uint8_t cause)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    struct record_custody moved = {
        .key = key,
        .turn = 2,
        .to = LOG_COMPENSATOR,
        .cause = cause,
        .at_unix_ms = self.now_unix_ms,
    };
    (void)fixture_custody(self.producer, RECORD_MOVED, &moved);
    return key;
}

static struct delivery_key
moved_to_cancel(uint16_t subscription)
{
    struct delivery_key key = fixture_notify(&self, subscription);
    (void)fixture_move(&self, self.producer, key, 2, OUTCOME_CANCEL);
    fixture_step(&self);
    return key;
}

Test(compensator_peers, taken_says_what_moved_said_and_where_it_stands)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    uint64_t given = fixture_move(&self, self.scheduler, key, 3, OUTCOME_LEASE);
    fixture_step(&self);
    struct record_custody taken = fixture_last_custody(&self, RECORD_TAKEN);
    cr_assert_eq(taken.key.position, key.position);
    cr_assert_eq(taken.turn, 3);
    cr_assert_eq(taken.cause, OUTCOME_LEASE);
    cr_assert_eq(taken.attempts, 4);
    cr_assert(taken.sent);
    cr_assert_eq(taken.given, given);
    cr_assert_eq(taken.given_by, LOG_SCHEDULER);
}

Test(compensator_peers, what_is_given_to_the_scheduler_is_not_taken)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    struct record_custody moved = {.key = key, .turn = 2, .to = LOG_SCHEDULER};
    (void)fixture_custody(self.producer, RECORD_MOVED, &moved);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_TAKEN), 0);
}

Test(compensator_peers, how_far_it_has_read_may_wait_for_company_and_what_it_takes_may_not)
{
    const log_t *own = peers_own(self.peers);
    fixture_step(&self);
    self.unsynced = true;
    fixture_done(self.scheduler, RECORD_DONE, fixture_notify(&self, FIXTURE_REAPPLY), 2);
    fixture_step(&self);
    cr_assert_gt(log_newest_appended(own, LOG_KIND_BIT(RECORD_POSITION)), log_durable(own));
    cr_assert(peers_may_wait(self.peers, COMPENSATOR_MAY_WAIT));
    (void)fixture_move(&self, self.scheduler, fixture_notify(&self, FIXTURE_REAPPLY), 2,
                       OUTCOME_REJECT);
    fixture_step(&self);
    cr_assert_not(peers_may_wait(self.peers, COMPENSATOR_MAY_WAIT));
    self.unsynced = false;
}

Test(compensator_peers, the_same_move_read_again_is_not_taken_again)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    (void)fixture_move(&self, self.scheduler, key, 3, OUTCOME_RETRY);
    (void)fixture_move(&self, self.scheduler, key, 2, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_TAKEN), 1);
}

Test(compensator_peers, a_cancel_of_what_was_never_sent_is_cancelled_at_once)
{
    struct delivery_key key = moved_unsent(OUTCOME_CANCEL);
    fixture_step(&self);
    cr_assert_eq(fixture_last_event(&self, RECORD_CLOSED).end, END_CANCELLED);
    cr_assert_eq(fixture_count(&self, RECORD_FENCED), 0);
    cr_assert_eq(self.count, 0);
    cr_assert_null(fixture_entry(&self, key));
}

Test(compensator_peers, a_cancel_of_what_was_sent_is_fenced_first)
{
    struct delivery_key key = moved_to_cancel(FIXTURE_REAPPLY);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_FENCE);
    cr_assert_eq(fixture_count(&self, RECORD_CLOSED), 0);
    fixture_answer(&self, OUTCOME_FENCED);
    cr_assert_eq(fixture_count(&self, RECORD_FENCED), 1);
    cr_assert_eq(fixture_last_event(&self, RECORD_CLOSED).end, END_CANCELLED);
    cr_assert_null(fixture_entry(&self, key));
}

Test(compensator_peers, a_cancel_that_comes_after_the_effect_ends_as_done)
{
    (void)moved_to_cancel(FIXTURE_REAPPLY);
    fixture_answer(&self, OUTCOME_DONE);
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 1);
    cr_assert_eq(fixture_count(&self, RECORD_CLOSED), 0);
}

Test(compensator_peers, a_fence_is_asked_for_without_limit_and_ever_more_rarely)
{
    struct delivery_key key = moved_to_cancel(FIXTURE_REAPPLY);
    static const int64_t waits_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    for (uint32_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
        fixture_answer(&self, i % 2 == 0 ? OUTCOME_RETRY : OUTCOME_DOWN);
        fixture_advance(&self, waits_ms[i]);
        cr_assert_eq(self.count, i + 2, "wait %u", i);
        cr_assert_eq(self.jobs[i + 1].at_ms - self.jobs[i].at_ms, waits_ms[i]);
    }
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_HELD);
    cr_assert_eq(fixture_count(&self, RECORD_FAILED), 0);
}

Test(compensator_peers, a_cancel_for_a_group_that_cannot_fence_is_a_case)
{
    struct delivery_key key = moved_to_cancel(FIXTURE_BARE);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
    cr_assert_eq(fixture_last_case(&self).custody.cause, OUTCOME_CANCEL);
    cr_assert_eq(self.count, 0);
}

Test(compensator_peers, a_cancel_that_is_asked_while_a_job_is_out_waits_for_its_answer)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_cancel(self.producer, key, 2);
    fixture_step(&self);
    cr_assert_eq(fixture_last_event(&self, RECORD_ORDER).order, ORDER_CANCEL);
    cr_assert_eq(self.count, 1);
    fixture_answer(&self, OUTCOME_REJECT);
    fixture_step(&self);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_FENCE);
    fixture_answer(&self, OUTCOME_FENCED);
    cr_assert_eq(fixture_last_event(&self, RECORD_CLOSED).end, END_CANCELLED);
    cr_assert_eq(fixture_count(&self, RECORD_CASE), 0);
}

Test(compensator_peers, a_cancel_that_is_read_before_the_delivery_is_not_forgotten)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    fixture_cancel(self.producer, key, 2);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 0);
    (void)fixture_move(&self, self.scheduler, key, 3, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_eq(fixture_last_event(&self, RECORD_ORDER).order, ORDER_CANCEL);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_FENCE);
}

Test(compensator_peers, the_schedulers_copy_of_a_cancel_counts_too_and_once)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_cancel(self.scheduler, key, 2);
    fixture_cancel(self.producer, key, 2);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 1);
}

Test(compensator_peers, a_case_is_not_cancelled_but_whoever_decides_can_see_the_wish)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    uint32_t jobs = self.count;
    fixture_cancel(self.producer, key, 2);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 1);
    fixture_advance(&self, 60000);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
    cr_assert_eq(self.count, jobs);
}

/* Replayed in turn 4, tried in vain, and here again in turn 5. */
static struct delivery_key
replayed_in_vain(void)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    fixture_cancel(self.producer, key, 2);
    fixture_step(&self);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
    return key;
}

Test(compensator_peers, a_replay_voids_the_cancel_that_was_asked_before_it)
{
    struct delivery_key key = replayed_in_vain();
    fixture_cancel(self.scheduler, key, 3); /* older ones that are read late */
    fixture_cancel(self.producer, key, 3);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 1);
    (void)fixture_move(&self, self.scheduler, key, 5, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_REAPPLY);
    fixture_restart(&self);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_REAPPLY);
}

Test(compensator_peers, a_cancel_that_was_asked_after_the_replay_stands)
{
    struct delivery_key key = replayed_in_vain();
    fixture_cancel(self.producer, key, 4);
    fixture_step(&self);
    cr_assert_eq(fixture_last_event(&self, RECORD_ORDER).turn, 4);
    (void)fixture_move(&self, self.scheduler, key, 5, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_FENCE);
    fixture_restart(&self);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_FENCE);
    fixture_answer(&self, OUTCOME_FENCED);
    cr_assert_eq(fixture_last_event(&self, RECORD_CLOSED).end, END_CANCELLED);
}

/* It was asked while the scheduler had it, which had given it away without knowing. */
Test(compensator_peers, a_cancel_that_is_read_before_the_delivery_comes_back_keeps_its_turn)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    fixture_cancel(self.producer, key, 2);
    fixture_step(&self);
    (void)fixture_move(&self, self.scheduler, key, 5, OUTCOME_RETRY); /* replayed in turn 4 */
    fixture_step(&self);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_REAPPLY);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 0);
}

static void
learns_done_from(log_t *log, uint8_t kind)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    uint32_t before = fixture_count(&self, RECORD_ENDED);
    fixture_done(log, kind, key, 2);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_ENDED), before + 1);
    cr_assert_eq(fixture_last_event(&self, RECORD_ENDED).end, END_DONE);
    cr_assert_null(fixture_entry(&self, key));
    cr_assert_not(fixture_alarmed(&self, "broken_receiver"));
}

Test(compensator_peers, an_effect_that_another_log_knows_of_ends_what_is_held)
{
    learns_done_from(self.producer, RECORD_EVIDENCE);
    learns_done_from(self.scheduler, RECORD_EVIDENCE);
    learns_done_from(self.scheduler, RECORD_DONE);
    learns_done_from(self.scheduler, RECORD_ENDED);
}

Test(compensator_peers, an_effect_beside_a_fence_is_a_broken_receiver)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_answer(&self, OUTCOME_FENCED);
    fixture_done(self.scheduler, RECORD_EVIDENCE, key, 2);
    fixture_step(&self);
    cr_assert(fixture_alarmed(&self, "broken_receiver"));
    cr_assert_null(fixture_entry(&self, key));
}

Test(compensator_peers, an_effect_after_a_confirmed_fence_is_a_broken_receiver)
{
    struct delivery_key key = moved_to_cancel(FIXTURE_REAPPLY);
    fixture_answer(&self, OUTCOME_FENCED);
    cr_assert_not(fixture_alarmed(&self, "broken_receiver"));
    fixture_done(self.producer, RECORD_EVIDENCE, key, 1);
    fixture_step(&self);
    cr_assert(fixture_alarmed(&self, "broken_receiver"));
}

Test(compensator_peers, a_broken_record_stops_the_service)
{
    uint8_t nonsense[1] = {0};
    struct why why = {{0}};
    (void)log_append(self.scheduler, RECORD_MOVED, nonsense, sizeof nonsense);
    cr_assert_eq(log_commit(self.scheduler, 0, &why), ERR_OK);
    cr_assert_eq(log_reap(self.scheduler, &why), ERR_OK);
    cr_assert_eq(compensator_step(self.core, self.now_ms, self.now_unix_ms, &why), ERR_CORRUPT);
}

/* Replayed, cancelled while the scheduler has it, and moved here to be cancelled: one cancel. */
Test(compensator_peers, a_cancel_that_both_logs_tell_of_keeps_its_turn)
{
    struct delivery_key key = replayed_in_vain();
    fixture_cancel(self.producer, key, 4);
    fixture_step(&self);
    (void)fixture_move(&self, self.scheduler, key, 5, OUTCOME_CANCEL);
    fixture_step(&self);
    cr_assert_eq(fixture_entry(&self, key)->cancel_turn, 4);
    fixture_restart(&self);
    cr_assert_eq(fixture_entry(&self, key)->cancel_turn, 4);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_FENCE);
}

Test(compensator_peers,
     what_the_scheduler_says_of_what_is_not_held_and_notes_of_others_are_passed_over)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    fixture_cancel(self.scheduler, key, 2);
    struct record_event note = {.key = key,
                                .turn = 1,
                                .kind = RECORD_ORDER,
                                .order = ORDER_NOTE,
                                .by = {.data = "ada", .size = 3}};
    (void)fixture_event(self.producer, &note);
    struct record_event ended = {.key = key, .turn = 2, .kind = RECORD_ENDED, .end = END_CANCELLED};
    (void)fixture_event(self.scheduler, &ended);
    fixture_step(&self);
    (void)fixture_move(&self, self.scheduler, key, 3, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_REAPPLY, "the cancel is not known");
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 0);
}

/* Both are remembered by the producer's notification, and one of them is asked to be cancelled. */
Test(compensator_peers, a_cancel_that_is_read_before_its_delivery_is_of_that_subscription_only)
{
    struct delivery_key one = fixture_notify(&self, FIXTURE_REAPPLY);
    const struct delivery_key other = {.position = one.position, .subscription = FIXTURE_UNDO};
    fixture_cancel(self.producer, one, 2);
    fixture_step(&self);
    (void)fixture_move(&self, self.scheduler, other, 3, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_UNDO);
    (void)fixture_move(&self, self.scheduler, one, 3, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_FENCE);
}
