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

Test(compensator_front, a_frame_that_is_cut_anywhere_is_refused_and_changes_nothing)
{
    uint64_t id = 0;
    self.present = true;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    self.present = false;
    struct wire_case_order order = {.action = WIRE_CASE_REPLAY,
                                    .id = id,
                                    .by = {.data = "ada", .size = 3},
                                    .reason = {.data = "why not", .size = 7}};
    struct wire_out whole;
    wire_out_init(&whole, 64);
    wire_case_order_encode(&whole, 3, &order);
    for (size_t size = 0; size < whole.size; size++) {
        struct wire_out cut;
        wire_out_init(&cut, 64);
        wire_out_raw(&cut, whole.data, size);
        fixture_front(&self, &cut);
        uint8_t status = 0;
        cr_assert_eq(answered_type(&status), WIRE_ERROR);
        cr_assert_eq(status, WIRE_REFUSED);
    }
    wire_out_fini(&whole);
    cr_assert_eq(fixture_count(&self, RECORD_MOVED), 0);
}

Test(compensator_front, counters_say_what_was_done)
{
    self.present = true;
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    fixture_answer(&self, OUTCOME_DONE);
    struct wire_counter counters[WIRE_COUNTERS_MAX];
    uint32_t count = compensator_counters(self.core, counters, WIRE_COUNTERS_MAX);
    uint64_t done = 0;
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_gt(counters[i].name.size, 0);
        if (counters[i].name.size == 4 && memcmp(counters[i].name.data, "done", 4) == 0) {
            done = counters[i].value;
        }
    }
    cr_assert_eq(done, 1);
    cr_assert_leq(compensator_counters(self.core, counters, 3), 3);
}
