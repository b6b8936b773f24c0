#include "client_fixture.h"

#include "base/clock.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <string.h>

static void
expect_all_accepted(const struct client_fixture *self, uint32_t count)
{
    cr_assert_eq(self->answered_count, count, "%u", self->answered_count);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(self->answers[i], 1U, "tag %u: %u times", i, self->answers[i]);
        cr_assert_eq(self->last[i].status, HERALD_CLIENT_ACCEPTED);
    }
    cr_assert_eq(herald_client_pending(self->client), 0U);
}

Test(client_submit, many_at_once_leave_in_few_frames_and_each_tag_is_answered_once)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    client_fixture_submit(self, "accept", 3000);
    cr_assert_eq(herald_client_pending(self->client), 3000U);
    client_fixture_await(self, 3000, 0);
    expect_all_accepted(self, 3000);
    cr_assert_leq(self->producer.submit_count, 5U, "%u frames", self->producer.submit_count);
    cr_assert_eq(self->producer.largest, (uint32_t)LIMIT_FRAME_NOTIFICATIONS);
    uint32_t first = 0; /* of a frame: positions are in the order of its items */
    for (uint32_t i = 0; i < 3000; i++) {
        first = i == 342 || i == 684 || i == 1026 || i == 2050 ? i : first;
        cr_assert_eq(self->last[i].position - self->last[first].position, i - first);
    }
    client_fixture_destroy(self);
}

Test(client_submit, large_payloads_are_spread_over_frames_that_fit)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    char *payload = mem_zeroed(LIMIT_PAYLOAD_BYTES);
    for (uint32_t i = 0; i < 40; i++) {
        char biz_id[3] = {(char)('a' + i / 10), (char)('0' + i % 10), '\0'};
        struct herald_client_notification large = client_fixture_notification("accept", biz_id);
        large.payload = payload;
        large.payload_size = LIMIT_PAYLOAD_BYTES;
        cr_assert_eq(herald_client_submit_async(self->client, &large, i, NULL), ERR_OK);
    }
    client_fixture_await(self, 40, 0);
    expect_all_accepted(self, 40);
    cr_assert_eq(self->producer.largest, 15U, "%u", self->producer.largest);
    mem_free(payload);
    client_fixture_destroy(self);
}

Test(client_submit, a_full_window_refuses_one_more_and_changes_nothing)
{
    struct client_fixture *self =
        client_fixture_new((struct herald_client_options){.window = 10}, true);
    client_fixture_submit(self, "accept", 10);
    struct herald_client_notification more = client_fixture_notification("accept", "more");
    struct why why;
    cr_assert_eq(herald_client_submit_async(self->client, &more, 10, &why), ERR_FULL);
    cr_assert_neq(strstr(why.text, "window"), NULL, "%s", why.text);
    cr_assert_eq(herald_client_pending(self->client), 10U);
    client_fixture_await(self, 10, 0);
    expect_all_accepted(self, 10);
    cr_assert_eq(herald_client_submit_async(self->client, &more, 10, &why), ERR_OK);
    client_fixture_await(self, 11, 0);
    expect_all_accepted(self, 11);
    client_fixture_destroy(self);
}

Test(client_submit, full_frames_that_nobody_answers_refuse_one_more)
{
    struct client_fixture *self =
        client_fixture_new((struct herald_client_options){.window = 65536}, false);
    char *payload = mem_zeroed(LIMIT_PAYLOAD_BYTES);
    struct herald_client_notification large = client_fixture_notification("accept", "large");
    large.payload = payload;
    large.payload_size = LIMIT_PAYLOAD_BYTES;
    struct why why;
    uint64_t tag = 0;
    err_t rc = ERR_OK;
    while (rc == ERR_OK && tag < FIXTURE_TAGS) {
        rc = herald_client_submit_async(self->client, &large, tag, &why);
        tag += rc == ERR_OK;
    }
    cr_assert_eq(rc, ERR_FULL);
    cr_assert_eq(tag, 65U * 15, "%llu", (unsigned long long)tag);
    cr_assert_eq(herald_client_pending(self->client), (size_t)tag);
    fake_producer_start(&self->producer);
    client_fixture_await(self, (uint32_t)tag, 0);
    expect_all_accepted(self, (uint32_t)tag);
    mem_free(payload);
    client_fixture_destroy(self);
}

Test(client_submit, what_no_frame_could_carry_is_refused_here)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    char *large = mem_zeroed(LIMIT_FRAME_BYTES + 1);
    memset(large, 'x', LIMIT_FRAME_BYTES);
    struct herald_client_notification payload = client_fixture_notification("accept", "a");
    payload.payload = large;
    payload.payload_size = LIMIT_FRAME_BYTES;
    struct why why;
    cr_assert_eq(herald_client_submit_async(self->client, &payload, 0, &why), ERR_INVALID);
    cr_assert_neq(strstr(why.text, "payload"), NULL, "%s", why.text);
    struct herald_client_notification biz_id = client_fixture_notification("accept", large);
    cr_assert_eq(herald_client_submit_async(self->client, &biz_id, 0, &why), ERR_INVALID);
    struct herald_client_result result;
    cr_assert_eq(herald_client_submit(self->client, &payload, &result), HERALD_CLIENT_REFUSED);
    cr_assert_neq(strstr(result.text, "payload"), NULL, "%s", result.text);
    cr_assert_eq(herald_client_pending(self->client), 0U);
    (void)herald_client_step(self->client, 0); /* nothing is to come */
    cr_assert_eq(self->producer.submit_count, 0U);
    mem_free(large);
    client_fixture_destroy(self);
}

Test(client_submit, what_was_handed_over_before_the_producer_was_there_reaches_it)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, false);
    for (uint32_t i = 0; i < 5; i++) {
        char biz_id[2] = {(char)('a' + i), '\0'};
        struct herald_client_notification one = client_fixture_notification("accept", biz_id);
        cr_assert_eq(herald_client_submit_async(self->client, &one, i, NULL), ERR_OK);
        cr_assert_eq(herald_client_step(self->client, 0), 0U);
    }
    fake_producer_start(&self->producer);
    client_fixture_await(self, 5, 0);
    expect_all_accepted(self, 5);
    cr_assert_leq(self->producer.submit_count, 2U); /* the first, and what gathered behind it */
    client_fixture_destroy(self);
}

Test(client_submit, after_the_producer_came_back_what_was_unanswered_is_sent_at_once)
{
    struct client_fixture *self =
        client_fixture_new((struct herald_client_options){.timeout_ms = 60000}, true);
    self->producer.hold = true;
    client_fixture_submit(self, "accept", 3);
    int64_t limit_ms = clock_mono_ms() + 10000;
    while (self->producer.submit_count == 0 && clock_mono_ms() < limit_ms) {
        (void)herald_client_step(self->client, 10); /* the count says it */
    }
    fake_producer_stop(&self->producer);
    self->producer.hold = false;
    fake_producer_start(&self->producer);
    client_fixture_await(self, 3, 0); /* 15 s would pass without a word of the connection */
    expect_all_accepted(self, 3);
    client_fixture_destroy(self);
}

static void
submit_more(void *context, uint64_t tag, const struct herald_client_result *result)
{
    struct client_fixture *self = context;
    (void)result; /* the tags say enough */
    self->answered_count++;
    self->answers[tag]++;
    struct herald_client_notification more = client_fixture_notification("accept", "more");
    for (uint64_t i = 2 * tag + 1; i <= 2 * tag + 2 && i < 1023; i++) {
        cr_assert_eq(herald_client_submit_async(self->client, &more, i, NULL), ERR_OK);
    }
}

Test(client_submit, a_callback_may_submit_more)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    herald_client_destroy(&self->client);
    const struct herald_client_options options = {
        .producer = self->producer.endpoint, .context = self, .submitted = submit_more};
    cr_assert_eq(herald_client_new(&self->client, &options, NULL), ERR_OK);
    client_fixture_submit(self, "accept", 1);
    client_fixture_await(self, 1023, 0);
    cr_assert_eq(self->answered_count, 1023U);
    for (uint32_t i = 0; i < 1023; i++) {
        cr_assert_eq(self->answers[i], 1U);
    }
    client_fixture_destroy(self);
}

Test(client_submit, without_a_function_to_be_told_asynchronous_submits_are_refused)
{
    herald_client_t *client = NULL;
    const struct herald_client_options options = {.producer = "ipc:///tmp/herald-nobody"};
    cr_assert_eq(herald_client_new(&client, &options, NULL), ERR_OK);
    struct herald_client_notification one = client_fixture_notification("accept", "a");
    cr_assert_eq(herald_client_submit_async(client, &one, 0, NULL), ERR_INVALID);
    herald_client_destroy(&client);
    cr_assert_eq(client, NULL);
    herald_client_destroy(&client);
}

struct wrong_options {
    struct herald_client_options options;
    const char *named;
};

Test(client_submit, options_over_their_limits_are_named)
{
    static const char here[] = "ipc:///tmp/herald-nobody";
    static char long_name[LIMIT_NAME_BYTES + 2];
    memset(long_name, 'n', sizeof long_name - 1);
    const struct wrong_options wrong[] = {
        {{.producer = NULL}, "producer"},
        {{.producer = ""}, "producer"},
        {{.producer = "nonsense"}, "nonsense"},
        {{.producer = here, .name = long_name}, "name"},
        {{.producer = here, .name = "a\nb"}, "name"},
        {{.producer = here, .timeout_ms = 3600001}, "timeout_ms"},
        {{.producer = here, .sends = 65}, "sends"},
        {{.producer = here, .window = 65537}, "window"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        herald_client_t *client = NULL;
        struct why why;
        cr_assert_eq(herald_client_new(&client, &wrong[i].options, &why), ERR_INVALID, "%zu", i);
        cr_assert_neq(strstr(why.text, wrong[i].named), NULL, "%s", why.text);
        cr_assert_eq(client, NULL);
    }
}
