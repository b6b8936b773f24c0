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

/* What a sender has announced and had answered, by user. */
static struct run {
    uint64_t announced; /* all below, each once and in order */
    uint64_t answered;  /* the same */
    uint64_t end;       /* of the run */
    uint64_t most;      /* announced and not answered yet */
    bool single;        /* an answer by itself, which is not announced */
} run;

static void
run_ahead(const void *owner, const struct sender_entry *entry)
{
    (void)owner;
    cr_assert_eq(entry->user, run.announced++);
    cr_assert_lt(entry->user, run.end, "one behind the run's end");
    uint64_t waiting = run.announced - run.answered;
    run.most = waiting > run.most ? waiting : run.most;
}

static void
run_answered(void *owner, const struct sender_entry *entry, const struct wire_outcome *outcome,
             bool outstanding)
{
    (void)owner;
    cr_assert(outstanding && outcome->outcome == OUTCOME_DONE);
    cr_assert_eq(entry->user, run.answered++);
    cr_assert(run.single || run.answered <= run.announced, "not announced");
}

/* Answers to so many deliveries, all in one run; a fresh one is behind them. */
static void
answer_run(sender_t *sender, outbox_t *outbox, uint32_t count)
{
    static uint64_t counter = 1;
    run = (struct run){.end = count, .single = count == 1};
    for (uint64_t i = 0; i <= count; i++) {
        const struct sender_offer offer = sender_fixture_offer("shop", i);
        cr_assert(sender_send(sender, &offer, 0, 0));
    }
    sender_flush(sender, 0);
    sender_fixture_leave(outbox, 0);
    sender_fixture_outcomes(sender, counter, count, OUTCOME_DONE);
    cr_assert_eq(run.answered, count);
    cr_assert_eq(run.announced, count == 1 ? 0 : count, "%u", count);
    cr_assert_leq(run.most, 16);
    run = (struct run){.answered = count, .single = true};
    sender_fixture_outcomes(sender, counter + count, 1, OUTCOME_DONE);
    cr_assert_eq(run.answered, count + 1U);
    cr_assert_eq(run.announced, 0);
    counter += count + 1U;
}

Test(sender, the_answers_of_a_run_are_announced_a_few_together)
{
    static const uint32_t counts[] = {1, 2, 15, 16, 17, 32, 33, LIMIT_FRAME_NOTIFICATIONS};
    struct sender_settings settings = {
        .log = LOG_PRODUCER,
        .run = 1,
        .lane_count = 1,
        .window = 2 * LIMIT_FRAME_NOTIFICATIONS,
        .lease_ms = 10000,
        .service = "producer",
        .answered = run_answered,
        .ahead = run_ahead,
    };
    outbox_t *outbox = outbox_new();
    sender_t *sender = sender_fixture_open_with(&settings, outbox);
    (void)sender_fixture_hello(sender, "shop", 1, 0);
    for (int round = 0; round < 200; round++) { /* more than once round the ring */
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            answer_run(sender, outbox, counts[i]);
        }
    }
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
