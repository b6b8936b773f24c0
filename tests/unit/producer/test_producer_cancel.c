/* What a CANCEL may reach, and what it must leave alone. */
#include "producer_fixture.h"

#include <string.h>

static char long_reason[LIMIT_REASON_BYTES];

static struct wire_text
text_of(const char *text)
{
    return (struct wire_text){.data = text, .size = strlen(text)};
}

/* While it is decided, no more than so much is free on the disk. */
static void
set_disk(struct fixture *self, uint64_t bytes, int64_t now_ms)
{
    sim_disk_set_capacity(self->disk, bytes);
    sim_disk_set_now(self->disk, now_ms); /* room is measured once a second */
    fixture_step(self);
}

/* The first status of the answer; how many there are. */
static uint8_t
ask(struct fixture *self, const struct wire_cancel *cancel, uint32_t *count)
{
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_cancel_encode(&out, 6, cancel);
    producer_core_now(self->core, self->now_ms, self->now_unix_ms);
    producer_core_front(self->core, &self->route, out.data, out.size);
    wire_out_fini(&out);
    set_disk(self, UINT64_C(1) << 30, 100000);
    struct wire_in in;
    struct wire_head head;
    struct wire_cancelled cancelled;
    cr_assert_eq(wire_message_open(&in, self->answer, self->answer_size, &head, NULL), ERR_OK);
    cr_assert_eq(head.type, WIRE_CANCELLING);
    *count = wire_in_array(&in, "cancelled", 1, LIMIT_SUBSCRIPTIONS);
    cr_assert(wire_cancelled_get(&in, &cancelled));
    return cancelled.status;
}

static uint8_t
cancel_for(struct fixture *self, const char *subscription, size_t reason_size)
{
    uint32_t count = 0;
    memset(long_reason, 'r', sizeof long_reason);
    const struct wire_cancel cancel = {.biz_id = text_of("a"),
                                       .subscription = text_of(subscription),
                                       .by = text_of("wang"),
                                       .reason = {.data = long_reason, .size = reason_size}};
    return ask(self, &cancel, &count);
}

Test(producer_cancel, ends_the_delivery_of_the_subscription_that_is_named_and_no_other)
{
    struct fixture *self = fixture_open(2);
    fixture_submit(self, "order.paid", "a", "{}");
    cr_assert_eq(cancel_for(self, "auditor", 0), WIRE_NOT_FOUND);
    cr_assert_eq(cancel_for(self, "audiT", 0), WIRE_NOT_FOUND);
    cr_assert_eq(fixture_counter(self, "open"), 2);
    cr_assert_eq(cancel_for(self, "audit", 0), WIRE_CANCELLED);
    cr_assert_eq(fixture_counter(self, "open"), 1);
    uint32_t count = 0;
    const struct wire_cancel all = {.biz_id = text_of("a"), .by = text_of("wang")};
    cr_assert_eq(ask(self, &all, &count), WIRE_CANCELLED);
    cr_assert_eq(count, 2, "nobody is named: both");
    cr_assert_eq(fixture_counter(self, "open"), 0);
    fixture_close(self);
}

Test(producer_cancel, what_may_have_been_sent_before_a_restart_is_asked_for_first)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    fixture_advance(self, 600000); /* it has gone */
    fixture_submit(self, "order.paid", "a", "{}");
    cr_assert_eq(self->delivery_count, 0);
    fixture_restart(self);
    cr_assert_eq(cancel_for(self, "", 0), WIRE_REQUESTED);
    cr_assert(fixture_last_moved(self).sent, "who knows");
    fixture_close(self);
}

Test(producer_cancel, a_receiver_that_cannot_fence_is_not_asked)
{
    struct fixture *self = fixture_open(1);
    struct wire_hello hello = {.party = WIRE_PARTY_CONSUMER,
                               .name = text_of("shop"),
                               .group = text_of("shop"),
                               .nonce = 77};
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_hello_encode(&out, 3, &hello);
    fixture_front(self, &out);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_outcome(self, 0, OUTCOME_RETRY, 0);
    cr_assert_eq(cancel_for(self, "", 0), WIRE_CANNOT_FENCE);
    cr_assert_eq(fixture_count(self, RECORD_ORDER), 0);
    fixture_close(self);
}

Test(producer_cancel, while_room_is_short_what_was_never_sent_is_cancelled_with_a_short_reason)
{
    struct fixture *self = fixture_open(1);
    fixture_submit(self, "order.paid", "a", "{}");
    set_disk(self, 20U * 1024 * 1024, 50000);
    cr_assert(peers_short(self->peers));
    cr_assert_eq(cancel_for(self, "", LIMIT_REASON_SHORT_BYTES + 1), WIRE_BUSY);
    set_disk(self, 20U * 1024 * 1024, 150000);
    cr_assert(peers_short(self->peers));
    cr_assert_eq(fixture_counter(self, "open"), 1);
    cr_assert_eq(cancel_for(self, "", LIMIT_REASON_SHORT_BYTES), WIRE_CANCELLED);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    fixture_close(self);
}
