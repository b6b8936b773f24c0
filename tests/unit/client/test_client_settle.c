#include "client_fixture.h"

#include "base/clock.h"
#include "wire/wire_message.h"

#include <criterion/criterion.h>
#include <string.h>

#define SHORT_MS 300

static enum herald_client_status
submit(struct client_fixture *self, const char *topic, struct herald_client_result *result)
{
    struct herald_client_notification one = client_fixture_notification(topic, "order-1");
    return herald_client_submit(self->client, &one, result);
}

/* Connected, and answered once: on a busy machine, under valgrind say, the first time may take
 * longer than a short time limit. */
static void
submit_until(struct client_fixture *self, enum herald_client_status wanted,
             struct herald_client_result *result)
{
    int64_t end_ms = clock_mono_ms() + 60000;
    enum herald_client_status status = submit(self, "accept", result);
    while (status != wanted && clock_mono_ms() < end_ms) {
        status = submit(self, "accept", result);
    }
    cr_assert_eq(status, wanted);
}

Test(client_settle, each_answer_of_the_producer_comes_through_with_its_words)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    struct herald_client_result result;
    cr_assert_eq(submit(self, "accept", &result), HERALD_CLIENT_ACCEPTED);
    cr_assert_eq(result.wire_status, WIRE_ACCEPTED);
    cr_assert_eq(result.position, 1U);
    cr_assert_eq(submit(self, "duplicate", &result), HERALD_CLIENT_DUPLICATE);
    cr_assert_eq(result.position, 7U);
    cr_assert_eq(submit(self, "conflict", &result), HERALD_CLIENT_CONFLICT);
    cr_assert_str_eq(result.text, "used for 3");
    cr_assert_eq(submit(self, "refuse", &result), HERALD_CLIENT_REFUSED);
    cr_assert_str_eq(result.field, "topic");
    cr_assert_str_eq(result.text, "not this one");
    cr_assert_eq(result.position, 0U);
    client_fixture_destroy(self);
}

Test(client_settle, no_answer_within_the_time_limit_is_unknown)
{
    struct client_fixture *self = client_fixture_new(
        (struct herald_client_options){.timeout_ms = SHORT_MS, .sends = 3}, true);
    struct herald_client_result result;
    submit_until(self, HERALD_CLIENT_ACCEPTED, &result);
    uint32_t before = self->producer.submit_count;
    self->producer.hold = true;
    int64_t begun_ms = clock_mono_ms();
    cr_assert_eq(submit(self, "accept", &result), HERALD_CLIENT_UNKNOWN);
    cr_assert_geq(clock_mono_ms() - begun_ms, SHORT_MS);
    cr_assert_eq(result.wire_status, 0);
    cr_assert_neq(strstr(result.text, "no answer from ipc://"), NULL, "%s", result.text);
    cr_assert_leq(self->producer.submit_count, before + 3);
    client_fixture_submit(self, "accept", 2);
    client_fixture_await(self, 2, 0);
    cr_assert_eq(self->last[0].status, HERALD_CLIENT_UNKNOWN);
    cr_assert_eq(self->last[1].status, HERALD_CLIENT_UNKNOWN);
    cr_assert_eq(self->answers[0] + self->answers[1], 2U);
    cr_assert_eq(herald_client_pending(self->client), 0U);
    client_fixture_destroy(self);
}

Test(client_settle, without_a_producer_the_words_are_that_it_was_not_sent)
{
    struct client_fixture *self =
        client_fixture_new((struct herald_client_options){.timeout_ms = SHORT_MS}, false);
    struct herald_client_result result;
    cr_assert_eq(submit(self, "accept", &result), HERALD_CLIENT_UNKNOWN);
    cr_assert_neq(strstr(result.text, "not sent"), NULL, "%s", result.text);
    client_fixture_destroy(self);
}

Test(client_settle, a_resend_carries_the_same_notifications_under_another_number)
{
    struct client_fixture *self =
        client_fixture_new((struct herald_client_options){.timeout_ms = 2000, .sends = 20}, true);
    self->producer.silent = 2;
    client_fixture_submit(self, "accept", 3);
    client_fixture_await(self, 3, 0);
    cr_assert_eq(self->answered_count, 3U);
    cr_assert_eq(self->producer.submit_count, 3U);
    cr_assert_eq(self->producer.seen_count, 9U);
    for (uint32_t i = 3; i < 9; i++) {
        cr_assert_str_eq(self->producer.seen[i], self->producer.seen[i - 3]);
    }
    cr_assert_str_eq(self->producer.seen[2], "id-2");
    cr_assert_neq(self->producer.requests[0], self->producer.requests[1]);
    cr_assert_neq(self->producer.requests[1], self->producer.requests[2]);
    client_fixture_destroy(self);
}

Test(client_settle, busy_is_tried_again_until_it_is_accepted)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    self->producer.busy = 3;
    struct herald_client_result result;
    cr_assert_eq(submit(self, "accept", &result), HERALD_CLIENT_ACCEPTED);
    cr_assert_eq(self->producer.submit_count, 4U);
    client_fixture_destroy(self);
}

Test(client_settle, busy_until_the_time_limit_is_busy_with_its_words)
{
    struct client_fixture *self =
        client_fixture_new((struct herald_client_options){.timeout_ms = 1500}, true);
    self->producer.busy = UINT32_MAX / 2;
    struct herald_client_result result;
    submit_until(self, HERALD_CLIENT_BUSY, &result);
    cr_assert_eq(result.wire_status, WIRE_BUSY);
    cr_assert_str_eq(result.text, "disk full");
    client_fixture_submit(self, "accept", 1);
    client_fixture_await(self, 1, 0);
    cr_assert_eq(self->last[0].status, HERALD_CLIENT_BUSY);
    client_fixture_destroy(self);
}

Test(client_settle, only_what_was_busy_in_a_frame_is_sent_again)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    self->producer.busy_part = 2;
    client_fixture_submit(self, "accept", 8);
    client_fixture_await(self, 8, 0);
    cr_assert_eq(self->producer.submit_count, 3U);
    cr_assert_eq(self->producer.seen_count, 8U + 4 + 2);
    static const char *const again[] = {"id-1", "id-3", "id-5", "id-7", "id-3", "id-7"};
    for (uint32_t i = 0; i < 6; i++) {
        cr_assert_str_eq(self->producer.seen[8 + i], again[i]);
    }
    for (uint32_t i = 0; i < 8; i++) {
        cr_assert_eq(self->answers[i], 1U);
        cr_assert_eq(self->last[i].status, HERALD_CLIENT_ACCEPTED);
    }
    client_fixture_destroy(self);
}

Test(client_settle, answers_that_make_no_sense_are_ignored_and_counted)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    self->producer.garbage = 1;
    struct herald_client_result result;
    cr_assert_eq(submit(self, "accept", &result), HERALD_CLIENT_ACCEPTED);
    cr_assert_eq(result.position, 1U);
    cr_assert_eq(herald_client_ignored(self->client), 3U);
    cr_assert_eq(self->producer.submit_count, 1U);
    client_fixture_destroy(self);
}

Test(client_settle, an_answer_that_comes_after_the_call_has_ended_disturbs_nobody)
{
    struct client_fixture *self =
        client_fixture_new((struct herald_client_options){.timeout_ms = SHORT_MS}, true);
    struct herald_client_result result;
    self->producer.hold = true;
    cr_assert_eq(submit(self, "accept", &result), HERALD_CLIENT_UNKNOWN);
    self->producer.hold = false;
    cr_assert_eq(submit(self, "conflict", &result), HERALD_CLIENT_CONFLICT);
    cr_assert_eq(submit(self, "accept", &result), HERALD_CLIENT_ACCEPTED);
    cr_assert_eq(herald_client_ignored(self->client), 0U);
    cr_assert_eq(self->answered_count, 0U);
    client_fixture_destroy(self);
}
