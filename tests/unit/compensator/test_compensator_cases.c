#include "base/mem.h"
#include "compensator_fixture.h"

#include <stdio.h>
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

TestSuite(compensator_cases, .init = setup, .fini = teardown, .timeout = 60);

static uint32_t
list(bool open_only, uint64_t after, uint32_t limit, struct wire_case *found, bool *more)
{
    const struct wire_cases_ask ask = {.open_only = open_only, .after_id = after, .limit = limit};
    return fixture_list(&self, &ask, found, more);
}

Test(compensator_cases, a_case_is_listed_with_what_a_person_needs)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    struct wire_case found[4];
    bool more = true;
    char biz_id[32];
    (void)snprintf(biz_id, sizeof biz_id, "biz-%llu", (unsigned long long)key.position); /* fits */
    cr_assert_eq(list(true, 0, 10, found, &more), 1);
    cr_assert_not(more);
    cr_assert_eq(found[0].id, id);
    cr_assert_eq(found[0].biz_id.size, strlen(biz_id));
    cr_assert_arr_eq(found[0].biz_id.data, biz_id, strlen(biz_id));
    cr_assert_arr_eq(found[0].topic.data, "order.paid", 10);
    cr_assert_arr_eq(found[0].group.data, "plain", 5);
    cr_assert_eq(found[0].cause, OUTCOME_REJECT);
    cr_assert_eq(found[0].state, WIRE_STATE_CASE);
    cr_assert_eq(found[0].order, 0);
    cr_assert_not(found[0].fenced);
}

Test(compensator_cases, the_list_comes_in_pages_by_id)
{
    uint64_t ids[3];
    for (int i = 0; i < 3; i++) {
        (void)fixture_case(&self, FIXTURE_REAPPLY, &ids[i]);
    }
    struct wire_case found[4];
    bool more = false;
    cr_assert_eq(list(true, 0, 2, found, &more), 2);
    cr_assert(more);
    cr_assert_eq(found[1].id, ids[1]);
    cr_assert_eq(list(true, ids[1], 2, found, &more), 1);
    cr_assert_not(more);
    cr_assert_eq(found[0].id, ids[2]);
}

Test(compensator_cases, closed_cases_are_listed_only_when_asked_for)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, true), WIRE_OK);
    struct wire_case found[4];
    bool more = false;
    cr_assert_eq(list(true, 0, 10, found, &more), 0);
    cr_assert_eq(list(false, 0, 10, found, &more), 1);
    cr_assert_eq(found[0].state, WIRE_STATE_RESOLVED);
}

Test(compensator_cases, a_case_shows_every_attempt_of_every_custodian_oldest_first)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    struct record_custody taken = {
        .key = key, .turn = 2, .to = LOG_SCHEDULER, .cause = OUTCOME_RETRY, .attempts = 1};
    uint64_t last = fixture_custody(self.scheduler, RECORD_TAKEN, &taken);
    struct record_event failed = {.key = key,
                                  .turn = 2,
                                  .kind = RECORD_FAILED,
                                  .outcome = OUTCOME_LEASE,
                                  .attempt = 2,
                                  .previous = last};
    last = fixture_event(self.scheduler, &failed);
    struct record_custody moved = {.key = key,
                                   .turn = 3,
                                   .to = LOG_COMPENSATOR,
                                   .cause = OUTCOME_RETRY,
                                   .attempts = 3,
                                   .sent = true,
                                   .previous = last};
    (void)fixture_custody(self.scheduler, RECORD_MOVED, &moved);
    fixture_step(&self);
    fixture_answer(&self, OUTCOME_REJECT);
    uint64_t id = fixture_entry(&self, key)->case_id;
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_NOTE, false), WIRE_OK);
    struct wire_case found;
    size_t payload_size = 0;
    static const char expected[] = "1 0 1 3;2 1 2 16;2 1 3 3;3 2 4 4;3 2 0 0;";
    cr_assert_str_eq(fixture_show(&self, id, &found, &payload_size), expected);
    cr_assert_eq(payload_size, 7);
    fixture_restart(&self);
    cr_assert_str_eq(fixture_show(&self, id, &found, &payload_size), expected);
}

Test(compensator_cases, orders_need_a_reason)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    const struct wire_case_order order = {
        .action = WIRE_CASE_REPLAY, .id = id, .by = {.data = "ada", .size = 3}};
    fixture_ask(&self, &order);
    cr_assert_eq(fixture_status(&self), WIRE_REFUSED);
    cr_assert_eq(fixture_count(&self, RECORD_MOVED), 0);
}

Test(compensator_cases, an_unknown_case_is_not_found)
{
    cr_assert_eq(fixture_order(&self, 12345, WIRE_CASE_REPLAY, false), WIRE_NOT_FOUND);
}

Test(compensator_cases, a_note_is_on_record_and_changes_nothing)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    char *before = fixture_state(&self);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_NOTE, false), WIRE_OK);
    struct record_event note = fixture_last_event(&self, RECORD_ORDER);
    cr_assert_eq(note.order, ORDER_NOTE);
    cr_assert_arr_eq(note.by.data, "ada", 3);
    char *after = fixture_state(&self);
    cr_assert_str_eq(before, after);
    mem_free(before);
    mem_free(after);
}

/* DESIGN 3: nothing that depends on a record leaves before it is synced, and an alarm is no less.
 */
Test(compensator_cases, the_alarm_waits_until_the_case_is_durable)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    self.unsynced = true;
    fixture_answer(&self, OUTCOME_REJECT);
    fixture_step(&self);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
    cr_assert_str_eq(self.alarms, "");
    self.unsynced = false;
    fixture_step(&self);
    cr_assert_str_eq(self.alarms, "case_opened ");
}

Test(compensator_cases, a_replay_gives_it_to_the_scheduler_with_the_whole_schedule)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
    struct record_custody moved = fixture_last_custody(&self, RECORD_MOVED);
    cr_assert_eq(moved.to, LOG_SCHEDULER);
    cr_assert_eq(moved.turn, 4);
    cr_assert_eq(moved.attempts, 0);
    cr_assert_eq(moved.cause, OUTCOME_REPLAY);
    cr_assert_eq(moved.previous, id);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_AWAY);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_ENDED);
}

Test(compensator_cases, what_was_replayed_and_is_done_has_ended)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
    fixture_done(self.scheduler, RECORD_DONE, key, 4);
    fixture_step(&self);
    cr_assert_null(fixture_entry(&self, key));
    cr_assert_eq(fixture_last_event(&self, RECORD_ENDED).end, END_DONE);
    struct wire_case found[2];
    bool more = false;
    cr_assert_eq(list(false, 0, 10, found, &more), 1);
    cr_assert_eq(found[0].state, WIRE_STATE_DONE);
}

Test(compensator_cases, what_was_replayed_in_vain_comes_back_and_is_another_case)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
    (void)fixture_move(&self, self.scheduler, key, 5, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_HELD);
    cr_assert_eq(fixture_last_job(&self)->item.turn, 5);
    fixture_answer(&self, OUTCOME_REJECT);
    cr_assert_gt(fixture_entry(&self, key)->case_id, id);
}

Test(compensator_cases, a_late_done_of_what_was_replayed_is_evidence)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_advance(&self, FIXTURE_LEASE_MS + 1000);
    fixture_answer(&self, OUTCOME_REJECT);
    uint64_t id = fixture_entry(&self, key)->case_id;
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
    fixture_answer_to(&self, 0, OUTCOME_DONE, NULL);
    cr_assert_eq(fixture_count(&self, RECORD_EVIDENCE), 1);
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 0);
    cr_assert_null(fixture_entry(&self, key));
}

Test(compensator_cases, a_fenced_case_is_not_replayed)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_answer(&self, OUTCOME_FENCED);
    uint64_t id = fixture_entry(&self, key)->case_id;
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_DENIED);
    cr_assert_eq(fixture_count(&self, RECORD_MOVED), 0);
}

Test(compensator_cases, a_case_is_listed_as_fenced_from_the_moment_that_its_fence_is_on_record)
{
    struct wire_case found[4];
    bool more = false;
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    fixture_answer(&self, OUTCOME_FENCED); /* it opens fenced */
    uint64_t id = 0;
    const struct record_event fenced = {.key = fixture_case(&self, FIXTURE_REAPPLY, &id),
                                        .turn = 3,
                                        .kind = RECORD_FENCED,
                                        .outcome = OUTCOME_FENCED};
    cr_assert_eq(list(true, 0, 4, found, &more), 2);
    cr_assert(found[0].fenced);
    cr_assert_not(found[1].fenced);
    (void)fixture_event(peers_own(self.peers), &fenced); /* the power goes before its CLOSED */
    fixture_restart(&self);
    cr_assert_eq(list(true, 0, 4, found, &more), 2);
    cr_assert(found[1].fenced);
    cr_assert_eq(found[1].id, id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_DENIED);
}

Test(compensator_cases, an_undo_is_on_record_before_its_job_and_ends_as_undone)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_UNDO, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_REQUESTED);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_DENIED);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_DENIED);
    cr_assert_eq(fixture_last_event(&self, RECORD_ORDER).order, ORDER_UNDO);
    fixture_answer(&self, OUTCOME_UNDONE);
    cr_assert_eq(fixture_last_event(&self, RECORD_CLOSED).end, END_UNDONE);
    cr_assert_null(fixture_entry(&self, key));
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_ENDED);
}

Test(compensator_cases, an_undo_that_fails_leaves_the_case_open_for_another_order)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_UNDO, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_REQUESTED);
    for (int i = 0; i < 3; i++) {
        fixture_answer(&self, OUTCOME_RETRY);
        fixture_advance(&self, 2000);
    }
    cr_assert_eq(fixture_entry(&self, key)->plan, PLAN_NONE);
    cr_assert(fixture_alarmed(&self, "undo_failed"));
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_DENIED);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_REQUESTED);
    fixture_answer(&self, OUTCOME_UNDONE);
    cr_assert_null(fixture_entry(&self, key));
}

/* It may hold a fence, and is not replayed: what is listed says so too, also after a restart. */
Test(compensator_cases, an_undo_that_was_ordered_and_not_answered_makes_the_case_fenced)
{
    struct wire_case found;
    bool more;
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_UNDO, &id);
    cr_assert_eq(fixture_list(&self, &(struct wire_cases_ask){.open_only = true}, &found, &more),
                 1);
    cr_assert_not(found.fenced);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_REQUESTED);
    fixture_advance(&self, 3 * (FIXTURE_LEASE_MS + 3000));
    for (int restarted = 0; restarted < 2; restarted++) {
        cr_assert_eq(
            fixture_list(&self, &(struct wire_cases_ask){.open_only = true}, &found, &more), 1);
        cr_assert(found.fenced);
        cr_assert_eq(found.id, id);
        (void)fixture_show(&self, id, &found, &(size_t){0});
        cr_assert(found.fenced);
        cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_DENIED);
        fixture_restart(&self);
    }
}

Test(compensator_cases, undo_needs_a_group_that_can)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_CANNOT_FENCE);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 0);
}

Test(compensator_cases, resolve_waits_for_the_fence_without_limit)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, false), WIRE_REQUESTED);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, false), WIRE_REQUESTED);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 1);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_FENCE);
        fixture_answer(&self, OUTCOME_RETRY);
        fixture_advance(&self, INT64_C(1000) << i);
    }
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
    fixture_answer(&self, OUTCOME_FENCED);
    cr_assert_eq(fixture_count(&self, RECORD_FENCED), 1);
    cr_assert_eq(fixture_last_event(&self, RECORD_CLOSED).end, END_RESOLVED);
    cr_assert_not(fixture_last_event(&self, RECORD_CLOSED).unfenced);
    cr_assert_null(fixture_entry(&self, key));
}

Test(compensator_cases, resolve_ends_as_done_when_the_effect_is_there)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, false), WIRE_REQUESTED);
    fixture_answer(&self, OUTCOME_DONE);
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 1);
    cr_assert_eq(fixture_count(&self, RECORD_CLOSED), 0);
}

Test(compensator_cases, resolve_for_a_group_that_cannot_fence_must_be_unfenced)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_BARE, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, false), WIRE_CANNOT_FENCE);
    cr_assert_not_null(fixture_entry(&self, key));
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, true), WIRE_OK);
    struct record_event closed = fixture_last_event(&self, RECORD_CLOSED);
    cr_assert_eq(closed.end, END_RESOLVED);
    cr_assert(closed.unfenced);
    cr_assert_arr_eq(closed.by.data, "ada", 3);
    cr_assert_null(fixture_entry(&self, key));
}

Test(compensator_cases, the_case_holds_the_notification_so_that_no_other_log_is_needed)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    struct record_case kept = fixture_last_case(&self);
    cr_assert_eq(kept.notification.hash[2], 3);
    cr_assert_gt(kept.notification.encoded_size, 7);
    cr_assert_eq(kept.custody.to, LOG_COMPENSATOR);
}

Test(compensator_cases, while_room_is_short_a_case_can_be_resolved_and_nothing_else)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_UNDO, &id);
    fixture_short(&self, true);
    uint64_t next = log_next(peers_own(self.peers));
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_BUSY);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_BUSY);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_NOTE, false), WIRE_BUSY);
    cr_assert_eq(log_next(peers_own(self.peers)), next, "and leaves no record");
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, true), WIRE_OK);
    fixture_short(&self, false);
    (void)fixture_case(&self, FIXTURE_UNDO, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_NOTE, false), WIRE_OK);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
}
