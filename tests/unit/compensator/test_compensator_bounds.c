/* Many at once: frames, tokens that come round, lists in order, and numbers at their end. */
#include "compensator_fixture.h"

#include <string.h>

#define MANY 1100 /* jobs: more than tokens at first, and than a frame takes */

static struct fixture self;

static void
setup(void)
{
    fixture_open(&self);
    self.settings.window = MANY;
    fixture_restart(&self);
}

static void
teardown(void)
{
    fixture_close(&self);
}

TestSuite(compensator_bounds, .init = setup, .fini = teardown, .timeout = 120);

/* Moved here, not synced one by one. */
static struct delivery_key
move_one(struct delivery_key key)
{
    const struct record_custody moved = {
        .key = key, .turn = 3, .to = LOG_COMPENSATOR, .cause = OUTCOME_RETRY, .sent = true};
    uint8_t body[RECORD_CUSTODY_MAX];
    (void)log_append(self.scheduler, RECORD_MOVED, body, record_custody_encode(&moved, body));
    return key;
}

static void
move_many(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)move_one(fixture_append_notification(&self, FIXTURE_REAPPLY));
    }
    (void)fixture_durable(self.producer, 0);
    (void)fixture_durable(self.scheduler, 0);
    fixture_step(&self);
}

Test(compensator_bounds, more_jobs_than_a_frame_takes_go_in_two)
{
    move_many(MANY);
    cr_assert_eq(self.count, MANY);
    cr_assert_eq(self.frames, 2);
    for (uint32_t i = 0; i < MANY; i++) {
        fixture_answer_to(&self, i, OUTCOME_DONE, NULL);
    }
    cr_assert_eq(self.core->jobs_out, 0);
    cr_assert_eq(compensator_table_count(self.core->table), 0);
}

Test(compensator_bounds, jobs_of_more_bytes_than_a_frame_takes_go_in_two)
{
    self.payload_bytes = LIMIT_PAYLOAD_BYTES / 2;
    move_many(33);
    cr_assert_eq(self.count, 33);
    cr_assert_eq(self.frames, 2);
}

/* The ring of tokens has come round: one that is out keeps its place, and its answer counts. */
Test(compensator_bounds, a_job_that_is_out_for_long_is_still_known_after_a_thousand_others)
{
    struct delivery_key first = fixture_given(&self, FIXTURE_REAPPLY);
    struct delivery_key twice = fixture_given(&self, FIXTURE_UNDO);
    for (uint32_t round = 0; round < 5; round++) {
        uint32_t before = self.count;
        move_many(400);
        for (uint32_t i = before; i < self.count; i++) {
            fixture_answer_to(&self, i, OUTCOME_DONE, NULL);
        }
    }
    cr_assert_gt(self.core->token_counter, self.core->token_capacity);
    fixture_answer_to(&self, 1, OUTCOME_DOWN, NULL);
    fixture_advance(&self, 1000); /* it has another token by now */
    /* All of them were late to leave: leases begin now, also behind a ring that has come round. */
    self.core->token_left = 0;
    compensator_left(self.core, self.now_ms + FIXTURE_LEASE_MS / 2);
    fixture_advance(&self, FIXTURE_LEASE_MS);
    cr_assert_eq(self.core->counts[COUNT_LEASES], 0);
    fixture_answer_to(&self, 0, OUTCOME_DONE, NULL);
    cr_assert_null(fixture_entry(&self, first));
    fixture_answer(&self, OUTCOME_DONE);
    cr_assert_null(fixture_entry(&self, twice));
    cr_assert_eq(compensator_table_count(self.core->table), 0);
}

static void
move_and_answer(uint32_t count)
{
    uint32_t before = self.count;
    move_many(count);
    for (uint32_t i = before; i < self.count; i++) {
        fixture_answer_to(&self, i, OUTCOME_DONE, NULL);
    }
}

/* In the ring it stands where one was passed over that leaves now. */
Test(compensator_bounds, a_job_that_left_long_ago_has_no_more_time_when_others_leave_late)
{
    const uint64_t *counter = &self.core->token_counter;
    struct delivery_key first = fixture_given(&self, FIXTURE_REAPPLY);
    int64_t limit_ms = fixture_entry(&self, first)->limit_ms;
    uint64_t turned = *counter + self.core->token_capacity;
    while (*counter + 1 < turned) {
        uint64_t left = turned - 1 - *counter;
        move_and_answer(left < 400 ? (uint32_t)left : 400);
    }
    self.unsynced = true;
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    cr_assert_eq(*counter, turned + 1, "the first has the place");
    fixture_advance(&self, 1000);
    uint32_t jobs = self.count;
    self.unsynced = false;
    fixture_step(&self);
    cr_assert_eq(self.count, jobs + 1, "it leaves late");
    cr_assert_eq(fixture_entry(&self, first)->limit_ms, limit_ms);
    fixture_advance(&self, FIXTURE_LEASE_MS - 1001);
    cr_assert_eq(self.core->counts[COUNT_LEASES], 0);
    fixture_advance(&self, 1);
    cr_assert_eq(self.core->counts[COUNT_LEASES], 1);
}

/* Whoever is cancelled leaves the list from wherever it stands, and the others keep their order. */
Test(compensator_bounds, what_waits_can_leave_its_list_from_the_front_the_middle_and_the_end)
{
    static const uint32_t gone[] = {2, 0, 4};
    struct delivery_key keys[5];
    self.present = false;
    fixture_advance(&self, COMPENSATOR_SILENCE_MS);
    for (uint32_t i = 0; i < 5; i++) {
        keys[i] = fixture_given(&self, FIXTURE_REAPPLY);
    }
    for (uint32_t i = 0; i < 3; i++) {
        fixture_done(self.scheduler, RECORD_EVIDENCE, keys[gone[i]], 2);
        fixture_step(&self);
    }
    cr_assert_eq(self.count, 0);
    self.present = true;
    fixture_step(&self);
    cr_assert_eq(self.count, 2);
    cr_assert_eq(self.jobs[0].item.position, keys[1].position);
    cr_assert_eq(self.jobs[1].item.position, keys[3].position);
}

Test(compensator_bounds, a_fence_that_was_asked_for_65535_times_is_still_asked_for)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    (void)fixture_move(&self, self.producer, key, 2, OUTCOME_CANCEL);
    fixture_step(&self);
    fixture_entry(&self, key)->waits = UINT16_MAX;
    fixture_answer(&self, OUTCOME_RETRY);
    fixture_advance(&self, 60000);
    cr_assert_eq(self.count, 2);
    cr_assert_eq(self.jobs[1].action, WIRE_ACTION_FENCE);
    cr_assert_eq(self.jobs[1].item.attempt, UINT16_MAX);
}

Test(compensator_bounds, one_step_reads_so_many_records_of_the_others_and_comes_again_at_once)
{
    struct record_event note = {.key = {1, FIXTURE_REAPPLY},
                                .turn = 1,
                                .kind = RECORD_ORDER,
                                .order = ORDER_NOTE,
                                .by = {.data = "ada", .size = 3}};
    uint8_t body[RECORD_EVENT_MAX];
    size_t size = record_event_encode(&note, body);
    for (uint32_t i = 0; i < COMPENSATOR_READ_MAX + 1; i++) {
        (void)log_append(self.producer, RECORD_ORDER, body, size);
    }
    (void)fixture_durable(self.producer, 0);
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    cr_assert_null(fixture_entry(&self, key), "the scheduler's log comes after");
    cr_assert_eq(compensator_next_ms(self.core), 0);
    fixture_step(&self);
    cr_assert_not_null(fixture_entry(&self, key));
    cr_assert_gt(compensator_next_ms(self.core), self.now_ms);
}

Test(compensator_bounds, an_answer_before_any_job_was_sent_is_late)
{
    self.jobs[0].token = 7;
    self.count = 1;
    fixture_answer_to(&self, 0, OUTCOME_DONE, NULL);
    self.jobs[0].token = 0;
    fixture_answer_to(&self, 0, OUTCOME_DONE, NULL);
    cr_assert_eq(self.core->counts[COUNT_LATE], 2);
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    fixture_answer_to(&self, 0, OUTCOME_DONE, NULL); /* token 0 once more */
    cr_assert_eq(self.core->counts[COUNT_LATE], 3);
}

/* A subscription that says nothing of a lease has the standard one. */
Test(compensator_bounds, a_lease_of_nothing_is_ten_seconds)
{
    struct record_subscription record = {
        .id = 7,
        .active = true,
        .name = {.data = "plain", .size = 5},
        .pattern = {.data = "*", .size = 1},
        .group = {.data = "plain", .size = 5},
        .policy = {.data = "default", .size = 7},
    };
    uint8_t body[RECORD_SUBSCRIPTION_MAX];
    (void)fixture_raw(self.producer, RECORD_SUBSCRIPTION, body,
                      record_subscription_encode(&record, body));
    (void)fixture_given(&self, 7);
    cr_assert_eq(fixture_last_job(&self)->item.lease_ms, 10000);
}

Test(compensator_bounds, while_room_is_short_fewer_tries_than_three_stay_as_few)
{
    self.settings.tries = 2;
    fixture_restart(&self);
    fixture_short(&self, true);
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_answer(&self, OUTCOME_RETRY);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_HELD);
    fixture_advance(&self, 1000);
    fixture_answer(&self, OUTCOME_RETRY);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
}
