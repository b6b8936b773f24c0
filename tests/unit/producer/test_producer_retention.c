/* Marks, and what may go. */
#include "producer_fixture.h"
#include "producer_private.h"

#include "support/odd_call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

Test(producer_retention, when_all_marks_are_in_use_they_get_coarser)
{
    struct fixture *self = fixture_open(1);
    self->settings.retention_ms = INT64_C(1000) * 24 * 3600 * 1000;
    fixture_restart(self);
    fixture_join(self, "shop", 1);
    uint32_t most = 0;
    uint64_t oldest = 0;
    for (unsigned i = 0; i < PRODUCER_MARKS + 10; i++) {
        char biz_id[16];
        (void)snprintf(biz_id, sizeof biz_id, "n%u", i); /* fits */
        fixture_submit(self, "order.paid", biz_id, "");
        fixture_advance(self, 61000);
        uint32_t count = self->core->mark_count;
        oldest = i == 0 ? self->core->marks[0].position : oldest;
        most = count > most ? count : most;
        for (uint32_t k = 1; k < count; k++) {
            cr_assert_gt(self->core->marks[k].position, self->core->marks[k - 1].position);
        }
    }
    cr_assert_eq(most, PRODUCER_MARKS);
    cr_assert_lt(self->core->mark_count, PRODUCER_MARKS);
    cr_assert_eq(self->core->marks[0].position, oldest);
    fixture_close(self);
}

/* Else the oldest of them is a step so large that nothing goes by count for days. */
Test(producer_retention, however_often_they_get_coarser_marks_divide_what_is_kept_alike)
{
    struct fixture *self = fixture_open(1);
    producer_core_t *core = self->core;
    const uint64_t total = core->total;
    core->settings.retained_max = 20000000;
    core->mark_count = 0;
    for (int64_t minute = 0; minute < 12 * 24 * 60; minute++) { /* 20 to 100 a second */
        core->total += minute % 1000 < 500 ? 1200 : 6000;
        producer_mark(core, core->total * 2, minute * 61000);
    }
    const struct producer_mark *marks = core->marks;
    int64_t span_ms = marks[core->mark_count - 1].unix_ms - marks[0].unix_ms;
    cr_assert_eq(marks[0].unix_ms, 0);
    for (uint32_t i = 1; i < core->mark_count; i++) {
        cr_assert_leq(marks[i].total - marks[i - 1].total, 20000000 / 100, "%u", i);
        cr_assert_leq(marks[i].unix_ms - marks[i - 1].unix_ms, span_ms / 100, "%u", i);
    }
    core->total = total;
    fixture_close(self);
}

Test(producer_retention, marks_of_a_clock_that_goes_to_and_fro_have_room_too)
{
    struct fixture *self = fixture_open(1);
    producer_core_t *core = self->core;
    core->mark_count = 0;
    for (uint64_t i = 0; i < 5 * PRODUCER_MARKS; i++) {
        producer_mark(core, i * core->settings.retained_max, i % 2 == 0 ? 0 : INT64_C(1) << 40);
        cr_assert_leq(core->mark_count, PRODUCER_MARKS);
    }
    fixture_close(self);
}

/* Between two looks too, when very many come. */
Test(producer_retention, a_mark_is_made_for_each_so_many_notifications)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    self->core->settings.retained_max = 640;
    uint32_t marks = self->core->mark_count;
    for (unsigned i = 0; i < 110; i++) {
        char biz_id[16];
        (void)snprintf(biz_id, sizeof biz_id, "n%u", i); /* fits */
        fixture_submit(self, "order.paid", biz_id, "");
        fixture_advance(self, 1);
    }
    cr_assert_geq(self->core->mark_count, marks + 9);
    fixture_close(self);
}

static struct fixture *
short_retention(size_t subscriptions)
{
    struct fixture *self = fixture_open(subscriptions);
    self->settings.retention_ms = 60000;
    self->settings.checkpoint_records = 50;
    odd_call_set(&(struct odd_call){.operation = ODD_NONE}); /* none yet */
    fixture_restart(self);
    return self;
}

/* Segments of notifications of this topic, which "orders" has and nobody else. All is finished and
 * may go; the others have read it. */
static void
fill(struct fixture *self, const char *topic)
{
    static char payload[60000];
    memset(payload, 'x', sizeof payload - 1);
    for (int i = 0; i < 200; i++) {
        char biz_id[16];
        (void)snprintf(biz_id, sizeof biz_id, "n%d", i); /* fits */
        fixture_join(self, "shop", 1);
        fixture_submit(self, topic, biz_id, payload);
        fixture_outcome(self, self->delivery_count - 1, OUTCOME_DONE, 0);
        fixture_advance(self, 1000);
    }
    fixture_others_have_read(self);
}

static struct fixture *
finished(void)
{
    struct fixture *self = short_retention(1);
    fill(self, "order.paid");
    return self;
}

/* Where its cursor stood has gone. */
static void
expect_delivered(struct fixture *self, const char *group)
{
    uint32_t before = self->delivery_count;
    fixture_advance(self, 6000);
    fixture_step(self);
    cr_assert_gt(log_first(peers_own(self->peers)), 10);
    fixture_join(self, "shop", 1);
    fixture_join(self, group, 1);
    cr_assert_eq(fixture_submit(self, "order.paid", "late", "").status, WIRE_ACCEPTED);
    cr_assert_eq(self->delivery_count, before + 2);
}

Test(producer_retention, a_subscription_that_had_nothing_for_long_is_served_again)
{
    struct fixture *self = short_retention(2);
    fixture_join(self, "shop", 1);
    fixture_join(self, "audit", 1);
    fixture_submit(self, "order.paid", "first", "");
    cr_assert_eq(self->delivery_count, 2);
    fixture_outcome(self, 0, OUTCOME_DONE, 0);
    fixture_outcome(self, 1, OUTCOME_DONE, 0);
    fill(self, "order.created");
    expect_delivered(self, "audit");
    fixture_close(self);
}

Test(producer_retention, a_receiver_that_was_away_when_all_was_cancelled_is_served_again)
{
    struct fixture *self = short_retention(2);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "first", "");
    cr_assert_eq(self->delivery_count, 1, "audit is away");
    fixture_outcome(self, 0, OUTCOME_DONE, 0);
    (void)fixture_cancel(self, "first"); /* of "orders", which has ended */
    uint8_t status = 0;
    cr_assert_eq(fixture_query(self, "first", "audit", &status).state, WIRE_STATE_CANCELLED);
    fill(self, "order.created");
    expect_delivered(self, "audit");
    fixture_close(self);
}

/* What is trimmed is decided when the ends are durable; until then a step waits. */
Test(producer_retention, a_disk_that_fails_while_it_is_trimmed_ends_the_service)
{
    struct why why = {{0}};
    struct fixture *self = finished();
    self->now_ms += 6000;
    self->now_unix_ms += 6000;
    producer_core_now(self->core, self->now_ms, self->now_unix_ms);
    (void)log_append(peers_own(self->peers), RECORD_POSITION, "", 0); /* not durable yet */
    cr_assert_eq(fixture_try_step(self, &why), ERR_OK);
    cr_assert_neq(self->core->trim_to, 0);
    cr_assert_eq(fixture_try_step(self, &why), ERR_OK);
    cr_assert_neq(self->core->trim_to, 0, "what it follows from is not durable");
    cr_assert_eq(log_commit(peers_own(self->peers), 0, NULL), ERR_OK);
    cr_assert_eq(log_reap(peers_own(self->peers), NULL), ERR_OK);
    odd_call_set(&(struct odd_call){.operation = ODD_SYNC_DIRECTORY, .answer = -EIO});
    cr_assert_eq(fixture_try_step(self, &why), ERR_LOST);
    cr_assert_eq(odd_call_count(), 1);
    cr_assert_neq(why.text[0], '\0', "it says why");
    fixture_close(self);
}

/* As after a checkpoint that was written when there was but one. */
Test(producer_retention, the_last_mark_goes_too)
{
    struct fixture *self = finished();
    self->now_ms += 6000;
    self->now_unix_ms += 6000;
    cr_assert_eq(fixture_try_step(self, NULL), ERR_OK);
    cr_assert_neq(self->core->trim_to, 0);
    uint64_t total = self->core->marks[self->core->mark_first].total;
    self->core->mark_count = 1;
    fixture_step(self);
    cr_assert_gt(log_first(peers_own(self->peers)), 1);
    cr_assert_eq(self->core->mark_count, 0);
    cr_assert_eq(self->core->gone, total);
    fixture_close(self);
}

Test(producer_retention, marks_of_what_has_gone_go_too)
{
    struct fixture *self = finished();
    for (int i = 0; i < 4; i++) {
        fixture_advance(self, 100000);
    }
    cr_assert_gt(log_first(peers_own(self->peers)), 1);
    cr_assert_gt(fixture_counter(self, "accepted"), fixture_counter(self, "retained"));
    fixture_close(self);
}

static void
trim_other(struct fixture *self, log_t *log)
{
    struct why why = {{0}};
    for (int i = 0; i < 100; i++) {
        (void)fixture_spelt(log, RECORD_INDEX, "z60000");
    }
    fixture_step(self); /* the producer has read it all */
    cr_assert_eq(log_trim(log, log_next(log) - 1, &why), ERR_OK, "%s", why.text);
    cr_assert_gt(log_first(log), 10);
}

/* The producer has the end from the others, from a late answer to itself, or from that before it
 * has read of the last turn. */
Test(producer_retention, what_has_ended_keeps_its_turn_when_the_others_logs_are_trimmed)
{
    for (int late = 0; late < 3; late++) {
        struct fixture *self = fixture_open(1);
        uint8_t status = 0;
        fixture_join(self, "shop", 1);
        fixture_submit(self, "order.paid", "a", "{}");
        struct delivery_key key = self->deliveries[0].key;
        struct record_custody custody = {.key = key, .turn = 2, .to = LOG_SCHEDULER};
        fixture_advance(self, 3100); /* its lease is over: an answer is late */
        cr_assert_eq(fixture_count(self, RECORD_MOVED), 1);
        (void)fixture_other_custody(self->scheduler, RECORD_TAKEN, &custody);
        if (late == 2) {
            fixture_outcome(self, 0, OUTCOME_DONE, 0);
        }
        custody.turn = 3;
        custody.to = LOG_COMPENSATOR;
        (void)fixture_other_custody(self->scheduler, RECORD_MOVED, &custody);
        (void)fixture_other_custody(self->compensator, RECORD_TAKEN, &custody);
        struct record_event done = {
            .kind = RECORD_DONE, .key = key, .turn = 3, .outcome = OUTCOME_DONE};
        fixture_step(self);
        if (late == 1) {
            fixture_outcome(self, 0, OUTCOME_DONE, 0);
        } else if (late == 0) {
            (void)fixture_other_event(self->compensator, &done);
            fixture_step(self);
        }
        cr_assert_eq(fixture_count(self, RECORD_EVIDENCE), late == 0 ? 0 : 1);
        cr_assert_eq(fixture_count(self, RECORD_ENDED), 1);
        trim_other(self, self->scheduler);
        trim_other(self, self->compensator);
        for (int restarted = 0; restarted < 2; restarted++) {
            struct wire_delivery found = fixture_query(self, "a", "orders", &status);
            cr_assert_eq(found.state, WIRE_STATE_DONE);
            cr_assert_eq(found.turn, 3, "%d %d: turn %u", late, restarted, found.turn);
            cr_assert_eq(found.custodian, LOG_COMPENSATOR);
            fixture_restart(self);
        }
        fixture_close(self);
    }
}
