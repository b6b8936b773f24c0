/* A start over records that make no sense, and over a disk that cannot be read. */
#include "base/mem.h"
#include "delivery/record_codec.h"
#include "scheduler_fixture.h"
#include "support/odd_call.h"

#include <stdio.h>
#include <string.h>

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

TestSuite(scheduler_recover, .init = setup, .fini = teardown, .timeout = 240);

static struct delivery_key
given(int64_t due_in_ms)
{
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    fixture_give(&self, key, due_in_ms);
    fixture_step(&self);
    return key;
}

static void
begin_again(void)
{
    fixture_close(&self);
    fixture_open(&self, "1s,2s,4s");
}

Test(scheduler_recover, a_record_of_its_own_that_makes_no_sense_is_refused)
{
    static const uint8_t kinds[] = {RECORD_TAKEN, RECORD_MOVED, RECORD_DONE,    RECORD_FAILED,
                                    RECORD_ENDED, RECORD_ORDER, RECORD_EVIDENCE};
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct why why = {{0}};
        (void)fixture_spelt(peers_own(self.peers), kinds[i], "v1");
        cr_assert_eq(fixture_try_restart(&self, &why), ERR_CORRUPT, "kind %u", kinds[i]);
        cr_assert_neq(why.text[0], '\0', "it says why");
        begin_again();
    }
}

/* Bytes of the custody, custody (key, turn, to u8, cause u8, flags u8, attempts, unburnt, at, due,
 * first sent, previous, reason), flags u8, taken, copy, deadline, turn of a cancel. */
Test(scheduler_recover, a_checkpoints_item_that_makes_no_sense_is_refused)
{
    static const struct {
        const char *what;
        const char *fields;
        err_t rc;
    } all[] = {
        {"nothing wrong", "v13 v7 v1 v2 b1 b1 b0 v1 v0 v1 v1 v1 v0 v0 b0 v0 v0 v0 v0", ERR_OK},
        {"one of an older version", "v13 v7 v1 v2 b1 b1 b0 v1 v0 v1 v1 v1 v0 v0 b1 v0 v0 v0",
         ERR_OK},
        {"nothing", "", ERR_CORRUPT},
        {"cut off", "v13 v7 v1 v2 b1 b1 b0 v1 v0 v1 v1 v1 v0 v0 b0 v0", ERR_CORRUPT},
        {"more custody than there is", "v99 v7 v1 v2 b1 b1 b0 v1 v0 v1 v1 v1 v0 v0 b0 v0 v0 v0 v0",
         ERR_CORRUPT},
        {"a deadline that is no time",
         "v13 v7 v1 v2 b1 b1 b0 v1 v0 v1 v1 v1 v0 v0 b0 v0 v0 v18446744073709551615 v0",
         ERR_CORRUPT},
        {"a fourth custodian", "v13 v7 v1 v2 b9 b1 b0 v1 v0 v1 v1 v1 v0 v0 b0 v0 v0 v0 v0",
         ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct why why = {{0}};
        fixture_checkpoint(&self, all[i].fields);
        err_t rc = fixture_try_restart(&self, &why);
        cr_assert_eq(rc, all[i].rc, "%s: %d, %s", all[i].what, rc, why.text);
        cr_assert(rc == ERR_OK || why.text[0] != '\0', "%s: it says why", all[i].what);
        begin_again();
    }
}

/* It is taken after BEGIN was written and before its place in the table had its turn. */
Test(scheduler_recover, what_was_taken_while_a_checkpoint_was_written_is_as_its_item_says)
{
    char fields[96];
    log_t *own = peers_own(self.peers);
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    struct record_custody taken = {
        .key = key, .turn = 2, .to = LOG_SCHEDULER, .at_unix_ms = self.now_unix_ms};
    uint64_t begin = fixture_spelt(own, RECORD_CHECKPOINT_BEGIN, "v0 z16 v0 z16 v0 z16");
    uint64_t last = fixture_custody(own, RECORD_TAKEN, &taken);
    (void)snprintf(
        fields, sizeof fields, "v13 v%llu v1 v2 b1 b1 b0 v3 v0 v1 v1 v1 v%llu v0 b0 v%llu v0 v0 v0",
        (unsigned long long)key.position, (unsigned long long)last, (unsigned long long)last);
    (void)fixture_spelt(own, RECORD_CHECKPOINT_ITEM, fields);
    (void)snprintf(fields, sizeof fields, "v%llu", (unsigned long long)begin);
    (void)fixture_spelt(own, RECORD_CHECKPOINT_END, fields);
    fixture_restart(&self, 0);
    cr_assert_eq(fixture_counter(&self, "open"), 1);
    cr_assert_eq(fixture_entry(&self, key)->attempts, 3);
    cr_assert_eq(fixture_entry(&self, key)->taken, last);
}

Test(scheduler_recover, a_record_of_another_log_that_makes_no_sense_is_refused)
{
    static const struct {
        bool compensator;
        uint8_t kind;
    } all[] = {
        {false, RECORD_MOVED},        {false, RECORD_ORDER}, {false, RECORD_EVIDENCE},
        {false, RECORD_SUBSCRIPTION}, {false, RECORD_GROUP}, {true, RECORD_MOVED},
        {true, RECORD_CASE},          {true, RECORD_DONE},   {true, RECORD_CLOSED},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        for (int running = 0; running < 2; running++) {
            struct why why = {{0}};
            given(5000); /* so that the compensator's log is looked at */
            (void)fixture_spelt(all[i].compensator ? self.compensator : self.producer, all[i].kind,
                                "b1");
            err_t rc = running ? fixture_try_step(&self, &why) : fixture_try_restart(&self, &why);
            cr_assert_eq(rc, ERR_CORRUPT, "number %zu, %d: %d", i, running, rc);
            cr_assert_neq(why.text[0], '\0', "it says why");
            begin_again();
        }
    }
}

Test(scheduler_recover, a_position_that_does_not_fit_is_refused)
{
    struct why why = {{0}};
    fixture_give(&self, (struct delivery_key){.position = UINT64_C(1) << 40, .subscription = 1}, 0);
    cr_assert_eq(fixture_try_step(&self, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "40 bits"), "%s", why.text);
}

Test(scheduler_recover, records_of_what_is_not_held_change_nothing)
{
    struct record_event done = {
        .key = {.position = 77, .subscription = 1}, .turn = 2, .kind = RECORD_DONE};
    struct record_custody moved = {
        .key = {.position = 78, .subscription = 1}, .turn = 3, .to = LOG_COMPENSATOR};
    fixture_event(peers_own(self.peers), &done);
    fixture_custody(peers_own(self.peers), RECORD_MOVED, &moved);
    (void)fixture_spelt(peers_own(self.peers), RECORD_GROUP, "v1"); /* another service's kind */
    fixture_restart(&self, 0);
    cr_assert_eq(fixture_counter(&self, "open"), 0);
}

/* What is folded from records of its own: all that an attempt can have been. */
Test(scheduler_recover, what_failed_for_whichever_reason_comes_back_as_it_was)
{
    static const uint8_t outcomes[] = {OUTCOME_RETRY, OUTCOME_LEASE, OUTCOME_LOST, OUTCOME_DOWN};
    for (size_t i = 0; i < sizeof outcomes; i++) {
        struct delivery_key key = fixture_notify(&self, NULL, 0);
        struct record_custody taken = {.key = key,
                                       .turn = 2,
                                       .to = LOG_SCHEDULER,
                                       .cause = OUTCOME_NOT_STARTED,
                                       .at_unix_ms = self.now_unix_ms};
        struct record_event failed = {.key = key,
                                      .turn = 2,
                                      .kind = RECORD_FAILED,
                                      .outcome = outcomes[i],
                                      .attempt = 300, /* more than are counted */
                                      .at_unix_ms = self.now_unix_ms,
                                      .due_unix_ms = self.now_unix_ms +
                                                     30LL * 24 * 3600 * 1000 /* more than any */};
        fixture_custody(peers_own(self.peers), RECORD_TAKEN, &taken);
        fixture_event(peers_own(self.peers), &failed);
        fixture_event(peers_own(self.peers), &failed);
        fixture_restart(&self, 0);
        const struct scheduler_entry *entry = fixture_entry(&self, key);
        cr_assert_eq(entry->attempts, SCHEDULER_ATTEMPTS_MAX);
        cr_assert_eq(entry->alone, i == 1 || i == 2);
        cr_assert_eq(entry->first_sent_unix_ms, self.now_unix_ms);
        cr_assert_lt(fixture_due_ms(&self, key), self.now_ms + 11LL * 24 * 3600 * 1000);
    }
}

Test(scheduler_recover, a_case_or_a_replay_of_another_turn_is_not_this_ones)
{
    struct delivery_key away = given(0);
    fixture_answer(&self, 0, OUTCOME_REJECT, 0);
    struct delivery_key here = given(5000);
    struct record_custody replayed = {
        .key = here, .turn = 9, .to = LOG_COMPENSATOR, .at_unix_ms = self.now_unix_ms};
    fixture_case(&self, away, 1);                               /* of before */
    fixture_case(&self, here, 2);                               /* it is here */
    fixture_custody(self.compensator, RECORD_MOVED, &replayed); /* not to here */
    fixture_restart(&self, 0);
    cr_assert_not(fixture_entry(&self, away)->is_case);
    cr_assert_not(fixture_entry(&self, here)->is_case);
    cr_assert_eq(fixture_entry(&self, here)->copy, 0);
}

Test(scheduler_recover, a_log_that_was_never_read_is_read_from_what_is_left_of_it)
{
    for (int i = 0; i < 50; i++) {
        (void)fixture_spelt(self.compensator, RECORD_POSITION, "z4000");
    }
    cr_assert_eq(log_trim(self.compensator, 40, NULL), ERR_OK);
    cr_assert_gt(log_first(self.compensator), 1);
    fixture_restart(&self, 0);
    struct delivery_key key = given(5000);
    struct record_event closed = {
        .key = key, .turn = 2, .kind = RECORD_CLOSED, .end = END_CANCELLED};
    fixture_event(self.compensator, &closed);
    fixture_step(&self);
    cr_assert_eq(fixture_counter(&self, "open"), 0);
}

/* A life with a bit of everything, and so much behind it that it must be read from the files. */
static void
live(void)
{
    for (uint32_t i = 0; i < 30; i++) {
        static const uint8_t outcomes[] = {OUTCOME_DONE, OUTCOME_RETRY, OUTCOME_REJECT};
        struct delivery_key key = given(0);
        fixture_answer(&self, self.count - 1, outcomes[i % 3], 60000);
        if (i % 3 == 2) {
            fixture_case(&self, key, 3);
        }
        if (i == 15) {
            self.core->settings.checkpoint_every = 1;
            fixture_step(&self);
            self.core->settings.checkpoint_every = 1000000;
        }
    }
    for (int i = 0; i < 60; i++) {
        (void)fixture_spelt(self.producer, RECORD_POSITION, "z4000");
        (void)fixture_spelt(self.compensator, RECORD_POSITION, "z4000");
        (void)fixture_spelt(peers_own(self.peers), RECORD_GROUP, "z4000"); /* whatever */
    }
    fixture_step(&self);
}

Test(scheduler_recover, a_read_that_fails_at_a_start_is_an_error_and_loses_nothing)
{
    live();
    char *before = fixture_state(&self);
    odd_call_read_fails(0, false);
    for (int once = 0; once < 2; once++) {
        bool hit = true;
        for (uint64_t at = 1; hit; at++) {
            struct why why = {{0}};
            odd_call_read_fails(at, once == 0);
            err_t rc = fixture_try_restart(&self, &why);
            hit = odd_call_count() > 0;
            odd_call_read_fails(0, false);
            cr_assert(once != 0 || (rc != ERR_OK) == hit, "read %llu", (unsigned long long)at);
        }
    }
    fixture_restart(&self, 0);
    char *after = fixture_state(&self);
    cr_assert_str_eq(after, before);
    mem_free(before);
    mem_free(after);
}

/* They have read all that there is of the own log. */
static void
let_others_read(void)
{
    log_t *own = peers_own(self.peers);
    struct record_position position = {0};
    position.logs[LOG_SCHEDULER].position = log_durable(own);
    memcpy(position.logs[LOG_SCHEDULER].identity, log_identity(own), 16);
    uint8_t body[RECORD_POSITION_MAX];
    size_t size = record_position_encode(&position, body);
    log_t *const others[] = {self.producer, self.compensator};
    for (int i = 0; i < 2; i++) {
        (void)log_append(others[i], RECORD_POSITION, body, size);
        cr_assert_eq(log_commit(others[i], LOG_STORE_FINISHING, NULL), ERR_OK);
        cr_assert_eq(log_reap(others[i], NULL), ERR_OK);
    }
}

Test(scheduler_recover, a_read_that_fails_while_old_records_are_dropped_is_an_error)
{
    log_t *own = peers_own(self.peers);
    for (int i = 0; i < 60; i++) {
        given(0);
        fixture_answer(&self, self.count - 1, OUTCOME_DONE, 0);
        (void)fixture_spelt(own, RECORD_GROUP, "z4000"); /* whatever */
    }
    fixture_advance(&self, 1000);
    odd_call_read_fails(0, false);
    self.settings.checkpoint_every = 1;
    bool hit = true;
    for (uint64_t at = 1; hit; at++) {
        let_others_read();
        fixture_restart(&self, 0);
        own = peers_own(self.peers);
        (void)fixture_spelt(own, RECORD_GROUP, "v1");
        fixture_step(&self);
        cr_assert_neq(self.core->checkpoint.trim_to, 0);
        cr_assert_eq(log_first(own), 1);
        odd_call_read_fails(at, true);
        err_t rc = fixture_try_step(&self, NULL);
        hit = odd_call_count() > 0;
        odd_call_read_fails(0, false);
        cr_assert_eq(rc != ERR_OK, hit, "read %llu", (unsigned long long)at);
    }
    cr_assert_gt(log_first(own), 1);
}

/* Of a checkpoint of nothing: BEGIN, an item that a salvage lost, END; or BEGIN itself is lost. */
static uint64_t
salvaged_checkpoint(bool lost_begin)
{
    char end[32];
    log_t *own = peers_own(self.peers);
    uint64_t begin = fixture_spelt(own, lost_begin ? LOG_KIND_LOST : RECORD_CHECKPOINT_BEGIN, "");
    (void)fixture_spelt(own, LOG_KIND_LOST, "");
    (void)snprintf(end, sizeof end, "v%llu", (unsigned long long)begin);
    (void)fixture_spelt(own, RECORD_CHECKPOINT_END, end);
    return begin;
}

Test(scheduler_recover, a_checkpoint_that_lost_a_record_hides_nothing)
{
    for (int lost_begin = 0; lost_begin < 2; lost_begin++) {
        struct delivery_key key = given(10000);
        (void)salvaged_checkpoint(lost_begin == 1);
        fixture_restart(&self, 0);
        cr_assert_not_null(fixture_entry(&self, key));
        cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_WAITING);
    }
}

/* It was what told of the records that are trimmed. */
Test(scheduler_recover, a_trimmed_log_whose_only_checkpoint_was_lost_is_refused)
{
    struct why why = {{0}};
    log_t *own = peers_own(self.peers);
    for (int i = 0; i < 100; i++) {
        (void)fixture_spelt(own, 30, "z4000");
    }
    uint64_t begin = salvaged_checkpoint(false);
    (void)given(10000); /* with a POSITION, which stays */
    peers_note(self.peers);
    fixture_step(&self);
    cr_assert_eq(log_trim(own, begin, &why), ERR_OK, "%s", why.text);
    cr_assert_gt(log_first(own), 1);
    cr_assert_eq(fixture_try_restart(&self, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "no checkpoint is whole"), "%s", why.text);
}
