#include "consumer_fixture.h"

#include "base/clock.h"
#include "wire/wire_socket.h"

#include <limits.h>
#include <string.h>

static struct consumer_fixture f;

static void
set_up(void)
{
    consumer_fixture_init(&f);
}

static void
tear_down(void)
{
    consumer_fixture_fini(&f);
}

TestSuite(herald_consumer, .init = set_up, .fini = tear_down, .timeout = 120);

static size_t
step(void)
{
    return herald_consumer_step(f.consumer, STEP_MS);
}

static void
deliver(uint64_t first_token, uint32_t count)
{
    fake_sender_deliver(&f.producer,
                        &(struct fake_load){.first_token = first_token, .count = count});
}

Test(herald_consumer, says_who_it_is_and_what_it_can_in_its_hello)
{
    static const uint8_t identity[16] = {1, 2, 3};
    f.options.identity = identity;
    f.options.undo = NULL;
    consumer_fixture_start(&f);
    cr_assert(fake_sender_expect(&f.producer, WIRE_HELLO));
    const struct wire_hello *hello = &f.producer.hello;
    cr_assert_eq(hello->party, WIRE_PARTY_CONSUMER);
    cr_assert(hello->group.size == 6 && memcmp(hello->group.data, "orders", 6) == 0);
    cr_assert(hello->name.size == 6 && memcmp(hello->name.data, "test-1", 6) == 0);
    cr_assert(hello->identity.size == 16 && memcmp(hello->identity.data, identity, 16) == 0);
    cr_assert_eq(hello->capabilities, WIRE_CAN_FENCE);
    cr_assert_neq(hello->nonce, 0);
}

Test(herald_consumer, refuses_options_that_make_no_sense_and_names_them)
{
    struct why why = {{0}};
    f.options.group = "";
    cr_assert_eq(herald_consumer_new(&f.consumer, &f.options, &why), ERR_INVALID);
    cr_assert(strncmp(why.text, "group:", 6) == 0, "%s", why.text);
    f.options.group = "orders";
    f.options.producer = "nowhere";
    cr_assert_eq(herald_consumer_new(&f.consumer, &f.options, &why), ERR_INVALID);
    cr_assert(strncmp(why.text, "producer:", 9) == 0, "%s", why.text);
    f.options.producer = f.producer.front_endpoint;
    f.options.batch_max = HERALD_CONSUMER_BATCH_MAX + 1;
    cr_assert_eq(herald_consumer_new(&f.consumer, &f.options, &why), ERR_INVALID);
    cr_assert(strncmp(why.text, "batch_max:", 10) == 0, "%s", why.text);
    cr_assert_null(f.consumer);
}

Test(herald_consumer, a_check_refuses_what_a_start_refuses_and_connects_to_nobody)
{
    struct why why = {{0}};
    struct herald_consumer_options options = f.options;
    options.apply = NULL; /* handlers are no settings */
    cr_assert_eq(herald_consumer_check(&options, &why), ERR_OK, "%s", why.text);
    options.producer = "tcp://127.0.0.1";
    cr_assert_eq(herald_consumer_check(&options, &why), ERR_INVALID);
    cr_assert(strncmp(why.text, "producer:", 9) == 0, "%s", why.text);
    options.producer = f.options.producer;
    options.name = "";
    cr_assert_eq(herald_consumer_check(&options, &why), ERR_INVALID);
    cr_assert(strncmp(why.text, "name:", 5) == 0, "%s", why.text);
    options.name = f.options.name;
    options.keys = "/nowhere";
    cr_assert_eq(herald_consumer_check(&options, &why), ERR_NOT_FOUND);
    cr_assert_not_null(strstr(why.text, "/nowhere/secret.key"), "%s", why.text);
}

Test(herald_consumer, answers_a_batch_that_is_done_with_one_run_in_one_frame)
{
    consumer_fixture_join(&f);
    deliver(100, 300);
    cr_assert_eq(step(), 300);
    cr_assert_str_eq(f.last_biz_id, "b399");
    cr_assert(fake_sender_says(&f.producer, 100, 300, WIRE_OUTCOME_DONE));
}

Test(herald_consumer, passes_on_when_and_why_to_try_again)
{
    consumer_fixture_join(&f);
    f.answer = (struct herald_consumer_answer){
        .outcome = HERALD_CONSUMER_RETRY, .not_before_ms = 1500, .reason = "no such order yet"};
    deliver(1, 2);
    cr_assert_eq(step(), 2);
    struct wire_outcomes head;
    cr_assert(fake_sender_outcomes(&f.producer, &head));
    cr_assert_eq(head.count, 2);
    cr_assert_eq(head.lane, 3);
    cr_assert(head.receiver.size == 6 && memcmp(head.receiver.data, "test-1", 6) == 0);
    for (uint64_t token = 1; token <= 2; token++) {
        struct wire_outcome said;
        cr_assert(wire_outcome_next(&f.producer.in, &said));
        cr_assert_eq(said.first_token, token);
        cr_assert_eq(said.outcome, WIRE_OUTCOME_RETRY);
        cr_assert_eq(said.not_before_ms, 1500);
        cr_assert(said.reason.size == 17 && memcmp(said.reason.data, "no such order yet", 17) == 0);
    }
}

Test(herald_consumer, takes_an_answer_that_is_none_for_a_retry)
{
    consumer_fixture_join(&f);
    f.answer.outcome = (enum herald_consumer_outcome)0;
    deliver(1, 1);
    cr_assert_eq(step(), 1);
    cr_assert(fake_sender_says(&f.producer, 1, 1, WIRE_OUTCOME_RETRY));
    f.answer.outcome = HERALD_CONSUMER_UNDONE; /* nobody asked for that */
    deliver(2, 1);
    cr_assert_eq(step(), 1);
    cr_assert(fake_sender_says(&f.producer, 2, 1, WIRE_OUTCOME_RETRY));
}

Test(herald_consumer, answers_nothing_when_the_handler_returns_false)
{
    consumer_fixture_join(&f);
    f.silent = true;
    deliver(1, 5);
    cr_assert_eq(step(), 5);
    f.silent = false;
    deliver(6, 1);
    cr_assert_eq(step(), 1);
    cr_assert(fake_sender_says(&f.producer, 6, 1, WIRE_OUTCOME_DONE), "the next one is the first");
}

Test(herald_consumer, handles_what_travels_alone_in_a_batch_of_its_own)
{
    consumer_fixture_join(&f);
    deliver(1, 2);
    fake_sender_deliver(&f.producer,
                        &(struct fake_load){.first_token = 3, .count = 1, .alone = true});
    deliver(4, 2);
    cr_assert(consumer_fixture_waiting(&f, 5));
    cr_assert_eq(step(), 2);
    cr_assert_eq(step(), 1);
    cr_assert_str_eq(f.last_biz_id, "b3");
    cr_assert_eq(step(), 2);
}

Test(herald_consumer, keeps_a_batch_to_its_limit)
{
    f.options.batch_max = 4;
    consumer_fixture_join(&f);
    deliver(1, 10);
    cr_assert(consumer_fixture_waiting(&f, 10));
    cr_assert_eq(step(), 4);
    cr_assert_eq(step(), 4);
    cr_assert_eq(step(), 2);
}

Test(herald_consumer, says_working_before_the_end_when_its_handler_does)
{
    consumer_fixture_join(&f);
    f.working = true;
    deliver(1, 3);
    cr_assert_eq(step(), 3);
    cr_assert(fake_sender_says(&f.producer, 1, 3, WIRE_OUTCOME_WORKING));
    cr_assert(fake_sender_says(&f.producer, 1, 3, WIRE_OUTCOME_DONE));
}

Test(herald_consumer, holds_an_answer_until_the_outcome_socket_is_there)
{
    fake_sender_close(&f.producer);
    fake_sender_open_without_outcome(&f.producer);
    f.options.producer = f.producer.front_endpoint;
    consumer_fixture_join(&f);
    deliver(1, 1);
    cr_assert_eq(step(), 1);
    fake_sender_bind_outcome(&f.producer);
    cr_assert(fake_sender_says(&f.producer, 1, 1, WIRE_OUTCOME_DONE));
}

Test(herald_consumer, fences_and_undoes_for_the_compensator_over_its_front_door)
{
    struct fake_sender compensator;
    fake_sender_open(&compensator);
    compensator.plain = true;
    f.producer.compensator = compensator.front_endpoint;
    consumer_fixture_join(&f);
    fake_sender_join(&compensator);
    UNTIL(consumer_fixture_counts(&f).joined == 2);

    const struct {
        enum wire_action action;
        enum herald_consumer_outcome outcome;
    } jobs[] = {{WIRE_ACTION_FENCE, HERALD_CONSUMER_FENCED},
                {WIRE_ACTION_UNDO, HERALD_CONSUMER_UNDONE},
                {WIRE_ACTION_REAPPLY, HERALD_CONSUMER_DONE}};
    for (size_t i = 0; i < 3; i++) {
        struct wire_outcomes head;
        struct wire_outcome said;
        f.answer.outcome = jobs[i].outcome;
        fake_sender_job(&compensator, 40 + i, jobs[i].action);
        cr_assert_eq(step(), 1);
        cr_assert(fake_sender_results(&compensator, &head));
        cr_assert(head.run == compensator.run && head.count == 1);
        cr_assert(wire_outcome_next(&compensator.in, &said));
        cr_assert(said.first_token == 40 + i && said.outcome == (uint8_t)jobs[i].outcome);
    }
    cr_assert(f.fenced == 1 && f.undone == 1 && f.applied == 1);
    herald_consumer_destroy(&f.consumer);
    fake_sender_close(&compensator);
}

Test(herald_consumer, rejects_a_fence_when_its_program_cannot)
{
    struct fake_sender compensator;
    fake_sender_open(&compensator);
    compensator.plain = true;
    f.producer.compensator = compensator.front_endpoint;
    f.options.fence = NULL;
    f.options.undo = NULL;
    consumer_fixture_join(&f);
    fake_sender_join(&compensator);
    fake_sender_job(&compensator, 1, WIRE_ACTION_FENCE);
    cr_assert_eq(step(), 1);
    struct wire_outcomes head;
    struct wire_outcome said;
    cr_assert(fake_sender_results(&compensator, &head));
    cr_assert(wire_outcome_next(&compensator.in, &said));
    cr_assert_eq(said.outcome, WIRE_OUTCOME_REJECT);
    herald_consumer_destroy(&f.consumer);
    fake_sender_close(&compensator);
}

Test(herald_consumer, wakes_a_waiting_step_when_it_is_stopped)
{
    consumer_fixture_join(&f);
    herald_consumer_stop(f.consumer);
    int64_t before_ms = clock_mono_ms();
    cr_assert_eq(herald_consumer_step(f.consumer, 60000), 0);
    cr_assert_lt(clock_mono_ms() - before_ms, 30000);
}

Test(herald_consumer, does_not_wait_where_less_than_no_time_is_given)
{
    consumer_fixture_join(&f);
    cr_assert_eq(herald_consumer_step(f.consumer, 0), 0);
    cr_assert_eq(herald_consumer_step(f.consumer, -1), 0);
    cr_assert_eq(herald_consumer_step(f.consumer, INT_MIN), 0);
    deliver(1, 1);
    cr_assert(consumer_fixture_waiting(&f, 1));
    cr_assert_eq(herald_consumer_step(f.consumer, INT_MIN), 1);
}

Test(herald_consumer, hands_back_what_was_not_started_when_it_is_destroyed)
{
    consumer_fixture_join(&f);
    deliver(1, 20);
    cr_assert(consumer_fixture_waiting(&f, 20));
    herald_consumer_destroy(&f.consumer);
    cr_assert(fake_sender_says(&f.producer, 1, 20, WIRE_OUTCOME_NOT_STARTED));
}

/* One that is missed when it comes is found a quarter of a second later, when all are asked. */
Test(herald_consumer, hears_each_delivery_when_it_comes)
{
    consumer_fixture_join(&f);
    int64_t begun_ms = clock_mono_ms();
    for (uint64_t token = 1; token <= 240; token++) {
        deliver(token, 1);
        cr_assert_eq(step(), 1U);
        cr_assert(fake_sender_says(&f.producer, token, 1, WIRE_OUTCOME_DONE));
    }
    cr_assert_lt(clock_mono_ms() - begun_ms, 30000);
}
