#include "consumer_fixture.h"

#include "base/clock.h"
#include "wire/wire_socket.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>

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

TestSuite(consumer_faults, .init = set_up, .fini = tear_down, .timeout = 120);

static void
deliver(uint64_t first_token, uint32_t count)
{
    fake_sender_deliver(&f.producer,
                        &(struct fake_load){.first_token = first_token, .count = count});
}

Test(consumer_faults, says_hello_again_and_again_until_somebody_answers)
{
    consumer_fixture_start(&f);
    cr_assert(fake_sender_expect(&f.producer, WIRE_HELLO));
    cr_assert(fake_sender_expect(&f.producer, WIRE_HELLO));
    cr_assert(fake_sender_welcome(&f.producer, WIRE_OK, ""));
    UNTIL(consumer_fixture_counts(&f).joined == 1);
}

Test(consumer_faults, says_hello_with_the_same_nonce_to_a_sender_that_fell_silent)
{
    f.producer.ping_ms = 100;
    consumer_fixture_join(&f);
    uint64_t nonce = f.producer.hello.nonce;
    UNTIL(atomic_load(&f.lost) == 1); /* its PINGs are not read, so not answered */
    while (fake_sender_expect(&f.producer, WIRE_HELLO) && f.producer.hello.nonce != nonce) {
    }
    cr_assert_eq(f.producer.hello.nonce, nonce);
    cr_assert(fake_sender_welcome(&f.producer, WIRE_OK, ""));
    UNTIL(consumer_fixture_counts(&f).joined == 1);
    deliver(1, 3);
    cr_assert_eq(herald_consumer_step(f.consumer, STEP_MS), 3);
    cr_assert(fake_sender_says(&f.producer, 1, 3, WIRE_OUTCOME_DONE));
}

Test(consumer_faults, says_hello_to_a_sender_that_does_not_know_it_any_more)
{
    f.producer.ping_ms = 100;
    consumer_fixture_join(&f);
    cr_assert(fake_sender_expect(&f.producer, WIRE_PING));
    f.producer.run++;
    fake_sender_pong(&f.producer, false);
    fake_sender_join(&f.producer);
    UNTIL(atomic_load(&f.joined) == 2);
    deliver(1, 1);
    cr_assert_eq(herald_consumer_step(f.consumer, STEP_MS), 1);
    cr_assert(fake_sender_says(&f.producer, 1, 1, WIRE_OUTCOME_DONE));
}

/* A PING is due in a minute only. */
Test(consumer_faults, asks_who_it_is_as_soon_as_the_connection_is_there_again)
{
    consumer_fixture_join(&f);
    fake_sender_restart(&f.producer);
    cr_assert(fake_sender_expect(&f.producer, WIRE_PING));
    fake_sender_pong(&f.producer, false);
    fake_sender_join(&f.producer);
    UNTIL(atomic_load(&f.joined) == 2);
    deliver(1, 1);
    cr_assert_eq(herald_consumer_step(f.consumer, STEP_MS), 1);
    cr_assert(fake_sender_says(&f.producer, 1, 1, WIRE_OUTCOME_DONE));
}

Test(consumer_faults, loses_nothing_by_a_welcome_that_comes_twice)
{
    consumer_fixture_join(&f);
    deliver(1, 2);
    cr_assert(fake_sender_welcome(&f.producer, WIRE_OK, ""));
    deliver(3, 2);
    cr_assert(consumer_fixture_waiting(&f, 4));
    cr_assert_eq(atomic_load(&f.joined), 1);
}

Test(consumer_faults, tells_that_it_was_refused)
{
    consumer_fixture_start(&f);
    cr_assert(fake_sender_expect(&f.producer, WIRE_HELLO));
    cr_assert(fake_sender_welcome(&f.producer, WIRE_DENIED, "a second database"));
    UNTIL(atomic_load(&f.refused) == 1);
    cr_assert_eq(consumer_fixture_counts(&f).joined, 0);
}

Test(consumer_faults, drops_and_counts_a_malformed_delivery_and_goes_on)
{
    static const uint8_t garbage[] = {0x93, 0x01, 0xc1};
    consumer_fixture_join(&f);
    fake_sender_lane_bytes(&f.producer, garbage, sizeof garbage);
    UNTIL(consumer_fixture_counts(&f).malformed == 1);
    struct wire_out out;
    size_t size = 0;
    wire_out_init(&out, 64);
    wire_plain_encode(&out, WIRE_STATS, 1); /* well-formed, and nothing for a lane */
    uint8_t *body = wire_out_take(&out, &size);
    cr_assert_eq(wire_socket_send(f.producer.lane, body, size), ERR_OK);
    UNTIL(consumer_fixture_counts(&f).malformed == 2);
    deliver(1, 1);
    cr_assert_eq(herald_consumer_step(f.consumer, STEP_MS), 1);
    cr_assert(fake_sender_says(&f.producer, 1, 1, WIRE_OUTCOME_DONE));
}

Test(consumer_faults, neither_applies_nor_answers_content_that_is_not_what_was_sent)
{
    consumer_fixture_join(&f);
    fake_sender_deliver(&f.producer,
                        &(struct fake_load){.first_token = 1, .count = 5, .spoilt = 2});
    cr_assert_eq(herald_consumer_step(f.consumer, STEP_MS), 3);
    cr_assert_eq(f.applied, 3);
    cr_assert_eq(consumer_fixture_counts(&f).malformed, 2);
    cr_assert(fake_sender_says(&f.producer, 3, 3, WIRE_OUTCOME_DONE));
}

Test(consumer_faults, neither_applies_nor_answers_what_is_no_notification)
{
    consumer_fixture_join(&f);
    fake_sender_deliver(&f.producer,
                        &(struct fake_load){.first_token = 1, .count = 3, .unsound = true});
    cr_assert_eq(herald_consumer_step(f.consumer, STEP_MS), 2);
    cr_assert_eq(f.applied, 2);
    cr_assert_eq(consumer_fixture_counts(&f).malformed, 1);
    cr_assert(fake_sender_says(&f.producer, 2, 2, WIRE_OUTCOME_DONE));
}

Test(consumer_faults, hands_back_the_deliveries_of_another_group_and_asks_who_it_is)
{
    consumer_fixture_join(&f);
    fake_sender_deliver(&f.producer,
                        &(struct fake_load){.first_token = 1, .count = 2, .group = "mail"});
    cr_assert(fake_sender_says(&f.producer, 1, 2, WIRE_OUTCOME_NOT_STARTED));
    cr_assert(fake_sender_expect(&f.producer, WIRE_PING));
    cr_assert_eq(f.applied, 0);
}

/* It would not be believed: the sender has started anew and not heard of it yet. */
Test(consumer_faults, hands_back_what_comes_before_a_sender_that_started_anew_knows_it)
{
    consumer_fixture_join(&f);
    f.producer.run++;
    fake_sender_deliver(&f.producer, &(struct fake_load){.first_token = 1, .count = 2});
    cr_assert(fake_sender_says(&f.producer, 1, 2, WIRE_OUTCOME_NOT_STARTED));
    cr_assert(fake_sender_expect(&f.producer, WIRE_PING));
    cr_assert_eq(f.applied, 0);
}

Test(consumer_faults, does_not_start_what_waited_for_longer_than_its_lease)
{
    consumer_fixture_join(&f);
    fake_sender_deliver(&f.producer,
                        &(struct fake_load){.first_token = 1, .count = 3, .lease_ms = 1});
    cr_assert(consumer_fixture_waiting(&f, 3));
    int64_t now_ms = clock_mono_ms();
    UNTIL(clock_mono_ms() > now_ms + 1);
    cr_assert_eq(herald_consumer_step(f.consumer, STEP_MS), 0);
    cr_assert_eq(f.applied, 0);
    cr_assert_eq(consumer_fixture_counts(&f).expired, 3);
    cr_assert(fake_sender_says(&f.producer, 1, 3, WIRE_OUTCOME_NOT_STARTED));
}

static void *
step_once(void *unused)
{
    (void)unused; /* the fixture is the file's */
    (void)herald_consumer_step(f.consumer, STEP_MS);
    return NULL;
}

Test(consumer_faults, hands_back_what_a_hung_handler_has_not_started_and_comes_back_after_it)
{
    pthread_t thread;
    f.options.hang_ms = 200;
    f.options.batch_max = 1;
    consumer_fixture_join(&f);
    atomic_store(&f.gate, false);
    deliver(1, 10);
    cr_assert_eq(pthread_create(&thread, NULL, step_once, NULL), 0);
    cr_assert(fake_sender_says(&f.producer, 2, 9, WIRE_OUTCOME_NOT_STARTED));
    UNTIL(consumer_fixture_counts(&f).joined == 0 && consumer_fixture_counts(&f).hung);
    cr_assert_eq(consumer_fixture_counts(&f).handed_back, 9);

    atomic_store(&f.gate, true);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    fake_sender_join(&f.producer);
    UNTIL(atomic_load(&f.recovered) == 1 && consumer_fixture_counts(&f).joined == 1);
    cr_assert(fake_sender_says(&f.producer, 1, 1, WIRE_OUTCOME_DONE), "what it did is said");
    deliver(11, 1);
    cr_assert_eq(herald_consumer_step(f.consumer, STEP_MS), 1);
    cr_assert(fake_sender_says(&f.producer, 11, 1, WIRE_OUTCOME_DONE));
}

static struct rlimit before;

/* None is left; what is open stays so. */
static void
take_descriptors(void)
{
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {.rlim_cur = 3, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
}

static void
give_descriptors(void)
{
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}

Test(consumer_faults, joins_once_there_are_descriptors_for_its_lane)
{
    consumer_fixture_start(&f);
    cr_assert(fake_sender_expect(&f.producer, WIRE_HELLO));
    take_descriptors();
    cr_assert(fake_sender_welcome(&f.producer, WIRE_OK, ""));
    UNTIL(atomic_load(&f.refused) == 1);
    cr_assert_eq(consumer_fixture_counts(&f).joined, 0);
    give_descriptors();
    fake_sender_join(&f.producer);
    UNTIL(atomic_load(&f.joined) == 1);
    deliver(1, 1);
    cr_assert_eq(herald_consumer_step(f.consumer, STEP_MS), 1);
    cr_assert(fake_sender_says(&f.producer, 1, 1, WIRE_OUTCOME_DONE));
}

Test(consumer_faults, joins_another_service_once_there_are_descriptors_for_its_front_door)
{
    struct fake_sender compensator;
    fake_sender_open(&compensator);
    compensator.plain = true;
    f.producer.plain = true;
    f.producer.compensator = compensator.front_endpoint;
    consumer_fixture_start(&f);
    cr_assert(fake_sender_expect(&f.producer, WIRE_HELLO));
    take_descriptors();
    cr_assert(fake_sender_welcome(&f.producer, WIRE_OK, ""));
    UNTIL(atomic_load(&f.refused) == 1 && atomic_load(&f.joined) == 1);
    give_descriptors();
    fake_sender_join(&compensator);
    UNTIL(consumer_fixture_counts(&f).joined == 2);
    herald_consumer_destroy(&f.consumer);
    fake_sender_close(&compensator);
}

Test(consumer_faults, comes_back_after_a_hung_handler_once_there_are_descriptors)
{
    pthread_t thread;
    f.options.hang_ms = 200;
    consumer_fixture_join(&f);
    atomic_store(&f.gate, false);
    deliver(1, 1);
    cr_assert_eq(pthread_create(&thread, NULL, step_once, NULL), 0);
    UNTIL(atomic_load(&f.hung) == 1);
    take_descriptors();
    atomic_store(&f.gate, true);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    UNTIL(atomic_load(&f.recovered) == 1 && atomic_load(&f.refused) == 1);
    give_descriptors();
    fake_sender_join(&f.producer);
    UNTIL(consumer_fixture_counts(&f).joined == 1);
    cr_assert(fake_sender_says(&f.producer, 1, 1, WIRE_OUTCOME_DONE), "what it did is said");
}

static void
on_alarm(int number)
{
    (void)number; /* that it comes is enough */
}

/* libzmq ends what it is at with EINTR. */
Test(consumer_faults, signals_at_any_moment_change_nothing)
{
    const struct sigaction action = {.sa_handler = on_alarm}; /* without SA_RESTART */
    const struct itimerval often = {.it_interval = {.tv_usec = 50}, .it_value = {.tv_usec = 50}};
    const struct itimerval never = {.it_value = {0}};
    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    for (int i = 0; i < 100; i++) {
        consumer_fixture_start(&f);
        herald_consumer_destroy(&f.consumer);
    }
    cr_assert_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
}
