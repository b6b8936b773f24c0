/* Lanes change hands, and connections outlive that: whom a sender believes. */
#include "sender_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct answers answers;
static outbox_t *outbox;
static sender_t *sender;

static void
setup(void)
{
    answers = (struct answers){0};
    outbox = outbox_new();
    sender = sender_fixture_open(&answers, outbox);
}

static void
teardown(void)
{
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}

TestSuite(sender_groups, .init = setup, .fini = teardown);

static void
say(const char *from, uint64_t counter, uint32_t count, uint8_t said)
{
    const struct sender_fixture_run run = {
        .from = from, .counter = counter, .count = count, .said = said};
    sender_fixture_outcomes_at(sender, run, 100);
}

/* A sender has started anew and given the lane to another group before its old receiver, which is
 * connected again by itself, has said HELLO. */
Test(sender_groups, what_nobody_of_the_group_says_is_not_believed)
{
    (void)sender_fixture_join(sender, "audit", "audit-1", 0);
    cr_assert(sender_fixture_send(sender, "audit", 0));
    cr_assert(sender_fixture_send(sender, "audit", 0));
    sender_fixture_leave(outbox, 0);
    static const uint8_t all[] = {OUTCOME_DONE,    OUTCOME_DUPLICATE, OUTCOME_RETRY, OUTCOME_REJECT,
                                  OUTCOME_WORKING, OUTCOME_FENCED,    OUTCOME_DOWN};
    for (size_t i = 0; i < sizeof all; i++) {
        say("shop-1", 1, 2, all[i]);
        cr_assert_eq(sender_outstanding(sender), 2, "%u", all[i]);
    }
    (void)sender_fixture_join(sender, "shop", "shop-1", 0);
    say("shop-1", 1, 2, OUTCOME_DONE);
    cr_assert_eq(sender_outstanding(sender), 2, "it is there, but of another group");
    cr_assert_eq(sender_strange(sender), 2 * (sizeof all + 1));
    cr_assert_eq(answers.done, 0);
    sender_expire(sender, 3000);
    cr_assert_eq(answers.leases, 2, "WORKING has extended nothing either");
}

Test(sender_groups, what_is_not_its_own_anybody_may_hand_back)
{
    (void)sender_fixture_join(sender, "audit", "audit-1", 0);
    cr_assert(sender_fixture_send(sender, "audit", 0));
    say("shop-1", 1, 1, OUTCOME_NOT_STARTED);
    cr_assert_eq(sender_outstanding(sender), 0);
    cr_assert_eq(sender_strange(sender), 0);
}

Test(sender_groups, whoever_of_the_group_answers_is_believed)
{
    (void)sender_fixture_join(sender, "audit", "audit-1", 0);
    cr_assert(sender_fixture_send(sender, "audit", 0));
    (void)sender_fixture_join(sender, "audit", "audit-2", 0);
    say("audit-2", 1, 1, OUTCOME_DONE);
    cr_assert_eq(answers.done, 1);
}

/* A name of two groups may answer for both. */
Test(sender_groups, a_name_is_of_each_group_in_which_it_said_hello)
{
    (void)sender_fixture_join(sender, "audit", "node-1", 0);
    (void)sender_fixture_join(sender, "shop", "node-1", 0);
    cr_assert(sender_fixture_send(sender, "audit", 0));
    cr_assert(sender_fixture_send(sender, "shop", 0));
    say("node-1", 1, 2, OUTCOME_DONE);
    cr_assert_eq(answers.done, 2);
}

/* It was given up with its lane, which another group has now. */
Test(sender_groups, a_late_answer_is_evidence_of_its_own_group_only)
{
    (void)sender_fixture_join(sender, "shop", "shop-1", 0);
    cr_assert(sender_fixture_send(sender, "shop", 0));
    cr_assert(sender_fixture_send(sender, "shop", 0));
    sender_fixture_leave(outbox, 0);
    sender_expire(sender, 6100); /* shop-1 was silent for three PINGs */
    cr_assert_eq(answers.lost, 2);
    (void)sender_fixture_join(sender, "audit", "audit-1", 6200);
    say("audit-1", 1, 1, OUTCOME_DONE);
    cr_assert_eq(answers.late, 0);
    say("shop-1", 1, 1, OUTCOME_DONE);
    cr_assert_eq(answers.late, 1, "it is remembered");
    for (int i = 0; i < 2000; i++) { /* and forgotten for others in the end */
        char name[16];
        (void)snprintf(name, sizeof name, "audit-%d", i + 2);
        struct wire_ping gone = {.name = sender_fixture_text(name), .nonce = 1};
        (void)sender_fixture_join(sender, "audit", name, 6300 + i);
        sender_leave(sender, &gone);
    }
    say("shop-1", 2, 1, OUTCOME_DONE);
    cr_assert_eq(answers.late, 1);
    cr_assert_eq(sender_consumers(sender), 1);
}

Test(sender_groups, who_has_been_away_for_longer_than_any_lease_is_forgotten)
{
    (void)sender_fixture_join(sender, "shop", "shop-1", 0);
    cr_assert(sender_fixture_send(sender, "shop", 0));
    sender_fixture_leave(outbox, 0);
    sender_expire(sender, 6100);
    (void)sender_fixture_join(sender, "audit", "audit-1", INT64_C(26) * 3600 * 1000);
    say("shop-1", 1, 1, OUTCOME_DONE);
    cr_assert_eq(answers.late, 0);
    cr_assert_eq(sender_strange(sender), 1);
}

/* A lease expired on it: only one of its own tells that it lives. */
Test(sender_groups, a_stranger_does_not_open_a_paused_lane)
{
    uint32_t lane = sender_fixture_join(sender, "audit", "audit-1", 0);
    cr_assert(sender_fixture_send(sender, "audit", 0));
    sender_fixture_leave(outbox, 0);
    sender_left(sender, 0);
    sender_expire(sender, 3100);
    cr_assert_eq(sender_paused(sender), 1);
    const struct sender_fixture_run back = {
        .from = "shop-1", .lane = lane, .counter = 1, .count = 1, .said = OUTCOME_NOT_STARTED};
    sender_fixture_outcomes_at(sender, back, 3200);
    cr_assert_eq(sender_paused(sender), 1);
    const struct sender_fixture_run own = {
        .from = "audit-1", .lane = lane, .counter = 9, .count = 1, .said = OUTCOME_DONE};
    sender_fixture_outcomes_at(sender, own, 3300);
    cr_assert_eq(sender_paused(sender), 0);
}

Test(sender_groups, a_free_lane_goes_to_the_group_that_had_it_and_to_another_last)
{
    const struct wire_ping shop = {.name = sender_fixture_text("shop-1"), .nonce = 1};
    uint32_t lane = sender_fixture_join(sender, "shop", "shop-1", 0);
    sender_leave(sender, &shop);
    uint32_t others = sender_fixture_join(sender, "audit", "audit-1", 0);
    cr_assert_neq(others, lane, "one that nobody had");
    cr_assert_eq(sender_fixture_join(sender, "shop", "shop-1", 0), lane);
    sender_leave(sender, &shop);
    (void)sender_fixture_join(sender, "audit", "audit-2", 0);
    (void)sender_fixture_join(sender, "audit", "audit-3", 0);
    cr_assert_eq(sender_fixture_join(sender, "audit", "audit-4", 0), lane, "there is no other");
}

/* The ring turns, and what stands in the way of it keeps the lease that it has. */
Test(sender_groups, a_delivery_that_the_ring_passes_by_expires_at_its_time)
{
    (void)sender_fixture_join(sender, "shop", "node-1", 0);
    struct sender_offer offer = sender_fixture_offer("shop", 0);
    offer.item.lease_ms = 5000;
    offer.lease_limit_ms = 60000;
    cr_assert(sender_send(sender, &offer, 0, 0));
    sender_flush(sender, 0);
    sender_fixture_leave(outbox, 0);
    sender_left(sender, 0);
    for (uint64_t counter = 2; counter < 132000; counter++) { /* more than the ring has places */
        int64_t now_ms = (int64_t)(counter / 44);             /* up to 3,000 */
        if (!sender_fixture_send(sender, "shop", now_ms)) {
            cr_assert_fail("%lu", counter);
        }
        sender_fixture_leave(outbox, 0);
        sender_left(sender, now_ms);
        /* A place is passed by: its number has no delivery. */
        sender_fixture_outcome(sender, counter, OUTCOME_DONE);
        sender_fixture_outcome(sender, counter + 1, OUTCOME_DONE);
    }
    cr_assert_eq(sender_outstanding(sender), 1);
    const struct wire_ping ping = {.name = sender_fixture_text("node-1"), .nonce = 1};
    cr_assert(sender_ping(sender, &ping, 4900));
    sender_expire(sender, 4900);
    cr_assert_eq(answers.leases, 0);
    sender_expire(sender, 5000);
    cr_assert_eq(answers.leases, 1);
}
