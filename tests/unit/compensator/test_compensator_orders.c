/* Orders of people and answers of receivers that cross each other, and questions that must wait. */
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

TestSuite(compensator_orders, .init = setup, .fini = teardown, .timeout = 60);

static void
ask_to_show(uint64_t id)
{
    const struct wire_case_order order = {
        .action = WIRE_CASE_SHOW, .id = id, .by = {.data = "ada", .size = 3}};
    self.answer_size = 0;
    fixture_ask(&self, &order);
}

static bool
is_shown(void)
{
    struct wire_head head;
    struct wire_in in;
    return self.answer_size > 0 &&
           wire_message_open(&in, self.answer, self.answer_size, &head, NULL) == ERR_OK &&
           head.type == WIRE_CASE_DETAIL;
}

Test(compensator_orders, a_case_is_shown_once_what_was_ordered_is_durable)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    self.unsynced = true;
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_CANNOT_FENCE);
    const struct wire_case_order note = {.action = WIRE_CASE_NOTE,
                                         .id = id,
                                         .by = {.data = "ada", .size = 3},
                                         .reason = {.data = "hm", .size = 2}};
    fixture_ask(&self, &note);
    ask_to_show(id);
    fixture_step(&self);
    cr_assert_not(is_shown());
    self.unsynced = false;
    self.present = false;
    fixture_step(&self); /* durable by its end */
    fixture_step(&self);
    cr_assert(is_shown());
}

Test(compensator_orders, a_closed_case_is_shown_once_its_end_is_durable)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    self.unsynced = true;
    const struct wire_case_order resolve = {.action = WIRE_CASE_RESOLVE,
                                            .id = id,
                                            .by = {.data = "ada", .size = 3},
                                            .reason = {.data = "hm", .size = 2},
                                            .unfenced = true};
    fixture_ask(&self, &resolve);
    ask_to_show(id);
    cr_assert_not(is_shown());
    self.unsynced = false;
    self.present = false;
    fixture_step(&self);
    fixture_step(&self);
    cr_assert(is_shown());
}

/* Questions that wait have a bound: the answer to one more comes when the log is durable, too. */
Test(compensator_orders, no_more_than_a_bound_of_questions_wait_and_a_stop_drops_them)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    self.unsynced = true;
    const struct wire_case_order note = {.action = WIRE_CASE_NOTE,
                                         .id = id,
                                         .by = {.data = "ada", .size = 3},
                                         .reason = {.data = "hm", .size = 2}};
    fixture_ask(&self, &note);
    for (uint32_t i = 0; i < COMPENSATOR_LATER_MAX + 1; i++) {
        ask_to_show(id);
        cr_assert_not(is_shown());
    }
    cr_assert_eq(self.core->later_count, COMPENSATOR_LATER_MAX);
    fixture_close(&self); /* with all of them */
    fixture_open(&self);
}

Test(compensator_orders, what_is_not_there_cannot_be_shown)
{
    ask_to_show(12345);
    cr_assert_eq(fixture_status(&self), WIRE_NOT_FOUND);
}

/* Its undo was under way: the fence that resolves it is asked for as soon as that is answered. */
Test(compensator_orders, a_resolve_that_is_ordered_during_an_undo_follows_it)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_UNDO, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_REQUESTED);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_UNDO);
    uint32_t jobs = self.count;
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, false), WIRE_REQUESTED);
    cr_assert_eq(self.count, jobs);
    fixture_answer(&self, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_eq(self.count, jobs + 1);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_FENCE);
    fixture_answer(&self, OUTCOME_UNDONE);
    cr_assert_eq(fixture_last_event(&self, RECORD_CLOSED).end, END_RESOLVED);
    cr_assert_null(fixture_entry(&self, key));
}

Test(compensator_orders, undo_needs_both_a_fence_and_an_undo_action)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_UNDO, &id);
    fixture_group(&self, "undoer", 0, false, true);
    fixture_step(&self);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_CANNOT_FENCE);
    fixture_group(&self, "undoer", 0, true, false);
    fixture_step(&self);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_CANNOT_FENCE);
    /* The same of what it would do by itself. */
    (void)fixture_given(&self, FIXTURE_UNDO);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_REAPPLY);
    fixture_group(&self, "undoer", 0, false, true);
    (void)fixture_given(&self, FIXTURE_UNDO);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_REAPPLY);
}

Test(compensator_orders, what_was_replayed_thousands_of_times_is_not_replayed_again)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    (void)fixture_move(&self, self.scheduler, key, 65001, OUTCOME_RETRY);
    fixture_step(&self);
    fixture_answer(&self, OUTCOME_REJECT);
    uint64_t id = fixture_entry(&self, key)->case_id;
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_DENIED);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, true), WIRE_OK);
}

Test(compensator_orders, while_room_is_short_the_reason_must_be_short_too)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    fixture_short(&self, true);
    struct wire_case_order order = {
        .action = WIRE_CASE_RESOLVE,
        .id = id,
        .by = {.data = "ada", .size = 3},
        .reason = {.data = "a reason of more than 32 bytes is too long", .size = 33},
        .unfenced = true,
    };
    fixture_ask(&self, &order);
    cr_assert_eq(fixture_status(&self), WIRE_BUSY);
    order.reason.size = LIMIT_REASON_SHORT_BYTES;
    fixture_ask(&self, &order);
    cr_assert_eq(fixture_status(&self), WIRE_OK);
}

Test(compensator_orders, a_list_without_a_limit_and_behind_an_id_has_all_that_follow)
{
    uint64_t ids[3];
    for (int i = 0; i < 3; i++) {
        (void)fixture_case(&self, FIXTURE_REAPPLY, &ids[i]);
        cr_assert_eq(fixture_order(&self, ids[i], WIRE_CASE_RESOLVE, true), WIRE_OK);
    }
    const struct wire_cases_ask ask = {.after_id = ids[0]};
    struct wire_case found[4];
    bool more = true;
    cr_assert_eq(fixture_list(&self, &ask, found, &more), 2);
    cr_assert_not(more);
    cr_assert_eq(found[0].id, ids[1]);
}

/* The other subscription's delivery of the same notification is another one. */
Test(compensator_orders, two_deliveries_of_one_notification_have_ends_of_their_own)
{
    const struct delivery_key one = fixture_notify(&self, FIXTURE_REAPPLY);
    const struct delivery_key other = {.position = one.position, .subscription = FIXTURE_UNDO};
    uint64_t ids[2];
    (void)fixture_move(&self, self.scheduler, one, 3, OUTCOME_RETRY);
    fixture_step(&self);
    fixture_answer(&self, OUTCOME_REJECT);
    ids[0] = fixture_entry(&self, one)->case_id;
    (void)fixture_move(&self, self.scheduler, other, 3, OUTCOME_RETRY);
    fixture_step(&self);
    for (int i = 0; i < 3; i++) {
        fixture_answer(&self, OUTCOME_RETRY);
        fixture_advance(&self, 2000);
    }
    ids[1] = fixture_entry(&self, other)->case_id;
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(fixture_order(&self, ids[i], WIRE_CASE_REPLAY, false), WIRE_OK);
    }
    fixture_done(self.scheduler, RECORD_DONE, one, 4);
    fixture_step(&self);
    const struct wire_cases_ask ask = {.limit = 10};
    struct wire_case found[4];
    bool more = false;
    cr_assert_eq(fixture_list(&self, &ask, found, &more), 2);
    cr_assert_eq(found[0].state, WIRE_STATE_DONE);
    cr_assert_eq(found[1].state, WIRE_STATE_PENDING);
    fixture_done(self.scheduler, RECORD_DONE, other, 4);
    fixture_step(&self);
    uint32_t ended = fixture_count(&self, RECORD_ENDED);
    cr_assert_eq(ended, 2);
    fixture_done(self.scheduler, RECORD_EVIDENCE, other, 4); /* known */
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_ENDED), ended);
}

Test(compensator_orders, a_late_effect_of_a_fenced_case_is_a_broken_receiver)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_advance(&self, FIXTURE_LEASE_MS + 1000);
    fixture_answer(&self, OUTCOME_FENCED);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
    fixture_answer_to(&self, 0, OUTCOME_DUPLICATE, NULL);
    cr_assert_null(fixture_entry(&self, key));
    cr_assert(fixture_alarmed(&self, "broken_receiver"));
}

Test(compensator_orders, a_late_effect_of_what_was_cancelled_unsent_is_no_fault_of_the_receiver)
{
    struct record_custody unsent = {
        .key = fixture_notify(&self, FIXTURE_REAPPLY),
        .turn = 2,
        .to = LOG_COMPENSATOR,
        .cause = OUTCOME_CANCEL,
    };
    (void)fixture_custody(self.producer, RECORD_MOVED, &unsent);
    fixture_step(&self);
    cr_assert_eq(fixture_last_event(&self, RECORD_CLOSED).end, END_CANCELLED);
    fixture_done(self.producer, RECORD_EVIDENCE, unsent.key, 1);
    fixture_step(&self);
    cr_assert_not(fixture_alarmed(&self, "broken_receiver"));
}

Test(compensator_orders, retry_after_makes_the_next_try_wait_for_so_long)
{
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    const struct wire_outcomes head = {.run = log_run(peers_own(self.peers)),
                                       .receiver = {.data = "r", .size = 1}};
    const struct wire_outcome said = {.first_token = self.jobs[0].token,
                                      .count = 1,
                                      .outcome = OUTCOME_RETRY,
                                      .not_before_ms = 30000};
    struct wire_out out;
    wire_out_init(&out, 256);
    struct wire_outcomes_out list = wire_results_of_jobs(&out, &head);
    wire_outcomes_add(&list, &said);
    wire_outcomes_end(&list);
    fixture_front(&self, &out);
    fixture_advance(&self, 29000);
    cr_assert_eq(self.count, 1);
    fixture_advance(&self, 1000);
    cr_assert_eq(self.count, 2);
}

/* Tokens mean nothing in another run of the service. */
Test(compensator_orders, an_answer_to_an_earlier_start_changes_nothing)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    const struct wire_outcomes head = {.run = log_run(peers_own(self.peers)) - 1,
                                       .receiver = {.data = "r", .size = 1}};
    const struct wire_outcome said = {
        .first_token = self.jobs[0].token, .count = 1, .outcome = OUTCOME_DONE};
    struct wire_out out;
    wire_out_init(&out, 256);
    struct wire_outcomes_out list = wire_results_of_jobs(&out, &head);
    wire_outcomes_add(&list, &said);
    wire_outcomes_end(&list);
    fixture_front(&self, &out);
    cr_assert_not_null(fixture_entry(&self, key));
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 0);
}

Test(compensator_orders, a_down_receiver_is_asked_to_fence_what_was_cancelled_meanwhile)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_cancel(self.producer, key, 2);
    fixture_step(&self);
    fixture_answer(&self, OUTCOME_DOWN);
    fixture_step(&self);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_FENCE);
}

Test(compensator_orders, a_cancel_for_a_group_that_cannot_fence_changes_no_plan)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_BARE);
    fixture_answer(&self, OUTCOME_RETRY);
    fixture_cancel(self.producer, key, 2);
    fixture_step(&self);
    cr_assert_eq(fixture_last_event(&self, RECORD_ORDER).order, ORDER_CANCEL);
    fixture_advance(&self, 1000);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_REAPPLY);
    fixture_answer(&self, OUTCOME_RETRY);
    fixture_advance(&self, 2000);
    fixture_answer(&self, OUTCOME_DONE);
    cr_assert_null(fixture_entry(&self, key));
}

/* The key stands for other content: no fence can be had, however often it is asked for. */
Test(compensator_orders, a_cancel_whose_fence_is_refused_becomes_a_case_with_an_alarm)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    (void)fixture_move(&self, self.producer, key, 2, OUTCOME_CANCEL);
    fixture_step(&self);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_FENCE);
    fixture_answer(&self, OUTCOME_REJECT);
    for (int restarted = 0; restarted < 2; restarted++) {
        cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
        fixture_advance(&self, 120000);
        cr_assert_eq(self.count, 1, "it is not asked again");
        fixture_restart(&self);
    }
    struct record_case opened = fixture_last_case(&self);
    cr_assert_eq(opened.custody.cause, OUTCOME_REJECT);
    cr_assert_not(opened.fenced);
    cr_assert_eq(opened.custody.reason.size, strlen("fence refused: said so"));
    cr_assert_arr_eq(opened.custody.reason.data, "fence refused: said so",
                     opened.custody.reason.size);
    cr_assert(fixture_alarmed(&self, "case_opened"));
    cr_assert_eq(fixture_order(&self, fixture_entry(&self, key)->case_id, WIRE_CASE_REPLAY, false),
                 WIRE_OK);
}

Test(compensator_orders, a_resolve_whose_fence_is_refused_has_failed_and_says_so)
{
    uint64_t id = 0;
    struct wire_case found;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, false), WIRE_REQUESTED);
    uint32_t jobs = self.count;
    fixture_answer(&self, OUTCOME_REJECT);
    cr_assert(fixture_alarmed(&self, "resolve_failed"));
    struct record_event failed = fixture_last_event(&self, RECORD_FAILED);
    cr_assert_eq(failed.outcome, OUTCOME_REJECT);
    cr_assert_arr_eq(failed.reason.data, "said so", 7);
    char *before = fixture_state(&self);
    fixture_restart(&self);
    char *after = fixture_state(&self);
    cr_assert_str_eq(before, after);
    mem_free(before);
    mem_free(after);
    fixture_advance(&self, 120000);
    cr_assert_eq(self.count, jobs, "it is not asked again");
    (void)fixture_show(&self, id, &found, &(size_t){0});
    cr_assert_eq(found.state, WIRE_STATE_CASE);
    cr_assert_eq(found.order, 0);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, false), WIRE_REQUESTED);
    cr_assert_eq(self.count, jobs + 1);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, true), WIRE_OK);
    cr_assert_null(fixture_entry(&self, key));
}

/* There is none for the record that the order failed, nor for one order more after it. */
Test(compensator_orders, while_room_is_short_a_refused_fence_is_asked_for_again)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    fixture_short(&self, true);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, false), WIRE_REQUESTED);
    uint64_t next = log_next(peers_own(self.peers));
    uint32_t jobs = self.count;
    fixture_answer(&self, OUTCOME_REJECT);
    cr_assert_eq(log_next(peers_own(self.peers)), next);
    fixture_short(&self, false);
    fixture_advance(&self, 1000);
    cr_assert_eq(self.count, jobs + 1);
    fixture_answer(&self, OUTCOME_REJECT);
    cr_assert_eq(fixture_entry(&self, key)->plan, PLAN_NONE);
}
