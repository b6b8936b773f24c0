/* When frames of asynchronous submits leave, and how large they are then. */
#include "client_fixture.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <poll.h>

#define FULL LIMIT_FRAME_NOTIFICATIONS
#define PARTS 3
#define PART ((FULL + PARTS - 1) / PARTS)

/* The producer has had so many frames, and the client does nothing meanwhile. */
static bool
arrived(struct client_fixture *self, uint32_t frames)
{
    int64_t limit_ms = clock_mono_ms() + 10000;
    while (self->producer.submit_count < frames && clock_mono_ms() < limit_ms) {
        (void)poll(NULL, 0, 1); /* looked at again either way */
    }
    return self->producer.submit_count == frames;
}

/* The connection is there: one has been answered over it. */
static void
connect_first(struct client_fixture *self)
{
    client_fixture_submit(self, "accept", 1);
    client_fixture_await(self, 1, 0);
    cr_assert_eq(self->answered_count, 1U);
    cr_assert_eq(self->producer.submit_count, 1U);
}

static void
expect_each_answered(struct client_fixture *self, uint32_t count, uint32_t twice)
{
    client_fixture_await(self, count + twice, 0);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(self->answers[i], i < twice ? 2U : 1U, "tag %u: %u", i, self->answers[i]);
        cr_assert_eq(self->last[i].status, HERALD_CLIENT_ACCEPTED);
    }
    cr_assert_eq(herald_client_pending(self->client), 0U);
}

Test(client_frames, a_third_of_a_frame_leaves_before_the_step)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    connect_first(self);
    client_fixture_submit(self, "accept", PART + 1);
    cr_assert(arrived(self, 2), "%u frames", self->producer.submit_count);
    cr_assert_eq(self->producer.largest, (uint32_t)PART, "%u", self->producer.largest);
    expect_each_answered(self, PART + 1, 1);
    cr_assert_eq(self->producer.submit_count, 3U);
    client_fixture_destroy(self);
}

Test(client_frames, three_parts_are_under_way_and_then_full_frames)
{
    struct client_fixture *self =
        client_fixture_new((struct herald_client_options){.timeout_ms = 60000}, true);
    connect_first(self);
    self->producer.hold = true;
    client_fixture_submit(self, "accept", PARTS * PART + 1);
    cr_assert(arrived(self, 1 + PARTS), "%u frames", self->producer.submit_count);
    cr_assert_eq(self->producer.largest, (uint32_t)PART, "%u", self->producer.largest);
    client_fixture_submit(self, "accept", FULL);
    cr_assert(arrived(self, 2 + PARTS), "%u frames", self->producer.submit_count);
    cr_assert_eq(self->producer.largest, (uint32_t)FULL, "%u", self->producer.largest);
    client_fixture_destroy(self);
}

/* The first answer's callback fills two frames and begins a third. */
static void
submit_frames(void *context, uint64_t tag, const struct herald_client_result *result)
{
    struct client_fixture *self = context;
    self->answered_count++;
    self->answers[tag]++;
    self->last[tag] = *result;
    struct herald_client_notification more = client_fixture_notification("accept", "more");
    for (uint64_t i = 10; tag == 0 && i < 10 + 2 * FULL + 1; i++) {
        cr_assert_eq(herald_client_submit_async(self->client, &more, i, NULL), ERR_OK);
    }
}

Test(client_frames, a_callback_may_fill_frames)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    herald_client_destroy(&self->client);
    const struct herald_client_options options = {
        .producer = self->producer.endpoint, .context = self, .submitted = submit_frames};
    cr_assert_eq(herald_client_new(&self->client, &options, NULL), ERR_OK);
    client_fixture_submit(self, "accept", 10); /* one frame, which is being settled then */
    expect_each_answered(self, 10 + 2 * FULL + 1, 0);
    cr_assert_eq(self->producer.submit_count, 5U, "%u frames", self->producer.submit_count);
    client_fixture_destroy(self);
}
