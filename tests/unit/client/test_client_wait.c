/* How the client sleeps: nothing that comes is missed, whatever else it has to do. */
#include "client_fixture.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <zmq.h>

#define ROUNDS 300
#define PATIENCE_MS 10000

static void
submit_one(struct client_fixture *self, uint32_t tag)
{
    char biz_id[16];
    (void)snprintf(biz_id, sizeof biz_id, "id-%u", tag); /* fits */
    struct herald_client_notification one = client_fixture_notification("accept", biz_id);
    cr_assert_eq(herald_client_submit_async(self->client, &one, tag, NULL), ERR_OK);
}

/* As the header says: until that returns 0. */
static void
step_through(struct client_fixture *self)
{
    while (herald_client_step(self->client, 0) > 0) {
    }
}

/* An event loop of its own sleeps on the descriptor only. The first is submitted before there is a
 * connection, and each send may take the news of an answer in passing. */
Test(client_wait, the_descriptor_alone_tells_of_every_answer)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    struct pollfd item = {.fd = herald_client_fd(self->client), .events = POLLIN};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        submit_one(self, i);
        step_through(self);
        while (self->answered_count == i) {
            cr_assert_eq(poll(&item, 1, PATIENCE_MS), 1, "answer %u was missed", i);
            step_through(self);
        }
    }
    cr_assert_eq(herald_client_pending(self->client), 0U);
    client_fixture_destroy(self);
}

/* Many at a time, sent as soon as one is answered: some answers come while others are sent. */
Test(client_wait, the_descriptor_tells_of_answers_that_come_during_sends)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    struct pollfd item = {.fd = herald_client_fd(self->client), .events = POLLIN};
    uint32_t sent = 0;
    while (self->answered_count < ROUNDS) {
        while (sent < ROUNDS && sent - self->answered_count < 8) {
            submit_one(self, sent++);
            (void)herald_client_step(self->client, 0); /* a frame of its own */
        }
        step_through(self);
        if (self->answered_count < sent) {
            cr_assert_eq(poll(&item, 1, PATIENCE_MS), 1, "%u of %u", self->answered_count, sent);
            step_through(self);
        }
    }
    client_fixture_destroy(self);
}

/* libzmq looks at its news in a send too, when it has not for some milliseconds: the descriptor is
 * silent then, and the second is not answered. */
Test(client_wait, an_answer_that_a_send_heard_of_is_not_missed)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    struct pollfd item = {.fd = herald_client_fd(self->client), .events = POLLIN};
    submit_one(self, 0);
    client_fixture_await(self, 1, 0);
    step_through(self);
    submit_one(self, 1);
    (void)herald_client_step(self->client, 0); /* it has left; its answer may be there already */
    if (self->answered_count == 1) {
        cr_assert_eq(poll(&item, 1, PATIENCE_MS), 1);
    }
    self->producer.hold = true;
    (void)zmq_poll(NULL, 0, 5);
    submit_one(self, 2);
    step_through(self);
    while (self->answered_count == 1) {
        cr_assert_eq(poll(&item, 1, PATIENCE_MS), 1, "it was missed");
        step_through(self);
    }
    cr_assert_eq(self->answers[1], 1U);
    client_fixture_destroy(self);
}

/* Every round finds an answer, so that none sleeps. A third of the watch's lease is ten seconds. */
Test(client_wait, a_new_connection_is_noticed_however_much_is_answered)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    const char *const ids[] = {"order-1"};
    cr_assert_eq(herald_client_watch(self->client, ids, 1, NULL), ERR_OK);
    cr_assert_eq(self->producer.watch_count, 1U);
    fake_producer_stop(&self->producer);
    fake_producer_start(&self->producer);
    int64_t begun_ms = clock_mono_ms();
    uint32_t sent = 0;
    while (self->producer.watch_count < 2 && clock_mono_ms() - begun_ms < PATIENCE_MS) {
        if (herald_client_pending(self->client) < 4) {
            submit_one(self, sent++ % FIXTURE_TAGS);
        }
        (void)herald_client_step(self->client, 20); /* the count says it */
    }
    cr_assert_geq(self->producer.watch_count, 2U);
    cr_assert_lt(clock_mono_ms() - begun_ms, PATIENCE_MS - 1000);
    client_fixture_destroy(self);
}

/* Gathered without a connection; it leaves when there is one, and not a second later. */
Test(client_wait, what_waits_for_a_connection_leaves_with_it)
{
    struct client_fixture *self = client_fixture_new(
        (struct herald_client_options){.timeout_ms = 3 * PATIENCE_MS, .sends = 1}, false);
    submit_one(self, 0);
    cr_assert_eq(herald_client_step(self->client, 50), 0U);
    fake_producer_start(&self->producer);
    int64_t begun_ms = clock_mono_ms();
    cr_assert_eq(herald_client_step(self->client, 2 * PATIENCE_MS), 1U);
    cr_assert_lt(clock_mono_ms() - begun_ms, PATIENCE_MS);
    cr_assert_eq(self->last[0].status, HERALD_CLIENT_ACCEPTED);
    client_fixture_destroy(self);
}
