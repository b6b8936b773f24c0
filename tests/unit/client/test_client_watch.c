#include "client_fixture.h"

#include "base/clock.h"
#include "wire/wire_query.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void
await_watches(struct client_fixture *self, uint32_t count)
{
    int64_t limit_ms = clock_mono_ms() + 10000;
    while (self->producer.watch_count < count && clock_mono_ms() < limit_ms) {
        (void)herald_client_step(self->client, 20); /* the count says it */
    }
    cr_assert_geq(self->producer.watch_count, count);
}

Test(client_watch, events_come_through_and_the_watch_is_renewed)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    self->producer.watch_lease = 300;
    const char *const ids[] = {"order-1", "order-2"};
    struct why why;
    cr_assert_eq(herald_client_watch(self->client, ids, 2, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(self->event_count, 2U);
    cr_assert_str_eq(self->event_biz_id, "order-2");
    cr_assert_str_eq(self->event.state_name, "DONE");
    cr_assert_eq(self->event.state, WIRE_STATE_DONE);
    cr_assert_eq(self->event.position, 5U);
    cr_assert_eq(self->event.at_unix_ms, 77);
    int64_t begun_ms = clock_mono_ms();
    await_watches(self, 4);
    cr_assert_geq(clock_mono_ms() - begun_ms, 200); /* a third of the lease between them */
    client_fixture_destroy(self);
}

Test(client_watch, many_are_watched_in_slices)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    static char names[600][8];
    const char *ids[600];
    for (int i = 0; i < 600; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%d", i); /* fits */
        ids[i] = names[i];
    }
    cr_assert_eq(herald_client_watch(self->client, ids, 600, NULL), ERR_OK);
    cr_assert_eq(self->producer.watch_count, 3U);
    cr_assert_eq(herald_client_watch(self->client, ids, 600, NULL), ERR_OK); /* all known */
    cr_assert_eq(self->producer.watch_count, 3U);
    herald_client_unwatch(self->client);
    self->producer.watch_lease = 300; /* so that renewals come soon */
    cr_assert_eq(herald_client_watch(self->client, ids, 600, NULL), ERR_OK);
    await_watches(self, 9);
    client_fixture_await(self, 0, 1800);
    cr_assert_geq(self->event_count, 1800U);
    client_fixture_destroy(self);
}

Test(client_watch, a_watch_is_renewed_at_once_when_the_producer_came_back)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    const char *const ids[] = {"order-1"};
    cr_assert_eq(herald_client_watch(self->client, ids, 1, NULL), ERR_OK);
    cr_assert_eq(self->producer.watch_count, 1U);
    fake_producer_stop(&self->producer);
    fake_producer_start(&self->producer);
    int64_t begun_ms = clock_mono_ms();
    await_watches(self, 2);
    cr_assert_lt(clock_mono_ms() - begun_ms, 9000); /* a third of the lease is more */
    client_fixture_destroy(self);
}

Test(client_watch, one_that_nobody_confirmed_is_asked_for_further)
{
    struct client_fixture *self =
        client_fixture_new((struct herald_client_options){.timeout_ms = 100}, false);
    const char *const ids[] = {"order-1"};
    cr_assert_eq(herald_client_watch(self->client, ids, 1, NULL), ERR_TIMEOUT);
    fake_producer_start(&self->producer);
    client_fixture_await(self, 0, 1);
    cr_assert_eq(self->event_count, 1U);
    client_fixture_destroy(self);
}

Test(client_watch, a_renewal_that_got_lost_comes_again_soon)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    self->producer.watch_lease = 300;
    const char *const ids[] = {"order-1"};
    cr_assert_eq(herald_client_watch(self->client, ids, 1, NULL), ERR_OK);
    self->producer.silent = 1;
    await_watches(self, 2);
    cr_assert_eq(self->producer.silent, 0U);
    client_fixture_destroy(self);
}

Test(client_watch, no_room_is_full_and_unknown_ones_are_watched_all_the_same)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    self->producer.watch_lease = 300;
    self->producer.watch_status = WIRE_BUSY;
    const char *const ids[] = {"order-1"};
    struct why why;
    cr_assert_eq(herald_client_watch(self->client, ids, 1, &why), ERR_FULL);
    cr_assert_neq(strstr(why.text, "said why"), NULL, "%s", why.text);
    self->producer.watch_status = WIRE_NOT_FOUND;
    cr_assert_eq(herald_client_watch(self->client, ids, 1, &why), ERR_NOT_FOUND);
    await_watches(self, 3);
    const char *const wrong[] = {"order-2", ""};
    uint32_t before = self->producer.watch_count;
    cr_assert_eq(herald_client_watch(self->client, wrong, 2, &why), ERR_INVALID);
    cr_assert_eq(self->producer.watch_count, before);
    client_fixture_destroy(self);
}

Test(client_watch, unwatch_ends_it_and_events_that_come_later_are_dropped)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    const char *const ids[] = {"order-1"};
    cr_assert_eq(herald_client_watch(self->client, ids, 1, NULL), ERR_OK);
    herald_client_unwatch(self->client);
    int64_t limit_ms = clock_mono_ms() + 10000;
    while (self->producer.unwatch_count == 0 && clock_mono_ms() < limit_ms) {
        (void)herald_client_step(self->client, 20); /* the count says it */
    }
    cr_assert_eq(self->producer.unwatch_count, 1U);
    client_fixture_destroy(self);
}
