#include "delivery/record_codec.h"
#include "scheduler_fixture.h"

#include <string.h>

static struct fixture self;

static void
teardown(void)
{
    fixture_close(&self);
}

TestSuite(scheduler_schedule, .fini = teardown, .timeout = 120);

Test(scheduler_schedule, a_delivery_is_taken_and_sent_when_it_is_due_and_not_before)
{
    fixture_open(&self, "1s,2s,4s");
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    fixture_give(&self, key, 1000);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_TAKEN), 1);
    cr_assert_eq(fixture_counter(&self, "waiting"), 1);
    fixture_advance(&self, 999);
    cr_assert_eq(self.count, 0);
    fixture_advance(&self, 1);
    cr_assert_eq(self.count, 1);
    const struct wire_item *item = &self.deliveries[0].item;
    cr_assert_eq(item->position, key.position);
    cr_assert_eq(item->subscription, 1);
    cr_assert_eq(item->turn, 2);
    cr_assert_eq(item->attempt, 2);
    cr_assert_eq(item->attempts_limit, 4);
    cr_assert_eq(item->lease_ms, FIXTURE_LEASE_MS);
    cr_assert_eq(item->first_sent_unix_ms, FIXTURE_START_UNIX_MS - 5);
    cr_assert_not(item->alone);
    fixture_answer(&self, 0, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 1);
    cr_assert_eq(fixture_last_event(&self, RECORD_DONE).attempt, 2);
    cr_assert_eq(fixture_counter(&self, "open"), 0);
}

Test(scheduler_schedule, the_next_step_is_wanted_when_the_earliest_is_due)
{
    fixture_open(&self, "1s,2s,4s");
    fixture_give(&self, fixture_notify(&self, NULL, 0), 700);
    fixture_give(&self, fixture_notify(&self, NULL, 0), 300);
    fixture_step(&self);
    cr_assert_eq(self.shell.next_ms(self.shell.self), self.now_ms + 300);
}

Test(scheduler_schedule, a_delivery_that_is_due_at_once_is_sent_in_the_same_step)
{
    fixture_open(&self, "1s");
    fixture_give(&self, fixture_notify(&self, NULL, 0), 0);
    fixture_step(&self);
    cr_assert_eq(self.count, 1);
}

/* What is appended and not synced is of others. */
Test(scheduler_schedule, a_delivery_leaves_before_the_ends_of_others_are_durable)
{
    fixture_open(&self, "1s");
    struct why why = {{0}};
    fixture_give(&self, fixture_notify(&self, NULL, 0), 100);
    fixture_give(&self, fixture_notify(&self, NULL, 0), 200);
    fixture_step(&self);
    fixture_advance(&self, 100);
    cr_assert_eq(self.count, 1);
    self.now_ms += 100;
    self.now_unix_ms += 100;
    fixture_take_answer(&self, 0, OUTCOME_DONE, 0);
    self.present = false; /* its HELLO would be answered first, when all is durable */
    cr_assert_eq(fixture_try_step(&self, &why), ERR_OK, "%s", why.text);
    fixture_collect(&self);
    cr_assert_eq(self.count, 2);
    cr_assert_lt(log_durable(peers_own(self.peers)),
                 log_newest_appended(peers_own(self.peers), LOG_KIND_BIT(RECORD_DONE)));
}

Test(scheduler_schedule, a_delivery_leaves_when_its_own_records_are_durable_and_not_before)
{
    fixture_open(&self, "1s,1ms");
    struct why why = {{0}};
    fixture_give(&self, fixture_notify(&self, NULL, 0), 0);
    cr_assert_eq(fixture_try_step(&self, &why), ERR_OK, "%s", why.text);
    fixture_collect(&self);
    cr_assert_eq(self.count, 0, "its TAKEN is not durable");
    fixture_step(&self);
    cr_assert_eq(self.count, 1);
    fixture_take_answer(&self, 0, OUTCOME_RETRY, 0);
    self.now_ms += 10;
    self.now_unix_ms += 10;
    self.present = false; /* its HELLO would be answered first, when all is durable */
    cr_assert_eq(fixture_try_step(&self, &why), ERR_OK, "%s", why.text);
    fixture_collect(&self);
    cr_assert_eq(self.count, 1, "its FAILED is not durable");
    fixture_step(&self);
    cr_assert_eq(self.count, 2);
    cr_assert_eq(self.deliveries[1].item.attempt, 3);
}

/* The disk takes nothing: what is sent then is sent again after a crash. */
Test(scheduler_schedule, with_much_that_is_not_written_a_delivery_waits_for_all_of_it)
{
    fixture_open(&self, "1s");
    struct why why = {{0}};
    log_t *own = peers_own(self.peers);
    fixture_give(&self, fixture_notify(&self, NULL, 0), 100);
    fixture_step(&self);
    self.now_ms += 100;
    self.now_unix_ms += 100;
    uint8_t body[1000] = {0};
    while (log_gathered(own) <= SCHEDULER_UNWRITTEN_BYTES) {
        (void)log_append(own, RECORD_CHECKPOINT_ITEM, body, sizeof body);
    }
    self.present = false;
    cr_assert_eq(fixture_try_step(&self, &why), ERR_OK, "%s", why.text);
    fixture_collect(&self);
    cr_assert_eq(self.count, 0);
    fixture_step(&self);
    cr_assert_eq(self.count, 1);
}

Test(scheduler_schedule, an_end_may_wait_for_company_and_what_the_compensator_gets_may_not)
{
    fixture_open(&self, "1s");
    struct why why = {{0}};
    fixture_give(&self, fixture_notify(&self, NULL, 0), 0);
    fixture_give(&self, fixture_notify(&self, NULL, 0), 0);
    fixture_step(&self);
    cr_assert_eq(self.count, 2);
    fixture_take_answer(&self, 0, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_try_step(&self, &why), ERR_OK, "%s", why.text);
    cr_assert(peers_may_wait(self.peers, self.shell.may_wait),
              "lost, it is sent again and answered DUPLICATE");
    fixture_take_answer(&self, 1, OUTCOME_REJECT, 0);
    cr_assert_eq(fixture_try_step(&self, &why), ERR_OK, "%s", why.text);
    cr_assert_not(peers_may_wait(self.peers, self.shell.may_wait));
    fixture_step(&self);
    cr_assert(peers_may_wait(self.peers, self.shell.may_wait));
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 1);
    cr_assert_eq(fixture_count(&self, RECORD_MOVED), 1);
}

Test(scheduler_schedule, a_hundred_that_are_due_together_leave_in_one_frame_up_to_the_window)
{
    fixture_open(&self, "1s");
    for (int i = 0; i < 100; i++) {
        fixture_give(&self, fixture_notify(&self, NULL, 0), i + 1);
    }
    fixture_step(&self);
    fixture_advance(&self, 100);
    cr_assert_eq(self.count, 64);
    cr_assert_eq(self.deliveries[0].in_frame, 64);
    cr_assert_eq(fixture_counter(&self, "ready"), 36);
    for (uint32_t i = 0; i < 36; i++) {
        fixture_answer(&self, i, OUTCOME_DONE, 0);
    }
    cr_assert_eq(self.count, 100);
    for (uint32_t i = 1; i < 100; i++) {
        cr_assert_gt(self.deliveries[i].item.position, self.deliveries[i - 1].item.position,
                     "in the order in which they became due");
    }
}

/* Fail every attempt at the very moment it comes; each must come exactly when the schedule says. */
static void
walk_schedule(const char *text, bool own)
{
    struct policy policy;
    cr_assert_eq(policy_parse(&policy, text, strlen(text), NULL), ERR_OK);
    fixture_open(&self, own ? "7s" : text);
    struct delivery_key key = fixture_notify(&self, own ? text : NULL, 0);
    fixture_give(&self, key, policy.delays_ms[0]);
    fixture_step(&self);
    for (uint16_t i = 0; i < policy.delay_count; i++) {
        fixture_advance(&self, policy.delays_ms[i] - 1);
        cr_assert_eq(self.count, i, "%s: attempt %u came too early", text, i + 2U);
        fixture_advance(&self, 1);
        cr_assert_eq(self.count, i + 1U, "%s: attempt %u did not come", text, i + 2U);
        cr_assert_eq(self.deliveries[i].item.attempt, i + 2);
        cr_assert_eq(self.deliveries[i].item.attempts_limit, policy_attempts(&policy));
        fixture_answer(&self, i, OUTCOME_RETRY, 0);
    }
    cr_assert_eq(fixture_count(&self, RECORD_FAILED), policy.delay_count - 1U);
    cr_assert_eq(fixture_count(&self, RECORD_MOVED), 1);
    struct record_custody moved = fixture_last_custody(&self, RECORD_MOVED);
    cr_assert_eq(moved.to, LOG_COMPENSATOR);
    cr_assert_eq(moved.turn, 3);
    cr_assert_eq(moved.cause, OUTCOME_RETRY);
    cr_assert_eq(moved.attempts, policy_attempts(&policy));
    cr_assert_eq(moved.reason.size, strlen("why not"));
    cr_assert_eq(fixture_counter(&self, "away"), 1);
    fixture_advance(&self, 100LL * 24 * 3600 * 1000);
    cr_assert_eq(self.count, policy.delay_count, "nothing comes after the last");
    cr_assert_eq(fixture_history(&self, fixture_entry(&self, key)->last),
                 policy.delay_count + 1U); /* TAKEN, FAILED..., MOVED */
}

Test(scheduler_schedule, every_preset_is_walked_to_the_millisecond_and_then_moves_on)
{
    for (const struct policy_preset *preset = policy_presets(); preset->name != NULL; preset++) {
        walk_schedule(preset->name, false);
        if (preset[1].name != NULL) {
            fixture_close(&self);
        }
    }
}

Test(scheduler_schedule, an_exponential_schedule_is_walked_to_the_millisecond)
{
    walk_schedule("exponential first=100ms factor=3 cap=5s attempts=8", false);
}

Test(scheduler_schedule, a_notification_may_bring_a_schedule_of_its_own)
{
    walk_schedule("100ms,3s,20ms", true);
}

Test(scheduler_schedule, jitter_stays_within_what_was_set)
{
    fixture_open(&self, "1s,10s,10s,10s,10s,10s,10s jitter=0.1");
    bool differ = false;
    fixture_give(&self, fixture_notify(&self, NULL, 0), 0);
    fixture_step(&self);
    for (uint32_t i = 0; i < 5; i++) {
        fixture_answer(&self, i, OUTCOME_RETRY, 0);
        struct record_event failed = fixture_last_event(&self, RECORD_FAILED);
        int64_t wait_ms = failed.due_unix_ms - failed.at_unix_ms;
        cr_assert(wait_ms >= 9000 && wait_ms <= 11000, "%lld", (long long)wait_ms);
        differ = differ || wait_ms != 10000;
        fixture_advance(&self, wait_ms);
        cr_assert_eq(self.count, i + 2);
    }
    cr_assert(differ);
}

Test(scheduler_schedule, without_a_consumer_it_waits_and_burns_nothing)
{
    fixture_open(&self, "1s,2s");
    self.present = false;
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    fixture_give(&self, key, 0);
    fixture_advance(&self, 7000); /* past three PING intervals: the consumer is lost */
    fixture_advance(&self, 3600 * 1000);
    uint32_t before = self.count;
    cr_assert_leq(before, 1);
    cr_assert_eq(fixture_count(&self, RECORD_FAILED), 0);
    cr_assert_eq(fixture_entry(&self, key)->attempts, 1);
    self.present = true;
    self.nonce++;
    fixture_advance(&self, 1000);
    cr_assert_eq(self.count, before + 1);
    cr_assert_eq(self.deliveries[before].item.attempt, 2);
}

Test(scheduler_schedule, a_receiver_that_is_away_for_long_is_an_alarm_once)
{
    fixture_open(&self, "1s,2s");
    self.present = false;
    fixture_advance(&self, 7000);
    fixture_advance(&self, 3600 * 1000);
    cr_assert_str_eq(self.alarms, "", "nothing waits");
    fixture_give(&self, fixture_notify(&self, NULL, 0), 0);
    fixture_step(&self);
    fixture_advance(&self, 599000);
    cr_assert_str_eq(self.alarms, "");
    fixture_advance(&self, 1000);
    fixture_advance(&self, 3600 * 1000);
    cr_assert_str_eq(self.alarms, "receiver_absent of orders ");
    self.present = true;
    self.nonce++;
    fixture_step(&self);
    fixture_answer(&self, self.count - 1, OUTCOME_DONE, 0);
    fixture_advance(&self, 3600 * 1000);
    cr_assert_str_eq(self.alarms, "receiver_absent of orders ");
}

Test(scheduler_schedule, deliveries_of_an_unknown_subscription_wait_until_it_is_known)
{
    fixture_open(&self, "1s");
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    key.subscription = 2;
    fixture_give(&self, key, 0);
    fixture_step(&self);
    cr_assert_eq(self.count, 0);
    cr_assert_eq(self.events, 1);
    fixture_subscribe(&self, 2, "orders", "1s");
    fixture_advance(&self, SCHEDULER_UNKNOWN_MS);
    cr_assert_eq(self.count, 1);
}

Test(scheduler_schedule, a_step_makes_so_many_ready_and_sends_so_many_and_is_called_again_at_once)
{
    enum { MANY = 9000 };
    fixture_open(&self, "1s");
    self.settings.window = 16384;
    fixture_restart(&self, 0);
    self.present = false;
    struct record_custody moved = {
        .turn = 2, .to = LOG_SCHEDULER, .cause = OUTCOME_RETRY, .at_unix_ms = self.now_unix_ms};
    uint8_t body[RECORD_CUSTODY_MAX];
    moved.key = fixture_notify(&self, NULL, 0);
    for (uint32_t i = 0; i < MANY; i++) { /* all of one notification: it is read over and over */
        moved.key = fixture_notify(&self, NULL, 0);
        (void)log_append(self.producer, RECORD_MOVED, body, record_custody_encode(&moved, body));
    }
    (void)fixture_notify(&self, NULL, 0);
    fixture_step(&self);
    cr_assert_eq(fixture_counter(&self, "ready"), 4096);
    cr_assert_eq(self.shell.next_ms(self.shell.self), self.now_ms);
    fixture_step(&self);
    fixture_step(&self);
    cr_assert_eq(fixture_counter(&self, "ready"), MANY);
    fixture_hello(&self, "orders", 0);
    cr_assert_eq(fixture_try_step(&self, NULL), ERR_OK);
    cr_assert_eq(fixture_counter(&self, "out"), 8192);
    cr_assert_eq(self.shell.next_ms(self.shell.self), self.now_ms);
    cr_assert_eq(fixture_try_step(&self, NULL), ERR_OK);
    cr_assert_eq(fixture_counter(&self, "out"), MANY);
}

Test(scheduler_schedule, a_subscription_that_gets_another_group_takes_what_is_ready_along)
{
    fixture_open(&self, "1s");
    self.present = false;
    fixture_restart(&self, 0); /* no consumer is known */
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    fixture_give(&self, key, 0);
    fixture_step(&self);
    cr_assert_eq(fixture_counter(&self, "ready"), 1);
    fixture_subscribe(&self, 1, "others", "1s");
    fixture_step(&self);
    self.present = true; /* of "orders": it only hands it on */
    fixture_step(&self);
    cr_assert_eq(self.count, 0);
    self.nonce++;
    fixture_hello(&self, "others", 0);
    fixture_step(&self);
    cr_assert_eq(self.count, 1);
}

Test(scheduler_schedule, a_notification_that_is_trimmed_before_it_is_sent_is_an_alarm_and_a_persons)
{
    fixture_open(&self, "1s");
    self.present = false;
    fixture_restart(&self, 0); /* no consumer is known */
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    fixture_give(&self, key, 0);
    fixture_step(&self);
    for (int i = 0; i < 2000; i++) { /* several segments of 64 KiB */
        fixture_notify(&self, NULL, 0);
    }
    fixture_step(&self);
    cr_assert_eq(log_trim(self.producer, log_next(self.producer) - 1, NULL), ERR_OK);
    cr_assert_gt(log_first(self.producer), key.position);
    fixture_subscribe(&self, 1, "orders", "1s");
    self.core->settings.checkpoint_every = 1; /* which knows its deadline and its policy */
    fixture_step(&self);
    cr_assert_geq(fixture_counter(&self, "checkpoints"), 1);
    fixture_restart(&self, 0);
    self.present = true;
    fixture_step(&self);
    cr_assert_eq(self.count, 0);
    cr_assert_eq(fixture_counter(&self, "notifications_gone"), 1);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_AWAY);
}

Test(scheduler_schedule, nobody_need_listen_to_its_events)
{
    fixture_open(&self, "1s");
    self.settings.event = NULL;
    fixture_restart(&self, 0);
    self.shell.outcome(self.shell.self, (const uint8_t *)"x", 1);
    cr_assert_eq(fixture_counter(&self, "malformed"), 1);
}
