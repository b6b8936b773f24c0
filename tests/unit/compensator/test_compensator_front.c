#include "compensator_fixture.h"

#include <string.h>

static struct fixture self;

static void
setup(void)
{
    fixture_open(&self);
    self.present = false;
}

static void
teardown(void)
{
    fixture_close(&self);
}

TestSuite(compensator_front, .init = setup, .fini = teardown, .timeout = 60);

static uint8_t
answered_type(uint8_t *status)
{
    struct wire_in in;
    struct wire_head head;
    struct why why = {{0}};
    cr_assert_eq(wire_message_open(&in, self.answer, self.answer_size, &head, &why), ERR_OK);
    *status = head.type == WIRE_ERROR ? (uint8_t)wire_in_uint(&in, "status", 255) : 0;
    return head.type;
}

Test(compensator_front, a_consumer_of_a_known_group_is_welcome)
{
    cr_assert_eq(fixture_hello(&self, "plain", 0), WIRE_OK);
}

Test(compensator_front, a_group_that_no_subscription_names_is_not_found_and_not_added)
{
    cr_assert_eq(fixture_hello(&self, "strangers", 0), WIRE_NOT_FOUND);
    cr_assert_eq(fixture_hello(&self, "strangers", 0), WIRE_NOT_FOUND);
}

Test(compensator_front, a_second_database_of_a_group_is_denied_with_an_alarm)
{
    fixture_group(&self, "plain", 7, true, false);
    fixture_step(&self);
    cr_assert_eq(fixture_hello(&self, "plain", 8), WIRE_DENIED);
    cr_assert_eq(fixture_hello(&self, "plain", 0), WIRE_DENIED);
    cr_assert(fixture_alarmed(&self, "second_database"));
    cr_assert_eq(fixture_hello(&self, "plain", 7), WIRE_OK);
}

Test(compensator_front, a_consumer_that_is_silent_for_six_seconds_is_gone)
{
    fixture_advance(&self, 2 * COMPENSATOR_SILENCE_MS); /* those of the start */
    cr_assert_eq(fixture_hello(&self, "plain", 0), WIRE_OK);
    fixture_advance(&self, COMPENSATOR_SILENCE_MS - 1000);
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    cr_assert_eq(self.count, 1);
    fixture_advance(&self, 1000);
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    cr_assert_eq(self.count, 1);
}

Test(compensator_front, a_ping_keeps_a_consumer_and_tells_a_stranger_to_say_hello)
{
    cr_assert_eq(fixture_hello(&self, "plain", 0), WIRE_OK);
    struct wire_ping ping = {.name = {.data = "plain", .size = 5}, .nonce = self.nonce};
    for (int i = 0; i < 10; i++) {
        struct wire_out out;
        wire_out_init(&out, 64);
        wire_ping_encode(&out, 1, &ping);
        fixture_front(&self, &out);
        fixture_advance(&self, 2000);
    }
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    cr_assert_eq(self.count, 1);
}

Test(compensator_front, other_messages_are_unsupported)
{
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_plain_encode(&out, WIRE_WATCH, 9);
    fixture_front(&self, &out);
    uint8_t status = 0;
    cr_assert_eq(answered_type(&status), WIRE_ERROR);
    cr_assert_eq(status, WIRE_UNSUPPORTED);
}

/* Good msgpack and no message: its fields are of other types, or a value makes no sense. */
Test(compensator_front, every_message_with_a_wrong_field_is_refused)
{
    static const uint8_t types[] = {WIRE_HELLO, WIRE_PING,   WIRE_LEAVE,
                                    WIRE_CASES, WIRE_RESULT, WIRE_CASE};
    for (size_t i = 0; i < sizeof types; i++) {
        struct wire_out out;
        wire_out_init(&out, 64);
        wire_message_begin(&out, types[i], 1, 4);
        wire_out_nil(&out);
        fixture_front(&self, &out);
        uint8_t status = 0;
        cr_assert_eq(answered_type(&status), WIRE_ERROR, "type %u", types[i]);
        cr_assert_eq(status, WIRE_REFUSED);
    }
}

Test(compensator_front, an_outcome_that_no_receiver_may_say_is_refused)
{
    const struct wire_outcomes head = {.run = log_run(peers_own(self.peers)),
                                       .receiver = {.data = "r", .size = 1}};
    const struct wire_outcome said = {.first_token = 7, .count = 1, .outcome = OUTCOME_LEASE};
    struct wire_out out;
    wire_out_init(&out, 256);
    struct wire_outcomes_out list = wire_results_of_jobs(&out, &head);
    wire_outcomes_add(&list, &said);
    wire_outcomes_end(&list);
    fixture_front(&self, &out);
    uint8_t status = 0;
    cr_assert_eq(answered_type(&status), WIRE_ERROR);
    cr_assert_eq(status, WIRE_REFUSED);
}

static uint64_t
counter(const struct wire_counter *counters, uint32_t count, const char *name)
{
    uint64_t value = UINT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_gt(counters[i].name.size, 0);
        if (counters[i].name.size == strlen(name) &&
            memcmp(counters[i].name.data, name, strlen(name)) == 0) {
            value = counters[i].value;
        }
    }
    return value;
}

Test(compensator_front, counters_say_what_was_done_and_what_is_open)
{
    uint64_t id = 0;
    self.present = true;
    struct delivery_key first = fixture_given(&self, FIXTURE_REAPPLY);
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    fixture_answer_to(&self, 0, OUTCOME_DONE, NULL);
    cr_assert_null(fixture_entry(&self, first));
    struct wire_counter counters[WIRE_COUNTERS_MAX];
    uint32_t count = compensator_counters(self.core, counters, WIRE_COUNTERS_MAX);
    cr_assert_eq(counter(counters, count, "done"), 1);
    cr_assert_eq(counter(counters, count, "held"), 1);
    cr_assert_eq(counter(counters, count, "cases_open"), 1);
    cr_assert_leq(compensator_counters(self.core, counters, 3), 3);
}

Test(compensator_front, one_core_is_destroyed_once)
{
    outbox_t *outbox = outbox_new();
    compensator_t *core = compensator_new(&self.settings, self.peers, outbox);
    compensator_destroy(&core);
    cr_assert_null(core);
    compensator_destroy(&core);
    outbox_destroy(&outbox);
}
