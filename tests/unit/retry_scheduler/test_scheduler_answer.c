/* Which delivery an answer is of, and the rare ways to count it. */
#include "scheduler_fixture.h"

static struct fixture self;

static void
setup(void)
{
    fixture_open(&self, "1s,2s,4s");
}

static void
teardown(void)
{
    fixture_close(&self);
}

TestSuite(scheduler_answer, .init = setup, .fini = teardown, .timeout = 60);

static struct delivery_key
given(int64_t due_in_ms)
{
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    fixture_give(&self, key, due_in_ms);
    fixture_step(&self);
    return key;
}

/* One after the other in the same place of the table: a place's generation has come round again. */
static void
use_place(uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        uint32_t number = self.count;
        given(0);
        fixture_answer(&self, number, OUTCOME_DONE, 0);
    }
}

/* What is out ends by what another log says. */
static void
end_elsewhere(struct delivery_key key)
{
    struct record_event closed = {
        .key = key, .turn = 2, .kind = RECORD_CLOSED, .end = END_RESOLVED};
    fixture_event(self.compensator, &closed);
    fixture_step(&self);
    cr_assert_null(fixture_entry(&self, key));
}

/* What is out ends elsewhere, and `again` gets its place and its generation. */
static void
meet_in_one_place(struct delivery_key key, struct delivery_key again, uint32_t turn)
{
    uint32_t number = self.count - 1;
    uint64_t generation = fixture_entry(&self, key)->generation;
    end_elsewhere(key);
    use_place(255);
    struct record_custody moved = {.key = again,
                                   .turn = turn,
                                   .to = LOG_SCHEDULER,
                                   .cause = OUTCOME_RETRY,
                                   .at_unix_ms = self.now_unix_ms};
    fixture_custody(self.producer, RECORD_MOVED, &moved);
    fixture_step(&self);
    cr_assert_eq(fixture_entry(&self, again)->generation, generation);
    cr_assert_eq(fixture_entry(&self, again)->state, SCHEDULER_OUT);
    uint32_t moves = fixture_count(&self, RECORD_MOVED);
    fixture_answer(&self, number, OUTCOME_REJECT, 0);
    cr_assert_eq(fixture_count(&self, RECORD_MOVED), moves, "it was not of this one");
    cr_assert_eq(fixture_entry(&self, again)->state, SCHEDULER_OUT);
}

Test(scheduler_answer, an_answer_never_counts_for_who_has_its_place_in_memory)
{
    struct delivery_key key = given(0);
    meet_in_one_place(key, fixture_notify(&self, NULL, 0), 2);
    fixture_subscribe(&self, 2, "orders", "1s");
    key = given(0);
    meet_in_one_place(key, (struct delivery_key){.position = key.position, .subscription = 2}, 2);
    key = given(0);
    meet_in_one_place(key, key, 4);
}

Test(scheduler_answer, of_what_has_ended_meanwhile_only_done_is_recorded)
{
    end_elsewhere(given(0));
    uint64_t next = log_next(peers_own(self.peers));
    fixture_answer(&self, 0, OUTCOME_RETRY, 0);
    cr_assert_eq(log_next(peers_own(self.peers)), next);
    struct delivery_key key = given(0);
    end_elsewhere(key);
    fixture_answer(&self, 1, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_last_event(&self, RECORD_EVIDENCE).key.position, key.position);
}

Test(scheduler_answer, an_answer_does_not_count_for_the_same_delivery_taken_anew)
{
    struct delivery_key key = given(0);
    end_elsewhere(key);
    fixture_give(&self, key, 0); /* its place and its turn are the same */
    fixture_step(&self);
    cr_assert_eq(self.count, 2);
    fixture_answer(&self, 0, OUTCOME_REJECT, 0);
    cr_assert_eq(fixture_count(&self, RECORD_MOVED), 0);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_OUT);
}

Test(scheduler_answer, attempts_are_counted_to_an_end)
{
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    struct record_custody moved = {.key = key,
                                   .turn = 2,
                                   .to = LOG_SCHEDULER,
                                   .cause = OUTCOME_RETRY,
                                   .attempts = 60000,
                                   .at_unix_ms = self.now_unix_ms,
                                   .first_sent_unix_ms = INT64_MAX};
    fixture_custody(self.producer, RECORD_MOVED, &moved);
    fixture_step(&self);
    cr_assert_eq(fixture_entry(&self, key)->first_sent_unix_ms, SCHEDULER_TIME_MAX);
    fixture_answer(&self, self.count - 1, OUTCOME_RETRY, 0);
    struct record_custody last = fixture_last_custody(&self, RECORD_MOVED);
    cr_assert_eq(last.to, LOG_COMPENSATOR, "no schedule is as long");
    cr_assert_eq(last.attempts, SCHEDULER_ATTEMPTS_MAX);
}

Test(scheduler_answer, down_past_the_deadline_is_recorded_while_room_is_short_too)
{
    struct delivery_key key = fixture_notify(&self, NULL, self.now_unix_ms + 500);
    fixture_give(&self, key, 0);
    fixture_step(&self);
    fixture_short(&self, true);
    fixture_answer(&self, 0, OUTCOME_DOWN, 0);
    cr_assert_eq(fixture_last_custody(&self, RECORD_MOVED).cause, OUTCOME_DEADLINE);
    fixture_short(&self, false);
}
