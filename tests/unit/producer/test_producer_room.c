/* Room that is given out for a frame as a whole. */
#include "producer_fixture.h"

#include "delivery/delivery_cost.h"

#include <stdio.h>
#include <stdlib.h>

#define OFFERED 1000U

/* Only so many bytes are left above what is kept. */
static void
leave_room(struct fixture *self, uint64_t bytes)
{
    uint64_t room = fixture_counter(self, "room");
    cr_assert_gt(room, bytes);
    self->core->load.bytes += (room - bytes) * 16 / 17; /* with their share of blocks */
}

/* More than fits, in one frame; nothing is committed. */
static void
offer(struct fixture *self, size_t payload_bytes)
{
    static char payload[4096];
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_submit_out submit = wire_submit_begin(&out, 1);
    for (uint32_t i = 0; i < OFFERED; i++) {
        char biz_id[32];
        int size = snprintf(biz_id, sizeof biz_id, "n%u", i);
        struct wire_notification notification = {
            .topic = {"order.paid", 10},
            .biz_id = {biz_id, (size_t)size},
            .payload = {.data = (const uint8_t *)payload, .size = i % 3 == 0 ? payload_bytes : 0},
        };
        wire_submit_add(&submit, &notification);
    }
    wire_submit_end(&submit);
    producer_core_front(self->core, &self->route, out.data, out.size);
    wire_out_fini(&out);
}

/* Whatever is left when a large one is counted exactly, and a small one comes behind it. */
Test(producer_room, a_frame_gets_what_there_is_and_no_more)
{
    for (size_t i = 0; i < 60; i++) {
        struct fixture *self = fixture_open(i % 2 + 1);
        leave_room(self, 3000000 + i * 397);
        offer(self, i % 3 == 0 ? 500 : 2000);
        uint64_t left = producer_room(self->core);
        cr_assert_gt(left, 0, "more was given out than there is");
        cr_assert_lt(left, 60000, "%zu bytes are left", (size_t)left);
        uint64_t accepted = self->core->counts.accepted;
        cr_assert_gt(accepted, 10);
        cr_assert_eq(self->core->counts.busy, OFFERED - accepted);
        self->core->load.bytes = 0;
        fixture_close(self);
    }
}

Test(producer_room, what_was_given_out_is_looked_at_anew_for_the_next_frame)
{
    struct fixture *self = fixture_open(1);
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "").status, WIRE_ACCEPTED);
    leave_room(self, 100);
    cr_assert_eq(fixture_submit(self, "order.paid", "b", "").status, WIRE_BUSY);
    self->core->load.bytes = 0;
    cr_assert_eq(fixture_submit(self, "order.paid", "b", "").status, WIRE_ACCEPTED);
    fixture_close(self);
}

/* It takes nothing from what was to be given out without counting: that is over for this frame. */
Test(producer_room, once_counted_exactly_all_of_the_frame_is)
{
    struct fixture *self = fixture_open(1);
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "").status, WIRE_ACCEPTED);
    producer_room_look(self->core);
    uint64_t spare = self->core->spare;
    cr_assert(producer_room_for(self->core, self->core->last_topic, 100, 100));
    cr_assert_lt(self->core->spare, spare);
    self->core->spare = 10;
    cr_assert(producer_room_for(self->core, self->core->last_topic, 100, 100));
    cr_assert_eq(self->core->spare, 0);
    fixture_close(self);
}

/* What giving out room piece by piece rests on. */
Test(producer_room, loads_apart_cost_no_less_than_together)
{
    srand(11);
    for (int i = 0; i < 100000; i++) {
        unsigned scale = (unsigned)rand() % 24;
        struct delivery_load some = {.deliveries = (uint64_t)rand() % (1U << scale),
                                     .retries = (uint64_t)rand() % (1U << scale),
                                     .bytes = (uint64_t)rand()};
        struct delivery_load more = {.deliveries = (uint64_t)rand() % 65,
                                     .retries = (uint64_t)rand() % 4096};
        uint64_t bytes = (uint64_t)rand() % 100000;
        struct delivery_load both = {.deliveries = some.deliveries + more.deliveries,
                                     .retries = some.retries + more.retries,
                                     .bytes = some.bytes + bytes};
        struct delivery_cost costs[] = {delivery_cost(&some, 0), delivery_cost(&more, 0),
                                        delivery_cost(&both, 0)};
        cr_assert_leq(costs[2].own + costs[2].others, costs[0].own + costs[0].others +
                                                          costs[1].own + costs[1].others + bytes +
                                                          delivery_cost_share(bytes) + 4);
    }
}
