/* What is shown of a delivery's past: other logs may have trimmed, damaged or never told it. */
#include "compensator_fixture.h"

#include <string.h>

static struct fixture self;

static void
setup(void)
{
    fixture_open(&self);
}

static void
teardown(void)
{
    fixture_close(&self);
}

TestSuite(compensator_history, .init = setup, .fini = teardown, .timeout = 60);

static const char *
shown(uint64_t id)
{
    struct wire_case found;
    size_t payload_size = 0;
    return fixture_show(&self, id, &found, &payload_size);
}

/* Moved here by the scheduler, whose record before stands at `previous`; rejected: a case. */
static uint64_t
case_behind(uint64_t previous)
{
    const struct record_custody moved = {
        .key = fixture_notify(&self, FIXTURE_REAPPLY),
        .turn = 3,
        .to = LOG_COMPENSATOR,
        .cause = OUTCOME_RETRY,
        .attempts = 4,
        .sent = true,
        .previous = previous,
    };
    (void)fixture_custody(self.scheduler, RECORD_MOVED, &moved);
    fixture_step(&self);
    fixture_answer(&self, OUTCOME_REJECT);
    return fixture_entry(&self, moved.key)->case_id;
}

Test(compensator_history, how_a_case_ended_is_shown)
{
    uint64_t id = case_behind(0);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, true), WIRE_OK);
    cr_assert_str_eq(shown(id), "2 1 4 3;3 2 5 4;3 2 0 36;"); /* 32 and the end */
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_answer(&self, OUTCOME_REJECT);
    id = fixture_entry(&self, key)->case_id;
    fixture_done(self.scheduler, RECORD_EVIDENCE, key, 2);
    fixture_step(&self);
    cr_assert_str_eq(shown(id), "2 1 4 3;3 2 5 4;3 2 0 33;");
}

Test(compensator_history, a_replay_and_what_followed_it_are_shown)
{
    uint64_t id = case_behind(0);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
    struct delivery_key key = {.position = 0, .subscription = FIXTURE_REAPPLY};
    key.position = fixture_last_custody(&self, RECORD_MOVED).key.position;
    struct record_custody taken = {
        .key = key, .turn = 4, .to = LOG_SCHEDULER, .cause = OUTCOME_REPLAY};
    uint64_t at = fixture_custody(self.scheduler, RECORD_TAKEN, &taken);
    const struct record_custody moved = {.key = key,
                                         .turn = 5,
                                         .to = LOG_COMPENSATOR,
                                         .cause = OUTCOME_REJECT,
                                         .attempts = 1,
                                         .sent = true,
                                         .previous = at};
    (void)fixture_custody(self.scheduler, RECORD_MOVED, &moved);
    fixture_step(&self);
    fixture_answer(&self, OUTCOME_REJECT);
    cr_assert_str_eq(shown(fixture_entry(&self, key)->case_id),
                     "2 1 4 3;3 2 5 4;3 2 0 19;4 1 1 4;5 2 2 4;");
}

/* What another log says in a way that is not understood ends the walk there, and nothing else. */
Test(compensator_history, what_cannot_be_read_of_another_log_is_left_out)
{
    static const uint8_t kinds[] = {RECORD_TAKEN, RECORD_CASE, RECORD_FAILED, RECORD_POSITION};
    static const char rest[] = "2 1 4 3;3 2 5 4;";
    for (size_t i = 0; i < sizeof kinds; i++) {
        uint64_t at = fixture_raw(self.scheduler, kinds[i], "\x80", 1);
        cr_assert_str_eq(shown(case_behind(at)), rest, "kind %u", kinds[i]);
    }
    cr_assert_str_eq(shown(case_behind(1000000)), rest, "not there");
    /* One that says that it comes after itself. */
    uint64_t next = log_next(self.scheduler);
    struct record_event failed = {.key = {next, FIXTURE_REAPPLY},
                                  .turn = 2,
                                  .kind = RECORD_FAILED,
                                  .outcome = OUTCOME_RETRY,
                                  .attempt = 3,
                                  .previous = next};
    cr_assert_eq(fixture_event(self.scheduler, &failed), next);
    cr_assert_str_eq(shown(case_behind(next)), "2 1 3 3;2 1 4 3;3 2 5 4;");
}

/* The producer's chain is of a notification: a DONE and a MOVED of another subscription's
 * delivery stand in it. */
Test(compensator_history, what_is_about_another_subscription_is_not_shown)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    struct delivery_key other = {.position = key.position, .subscription = FIXTURE_UNDO};
    struct record_event done = {
        .key = other, .turn = 1, .kind = RECORD_DONE, .outcome = OUTCOME_DONE, .attempt = 1};
    uint64_t at = fixture_event(self.producer, &done);
    struct record_event order = {.key = key,
                                 .turn = 1,
                                 .kind = RECORD_ORDER,
                                 .order = ORDER_NOTE,
                                 .by = {"ann", 3},
                                 .previous = at};
    at = fixture_event(self.producer, &order);
    struct record_custody moved = {.key = other,
                                   .turn = 2,
                                   .to = LOG_SCHEDULER,
                                   .cause = OUTCOME_RETRY,
                                   .attempts = 1,
                                   .sent = true,
                                   .previous = at};
    at = fixture_custody(self.producer, RECORD_MOVED, &moved);
    moved = (struct record_custody){.key = key,
                                    .turn = 2,
                                    .to = LOG_COMPENSATOR,
                                    .cause = OUTCOME_REJECT,
                                    .attempts = 1,
                                    .sent = true,
                                    .previous = at};
    (void)fixture_custody(self.producer, RECORD_MOVED, &moved);
    fixture_step(&self);
    fixture_answer(&self, OUTCOME_REJECT);
    cr_assert_str_eq(shown(fixture_entry(&self, key)->case_id), "1 0 0 0;1 0 1 4;2 2 2 4;");
}

Test(compensator_history, no_more_is_shown_than_an_answer_holds)
{
    uint64_t id = case_behind(0);
    for (int i = 0; i < WIRE_HISTORY_MAX + 5; i++) {
        cr_assert_eq(fixture_order(&self, id, WIRE_CASE_NOTE, false), WIRE_OK);
    }
    const char *text = shown(id);
    cr_assert_eq(strlen(text), WIRE_HISTORY_MAX * strlen("3 2 0 0;"));
    cr_assert_eq(strncmp(text, "3 2 0 0;", 8), 0);
}
