#include "base/mem.h"
#include "compensator_fixture.h"

#include <string.h>

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

TestSuite(compensator_jobs, .init = setup, .fini = teardown, .timeout = 60);

Test(compensator_jobs, reapply_that_is_done_ends_the_delivery)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    const struct fixture_job *job = fixture_last_job(&self);
    cr_assert_eq(job->action, WIRE_ACTION_REAPPLY);
    cr_assert_eq(job->item.position, key.position);
    cr_assert_eq(job->item.turn, 3);
    cr_assert_eq(job->item.attempt, 1);
    cr_assert_eq(job->item.attempts_limit, 3);
    cr_assert_eq(job->item.lease_ms, FIXTURE_LEASE_MS);
    cr_assert_eq(fixture_count(&self, RECORD_TAKEN), 1);
    fixture_answer(&self, OUTCOME_DONE);
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 1);
    cr_assert_null(fixture_entry(&self, key));
}

Test(compensator_jobs, duplicate_counts_as_done)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_answer(&self, OUTCOME_DUPLICATE);
    cr_assert_eq(fixture_last_event(&self, RECORD_DONE).outcome, OUTCOME_DUPLICATE);
    cr_assert_null(fixture_entry(&self, key));
}

Test(compensator_jobs, three_failed_tries_at_0_1_and_2_seconds_open_a_case_with_an_alarm)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    int64_t start_ms = self.now_ms;
    fixture_answer(&self, OUTCOME_RETRY);
    fixture_advance(&self, 999);
    cr_assert_eq(self.count, 1);
    fixture_advance(&self, 1);
    cr_assert_eq(self.count, 2);
    fixture_answer(&self, OUTCOME_RETRY);
    fixture_advance(&self, 2000);
    cr_assert_eq(self.count, 3);
    cr_assert_eq(self.jobs[2].at_ms - start_ms, 3000);
    cr_assert_eq(self.jobs[2].item.attempt, 3);
    fixture_answer(&self, OUTCOME_RETRY);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
    cr_assert_eq(fixture_count(&self, RECORD_FAILED), 3);
    struct record_case opened = fixture_last_case(&self);
    cr_assert_eq(opened.custody.cause, OUTCOME_RETRY);
    cr_assert_eq(opened.custody.attempts, 7);
    cr_assert_not(opened.fenced);
    cr_assert_arr_eq(opened.custody.reason.data, "said so", 7);
    cr_assert(fixture_alarmed(&self, "case_opened"));
}

/* That is what room is kept for. */
Test(compensator_jobs, while_room_is_short_no_more_than_three_tries_whatever_is_set)
{
    self.core->settings.tries = 100;
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    for (int i = 0; i < 2; i++) {
        fixture_answer(&self, OUTCOME_RETRY);
        fixture_advance(&self, 2000);
    }
    fixture_short(&self, true);
    fixture_answer(&self, OUTCOME_RETRY);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
    cr_assert_eq(fixture_count(&self, RECORD_FAILED), 3);

    fixture_short(&self, false);
    key = fixture_given(&self, FIXTURE_REAPPLY);
    for (int i = 0; i < 10; i++) {
        fixture_answer(&self, OUTCOME_RETRY);
        fixture_advance(&self, 2000);
    }
    cr_assert_eq(fixture_entry(&self, key)->tries, 10);
    fixture_short(&self, true);
    fixture_answer(&self, OUTCOME_RETRY);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
}

Test(compensator_jobs, while_room_is_short_an_undo_that_was_ordered_has_three_tries)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_UNDO, &id);
    self.core->settings.tries = 100;
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_REQUESTED);
    fixture_short(&self, true);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_UNDO);
        fixture_answer(&self, OUTCOME_RETRY);
        fixture_advance(&self, 2000);
    }
    cr_assert_eq(fixture_entry(&self, key)->plan, PLAN_NONE);
    cr_assert(fixture_alarmed(&self, "undo_failed"));
}

Test(compensator_jobs, a_reject_opens_a_case_at_once)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_answer(&self, OUTCOME_REJECT);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
    cr_assert_eq(fixture_last_case(&self).custody.cause, OUTCOME_REJECT);
}

Test(compensator_jobs, a_fence_that_stands_opens_a_fenced_case)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_answer(&self, OUTCOME_FENCED);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
    cr_assert(fixture_last_case(&self).fenced);
}

Test(compensator_jobs, down_and_not_started_burn_no_try)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    for (uint32_t i = 0; i < 10; i++) {
        fixture_answer(&self, i % 2 == 0 ? OUTCOME_DOWN : OUTCOME_NOT_STARTED);
        fixture_advance(&self, 1000);
        cr_assert_eq(self.count, i + 2);
    }
    cr_assert_eq(fixture_entry(&self, key)->tries, 0);
    cr_assert_eq(fixture_count(&self, RECORD_FAILED), 0);
}

Test(compensator_jobs, a_lease_that_runs_out_burns_a_try_and_it_travels_alone_after_it)
{
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    cr_assert_not(self.jobs[0].item.alone);
    fixture_advance(&self, FIXTURE_LEASE_MS);
    cr_assert_eq(fixture_last_event(&self, RECORD_FAILED).outcome, OUTCOME_LEASE);
    fixture_advance(&self, 1000);
    cr_assert_eq(self.count, 2);
    cr_assert(self.jobs[1].item.alone);
    cr_assert_eq(self.jobs[1].item.attempt, 2);
}

/* The second try waits for the record of the first one's end, for as long as the disk is full. */
Test(compensator_jobs, a_lease_begins_when_the_job_has_left_and_not_before)
{
    const uint64_t *leases = &self.core->counts[COUNT_LEASES];
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    self.unsynced = true;
    fixture_answer(&self, OUTCOME_RETRY);
    fixture_advance(&self, 20 * FIXTURE_LEASE_MS);
    cr_assert_eq(self.count, 1);
    cr_assert_eq(*leases, 0);
    self.unsynced = false;
    fixture_step(&self);
    cr_assert_eq(self.count, 2);
    fixture_advance(&self, FIXTURE_LEASE_MS - 1);
    compensator_left(self.core, self.now_ms); /* nothing new: nobody gets more */
    cr_assert_eq(*leases, 0);
    fixture_advance(&self, 1);
    cr_assert_eq(*leases, 1);
}

/* Whether an entry's limit has grown from `before`, by no more than has gone by. */
static bool
is_longer(struct delivery_key key, int64_t before, int64_t since_ms)
{
    int64_t longer = fixture_entry(&self, key)->limit_ms - before;
    return longer > 0 && longer <= self.now_ms - since_ms;
}

/* Where several syncs are under way the first job may have left and the second not. */
Test(compensator_jobs, of_two_jobs_the_one_that_has_left_has_its_lease)
{
    self.core->token_next_ms = 0; /* as at the start, when none has left yet */
    self.unsynced = true;
    int64_t first_ms = self.now_ms;
    struct delivery_key first = fixture_given(&self, FIXTURE_REAPPLY);
    int64_t first_limit = fixture_entry(&self, first)->limit_ms;
    fixture_advance(&self, 1000);
    struct delivery_key second = fixture_given(&self, FIXTURE_REAPPLY);
    int64_t second_limit = fixture_entry(&self, second)->limit_ms;
    fixture_advance(&self, 1000);
    cr_assert_not_null(outbox_next(self.outbox, UINT64_MAX));
    outbox_pop(self.outbox);
    compensator_left(self.core, self.now_ms);
    cr_assert(is_longer(first, first_limit, first_ms));
    cr_assert_eq(fixture_entry(&self, second)->limit_ms, second_limit, "it is still to come");
    while (outbox_next(self.outbox, UINT64_MAX) != NULL) {
        outbox_pop(self.outbox);
    }
    compensator_left(self.core, self.now_ms);
    cr_assert(is_longer(second, second_limit, first_ms), "at most as if it had come with that");
}

Test(compensator_jobs, a_sync_that_takes_no_time_gives_nobody_more)
{
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    compensator_left(self.core, self.now_ms + 1);
    fixture_advance(&self, FIXTURE_LEASE_MS);
    cr_assert_eq(fixture_last_event(&self, RECORD_FAILED).outcome, OUTCOME_LEASE);
}

Test(compensator_jobs, working_extends_the_lease_up_to_its_limit)
{
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    for (int i = 0; i < 8; i++) {
        fixture_advance(&self, 1000);
        fixture_answer_to(&self, 0, OUTCOME_WORKING, NULL);
    }
    cr_assert_eq(fixture_count(&self, RECORD_FAILED), 0);
    fixture_advance(&self, 1000); /* 9 s: three leases */
    cr_assert_eq(fixture_count(&self, RECORD_FAILED), 1);
}

Test(compensator_jobs, nobody_there_burns_no_try_and_alarms_once_after_ten_minutes)
{
    self.present = false;
    fixture_advance(&self, COMPENSATOR_SILENCE_MS);
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    fixture_advance(&self, 599000);
    cr_assert_not(fixture_alarmed(&self, "receiver_absent"));
    fixture_advance(&self, 700000);
    cr_assert_str_eq(self.alarms, "receiver_absent ");
    cr_assert_eq(self.count, 0);
    self.present = true;
    fixture_advance(&self, 1000);
    cr_assert_eq(self.count, 1);
    fixture_answer(&self, OUTCOME_DONE);
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 1);
}

Test(compensator_jobs, a_receiver_that_is_down_for_long_raises_the_same_alarm)
{
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    for (int i = 0; i < 620; i++) {
        fixture_answer(&self, OUTCOME_DOWN);
        fixture_advance(&self, 1000);
    }
    cr_assert_str_eq(self.alarms, "receiver_absent ");
}

/* A fence is asked for without limit: somebody must hear of it when it is never answered. */
Test(compensator_jobs, a_receiver_that_hangs_raises_the_same_alarm)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    (void)fixture_move(&self, self.producer, key, 2, OUTCOME_CANCEL);
    fixture_step(&self);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_FENCE);
    fixture_advance(&self, 590000);
    cr_assert_str_eq(self.alarms, "");
    fixture_advance(&self, 700000);
    cr_assert_str_eq(self.alarms, "receiver_absent ");
    cr_assert_gt(self.core->counts[COUNT_LEASES], 10);
}

Test(compensator_jobs, an_undo_ends_as_undone_with_its_result_on_record)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_UNDO);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_UNDO);
    fixture_answer(&self, OUTCOME_UNDONE);
    cr_assert_eq(fixture_last_event(&self, RECORD_CLOSED).end, END_UNDONE);
    struct record_event fenced = fixture_last_event(&self, RECORD_FENCED);
    cr_assert_arr_eq(fenced.reason.data, "said so", 7);
    cr_assert_null(fixture_entry(&self, key));
}

Test(compensator_jobs, an_undo_that_finds_the_effect_ends_as_done)
{
    (void)fixture_given(&self, FIXTURE_UNDO);
    fixture_answer(&self, OUTCOME_DONE);
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 1);
    cr_assert_eq(fixture_count(&self, RECORD_CLOSED), 0);
}

Test(compensator_jobs, three_refused_undo_tries_open_a_case_that_can_be_replayed)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_UNDO, &id);
    struct record_case opened = fixture_last_case(&self);
    cr_assert_not(opened.fenced);
    cr_assert_not(opened.undo_unanswered);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
}

Test(compensator_jobs, an_undo_try_that_was_not_answered_makes_the_case_count_as_fenced)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_UNDO);
    fixture_advance(&self, FIXTURE_LEASE_MS + 1000);
    fixture_answer(&self, OUTCOME_RETRY);
    fixture_advance(&self, 2000);
    fixture_answer(&self, OUTCOME_RETRY);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
    cr_assert(fixture_last_case(&self).undo_unanswered);
    cr_assert_eq(fixture_order(&self, fixture_entry(&self, key)->case_id, WIRE_CASE_REPLAY, false),
                 WIRE_DENIED);
}

Test(compensator_jobs, a_group_without_undo_is_reapplied_and_the_case_says_so)
{
    (void)fixture_given(&self, FIXTURE_BARE);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_REAPPLY);
    fixture_answer(&self, OUTCOME_REJECT);
    struct record_case opened = fixture_last_case(&self);
    cr_assert(strncmp(opened.custody.reason.data, "no undo action", 14) == 0);
}

Test(compensator_jobs, a_consumer_has_at_most_its_window_of_jobs)
{
    for (int i = 0; i < 10; i++) {
        (void)fixture_given(&self, FIXTURE_REAPPLY);
    }
    cr_assert_eq(self.count, 4);
    fixture_answer_to(&self, 0, OUTCOME_DONE, NULL);
    fixture_answer_to(&self, 1, OUTCOME_DONE, NULL);
    cr_assert_eq(self.count, 6);
}

Test(compensator_jobs, what_a_leaving_consumer_had_goes_to_another_and_burns_no_try)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    struct wire_ping session = {.name = {.data = "plain", .size = 5}, .nonce = self.nonce};
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_leave_encode(&out, &session);
    fixture_front(&self, &out);
    cr_assert_eq(self.count, 1);
    fixture_advance(&self, 1000); /* somebody says HELLO */
    cr_assert_eq(self.count, 2);
    cr_assert_eq(self.jobs[1].item.attempt, 1);
    cr_assert_eq(fixture_entry(&self, key)->tries, 0);
}

Test(compensator_jobs, a_late_done_ends_what_is_tried_again)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_advance(&self, FIXTURE_LEASE_MS);
    fixture_answer_to(&self, 0, OUTCOME_DONE, NULL);
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 1);
    cr_assert_null(fixture_entry(&self, key));
}

Test(compensator_jobs, other_late_answers_and_unknown_tokens_change_nothing)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_advance(&self, FIXTURE_LEASE_MS);
    char *before = fixture_state(&self);
    fixture_answer_to(&self, 0, OUTCOME_REJECT, NULL);
    self.jobs[0].token += 1000;
    fixture_answer_to(&self, 0, OUTCOME_DONE, NULL);
    char *after = fixture_state(&self);
    cr_assert_str_eq(before, after);
    mem_free(before);
    mem_free(after);
    cr_assert_not_null(fixture_entry(&self, key));
}

Test(compensator_jobs, no_job_leaves_before_its_taken_record_is_durable)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    (void)fixture_move(&self, self.producer, key, 2, OUTCOME_REJECT);
    struct why why = {{0}};
    cr_assert_eq(compensator_step(self.core, self.now_ms, self.now_unix_ms, &why), ERR_OK);
    cr_assert_gt(outbox_count(self.outbox), 0);
    cr_assert_null(outbox_next(self.outbox, log_durable(peers_own(self.peers))));
    fixture_step(&self);
    cr_assert_eq(self.count, 1);
}
