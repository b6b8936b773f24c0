/* What is told of a delivery's attempts: from chains of records over three logs, of which some may
 * be gone or make no sense. */
#include "producer_fixture.h"
#include "producer_history.h"

#include <stdio.h>
#include <string.h>

/* "a" has left our custody after a first attempt. */
static struct delivery_key
begin(struct fixture *self)
{
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_outcome(self, 0, OUTCOME_RETRY, 0);
    return self->deliveries[0].key;
}

static struct record_event
failed_of(struct fixture *self, struct delivery_key key, uint64_t previous)
{
    return (struct record_event){.key = key,
                                 .turn = 2,
                                 .kind = RECORD_FAILED,
                                 .outcome = OUTCOME_RETRY,
                                 .attempt = 2,
                                 .at_unix_ms = self->now_unix_ms,
                                 .previous = previous};
}

static struct wire_delivery
told(struct fixture *self)
{
    uint8_t status = 0;
    fixture_step(self);
    struct wire_delivery said = fixture_query(self, "a", "orders", &status);
    cr_assert_eq(status, WIRE_OK);
    return said;
}

Test(producer_history, what_was_only_handed_over_is_no_attempt)
{
    static const uint8_t causes[] = {OUTCOME_CANCEL, OUTCOME_REPLAY, OUTCOME_NONE, OUTCOME_REJECT};
    for (size_t i = 0; i < sizeof causes; i++) {
        struct fixture *self = fixture_open(1);
        struct record_custody moved = {.key = begin(self),
                                       .turn = 3,
                                       .to = LOG_COMPENSATOR,
                                       .cause = causes[i],
                                       .attempts = 2,
                                       .at_unix_ms = self->now_unix_ms};
        (void)fixture_other_custody(self->scheduler, RECORD_MOVED, &moved);
        cr_assert_eq(told(self).count, causes[i] == OUTCOME_REJECT ? 2 : 1, "cause %u", causes[i]);
        fixture_close(self);
    }
}

Test(producer_history, a_fence_and_an_end_by_hand_are_told)
{
    struct fixture *self = fixture_open(1);
    struct delivery_key key = begin(self);
    struct record_event fenced = {
        .key = key, .turn = 2, .kind = RECORD_FENCED, .at_unix_ms = self->now_unix_ms};
    uint64_t last = fixture_other_event(self->compensator, &fenced);
    struct record_event closed = {.key = key,
                                  .turn = 2,
                                  .kind = RECORD_CLOSED,
                                  .end = END_RESOLVED,
                                  .at_unix_ms = self->now_unix_ms,
                                  .previous = last};
    (void)fixture_other_event(self->compensator, &closed);
    struct wire_delivery said = told(self);
    cr_assert_eq(said.count, 3);
    cr_assert_eq(said.state, WIRE_STATE_RESOLVED);
    fixture_close(self);
}

/* Where a chain goes on is only what a record says: what is there may be anything. */
Test(producer_history, a_chain_that_leads_to_nonsense_ends_there)
{
    static const struct {
        const char *what;
        uint8_t kind;
        const char *fields;
        uint32_t left_out;
    } all[] = {
        {"custody that makes no sense", RECORD_TAKEN, "", 0},
        {"an event that makes no sense", RECORD_DONE, "", 0},
        {"a case that makes no sense", RECORD_CASE, "", 0},
        {"what is not there yet", 0, "", 1},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct fixture *self = fixture_open(1);
        struct delivery_key key = begin(self);
        uint64_t previous =
            all[i].kind == 0 ? 99999 : fixture_spelt(self->scheduler, all[i].kind, all[i].fields);
        struct record_event failed = failed_of(self, key, previous);
        (void)fixture_other_event(self->scheduler, &failed);
        struct wire_delivery said = told(self);
        cr_assert_eq(said.count, 2, "%s: %u", all[i].what, said.count);
        cr_assert_eq(said.left_out, all[i].left_out, "%s: %u", all[i].what, said.left_out);
        fixture_close(self);
    }
}

Test(producer_history, a_chain_that_leads_to_what_was_trimmed_is_told_to_go_on)
{
    struct fixture *self = fixture_open(1);
    struct delivery_key key = begin(self);
    for (int i = 0; i < 300; i++) {
        (void)fixture_spelt(self->scheduler, RECORD_POSITION, "z60000");
    }
    struct record_event failed = failed_of(self, key, 2);
    (void)fixture_other_event(self->scheduler, &failed);
    fixture_step(self);
    cr_assert_eq(log_trim(self->scheduler, log_next(self->scheduler) - 1, NULL), ERR_OK);
    cr_assert_gt(log_first(self->scheduler), 2);
    fixture_restart(self);
    struct wire_delivery said = told(self);
    cr_assert_eq(said.count, 2);
    cr_assert_eq(said.left_out, 1);
    fixture_close(self);
}

Test(producer_history, a_chain_that_leads_to_itself_is_walked_for_a_while_only)
{
    struct fixture *self = fixture_open(1);
    struct delivery_key key = begin(self);
    struct record_event failed = failed_of(self, key, log_next(self->scheduler));
    (void)fixture_other_event(self->scheduler, &failed);
    struct wire_delivery said = told(self);
    cr_assert_eq(said.count, WIRE_HISTORY_MAX);
    cr_assert_gt(said.left_out, 1000);
    fixture_close(self);
}

Test(producer_history, the_newest_attempts_are_told_whatever_order_their_clocks_say)
{
    struct fixture *self = fixture_open(1);
    struct delivery_key key = begin(self);
    uint64_t last = 0;
    for (uint16_t i = 0; i < WIRE_HISTORY_MAX + 20; i++) {
        struct record_event failed = failed_of(self, key, last);
        failed.attempt = (uint16_t)(i + 2);
        failed.at_unix_ms += i % 7 * 1000; /* the clock is set now and then */
        last = fixture_other_event(self->scheduler, &failed);
    }
    struct wire_delivery said = told(self);
    cr_assert_eq(said.count, WIRE_HISTORY_MAX);
    cr_assert_eq(said.left_out, 21);
    fixture_close(self);
}

/* Sixty-four subscriptions: of each delivery so many attempts are told as fit a frame. */
Test(producer_history, many_deliveries_share_the_room_of_an_answer)
{
    static struct producer_subscription_settings many[LIMIT_SUBSCRIPTIONS];
    static char names[LIMIT_SUBSCRIPTIONS][16];
    struct fixture *self = fixture_open(1);
    many[0] = self->subscriptions[0];
    for (size_t i = 1; i < LIMIT_SUBSCRIPTIONS; i++) {
        many[i] = self->subscriptions[0];
        (void)snprintf(names[i], sizeof names[i], "s%zu", i); /* fits */
        many[i].name = names[i];
        many[i].group = names[i];
    }
    cr_assert_eq(producer_core_configure(self->core, many, LIMIT_SUBSCRIPTIONS, NULL), ERR_OK);
    struct delivery_key key = begin(self);
    uint64_t last = 0;
    for (uint16_t i = 0; i < WIRE_HISTORY_MAX; i++) {
        struct record_event failed = failed_of(self, key, last);
        last = fixture_other_event(self->scheduler, &failed);
    }
    struct wire_delivery said = told(self);
    cr_assert_lt(said.count, WIRE_HISTORY_MAX);
    cr_assert_eq(said.count + said.left_out, WIRE_HISTORY_MAX + 1, "the others are counted");
    fixture_close(self);
}

/* The scheduler's log is walked first, and what it says of the newest turn comes last. */
Test(producer_history, attempts_are_told_in_the_order_of_their_turns)
{
    static struct producer_history history;
    struct fixture *self = fixture_open(1);
    struct delivery_key key = begin(self);
    struct record_event failed = failed_of(self, key, 0);
    failed.turn = 4;
    (void)fixture_other_event(self->scheduler, &failed);
    (void)fixture_other_case(self, key, 3);
    fixture_step(self);
    producer_history_read(self->core, key, 0, &history);
    cr_assert_eq(history.count, 2);
    cr_assert_eq(history.attempts[0].said.turn, 3);
    cr_assert_eq(history.attempts[1].said.turn, 4);
    fixture_close(self);
}
