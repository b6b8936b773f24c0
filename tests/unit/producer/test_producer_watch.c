#include "producer_watch.h"

#include <criterion/criterion.h>
#include <string.h>

static struct producer_watches watches;
static outbox_t *outbox;

static void
setup(void)
{
    producer_watches_init(&watches, 4);
    outbox = outbox_new();
}

static void
teardown(void)
{
    producer_watches_fini(&watches);
    outbox_destroy(&outbox);
}

TestSuite(producer_watch, .init = setup, .fini = teardown);

static struct producer_watch_entry
watch_of(uint64_t position, uint8_t client)
{
    return (struct producer_watch_entry){
        .position = position,
        .until_ms = 5000,
        .route = {.size = 1, .id = {client}},
        .biz_id_size = 1,
        .biz_id = {'a'},
    };
}

static bool
watch(uint64_t position, uint8_t client)
{
    const struct producer_watch_entry entry = watch_of(position, client);
    return producer_watches_add(&watches, &entry);
}

/* Another position that falls into the same bucket. */
static uint64_t
neighbour_of(uint64_t position)
{
    uint64_t other = position + 1;
    while ((other * UINT64_C(0x9E3779B97F4A7C15)) >> 48 !=
           (position * UINT64_C(0x9E3779B97F4A7C15)) >> 48) {
        other++;
    }
    return other;
}

/* So many messages leave when it is told, each for one client. */
static uint32_t
told(uint64_t position)
{
    struct wire_event event = {
        .position = position, .subscription = {.data = "s", .size = 1}, .state = WIRE_STATE_DONE};
    producer_watches_tell(&watches, outbox, 0, &event);
    producer_watches_flush(&watches, outbox, 0);
    uint32_t count = 0;
    for (; outbox_next(outbox, 0) != NULL; count++) {
        outbox_pop(outbox);
    }
    return count;
}

Test(producer_watch, tells_each_client_that_watches_and_nobody_else)
{
    uint64_t other = neighbour_of(1);
    cr_assert_eq(told(1), 0);
    cr_assert(watch(1, 1));
    cr_assert(watch(1, 2));
    cr_assert(watch(other, 2));
    cr_assert_eq(told(1), 2);
    cr_assert_eq(told(other), 1);
    cr_assert_eq(told(2), 0);
}

Test(producer_watch, renewing_needs_no_room_and_who_has_left_makes_some)
{
    uint64_t other = neighbour_of(1);
    cr_assert(watch(other, 1));
    for (uint8_t client = 1; client <= 3; client++) {
        cr_assert(watch(1, client));
    }
    cr_assert(watch(1, 1), "renewed");
    cr_assert_not(watch(2, 1), "there are four");
    const struct outbox_route second = {.size = 1, .id = {2}};
    const struct outbox_route nobody = {.size = 1, .id = {9}};
    producer_watches_remove(&watches, 1, &nobody);
    producer_watches_remove(&watches, 3, &second);
    cr_assert_eq(watches.count, 4, "nobody watched these");
    producer_watches_remove(&watches, 1, &second);
    producer_watches_remove(&watches, other, &nobody);
    cr_assert_eq(watches.count, 3);
    cr_assert_eq(told(1), 2);
    cr_assert(watch(2, 1), "in the place that became free");
    cr_assert_eq(told(2), 1);
    cr_assert_eq(watches.used, 4);
}

Test(producer_watch, ends_with_its_lease_and_not_before)
{
    struct producer_watch_entry longer = watch_of(2, 1);
    longer.until_ms = 9000;
    producer_watches_expire(&watches, 1000);
    cr_assert(watch(1, 1));
    cr_assert(watch(3, 1));
    cr_assert(producer_watches_add(&watches, &longer));
    producer_watches_expire(&watches, 4999);
    cr_assert_eq(watches.count, 3);
    producer_watches_expire(&watches, 5001);
    cr_assert_eq(watches.count, 3, "looked at once a second");
    producer_watches_expire(&watches, 6000);
    cr_assert_eq(watches.count, 1);
    producer_watches_expire(&watches, 7000);
    cr_assert_eq(told(2), 1);
}

Test(producer_watch, more_events_than_a_frame_takes_leave_in_several)
{
    const struct outbox_route route = {.size = 1, .id = {1}};
    const struct wire_event event = {.biz_id = {.data = "a", .size = 1},
                                     .subscription = {.data = "s", .size = 1},
                                     .state = WIRE_STATE_DONE};
    for (uint32_t i = 0; i < WIRE_QUERY_MAX + 1; i++) {
        producer_watches_tell_one(&watches, outbox, 0, &route, &event);
    }
    producer_watches_flush(&watches, outbox, 0);
    producer_watches_flush(&watches, outbox, 0); /* nothing is gathered any more */
    uint32_t events = 0;
    uint32_t messages = 0;
    struct outbox_message *message = NULL;
    for (; (message = outbox_next(outbox, 0)) != NULL; messages++) {
        struct wire_in in;
        struct wire_head head;
        cr_assert_eq(wire_message_open(&in, message->body, message->size, &head, NULL), ERR_OK);
        events += wire_in_array(&in, "events", 0, WIRE_QUERY_MAX);
        outbox_pop(outbox);
    }
    cr_assert_eq(messages, 2);
    cr_assert_eq(events, WIRE_QUERY_MAX + 1);
}
