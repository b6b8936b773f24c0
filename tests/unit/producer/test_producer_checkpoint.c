/* What a checkpoint holds of much, and of what is rare. */
#include "producer_fixture.h"

#include <stdio.h>
#include <string.h>

static void
submit_many(struct fixture *self, unsigned count, int64_t deadline_unix_ms)
{
    enum { A_FRAME = 500 };
    for (unsigned from = 0; from < count; from += A_FRAME) {
        struct wire_out out;
        wire_out_init(&out, 65536);
        struct wire_submit_out submit = wire_submit_begin(&out, 7);
        for (unsigned i = from; i < from + A_FRAME && i < count; i++) {
            char biz_id[16];
            size_t size = (size_t)snprintf(biz_id, sizeof biz_id, "m%u", i);
            const struct wire_notification notification = {.topic = {"order.paid", 10},
                                                           .biz_id = {biz_id, size},
                                                           .deadline_unix_ms = deadline_unix_ms};
            wire_submit_add(&submit, &notification);
        }
        wire_submit_end(&submit);
        fixture_front(self, &out);
    }
}

static void
restart_from_checkpoint(struct fixture *self)
{
    producer_checkpoint_write(self->core);
    fixture_step(self);
    fixture_restart(self);
}

Test(producer_checkpoint, holds_more_deadlines_and_moved_ones_than_one_record)
{
    enum { MANY = 4000 };
    struct fixture *self = fixture_open(1);
    int64_t deadline = self->now_unix_ms + 3600000;
    submit_many(self, MANY, deadline);
    cr_assert_eq(fixture_counter(self, "open"), MANY);
    restart_from_checkpoint(self);
    cr_assert_eq(self->core->deadlines.heap.count, MANY);
    fixture_advance(self, 3600001); /* nobody was there: all go to the compensator */
    cr_assert_eq(fixture_counter(self, "left_custody"), MANY);
    restart_from_checkpoint(self);
    cr_assert_eq(fixture_counter(self, "left_custody"), MANY);
    cr_assert_eq(fixture_counter(self, "open"), MANY);
    fixture_close(self);
}

Test(producer_checkpoint, keeps_that_an_effect_stood_beside_a_fence)
{
    struct fixture *self = fixture_open(1);
    struct producer_moved_entry moved;
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_outcome(self, 0, OUTCOME_REJECT, 0);
    struct delivery_key key = self->deliveries[0].key;
    struct record_event fenced = {.key = key, .turn = 2, .kind = RECORD_FENCED};
    struct record_event done = {.key = key, .turn = 2, .kind = RECORD_EVIDENCE};
    (void)fixture_other_event(self->compensator, &fenced);
    (void)fixture_other_event(self->scheduler, &done);
    fixture_step(self);
    cr_assert_eq(self->alarms, 1);
    (void)fixture_other_event(self->scheduler, &done);
    fixture_step(self);
    cr_assert_eq(self->alarms, 1, "it was told");
    restart_from_checkpoint(self);
    cr_assert(producer_moved_find(&self->core->moved, key, &moved));
    cr_assert(moved.fold.broken);
    cr_assert(moved.fold.fenced);
    fixture_close(self);
}

Test(producer_checkpoint, a_clock_that_was_set_to_the_beginning_makes_no_deadline_of_before)
{
    struct fixture *self = fixture_open(1);
    uint64_t position = fixture_submit(self, "order.paid", "a", "{}").position;
    producer_deadline_add(self->core, position, -5);
    restart_from_checkpoint(self);
    fixture_step(self);
    cr_assert_eq(fixture_counter(self, "left_custody"), 1, "it has passed");
    fixture_close(self);
}

/* What the INDEX records of a checkpoint that was not finished told is in the next one's. */
Test(producer_checkpoint, one_that_broke_off_loses_nothing_of_the_index)
{
    uint8_t status = 0;
    struct fixture *self = fixture_open(1);
    fixture_submit(self, "order.paid", "a", "{}");
    producer_checkpoint_write(self->core);
    fixture_step(self);
    uint64_t chain = self->core->index_chain;
    fixture_submit(self, "order.paid", "b", "{}");
    (void)fixture_spelt(peers_own(self->peers), RECORD_INDEX, "v1 v0");
    fixture_restart(self);
    cr_assert_eq(self->core->index_chain, chain);
    restart_from_checkpoint(self);
    cr_assert_gt(self->core->index_chain, chain);
    (void)fixture_query(self, "a", "orders", &status);
    cr_assert_eq(status, WIRE_OK);
    (void)fixture_query(self, "b", "orders", &status);
    cr_assert_eq(status, WIRE_OK);
    fixture_close(self);
}

/* What ended twice, or ended and was never known, changes nothing the second time. */
Test(producer_checkpoint, ends_that_come_twice_are_counted_once)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_submit(self, "order.paid", "b", "{}");
    fixture_outcome(self, 0, OUTCOME_RETRY, 0);
    fixture_outcome(self, 1, OUTCOME_DONE, 0);
    for (uint32_t i = 0; i < 2; i++) {
        const struct record_event ended = {
            .key = self->deliveries[i].key, .turn = 2, .kind = RECORD_ENDED, .end = END_RESOLVED};
        (void)fixture_other_event(peers_own(self->peers), &ended);
        (void)fixture_other_event(peers_own(self->peers), &ended);
    }
    fixture_restart(self);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    fixture_close(self);
}
