#include "sender_fixture.h"

#include <criterion/criterion.h>

Test(sender, two_groups_may_have_consumers_of_one_name)
{
    struct answers answers = {0};
    outbox_t *outbox = outbox_new();
    sender_t *sender = sender_fixture_open(&answers, outbox);
    uint32_t lane = sender_fixture_hello(sender, "shop", 1, 0);
    cr_assert(sender_fixture_send(sender, "shop", 0));
    (void)sender_fixture_hello(sender, "audit", 2, 10); /* another lane */
    cr_assert_eq(answers.lost, 0);
    cr_assert_eq(sender_consumers(sender), 2);
    struct wire_ping ping = {.name = sender_fixture_text("node-1"), .nonce = 1, .lane = lane};
    cr_assert(sender_ping(sender, &ping, 20));
    sender_leave(sender, &ping);
    cr_assert_eq(answers.lost, 1);
    cr_assert_eq(sender_consumers(sender), 1);
    cr_assert_not(sender_fixture_send(sender, "shop", 30), "nobody is there");
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}

Test(sender, another_process_of_the_same_name_takes_the_place_at_once)
{
    struct answers answers = {0};
    outbox_t *outbox = outbox_new();
    sender_t *sender = sender_fixture_open(&answers, outbox);
    (void)sender_fixture_hello(sender, "shop", 1, 0);
    cr_assert(sender_fixture_send(sender, "shop", 0));
    (void)sender_fixture_hello(sender, "shop", 2, 10);
    cr_assert_eq(answers.lost, 1);
    cr_assert_eq(sender_consumers(sender), 1);
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}

Test(sender, an_expired_lease_pauses_its_lane_until_hello_or_an_answer)
{
    struct answers answers = {0};
    outbox_t *outbox = outbox_new();
    sender_t *sender = sender_fixture_open(&answers, outbox);
    (void)sender_fixture_hello(sender, "shop", 1, 0);
    cr_assert(sender_fixture_send(sender, "shop", 0));
    sender_fixture_leave(outbox, 0);
    sender_expire(sender, 2900);
    cr_assert_eq(answers.leases, 0);
    sender_expire(sender, 3100);
    cr_assert_eq(answers.leases, 1);
    cr_assert_eq(sender_paused(sender), 1);
    cr_assert_not(sender_fixture_send(sender, "shop", 3200));
    (void)sender_fixture_hello(sender, "shop", 1, 3300);
    cr_assert_eq(sender_paused(sender), 0);
    cr_assert(sender_fixture_send(sender, "shop", 3400));
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}

Test(sender, a_lease_begins_when_the_frame_has_left_and_not_before)
{
    struct answers answers = {0};
    outbox_t *outbox = outbox_new();
    sender_t *sender = sender_fixture_open(&answers, outbox);
    uint32_t lane = sender_fixture_hello(sender, "shop", 1, 0);
    cr_assert(sender_fixture_send(sender, "shop", 0));
    sender_fixture_leave(outbox, 0);
    sender_left(sender, 10); /* at once, as usual */
    cr_assert(sender_fixture_send(sender, "shop", 1000));
    sender_fixture_leave(outbox, 0);
    sender_left(sender, 5000); /* its sync took four seconds */
    struct wire_ping ping = {.name = sender_fixture_text("node-1"), .nonce = 1, .lane = lane};
    cr_assert(sender_ping(sender, &ping, 5000));
    sender_expire(sender, 5000);
    cr_assert_eq(answers.leases, 1, "the first one has had its time");
    sender_left(sender, 6000); /* nothing new: nobody gets more */
    sender_expire(sender, 7900);
    cr_assert_eq(answers.leases, 1);
    sender_expire(sender, 8000);
    cr_assert_eq(answers.leases, 2);
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}

/* A full disk commits nothing for as long as it likes; then a part of it, then the rest. */
Test(sender, what_has_not_left_does_not_expire)
{
    struct answers answers = {0};
    outbox_t *outbox = outbox_new();
    sender_t *sender = sender_fixture_open(&answers, outbox);
    struct wire_ping ping = {.name = sender_fixture_text("node-1"), .nonce = 1};
    ping.lane = sender_fixture_hello(sender, "shop", 1, 0);
    cr_assert(sender_fixture_send(sender, "shop", 0));
    sender_left(sender, 10);
    cr_assert(sender_fixture_send(sender, "shop", 100));
    for (int64_t now_ms = 1000; now_ms <= 60000; now_ms += 1000) {
        cr_assert(sender_ping(sender, &ping, now_ms));
        sender_left(sender, now_ms);
        sender_expire(sender, now_ms);
    }
    cr_assert_eq(answers.leases, 0);
    sender_fixture_leave(outbox, 1);
    sender_left(sender, 60000);
    cr_assert(sender_fixture_send(sender, "shop", 60000));
    sender_expire(sender, 62900);
    cr_assert_eq(answers.leases, 0, "the first one's lease has begun only when it left");
    sender_expire(sender, 63100);
    cr_assert_eq(answers.leases, 1, "the second is still here");
    cr_assert(sender_ping(sender, &ping, 64000));
    sender_fixture_leave(outbox, 0);
    sender_left(sender, 65000);
    sender_expire(sender, 67900);
    cr_assert_eq(answers.leases, 1);
    sender_expire(sender, 68100);
    cr_assert_eq(answers.leases, 3);
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}

/* What a sender has told of, in the order of the telling: runs that are DONE, and single answers.
 */
static struct told {
    struct {
        uint64_t first; /* user */
        uint32_t count; /* 0: `answered` was called */
        uint8_t outcome;
    } all[64];
    uint32_t count;
} told;

static void
run_done(void *owner, const struct sender_entry *entries, uint32_t count, uint8_t outcome)
{
    (void)owner;
    cr_assert_lt(told.count, 64);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(entries[i].user, entries->user + i);
    }
    told.all[told.count].first = entries->user;
    told.all[told.count].count = count;
    told.all[told.count++].outcome = outcome;
}

static void
run_answered(void *owner, const struct sender_entry *entry, const struct wire_outcome *outcome,
             bool outstanding)
{
    (void)owner;
    cr_assert_lt(told.count, 64);
    cr_assert(!outstanding ||
              (outcome->outcome != OUTCOME_DONE && outcome->outcome != OUTCOME_DUPLICATE));
    told.all[told.count].first = entry->user;
    told.all[told.count++].outcome = outcome->outcome;
}

static void
assert_told(uint32_t at, uint64_t first, uint32_t count, uint8_t outcome)
{
    cr_assert_lt(at, told.count);
    cr_assert_eq(told.all[at].first, first, "%u: %lu", at, told.all[at].first);
    cr_assert_eq(told.all[at].count, count, "%u: %u", at, told.all[at].count);
    cr_assert_eq(told.all[at].outcome, outcome);
}

static sender_t *
sender_with_runs(outbox_t *outbox)
{
    struct sender_settings settings = {
        .log = LOG_PRODUCER,
        .run = 1,
        .lane_count = 1,
        .window = 2 * LIMIT_FRAME_NOTIFICATIONS,
        .lease_ms = 10000,
        .service = "producer",
        .answered = run_answered,
        .done = run_done,
    };
    told.count = 0;
    sender_t *sender = sender_fixture_open_with(&settings, outbox);
    (void)sender_fixture_hello(sender, "shop", 1, 0);
    return sender;
}

/* Positions from `position` on, as many users from `user` on. */
static void
send_run(sender_t *sender, uint64_t position, uint64_t user, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct sender_offer offer = sender_fixture_offer("shop", user + i);
        offer.item.position = position + i;
        cr_assert(sender_send(sender, &offer, 0, 0));
    }
}

Test(sender, what_is_done_is_told_of_together_as_far_as_it_was_outstanding)
{
    outbox_t *outbox = outbox_new();
    sender_t *sender = sender_with_runs(outbox);
    send_run(sender, 100, 0, 40);
    sender_flush(sender, 0);
    sender_fixture_leave(outbox, 0);
    sender_fixture_outcomes(sender, 36, 1, OUTCOME_RETRY); /* user 35 */
    assert_told(0, 35, 0, OUTCOME_RETRY);
    sender_fixture_outcomes(sender, 11, 1, OUTCOME_DONE);
    assert_told(1, 10, 1, OUTCOME_DONE);
    sender_fixture_outcomes(sender, 1, 1000, OUTCOME_DONE); /* more than there are */
    assert_told(2, 0, 10, OUTCOME_DONE);
    assert_told(3, 11, 24, OUTCOME_DONE);
    assert_told(4, 36, 4, OUTCOME_DONE);
    cr_assert_eq(told.count, 5);
    cr_assert_eq(sender_outstanding(sender), 0);
    sender_fixture_outcomes(sender, 1, 1000, OUTCOME_DONE);
    cr_assert_eq(told.count, 5, "told of twice");
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}

Test(sender, a_run_holds_what_is_outstanding_and_is_of_one_outcome)
{
    outbox_t *outbox = outbox_new();
    sender_t *sender = sender_with_runs(outbox);
    send_run(sender, 100, 0, 3);
    sender_flush(sender, 0);
    sender_fixture_leave(outbox, 0);
    sender_left(sender, 0);
    sender_expire(sender, 60000); /* leases end, each told of */
    cr_assert_eq(told.count, 3);
    cr_assert_eq(sender_outstanding(sender), 0);
    (void)sender_fixture_hello(sender, "shop", 1, 60000);
    send_run(sender, 103, 3, 4);
    sender_flush(sender, 0);
    sender_fixture_leave(outbox, 0);
    sender_fixture_outcomes(sender, 2, 3, OUTCOME_DUPLICATE);
    assert_told(3, 1, 0, OUTCOME_DUPLICATE); /* late */
    assert_told(4, 2, 0, OUTCOME_DUPLICATE);
    assert_told(5, 3, 1, OUTCOME_DUPLICATE);
    sender_fixture_outcomes(sender, 5, 3, OUTCOME_DONE);
    assert_told(6, 4, 3, OUTCOME_DONE);
    cr_assert_eq(told.count, 7);
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}

Test(sender, a_run_ends_where_the_ring_does)
{
    enum { PLACES = 2048, EACH = 1000 };
    outbox_t *outbox = outbox_new();
    sender_t *sender = sender_with_runs(outbox);
    uint64_t token = 1;
    for (int round = 0; round < PLACES / EACH; round++, token += EACH) {
        send_run(sender, token, token, EACH);
        sender_flush(sender, 0);
        sender_fixture_leave(outbox, 0);
        told.count = 0;
        sender_fixture_outcomes(sender, token, EACH, OUTCOME_DONE);
        assert_told(0, token, EACH, OUTCOME_DONE);
    }
    send_run(sender, token, token, EACH);
    sender_flush(sender, 0);
    sender_fixture_leave(outbox, 0);
    told.count = 0;
    sender_fixture_outcomes(sender, token, EACH, OUTCOME_DONE);
    assert_told(0, token, (uint32_t)(PLACES - token), OUTCOME_DONE);
    assert_told(1, PLACES, (uint32_t)(EACH - (PLACES - token)), OUTCOME_DONE);
    cr_assert_eq(told.count, 2);
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}

/* Attempts share the places of a ring. */
Test(sender, an_answer_to_an_attempt_of_long_ago_is_not_the_answer_to_another)
{
    enum { PLACES = 131072 };
    struct answers answers = {0};
    outbox_t *outbox = outbox_new();
    sender_t *sender = sender_fixture_open(&answers, outbox);
    (void)sender_fixture_hello(sender, "shop", 1, 0);
    for (uint64_t i = 1; i <= PLACES; i++) {
        cr_assert(sender_fixture_send(sender, "shop", 0));
        sender_fixture_outcome(sender, i, OUTCOME_DONE);
        while (outbox_next(outbox, UINT64_MAX) != NULL) {
            outbox_pop(outbox);
        }
    }
    cr_assert_eq(answers.done, PLACES);
    cr_assert(sender_fixture_send(sender, "shop", 0)); /* at the first one's place */
    sender_fixture_outcome(sender, 1, OUTCOME_REJECT);
    cr_assert_eq(sender_outstanding(sender), 1, "the first one's answer was taken for it");
    sender_fixture_outcome(sender, PLACES + 1, OUTCOME_DONE);
    cr_assert_eq(sender_outstanding(sender), 0);
    cr_assert_eq(answers.done, PLACES + 1);
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}
