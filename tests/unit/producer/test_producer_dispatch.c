/* First attempts: how much a step does, and what an outcome makes of one. */
#include "producer_fixture.h"

#include <stdio.h>
#include <string.h>

#define A_STEP 16384U /* as in producer_dispatch.c */

static void
hand_in(struct fixture *self, struct wire_out *out)
{
    producer_core_now(self->core, self->now_ms, self->now_unix_ms);
    producer_core_front(self->core, &self->route, out->data, out->size);
    wire_out_fini(out);
}

static void
encode_many(struct wire_out *out, unsigned from, unsigned count)
{
    wire_out_init(out, 65536);
    struct wire_submit_out submit = wire_submit_begin(out, 7);
    for (unsigned i = from; i < from + count; i++) {
        char biz_id[16];
        size_t size = (size_t)snprintf(biz_id, sizeof biz_id, "m%u", i);
        const struct wire_notification notification = {.topic = {"order.paid", 10},
                                                       .biz_id = {biz_id, size}};
        wire_submit_add(&submit, &notification);
    }
    wire_submit_end(&submit);
}

static void
submit_many(struct fixture *self, unsigned from, unsigned count)
{
    struct wire_out out;
    encode_many(&out, from, count);
    fixture_front(self, &out);
}

Test(producer_dispatch, a_step_sends_so_many_and_is_called_again_at_once)
{
    struct fixture *self = fixture_open(1);
    self->settings.window = 8192;
    fixture_restart(self);
    for (unsigned i = 0; i < A_STEP + 500; i += 500) {
        submit_many(self, i, 500);
    }
    struct wire_hello hello = {
        .party = WIRE_PARTY_CONSUMER, .name = {"shop", 4}, .group = {"shop", 4}, .nonce = 77};
    for (uint64_t i = 0; i < 4; i++) { /* a lane each */
        struct wire_out out;
        const char name[] = {(char)('a' + i), '\0'};
        hello.name.data = name;
        hello.name.size = 1;
        wire_out_init(&out, 128);
        wire_hello_encode(&out, 3, &hello);
        hand_in(self, &out);
    }
    cr_assert_eq(fixture_try_step(self, NULL), ERR_OK);
    cr_assert_eq(sender_outstanding(self->core->sender), A_STEP);
    cr_assert_eq(producer_core_next_ms(self->core), self->now_ms);
    cr_assert_eq(fixture_try_step(self, NULL), ERR_OK);
    cr_assert_gt(sender_outstanding(self->core->sender), A_STEP);
    fixture_close(self);
}

static err_t
dispatch(struct fixture *self, struct why *why)
{
    return producer_core_dispatch(self->core, self->now_ms, self->now_unix_ms, why);
}

Test(producer_dispatch, once_it_is_durable_and_not_before_it_is_sent_without_a_step)
{
    struct fixture *self = fixture_open(1);
    struct why why = {{0}};
    fixture_join(self, "shop", 1);
    struct wire_out out;
    encode_many(&out, 0, 3);
    hand_in(self, &out);
    fixture_step_unsynced(self);
    cr_assert_eq(dispatch(self, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(sender_outstanding(self->core->sender), 0, "the disk may be full");
    fixture_sync(self);
    uint64_t next = log_next(peers_own(self->peers));
    cr_assert_eq(dispatch(self, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(sender_outstanding(self->core->sender), 3);
    cr_assert_eq(log_next(peers_own(self->peers)), next, "no commit follows: nothing is appended");
    fixture_close(self);
}

static void
send_undecodable(bool in_step)
{
    struct why why = {{0}};
    char item[64];
    struct fixture *self = fixture_open(2);
    uint64_t position = fixture_spelt(peers_own(self->peers), RECORD_NOTIFICATION, "b1");
    (void)snprintf(item, sizeof item, "b1 v1 v0 v1 q%llu", 1ULL << position);
    fixture_checkpoint(self, "v0 v1 v0 v1 v1 v1 v1", item);
    fixture_restart(self);
    cr_assert_eq(fixture_counter(self, "open"), 1);
    struct wire_hello hello = {
        .party = WIRE_PARTY_CONSUMER, .name = {"shop", 4}, .group = {"shop", 4}, .nonce = 77};
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_hello_encode(&out, 3, &hello);
    hand_in(self, &out);
    err_t rc = in_step ? fixture_try_step(self, &why) : dispatch(self, &why);
    cr_assert_eq(rc, ERR_CORRUPT, "%s", why.text);
    fixture_close(self);
}

Test(producer_dispatch, what_cannot_be_decoded_when_it_is_sent_ends_the_service)
{
    send_undecodable(true);
}

Test(producer_dispatch, nor_behind_a_commit_can_it_be_sent)
{
    send_undecodable(false);
}

Test(producer_dispatch, a_receiver_that_is_there_and_answers_nothing_is_an_alarm_too)
{
    struct fixture *self = fixture_open(1);
    self->settings.absent_alarm_ms = 1000;
    self->settings.window = 1;
    self->settings.lane_count = 1;
    fixture_restart(self);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_submit(self, "order.paid", "b", "{}");
    cr_assert_eq(self->alarms, 0);
    fixture_advance(self, 1500);
    cr_assert_eq(self->alarms, 1);
    fixture_close(self);
}

Test(producer_dispatch, a_receiver_that_had_it_already_is_as_good_as_done)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_outcome(self, 0, OUTCOME_DUPLICATE, 0);
    cr_assert_eq(fixture_count(self, RECORD_DONE), 1);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    fixture_close(self);
}

Test(producer_dispatch, a_schedule_of_one_attempt_is_used_up_by_a_retry)
{
    struct fixture *self = fixture_open(1);
    self->subscriptions[0].policy = "none";
    fixture_restart(self);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_outcome(self, 0, OUTCOME_RETRY, 0);
    cr_assert_eq(fixture_last_moved(self).to, LOG_COMPENSATOR);
    fixture_close(self);
}

Test(producer_dispatch, while_room_is_short_less_of_a_reason_is_kept)
{
    struct fixture *self = fixture_open(1);
    char reason[LIMIT_REASON_BYTES];
    memset(reason, 'r', sizeof reason);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    sim_disk_set_capacity(self->disk, 20U * 1024 * 1024);
    sim_disk_set_now(self->disk, 100000); /* room is measured once a second */
    fixture_step(self);
    cr_assert(peers_short(self->peers));
    cr_assert_eq(fixture_counter(self, "room"), 0);
    struct wire_outcomes head = {.run = log_run(peers_own(self->peers)),
                                 .receiver = {"shop", 4},
                                 .lane = self->deliveries[0].lane};
    struct wire_outcome said = {.first_token = self->deliveries[0].token,
                                .count = 1,
                                .outcome = OUTCOME_RETRY,
                                .reason = {reason, sizeof reason}};
    struct wire_out out;
    wire_out_init(&out, 512);
    struct wire_outcomes_out outcomes = wire_outcomes_begin(&out, &head);
    wire_outcomes_add(&outcomes, &said);
    wire_outcomes_end(&outcomes);
    producer_core_outcome(self->core, out.data, out.size);
    wire_out_fini(&out);
    sim_disk_set_capacity(self->disk, UINT64_C(1) << 30);
    sim_disk_set_now(self->disk, 200000);
    fixture_step(self);
    cr_assert_eq(fixture_last_moved(self).cause, OUTCOME_RETRY);
    uint8_t status = 0;
    (void)fixture_query(self, "a", "orders", &status);
    cr_assert_lt(self->answer_size, LIMIT_REASON_BYTES);
    fixture_close(self);
}

Test(producer_dispatch, an_outcome_that_makes_no_sense_is_counted)
{
    struct fixture *self = fixture_open(1);
    producer_core_outcome(self->core, (const uint8_t *)"x", 1);
    cr_assert_eq(fixture_counter(self, "bad_outcomes"), 1);
    fixture_close(self);
}

/* A lease has expired, and DONE comes after all: of what has ended it is no news. */
static void
late_done(bool forgotten, uint32_t evidence)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_advance(self, 3100);
    struct record_event done = {
        .key = self->deliveries[0].key, .turn = 2, .kind = RECORD_DONE, .attempt = 2};
    (void)fixture_other_event(self->scheduler, &done);
    fixture_step(self);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    if (forgotten) {
        producer_moved_expire(&self->core->moved, UINT64_MAX, 10);
    }
    fixture_outcome(self, 0, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_count(self, RECORD_EVIDENCE), evidence);
    fixture_close(self);
}

Test(producer_dispatch, a_late_done_of_what_is_done_or_forgotten_is_no_evidence)
{
    late_done(false, 0);
    late_done(true, 0);
}

/* What sending asks of a notification is kept from its admission, by position, for as long as no
 * other of those that come 8,192 later stands in its place. */
Test(producer_dispatch, what_is_sent_is_the_same_whether_it_is_remembered_or_read)
{
    static const char *const names[] = {"own", "plain", "forgotten", "other"};
    uint64_t weights[4];
    struct fixture *self = fixture_open(1);
    for (size_t i = 0; i < 4; i++) {
        uint64_t before = self->core->load.bytes;
        const struct wire_notification notification = {
            .topic = {"order.paid", 10},
            .biz_id = {names[i], strlen(names[i])},
            .payload = {(const uint8_t *)"12345", i},
            .policy = {"1s,1s,1s,1s,1s,1s,1s", i == 0 ? 20 : 0},
        };
        uint64_t position = fixture_submit_full(self, &notification).position;
        weights[i] = self->core->load.bytes - before;
        struct producer_fresh *slot = &self->core->fresh[position % PRODUCER_FRESH];
        cr_assert_eq(slot->position, i == 0 ? 0 : position, "one with its own policy is read");
        if (i == 0 || i == 2) { /* an older one was there before, a younger one has come */
            *slot = (struct producer_fresh){
                .position = i == 0 ? position + PRODUCER_FRESH : position - PRODUCER_FRESH,
                .id = 7,
                .weight = 7,
            };
        }
    }
    self->subscriptions[0].policy = "1s,1s"; /* counts from now on, for all without their own */
    cr_assert_eq(
        producer_core_configure(self->core, self->subscriptions, self->subscription_count, NULL),
        ERR_OK);
    fixture_join(self, "shop", 1);
    cr_assert_eq(self->delivery_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_str_eq(self->deliveries[i].biz_id, names[i]);
        cr_assert_eq(self->deliveries[i].attempts_limit, i == 0 ? 8 : 3, "%s", names[i]);
        uint64_t before = self->core->load.bytes;
        fixture_outcome(self, i, OUTCOME_DONE, 0);
        cr_assert_eq(before - self->core->load.bytes, weights[i], "%s", names[i]);
        uint8_t status;
        cr_assert_eq(fixture_query(self, names[i], "orders", &status).state, WIRE_STATE_DONE);
    }
    cr_assert_eq(self->core->load.deliveries, 0);
    fixture_close(self);
}
