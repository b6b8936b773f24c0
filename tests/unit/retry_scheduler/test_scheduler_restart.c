#include "base/mem.h"
#include "delivery/record_codec.h"
#include "scheduler_fixture.h"

#include <stdio.h>
#include <string.h>

static struct fixture self;
static uint64_t random_state;

static void
setup(void)
{
    fixture_open(&self, "1s,2s,4s,8s,1m");
}

static void
teardown(void)
{
    fixture_close(&self);
}

TestSuite(scheduler_restart, .init = setup, .fini = teardown, .timeout = 240);

static uint32_t
dice(uint32_t sides)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % sides;
}

static struct delivery_key
given(int64_t due_in_ms)
{
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    fixture_give(&self, key, due_in_ms);
    fixture_step(&self);
    return key;
}

/* The state before is the state after. */
static void
restart_and_compare(const char *when)
{
    char *before = fixture_state(&self);
    fixture_restart(&self, 0);
    char *after = fixture_state(&self);
    cr_assert_str_eq(before, after, "%s:\n%s\nis not\n%s", when, after, before);
    mem_free(before);
    mem_free(after);
}

Test(scheduler_restart, a_wait_goes_on_and_ends_when_it_would_have)
{
    struct delivery_key key = given(0);
    fixture_answer(&self, 0, OUTCOME_RETRY, 0); /* 2 s */
    fixture_restart(&self, 500);
    cr_assert_eq(fixture_entry(&self, key)->attempts, 2);
    fixture_advance(&self, 1499);
    cr_assert_eq(self.count, 1);
    fixture_advance(&self, 1);
    cr_assert_eq(self.count, 2);
    cr_assert_eq(self.deliveries[1].item.attempt, 3);
}

Test(scheduler_restart, what_was_out_is_sent_again_as_the_same_attempt)
{
    given(0);
    fixture_restart(&self, 100);
    fixture_step(&self);
    cr_assert_eq(self.count, 2);
    cr_assert_eq(self.deliveries[1].item.attempt, self.deliveries[0].item.attempt);
    cr_assert_neq(self.deliveries[1].token, self.deliveries[0].token);
    fixture_answer(&self, 0, OUTCOME_REJECT, 0); /* of the run before: void */
    cr_assert_eq(fixture_count(&self, RECORD_MOVED), 0);
    fixture_answer(&self, 1, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_count(&self, RECORD_DONE), 1);
}

Test(scheduler_restart, a_clock_that_was_set_back_makes_no_wait_longer_than_recorded)
{
    struct delivery_key key = given(0);
    fixture_answer(&self, 0, OUTCOME_RETRY, 0); /* 2 s */
    self.now_unix_ms -= 24LL * 3600 * 1000;
    fixture_restart(&self, 0);
    cr_assert_eq(fixture_due_ms(&self, key), self.now_ms + 2000);
}

Test(scheduler_restart, a_wait_that_a_receiver_asked_for_is_not_cut_to_the_schedule)
{
    struct delivery_key key = given(0);
    fixture_answer(&self, 0, OUTCOME_RETRY, 3600 * 1000);
    fixture_restart(&self, 1000);
    cr_assert_eq(fixture_due_ms(&self, key), self.now_ms + 3599 * 1000);
}

Test(scheduler_restart, what_was_moved_here_while_nobody_ran_is_taken_at_the_start)
{
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    fixture_give(&self, key, 5000);
    fixture_restart(&self, 1000);
    cr_assert_eq(fixture_due_ms(&self, key), self.now_ms + 4000);
    cr_assert_eq(fixture_count(&self, RECORD_TAKEN), 1);
}

Test(scheduler_restart, a_crash_before_the_position_takes_nothing_twice)
{
    given(5000);
    uint32_t positions = fixture_count(&self, RECORD_POSITION);
    fixture_restart(&self, 0);
    fixture_restart(&self, 0);
    cr_assert_eq(fixture_count(&self, RECORD_TAKEN), 1);
    cr_assert_eq(fixture_count(&self, RECORD_POSITION), positions);
}

Test(scheduler_restart, a_case_is_known_as_one_again)
{
    struct delivery_key key = given(0);
    fixture_answer(&self, 0, OUTCOME_REJECT, 0);
    fixture_case(&self, key, 3);
    fixture_step(&self);
    fixture_restart(&self, 0);
    cr_assert(fixture_entry(&self, key)->is_case);
}

/* Something happens to somebody, as chance has it. */
static void
happen(struct delivery_key *keys, uint32_t *count, uint32_t most)
{
    static const uint8_t outcomes[] = {OUTCOME_DONE,       OUTCOME_RETRY, OUTCOME_RETRY,
                                       OUTCOME_RETRY,      OUTCOME_DOWN,  OUTCOME_REJECT,
                                       OUTCOME_NOT_STARTED};
    struct delivery_key key = *count == 0 ? (struct delivery_key){0} : keys[dice(*count)];
    switch (dice(10)) {
    case 0:
    case 1:
    case 2:
        if (*count < most) {
            const char *policy = dice(3) == 0 ? "300ms,1s" : NULL;
            keys[*count] =
                fixture_notify(&self, policy, dice(3) == 0 ? self.now_unix_ms + dice(60000) : 0);
            fixture_give(&self, keys[(*count)++], dice(3000));
        }
        break;
    case 3:
        if (key.position != 0) {
            fixture_cancel_in(&self, self.producer, key, 2 + dice(4));
        }
        break;
    case 4: {
        struct scheduler_entry *entry = *count == 0 ? NULL : fixture_entry(&self, key);
        if (entry != NULL && entry->state == SCHEDULER_AWAY && dice(2) == 0) {
            uint64_t opened = fixture_case(&self, key, entry->turn);
            struct record_custody again = {.key = key,
                                           .turn = entry->turn + 1,
                                           .to = LOG_SCHEDULER,
                                           .cause = OUTCOME_REPLAY,
                                           .at_unix_ms = self.now_unix_ms,
                                           .first_sent_unix_ms = entry->first_sent_unix_ms,
                                           .previous = opened};
            fixture_custody(self.compensator, RECORD_MOVED, &again);
        } else if (entry != NULL && entry->state == SCHEDULER_AWAY) {
            struct record_event closed = {
                .key = key, .turn = entry->turn, .kind = RECORD_CLOSED, .end = END_RESOLVED};
            fixture_event(self.compensator, &closed);
        }
        break;
    }
    default:
        if (self.count > 0) {
            /* One after the other: compilers differ in the order of arguments. */
            uint32_t which = self.count - 1 - dice(self.count < 20 ? self.count : 20);
            uint8_t outcome = outcomes[dice(sizeof outcomes)];
            fixture_answer(&self, which, outcome, dice(4) == 0 ? dice(5000) : 0);
        }
        break;
    }
    fixture_advance(&self, dice(400));
    if (self.count > FIXTURE_DELIVERIES - 256) {
        fixture_forget(&self);
    }
}

/* Leases and losses are kept out: that somebody travels alone after a loss has no record. */
static void
live(uint64_t seed, uint32_t rounds)
{
    enum { MOST = 300 };
    struct delivery_key keys[MOST];
    uint32_t count = 0;
    random_state = seed;
    for (uint32_t i = 0; i < rounds; i++) {
        happen(keys, &count, MOST);
        if (i % 37 == 36) {
            char when[64];
            (void)snprintf(when, sizeof when, "seed %llu, round %u", (unsigned long long)seed, i);
            restart_and_compare(when);
        }
    }
}

Test(scheduler_restart, a_restart_at_any_moment_arrives_at_the_same_state)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        live(seed, 400);
        fixture_close(&self);
        setup();
    }
}

Test(scheduler_restart, a_restart_from_a_checkpoint_arrives_at_the_same_state_too)
{
    for (uint64_t seed = 11; seed <= 16; seed++) {
        self.settings.checkpoint_every = 50;
        fixture_restart(&self, 0);
        live(seed, 400);
        cr_assert_gt(fixture_count(&self, RECORD_CHECKPOINT_END), 0);
        fixture_close(&self);
        setup();
    }
}

Test(scheduler_restart, a_checkpoint_is_written_over_several_steps_and_may_break_off)
{
    enum { MANY = 40000 };
    struct record_custody moved = {.turn = 2,
                                   .to = LOG_SCHEDULER,
                                   .cause = OUTCOME_RETRY,
                                   .attempts = 1,
                                   .at_unix_ms = self.now_unix_ms,
                                   .due_unix_ms = self.now_unix_ms + 60000};
    struct delivery_key key = {.position = 1000000}; /* not looked at before they are due */
    uint8_t body[RECORD_CUSTODY_MAX];
    for (uint32_t i = 0; i < MANY; i++) {
        moved.key = (struct delivery_key){.position = key.position + i / 64,
                                          .subscription = (uint16_t)(i % 64 + 1)};
        size_t size = record_custody_encode(&moved, body);
        (void)log_append(self.producer, RECORD_MOVED, body, size);
    }
    cr_assert_eq(log_commit(self.producer, 0, NULL), ERR_OK);
    cr_assert_eq(log_reap(self.producer, NULL), ERR_OK);
    while (fixture_counter(&self, "open") < MANY) {
        fixture_step(&self);
    }
    self.core->settings.checkpoint_every = 1000;
    fixture_step(&self); /* begins, and does not end */
    cr_assert_eq(fixture_count(&self, RECORD_CHECKPOINT_BEGIN), 1);
    cr_assert_eq(fixture_count(&self, RECORD_CHECKPOINT_END), 0);
    restart_and_compare("broken off");
    self.core->settings.checkpoint_every = 1000;
    for (int i = 0; i < 3; i++) {
        cr_assert(i == 0 || self.shell.next_ms(self.shell.self) <= self.now_ms);
        fixture_step(&self);
        fixture_cancel(
            &self, self.producer,
            (struct delivery_key){.position = key.position + (uint64_t)i * 200, .subscription = 1});
    }
    cr_assert_eq(fixture_count(&self, RECORD_CHECKPOINT_END), 1);
    fixture_step(&self);
    restart_and_compare("from the complete one");
}

/* The others have read the own log to its end, and say so. */
static void
let_others_read(void)
{
    struct record_position position = {0};
    position.logs[LOG_SCHEDULER].position = log_durable(peers_own(self.peers));
    memcpy(position.logs[LOG_SCHEDULER].identity, log_identity(peers_own(self.peers)), 16);
    uint8_t body[RECORD_POSITION_MAX];
    size_t size = record_position_encode(&position, body);
    log_t *logs[] = {self.producer, self.compensator};
    for (int i = 0; i < 2; i++) {
        (void)log_append(logs[i], RECORD_POSITION, body, size);
        cr_assert_eq(log_commit(logs[i], 0, NULL), ERR_OK);
        cr_assert_eq(log_reap(logs[i], NULL), ERR_OK);
    }
}

static void
work_off(uint32_t rounds)
{
    for (uint32_t i = 0; i < rounds; i++) {
        given(0);
        fixture_answer(&self, self.count - 1, OUTCOME_DONE, 0);
        if (self.count > 1000) {
            fixture_forget(&self);
        }
        fixture_advance(&self, 10000);
    }
}

Test(scheduler_restart, what_has_ended_is_trimmed_after_its_retention_and_not_before)
{
    self.settings.checkpoint_every = 100;
    self.settings.retention_ms = 3600 * 1000;
    fixture_restart(&self, 0);
    work_off(300); /* 50 minutes */
    let_others_read();
    work_off(50);
    cr_assert_gt(fixture_counter(&self, "checkpoints"), 2);
    cr_assert_eq(log_first(peers_own(self.peers)), 1);
    let_others_read();
    work_off(250);
    cr_assert_gt(log_first(peers_own(self.peers)), 1);
    struct record_event oldest = {0};
    struct log_record record;
    struct log_cursor cursor;
    log_cursor_init(&cursor, peers_own(self.peers), log_first(peers_own(self.peers)),
                    LOG_KIND_BIT(RECORD_DONE));
    cr_assert_eq(log_cursor_next(&cursor, &record, NULL), ERR_OK);
    cr_assert_eq(record_event_decode(RECORD_DONE, record.body, record.size, &oldest, NULL), ERR_OK);
    log_cursor_fini(&cursor);
    cr_assert_lt(oldest.at_unix_ms, self.now_unix_ms - self.settings.retention_ms);
    restart_and_compare("after trimming");
}

Test(scheduler_restart, neither_what_is_open_nor_what_others_have_not_read_is_trimmed)
{
    self.settings.checkpoint_every = 100;
    fixture_restart(&self, 0);
    struct delivery_key key = given(0);
    fixture_answer(&self, 0, OUTCOME_REJECT, 0);
    uint64_t taken = fixture_entry(&self, key)->taken;
    work_off(300);
    cr_assert_eq(log_first(peers_own(self.peers)), 1, "nobody has read it");
    let_others_read();
    work_off(100);
    cr_assert_leq(log_first(peers_own(self.peers)), taken, "it is open");
    fixture_case(&self, key, 3);
    let_others_read();
    work_off(100);
    cr_assert_gt(log_first(peers_own(self.peers)), taken, "a case holds nothing back");
    restart_and_compare("a case whose records are trimmed");
    cr_assert(fixture_entry(&self, key)->is_case);
}

Test(scheduler_restart, another_log_in_the_place_of_one_that_was_read_is_refused)
{
    given(5000);
    scheduler_core_destroy(&self.core);
    outbox_destroy(&self.outbox);
    peers_close(&self.peers);
    char path[128];
    char aside[128];
    (void)snprintf(path, sizeof path, "%s/producer", self.directory);
    (void)snprintf(aside, sizeof aside, "%s/aside", self.directory);
    log_close(&self.producer);
    cr_assert_eq(rename(path, aside), 0);
    struct log_settings journal = {
        .directory = self.directory, .segment_bytes = 64U * 1024, .no_write_ahead = true};
    struct why why = {{0}};
    cr_assert_eq(log_own(&self.producer, &journal, "producer", 0, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(peers_open(&self.peers, &journal, LOG_SCHEDULER, &why), ERR_OK, "%s", why.text);
    self.outbox = outbox_new();
    self.core = scheduler_core_new(&self.settings, self.peers, self.outbox);
    cr_assert_eq(scheduler_core_recover(self.core, 1, 1, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "producer"));
}

Test(scheduler_restart, a_cancel_is_kept_when_the_crash_cut_off_its_move)
{
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    fixture_give(&self, key, 0);
    fixture_step(&self);
    fixture_answer(&self, 0, OUTCOME_REJECT, 0); /* turn 3 is the compensator's */
    /* Of turn 4, the replay's, which the producer knows and we have not read. */
    fixture_cancel_in(&self, self.producer, key, 4);
    fixture_step(&self); /* copied: on record */
    struct record_custody again = {.key = key,
                                   .turn = 4,
                                   .to = LOG_SCHEDULER,
                                   .cause = OUTCOME_REPLAY,
                                   .at_unix_ms = self.now_unix_ms};
    fixture_custody(self.compensator, RECORD_MOVED, &again);
    fixture_custody(peers_own(self.peers), RECORD_TAKEN, &again); /* and the power went */
    uint32_t sent = self.count;
    fixture_restart(&self, 10);
    fixture_advance(&self, 100);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_AWAY);
    cr_assert_eq(self.count, sent, "it was sent again");
}
