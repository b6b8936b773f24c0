/* Deadlines that pass where nothing is to be given away, or not yet. */
#include "producer_fixture.h"

#include <stdio.h>

static struct wire_notification
due_in(const struct fixture *self, int64_t ms)
{
    return (struct wire_notification){.topic = {"order.paid", 10},
                                      .biz_id = {"a", 1},
                                      .deadline_unix_ms = self->now_unix_ms + ms};
}

static void
submit_unsynced(struct fixture *self, const struct wire_notification *notification)
{
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_submit_out submit = wire_submit_begin(&out, 7);
    wire_submit_add(&submit, notification);
    wire_submit_end(&submit);
    producer_core_front(self->core, &self->route, out.data, out.size);
    wire_out_fini(&out);
    fixture_step_unsynced(self);
}

static void
pass(struct fixture *self, int64_t ms)
{
    self->now_ms += ms;
    self->now_unix_ms += ms;
}

Test(producer_deadline, what_was_sent_is_decided_by_its_answer)
{
    struct fixture *self = fixture_open(1);
    struct wire_notification notification = due_in(self, 1000);
    fixture_join(self, "shop", 1);
    fixture_submit_full(self, &notification);
    cr_assert_eq(self->delivery_count, 1);
    fixture_advance(self, 1500);
    cr_assert_eq(fixture_count(self, RECORD_MOVED), 0);
    fixture_outcome(self, 0, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_count(self, RECORD_MOVED), 0);
    cr_assert_eq(fixture_count(self, RECORD_DONE), 1);
    fixture_close(self);
}

/* The checkpoint holds what the replay of the notification would have told. */
Test(producer_deadline, that_passed_while_it_was_out_is_known_behind_a_checkpoint)
{
    for (int with_checkpoint = 0; with_checkpoint < 2; with_checkpoint++) {
        struct fixture *self = fixture_open(1);
        struct wire_notification notification = due_in(self, 1000);
        fixture_join(self, "shop", 1);
        fixture_submit_full(self, &notification);
        fixture_advance(self, 1500);
        if (with_checkpoint != 0) {
            producer_checkpoint_write(self->core);
            fixture_step(self);
        }
        fixture_restart(self);
        fixture_step(self);
        cr_assert_eq(fixture_count(self, RECORD_MOVED), 1, "%d", with_checkpoint);
        cr_assert_eq(fixture_last_moved(self).cause, OUTCOME_DEADLINE);
        cr_assert_eq(fixture_last_moved(self).to, LOG_COMPENSATOR);
        cr_assert(fixture_last_moved(self).sent);
        cr_assert_eq(self->delivery_count, 1, "it was not sent anew");
        fixture_close(self);
    }
}

Test(producer_deadline, that_passed_before_it_was_durable_is_known_behind_a_checkpoint)
{
    struct fixture *self = fixture_open(1);
    struct wire_notification notification = due_in(self, 1000);
    submit_unsynced(self, &notification);
    pass(self, 1500);
    fixture_step_unsynced(self);
    producer_checkpoint_write(self->core);
    fixture_sync(self);
    fixture_restart(self);
    fixture_step(self);
    cr_assert_eq(fixture_count(self, RECORD_MOVED), 1);
    cr_assert_eq(fixture_last_moved(self).cause, OUTCOME_DEADLINE);
    fixture_close(self);
}

Test(producer_deadline, that_passed_while_it_was_out_is_forgotten_with_its_answer)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    static const char *const ids[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        struct wire_notification notification = due_in(self, 1000);
        notification.biz_id = (struct wire_text){ids[i], 1};
        fixture_submit_full(self, &notification);
    }
    fixture_advance(self, 1500);
    fixture_outcome(self, 1, OUTCOME_DONE, 0);
    producer_checkpoint_write(self->core);
    const struct producer_deadlines *deadlines = &self->core->deadlines;
    cr_assert_neq(deadlines->passed, DEADLINE_HEAP_NOWHERE, "two are still out");
    fixture_outcome(self, 0, OUTCOME_DONE, 0);
    fixture_outcome(self, 2, OUTCOME_RETRY, 0);
    producer_checkpoint_write(self->core);
    cr_assert_eq(deadlines->passed, DEADLINE_HEAP_NOWHERE);
    struct wire_notification next = due_in(self, 1000);
    next.biz_id = (struct wire_text){"d", 1};
    fixture_submit_full(self, &next);
    cr_assert_eq(deadlines->count, 3, "its place is used again");
    fixture_close(self);
}

Test(producer_deadline, what_is_not_durable_yet_is_not_given_away_yet)
{
    struct fixture *self = fixture_open(1);
    struct wire_notification notification = due_in(self, 1000);
    submit_unsynced(self, &notification);
    pass(self, 1500);
    uint64_t next = log_next(peers_own(self->peers));
    fixture_step_unsynced(self);
    cr_assert_eq(log_next(peers_own(self->peers)), next);
    fixture_step(self);
    cr_assert_eq(fixture_last_moved(self).cause, OUTCOME_DEADLINE);
    fixture_close(self);
}

/* As while a slow sync or a full disk keeps the commit. */
Test(producer_deadline, what_passed_it_before_it_was_durable_is_not_delivered)
{
    struct fixture *self = fixture_open(1);
    struct wire_notification notification = due_in(self, 1000);
    fixture_join(self, "shop", 1);
    submit_unsynced(self, &notification);
    pass(self, 1500);
    fixture_sync(self);
    struct why why = {{0}};
    cr_assert_eq(producer_core_dispatch(self->core, self->now_ms, self->now_unix_ms, &why), ERR_OK);
    cr_assert_leq(producer_core_next_ms(self->core), self->now_ms, "a step is wanted at once");
    fixture_step(self);
    cr_assert_eq(self->delivery_count, 0);
    cr_assert_eq(fixture_last_moved(self).cause, OUTCOME_DEADLINE);
    fixture_close(self);
}

/* As on a full disk. */
Test(producer_deadline, what_is_not_durable_keeps_no_other_one_from_passing_and_no_loop_busy)
{
    struct fixture *self = fixture_open(1);
    struct wire_notification durable = due_in(self, 1200);
    durable.biz_id = (struct wire_text){"b", 1};
    fixture_submit_full(self, &durable);
    struct wire_notification first = due_in(self, 1000);
    submit_unsynced(self, &first);
    struct wire_notification second = due_in(self, 900);
    second.biz_id = (struct wire_text){"c", 1};
    submit_unsynced(self, &second);
    pass(self, 1500);
    fixture_step_unsynced(self);
    cr_assert_eq(log_newest_appended(peers_own(self->peers), LOG_KIND_BIT(RECORD_MOVED)),
                 log_next(peers_own(self->peers)) - 1, "the durable one passed");
    cr_assert_gt(producer_core_next_ms(self->core), self->now_ms,
                 "nothing can be done for the others");
    fixture_sync(self);
    cr_assert_eq(fixture_count(self, RECORD_MOVED), 1);
    cr_assert_leq(producer_core_next_ms(self->core), self->now_ms, "now it can");
    fixture_step(self);
    cr_assert_eq(fixture_count(self, RECORD_MOVED), 3);
    fixture_close(self);
}

Test(producer_deadline, of_what_is_done_already_holds_nothing_back)
{
    struct fixture *self = fixture_open(1);
    struct wire_notification done = due_in(self, 1000);
    fixture_join(self, "shop", 1);
    fixture_submit_full(self, &done);
    fixture_outcome(self, 0, OUTCOME_DONE, 0);
    struct wire_notification next = due_in(self, 3000);
    next.biz_id = (struct wire_text){"b", 1};
    submit_unsynced(self, &next);
    pass(self, 1500);
    fixture_sync(self);
    struct why why = {{0}};
    cr_assert_eq(producer_core_dispatch(self->core, self->now_ms, self->now_unix_ms, &why), ERR_OK);
    cr_assert_eq(sender_outstanding(self->core->sender), 1);
    fixture_close(self);
}

/* A checkpoint's deadline, long ago, of this position. */
static void
restart_with_deadline(struct fixture *self, uint64_t position)
{
    char item[64];
    (void)snprintf(item, sizeof item, "b3 v%llu v5", (unsigned long long)position);
    fixture_checkpoint(self, "v0 v0 v0 v0 v0 v1 v1", item);
}

Test(producer_deadline, of_what_is_not_kept_any_more_nothing_passes)
{
    struct fixture *self = fixture_open(1);
    log_t *own = peers_own(self->peers);
    for (int i = 0; i < 200; i++) {
        (void)fixture_spelt(own, RECORD_INDEX, "z60000");
    }
    restart_with_deadline(self, 1);
    cr_assert_eq(log_trim(own, 150, NULL), ERR_OK);
    cr_assert_gt(log_first(own), 1);
    fixture_restart(self);
    cr_assert_eq(fixture_count(self, RECORD_MOVED), 0);
    cr_assert_eq(self->core->deadlines.heap.count, 0);
    fixture_close(self);
}

/* The checkpoint says that nothing of this subscription is open. */
Test(producer_deadline, of_a_subscription_that_holds_nothing_nothing_passes)
{
    struct fixture *self = fixture_open(1);
    uint8_t body[512];
    struct wire_notification notification = due_in(self, 1000);
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_notification_encode(&out, &notification);
    const struct record_notification record = {.received_unix_ms = self->now_unix_ms,
                                               .subscription_count = 1,
                                               .subscriptions = {5},
                                               .encoded = out.data,
                                               .encoded_size = wire_out_size(&out)};
    size_t size = record_notification_encode(&record, body);
    wire_out_fini(&out);
    restart_with_deadline(self,
                          fixture_record(peers_own(self->peers), RECORD_NOTIFICATION, body, size));
    fixture_restart(self);
    cr_assert_eq(fixture_count(self, RECORD_MOVED), 0);
    cr_assert_eq(self->core->deadlines.heap.count, 0);
    fixture_close(self);
}
