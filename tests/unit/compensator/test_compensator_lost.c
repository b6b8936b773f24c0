/* What a salvage lost: nothing can be sent of it, and a person ends it. */
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

TestSuite(compensator_lost, .init = setup, .fini = teardown, .timeout = 240);

/* Taken, of a notification in whose place is LOST. */
static struct delivery_key
given(uint16_t subscription, uint8_t cause)
{
    struct delivery_key key = {.position = fixture_raw(self.producer, LOG_KIND_LOST, "", 0),
                               .subscription = subscription};
    (void)fixture_move(&self, self.scheduler, key, 3, cause);
    fixture_step(&self);
    return key;
}

static void
expect_case(struct delivery_key key, uint8_t cause)
{
    const struct record_case opened = fixture_last_case(&self);
    cr_assert_eq(opened.custody.key.position, key.position);
    cr_assert_eq(opened.custody.cause, cause);
    cr_assert_eq(opened.notification.encoded_size, 0);
    cr_assert_str_eq(self.alarms, "case_opened ");
    cr_assert_eq(self.count, 0, "a job was sent");
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
}

static void
expect_denied(uint64_t id)
{
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_DENIED);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_DENIED);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, false), WIRE_DENIED);
}

Test(compensator_lost, it_becomes_a_case_at_once_and_the_alarm_is_that_of_a_case)
{
    struct delivery_key key = given(FIXTURE_REAPPLY, OUTCOME_REJECT);
    expect_case(key, OUTCOME_REJECT);
    fixture_advance(&self, 120000);
    cr_assert_str_eq(self.alarms, "case_opened ");
    struct wire_cases_ask ask = {.open_only = true};
    struct wire_case found;
    bool more = false;
    cr_assert_eq(fixture_list(&self, &ask, &found, &more), 1);
    cr_assert_eq(found.biz_id.size, 1);
    cr_assert_eq(memcmp(found.reason.data, "a salvage lost the notification", 31), 0);
}

Test(compensator_lost, only_what_asks_the_receiver_for_nothing_is_taken_and_it_ends_the_case)
{
    struct delivery_key key = given(FIXTURE_UNDO, OUTCOME_RETRY);
    uint64_t id = fixture_entry(&self, key)->case_id;
    expect_denied(id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_NOTE, false), WIRE_OK);
    fixture_restart(&self);
    expect_denied(id);
    struct wire_case found;
    size_t payload_size = 1;
    (void)fixture_show(&self, id, &found, &payload_size);
    cr_assert_eq(payload_size, 0);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, true), WIRE_OK);
    cr_assert_null(fixture_entry(&self, key));
    const struct record_event closed = fixture_last_event(&self, RECORD_CLOSED);
    cr_assert_eq(closed.end, END_RESOLVED);
    cr_assert(closed.unfenced);
    cr_assert_eq(self.count, 0);
}

Test(compensator_lost, a_case_that_needs_no_try_before_is_one_too)
{
    expect_case(given(FIXTURE_BARE, OUTCOME_CANCEL), OUTCOME_CANCEL);
}

/* What a producer's log of some segments, trimmed, has not any more. */
static void
trim_away(struct delivery_key key)
{
    struct delivery_key last = key;
    for (int i = 0; i < 4000; i++) {
        last = fixture_append_notification(&self, FIXTURE_REAPPLY);
    }
    (void)fixture_durable(self.producer, last.position);
    fixture_subscribe(&self, FIXTURE_REAPPLY, "plain", COMPENSATION_REAPPLY); /* as checkpoints */
    fixture_group(&self, "plain", 0, true, false);
    fixture_advance(&self, 2000); /* it reads on from behind them */
    cr_assert_eq(log_trim(self.producer, last.position, NULL), ERR_OK);
    cr_assert_gt(log_first(self.producer), key.position);
    fixture_restart(&self); /* what it had open was still to be read */
}

/* One notification for two groups: the case of the one has all that the other's needs. */
Test(compensator_lost, what_another_deliverys_case_holds_is_not_lost)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    trim_away(key);
    uint32_t jobs = self.count;
    struct delivery_key other = {.position = key.position, .subscription = FIXTURE_BARE};
    (void)fixture_move(&self, self.scheduler, other, 3, OUTCOME_CANCEL);
    fixture_step(&self);
    const struct record_case opened = fixture_last_case(&self);
    cr_assert_eq(opened.custody.key.subscription, FIXTURE_BARE);
    cr_assert_gt(opened.notification.encoded_size, 0);
    cr_assert_not(fixture_entry(&self, other)->info->lost);
    cr_assert_eq(self.count, jobs);
}

/* A salvage of what was before the first thing that it could read leaves nothing of it. */
Test(compensator_lost, what_lies_before_the_logs_beginning_is_lost_too)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    trim_away(key);
    (void)fixture_move(&self, self.scheduler, key, 3, OUTCOME_RETRY);
    fixture_step(&self);
    expect_case(key, OUTCOME_RETRY);
}
