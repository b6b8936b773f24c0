#include "producer_fixture.h"

#include <criterion/parameterized.h>
#include <stdio.h>

Test(producer_delivery, sends_once_somebody_is_there_and_records_done)
{
    struct fixture *self = fixture_open(1);
    uint8_t status = 0;
    fixture_submit(self, "order.paid", "a", "{}");
    cr_assert_eq(self->delivery_count, 0);
    cr_assert_eq(fixture_join(self, "shop", 1), WIRE_OK);
    cr_assert_eq(self->delivery_count, 1);
    cr_assert_str_eq(self->deliveries[0].biz_id, "a");
    cr_assert_eq(self->deliveries[0].attempt, 1);
    cr_assert_eq(self->deliveries[0].attempts_limit, 4);
    fixture_outcome(self, 0, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_count(self, RECORD_DONE), 1);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).state, WIRE_STATE_DONE);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    cr_assert_eq(fixture_counter(self, "open_bytes"), 0);
    fixture_outcome(self, 0, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_count(self, RECORD_DONE), 1, "an answer counted twice");
    fixture_close(self);
}

Test(producer_delivery, an_end_may_wait_for_company_and_what_changes_hands_may_not)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_submit(self, "order.paid", "b", "{}");
    fixture_submit(self, "order.paid", "c", "{}");
    cr_assert_eq(self->delivery_count, 3);
    cr_assert(peers_may_wait(self->peers, PRODUCER_CORE_MAY_WAIT), "all is durable");
    fixture_take_outcome(self, 0, OUTCOME_DONE, 0);
    fixture_step_unsynced(self);
    cr_assert(peers_may_wait(self->peers, PRODUCER_CORE_MAY_WAIT),
              "lost, it is sent again and answered DUPLICATE");
    fixture_take_outcome(self, 1, OUTCOME_RETRY, 0);
    fixture_step_unsynced(self);
    cr_assert_not(peers_may_wait(self->peers, PRODUCER_CORE_MAY_WAIT),
                  "the scheduler waits for it");
    fixture_take_outcome(self, 2, OUTCOME_DONE, 0);
    fixture_step_unsynced(self);
    cr_assert_not(peers_may_wait(self->peers, PRODUCER_CORE_MAY_WAIT), "it still does");
    fixture_step(self);
    cr_assert(peers_may_wait(self->peers, PRODUCER_CORE_MAY_WAIT));
    cr_assert_eq(fixture_count(self, RECORD_DONE), 2);
    fixture_close(self);
}

Test(producer_delivery,
     a_delivery_leaves_before_an_end_is_durable_and_not_before_what_changed_hands)
{
    struct fixture *self = fixture_open(1);
    self->settings.window = 1;
    fixture_restart(self);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_submit(self, "order.paid", "b", "{}");
    fixture_submit(self, "order.paid", "c", "{}");
    cr_assert_eq(self->delivery_count, 1);
    fixture_take_outcome(self, 0, OUTCOME_DONE, 0);
    fixture_step_unsynced(self);
    cr_assert_eq(self->delivery_count, 2);
    fixture_take_outcome(self, 1, OUTCOME_RETRY, 0);
    fixture_step_unsynced(self);
    cr_assert_eq(self->delivery_count, 2);
    fixture_sync(self);
    fixture_step(self);
    cr_assert_eq(self->delivery_count, 3);
    fixture_close(self);
}

struct failure {
    uint8_t outcome;
    uint8_t to;
    uint16_t attempts;
    uint16_t unburnt;
    bool alone;
    int64_t due_in_ms;
};

ParameterizedTestParameters(producer_delivery, what_fails_changes_hands)
{
    static struct failure failures[] = {
        {OUTCOME_RETRY, LOG_SCHEDULER, 1, 0, false, 1000},
        {OUTCOME_REJECT, LOG_COMPENSATOR, 1, 0, false, 0},
        {OUTCOME_FENCED, LOG_COMPENSATOR, 1, 0, false, 0},
        {OUTCOME_DOWN, LOG_SCHEDULER, 0, 1, false, 1000},
        {OUTCOME_NOT_STARTED, LOG_SCHEDULER, 0, 0, false, 0},
    };
    return cr_make_param_array(struct failure, failures, sizeof failures / sizeof failures[0]);
}

ParameterizedTest(struct failure *failure, producer_delivery, what_fails_changes_hands)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_outcome(self, 0, failure->outcome, 0);
    struct record_custody moved = fixture_last_moved(self);
    cr_assert_eq(moved.to, failure->to);
    cr_assert_eq(moved.turn, 2);
    cr_assert_eq(moved.cause, failure->outcome);
    cr_assert_eq(moved.attempts, failure->attempts);
    cr_assert_eq(moved.unburnt, failure->unburnt);
    cr_assert_eq(moved.alone, failure->alone);
    cr_assert(moved.sent);
    cr_assert_eq(moved.due_unix_ms,
                 failure->due_in_ms == 0 ? 0 : self->now_unix_ms + failure->due_in_ms);
    cr_assert_eq(fixture_counter(self, "open"), 1, "it is open elsewhere");
    fixture_close(self);
}

Test(producer_delivery, retry_not_before_postpones)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_outcome(self, 0, OUTCOME_RETRY, 60000);
    cr_assert_eq(fixture_last_moved(self).due_unix_ms, self->now_unix_ms + 60000);
    fixture_close(self);
}

Test(producer_delivery, an_expired_lease_burns_and_travels_alone)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_advance(self, 2900);
    cr_assert_eq(fixture_count(self, RECORD_MOVED), 0);
    fixture_advance(self, 200);
    struct record_custody moved = fixture_last_moved(self);
    cr_assert_eq(moved.cause, OUTCOME_LEASE);
    cr_assert_eq(moved.attempts, 1);
    cr_assert(moved.alone);
    fixture_close(self);
}

static void
ping(struct fixture *self)
{
    const struct wire_ping said = {.name = {.data = "shop", .size = 4}, .nonce = 77};
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_ping_encode(&out, 9, &said);
    fixture_front(self, &out);
}

Test(producer_delivery, a_paused_lane_tries_one_delivery_after_a_ping)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}"); /* its frame is lost on the way */
    fixture_advance(self, 3100);
    fixture_submit(self, "order.paid", "b", "{}");
    fixture_submit(self, "order.paid", "c", "{}");
    cr_assert_eq(self->delivery_count, 1, "paused");
    ping(self);
    cr_assert_eq(self->delivery_count, 2, "one tries");
    ping(self);
    cr_assert_eq(self->delivery_count, 2, "and no other, while it is out");
    fixture_outcome(self, 1, OUTCOME_DONE, 0);
    cr_assert_eq(self->delivery_count, 3, "it lives: all the others follow");
    fixture_close(self);
}

Test(producer_delivery, a_lost_consumer_burns_nothing)
{
    struct fixture *self = fixture_open(1);
    self->subscriptions[0].lease_ms = 60000;
    fixture_restart(self);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_advance(self, 6500);
    struct record_custody moved = fixture_last_moved(self);
    cr_assert_eq(moved.cause, OUTCOME_LOST);
    cr_assert_eq(moved.attempts, 0);
    cr_assert(moved.alone);
    cr_assert_eq(fixture_counter(self, "consumers"), 0);
    fixture_close(self);
}

Test(producer_delivery, a_late_done_is_evidence_and_ends_it)
{
    struct fixture *self = fixture_open(1);
    uint8_t status = 0;
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_advance(self, 3100);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).state, WIRE_STATE_PENDING);
    fixture_outcome(self, 0, OUTCOME_RETRY, 0);
    cr_assert_eq(fixture_count(self, RECORD_EVIDENCE), 0, "a late RETRY says nothing");
    struct delivery_key key = self->deliveries[0].key;
    fixture_submit(self, "order.paid", "b", "{}"); /* its lane is awake again */
    fixture_advance(self, 3100);
    cr_assert_eq(self->deliveries[1].key.position, key.position + 2);
    fixture_outcome(self, 1, OUTCOME_DUPLICATE, 0);
    cr_assert_eq(fixture_count(self, RECORD_EVIDENCE), 1);
    cr_assert_eq(fixture_query(self, "b", "orders", &status).state, WIRE_STATE_DONE);
    fixture_close(self);
}

Test(producer_delivery, a_schedule_with_no_delays_goes_straight_to_compensation)
{
    struct fixture *self = fixture_open(1);
    struct wire_notification notification = {.topic = {"order.paid", 10},
                                             .biz_id = {"a", 1},
                                             .policy = {"1s", 2},
                                             .deadline_unix_ms = self->now_unix_ms + 500};
    fixture_join(self, "shop", 1);
    fixture_submit_full(self, &notification);
    cr_assert_eq(self->deliveries[0].attempts_limit, 2, "its own policy");
    fixture_outcome(self, 0, OUTCOME_RETRY, 0);
    struct record_custody moved = fixture_last_moved(self);
    cr_assert_eq(moved.to, LOG_COMPENSATOR);
    cr_assert_eq(moved.cause, OUTCOME_DEADLINE);
    fixture_close(self);
}

Test(producer_delivery, a_deadline_passes_behind_a_held_cursor_and_over_a_restart)
{
    for (int restart = 0; restart < 2; restart++) {
        struct fixture *self = fixture_open(1);
        struct wire_notification notification = {.topic = {"order.paid", 10},
                                                 .biz_id = {"a", 1},
                                                 .policy = {"1s,1s,1s", 8},
                                                 .deadline_unix_ms = self->now_unix_ms + 5000};
        cr_assert_eq(fixture_submit_full(self, &notification).status, WIRE_ACCEPTED);
        if (restart == 1) {
            fixture_restart(self);
        }
        fixture_advance(self, 4900);
        cr_assert_eq(fixture_count(self, RECORD_MOVED), 0);
        fixture_advance(self, 200);
        struct record_custody moved = fixture_last_moved(self);
        cr_assert_eq(moved.cause, OUTCOME_DEADLINE);
        cr_assert_eq(moved.to, LOG_COMPENSATOR);
        cr_assert_eq(moved.sent, restart == 1, "an earlier run may have sent it");
        fixture_join(self, "shop", 1);
        cr_assert_eq(self->delivery_count, 0, "it is not ours to send any more");
        struct record_event done = {.kind = RECORD_DONE, .key = moved.key, .turn = 2, .attempt = 1};
        (void)fixture_other_event(self->compensator, &done);
        fixture_step(self);
        cr_assert_eq(self->core->load.deliveries, 0);
        cr_assert_eq(self->core->load.bytes, 0, "what was set aside for it is free again");
        fixture_close(self);
    }
}

Test(producer_delivery, two_subscriptions_have_states_of_their_own)
{
    struct fixture *self = fixture_open(2);
    uint8_t status = 0;
    fixture_join(self, "shop", 1);
    fixture_join(self, "audit", 2);
    fixture_submit(self, "order.paid", "a", "{}");
    cr_assert_eq(self->delivery_count, 2);
    uint32_t orders = self->deliveries[0].key.subscription == 1 ? 0 : 1;
    fixture_outcome(self, orders, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).state, WIRE_STATE_DONE);
    cr_assert_eq(fixture_query(self, "a", "audit", &status).state, WIRE_STATE_PENDING);
    fixture_outcome(self, 1 - orders, OUTCOME_REJECT, 0);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).state, WIRE_STATE_DONE);
    cr_assert_eq(fixture_query(self, "a", "audit", &status).custodian, LOG_COMPENSATOR);
    cr_assert_eq(fixture_query(self, "a", "audit", &status).turn, 2);
    fixture_close(self);
}

Test(producer_delivery, a_backlog_drains_in_order_within_the_window)
{
    struct fixture *self = fixture_open(1);
    for (int i = 0; i < 3000; i++) {
        char biz_id[32];
        (void)snprintf(biz_id, sizeof biz_id, "n%d", i);
        fixture_submit(self, "order.paid", biz_id, "{}");
    }
    fixture_join(self, "shop", 1);
    cr_assert_eq(self->delivery_count, 1024);
    for (uint32_t i = 0; i < 3000; i++) {
        char biz_id[32];
        (void)snprintf(biz_id, sizeof biz_id, "n%u", i);
        cr_assert_str_eq(self->deliveries[i].biz_id, biz_id);
        fixture_outcome(self, i, OUTCOME_DONE, 0);
        if (i % 500 == 0) {
            fixture_join(self, "shop", 1); /* it lives */
        }
    }
    cr_assert_eq(fixture_counter(self, "open"), 0);
    fixture_close(self);
}

Test(producer_delivery, a_second_database_is_refused_and_stops_nothing)
{
    struct fixture *self = fixture_open(1);
    cr_assert_eq(fixture_join(self, "shop", 1), WIRE_OK);
    cr_assert_eq(fixture_join(self, "shop", 2), WIRE_DENIED);
    cr_assert_eq(self->alarms, 1);
    cr_assert_eq(fixture_join(self, "nobody", 1), WIRE_DENIED);
    fixture_submit(self, "order.paid", "a", "{}");
    cr_assert_eq(self->delivery_count, 1);
    fixture_restart(self);
    cr_assert_eq(fixture_join(self, "shop", 2), WIRE_DENIED, "identities outlive a restart");
    cr_assert_eq(fixture_join(self, "shop", 1), WIRE_OK);
    fixture_close(self);
}

Test(producer_delivery, a_receiver_that_is_away_for_long_is_told_once)
{
    struct fixture *self = fixture_open(1);
    fixture_advance(self, 3600000);
    cr_assert_eq(self->alarms, 0, "nothing waits");
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_advance(self, 599000);
    cr_assert_eq(self->alarms, 0);
    fixture_advance(self, 2000);
    fixture_advance(self, 3600000);
    cr_assert_eq(self->alarms, 1);
    fixture_join(self, "shop", 1);
    fixture_outcome(self, 0, OUTCOME_DONE, 0);
    fixture_advance(self, 10000);
    fixture_submit(self, "order.paid", "b", "{}");
    fixture_advance(self, 599000);
    cr_assert_eq(self->alarms, 1, "it has only begun to wait");
    fixture_advance(self, 2000);
    cr_assert_eq(self->alarms, 2);
    fixture_close(self);
}

Test(producer_delivery, a_lone_notification_waits_for_its_sync_and_for_nothing_else)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    cr_assert_gt(producer_core_next_ms(self->core), self->now_ms, "nothing is to be done");
    struct wire_out out;
    struct wire_notification notification = {.topic = {"order.paid", 10}, .biz_id = {"a", 1}};
    wire_out_init(&out, 128);
    struct wire_submit_out submit = wire_submit_begin(&out, 7);
    wire_submit_add(&submit, &notification);
    wire_submit_end(&submit);
    producer_core_front(self->core, &self->route, out.data, out.size);
    wire_out_fini(&out);
    fixture_step_unsynced(self);
    cr_assert_gt(producer_core_next_ms(self->core), self->now_ms, "nothing to do before its sync");
    fixture_sync(self);
    cr_assert_leq(producer_core_next_ms(self->core), self->now_ms, "the next round is due at once");
    fixture_step(self);
    cr_assert_eq(self->delivery_count, 1);
    cr_assert_gt(producer_core_next_ms(self->core), self->now_ms, "and no round after it");
    fixture_close(self);
}
