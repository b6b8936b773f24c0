/* The ring begins small and doubles when the next place is not free. */
#include "sender_fixture.h"

#include <criterion/criterion.h>

static struct answers answers;
static outbox_t *outbox;
static sender_t *sender;

static void
setup(void)
{
    answers = (struct answers){0};
    outbox = outbox_new();
    sender = sender_fixture_open(&answers, outbox);
    (void)sender_fixture_hello(sender, "shop", 1, 0);
}

static void
teardown(void)
{
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}

TestSuite(sender_ring, .init = setup, .fini = teardown);

static void
send_out(int64_t now_ms)
{
    cr_assert(sender_fixture_send(sender, "shop", now_ms));
    sender_fixture_leave(outbox, 0);
    sender_left(sender, now_ms);
}

/* So many are sent and DONE at once; a number may be passed by, and has no delivery then. */
static void
turn(uint64_t *counter, uint64_t count, int64_t now_ms)
{
    for (uint64_t i = 0; i < count; i++) {
        uint32_t done = answers.done;
        send_out(now_ms);
        while (answers.done == done) {
            sender_fixture_outcome(sender, (*counter)++, OUTCOME_DONE);
        }
    }
}

static void
ping(int64_t now_ms)
{
    const struct wire_ping here = {.name = sender_fixture_text("node-1"), .nonce = 1};
    cr_assert(sender_ping(sender, &here, now_ms));
}

Test(sender_ring, what_is_late_is_remembered_until_the_largest_has_come_round)
{
    send_out(0);
    sender_expire(sender, 3100);
    cr_assert_eq(answers.leases, 1);
    (void)sender_fixture_hello(sender, "shop", 1, 3200);
    uint64_t counter = 2;
    turn(&counter, 131000, 3200);
    sender_fixture_outcome(sender, 1, OUTCOME_DONE);
    cr_assert_eq(answers.late, 1);
    sender_fixture_outcome(sender, 1, OUTCOME_DONE);
    cr_assert_eq(answers.late, 1, "once");
}

Test(sender_ring, what_is_late_makes_room_in_the_largest)
{
    send_out(0);
    sender_expire(sender, 3100);
    (void)sender_fixture_hello(sender, "shop", 1, 3200);
    uint64_t counter = 2;
    turn(&counter, 131080, 3200);
    sender_fixture_outcome(sender, 1, OUTCOME_DONE);
    cr_assert_eq(answers.late, 0);
}

/* However often it has doubled since. */
Test(sender_ring, what_was_out_when_it_grew_expires_at_its_time)
{
    static const uint64_t turns[] = {2047, 2048, 5000, 20000, 140000};
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        teardown();
        setup();
        send_out(0);
        send_out(0);
        uint64_t counter = 3;
        turn(&counter, turns[i], 100);
        cr_assert_eq(sender_outstanding(sender), 2);
        ping(2900);
        sender_expire(sender, 2900);
        cr_assert_eq(answers.leases, 0, "%zu", i);
        sender_expire(sender, 3000);
        cr_assert_eq(answers.leases, 2, "%zu", i);
        cr_assert_eq(sender_outstanding(sender), 0);
    }
}

Test(sender_ring, what_was_out_when_it_grew_is_lost_with_its_receiver)
{
    static const uint64_t turns[] = {2040, 2048, 5000, 140000};
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        teardown();
        setup();
        uint64_t counter = 1;
        turn(&counter, 1000, 0);
        for (int out = 0; out < 5; out++, counter++) {
            send_out(0);
        }
        turn(&counter, turns[i], 100);
        sender_expire(sender, 200); /* what is done is passed over */
        const struct wire_ping gone = {.name = sender_fixture_text("node-1"), .nonce = 1};
        sender_leave(sender, &gone);
        cr_assert_eq(answers.lost, 5, "%zu", i);
        cr_assert_eq(sender_outstanding(sender), 0);
    }
}

Test(sender_ring, what_was_out_when_it_grew_is_answered)
{
    send_out(0);
    send_out(0);
    uint64_t counter = 3;
    turn(&counter, 9000, 0);
    uint32_t done = answers.done;
    sender_fixture_outcomes(sender, 1, 2, OUTCOME_DONE);
    cr_assert_eq(answers.done, done + 2);
    cr_assert_eq(sender_outstanding(sender), 0);
}
