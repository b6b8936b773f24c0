/* Where a notification is found, and what becomes of a delivery whose notification is not there,
 * cannot be read or makes no sense. */
#include "delivery/record_codec.h"
#include "scheduler_fixture.h"
#include "support/odd_call.h"

#include <stdio.h>

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

TestSuite(scheduler_notification, .init = setup, .fini = teardown, .timeout = 120);

static void
begin_again(void)
{
    fixture_close(&self);
    fixture_open(&self, "1s,2s,4s");
}

Test(scheduler_notification, what_a_delivery_names_must_be_a_notification)
{
    static const char *const fields[] = {NULL, "b1"};
    for (int i = 0; i < 2; i++) {
        struct why why = {{0}};
        uint64_t position = i == 0 ? 1 /* a SUBSCRIPTION */
                                   : fixture_spelt(self.producer, RECORD_NOTIFICATION, fields[i]);
        fixture_give(&self, (struct delivery_key){.position = position, .subscription = 1}, 0);
        cr_assert_eq(fixture_try_step(&self, &why), ERR_CORRUPT, "number %d", i);
        cr_assert_neq(why.text[0], '\0');
        begin_again();
    }
}

/* Its hash and a topic of no bytes: what the receiver is sent, it refuses. */
#define OF_NO_TOPIC "v1 z16 b1 v1 b150 b160 b161 b97 b196 b0 b0 b192 b0"

Test(scheduler_notification, one_that_makes_no_sense_is_sent_all_the_same)
{
    uint64_t position = fixture_spelt(self.producer, RECORD_NOTIFICATION, OF_NO_TOPIC);
    struct delivery_key key = {.position = position, .subscription = 1};
    fixture_give(&self, key, 0);
    fixture_step(&self);
    cr_assert_eq(self.count, 1);
    fixture_answer(&self, 0, OUTCOME_RETRY, 0);
    cr_assert_eq(fixture_due_ms(&self, key), self.now_ms + 2000, "as the subscription says");
}

/* An older version may have said in its checkpoint that it has a policy. */
Test(scheduler_notification, one_that_makes_no_sense_has_its_subscriptions_policy)
{
    char item[96];
    uint64_t position = fixture_spelt(self.producer, RECORD_NOTIFICATION, OF_NO_TOPIC);
    (void)snprintf(item, sizeof item,
                   "v13 v%llu v1 v2 b1 b1 b0 v1 v0 v1 v0 v1 v0 v0 b12 v0 v0 v0 v0",
                   (unsigned long long)position);
    fixture_checkpoint(&self, item);
    fixture_restart(&self, 0);
    fixture_step(&self);
    cr_assert_eq(self.count, 1);
    cr_assert_eq(self.deliveries[0].item.attempts_limit, 4);
}

/* Several segments of 64 KiB. */
static void
fill(log_t *log)
{
    for (int i = 0; i < 60; i++) {
        (void)fixture_spelt(log, RECORD_POSITION, "z4000");
    }
}

/* Behind a trimmed notification, the chain in the compensator's log leads to the case's copy. */
static void
trim_behind(struct delivery_key key)
{
    fill(self.producer);
    fixture_step(&self);
    cr_assert_eq(log_trim(self.producer, log_next(self.producer) - 1, NULL), ERR_OK);
    cr_assert_gt(log_first(self.producer), key.position);
    fill(self.producer); /* who follows it looks at its segments again */
    fixture_subscribe(&self, 1, "orders", "1s,2s,4s");
}

static struct delivery_key
trimmed(void)
{
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    trim_behind(key);
    return key;
}

static void
replay(struct delivery_key key, uint64_t previous)
{
    struct record_custody again = {.key = key,
                                   .turn = 4,
                                   .to = LOG_SCHEDULER,
                                   .cause = OUTCOME_REPLAY,
                                   .at_unix_ms = self.now_unix_ms,
                                   .previous = previous};
    fixture_custody(self.compensator, RECORD_MOVED, &again);
}

Test(scheduler_notification, the_copy_is_found_behind_whatever_was_recorded_since)
{
    struct delivery_key key = trimmed();
    struct record_event noted = {.key = key,
                                 .turn = 2,
                                 .kind = RECORD_ORDER,
                                 .order = ORDER_NOTE,
                                 .at_unix_ms = self.now_unix_ms,
                                 .previous = fixture_case(&self, key, 2)};
    struct record_custody taken = {.key = key,
                                   .turn = 3,
                                   .to = LOG_COMPENSATOR,
                                   .previous = fixture_event(self.compensator, &noted)};
    replay(key, fixture_custody(self.compensator, RECORD_TAKEN, &taken));
    fixture_step(&self);
    cr_assert_eq(self.count, 1);
    cr_assert_eq(self.deliveries[0].item.position, key.position);
}

Test(scheduler_notification, a_chain_that_leads_nowhere_is_an_alarm_and_no_end)
{
    struct delivery_key key = trimmed();
    replay(key, 0);
    fixture_step(&self);
    cr_assert_eq(self.count, 0);
    cr_assert_eq(fixture_counter(&self, "notifications_gone"), 1);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_AWAY, "it is a person's");
    replay((struct delivery_key){.position = key.position + 1, .subscription = 1},
           log_next(self.compensator)); /* to itself */
    fixture_step(&self);
    cr_assert_eq(fixture_counter(&self, "notifications_gone"), 2);
}

Test(scheduler_notification, a_chain_that_leads_to_nonsense_ends_the_service)
{
    static const uint8_t kinds[] = {RECORD_FENCED, RECORD_TAKEN};
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct why why = {{0}};
        struct delivery_key key = trimmed();
        replay(key, fixture_spelt(self.compensator, kinds[i], "b1"));
        cr_assert_eq(fixture_try_step(&self, &why), ERR_CORRUPT, "kind %u", kinds[i]);
        begin_again();
    }
}

/* Nothing of what stands before the end of this log is in memory any more. */
static void
read_the_end_of(enum log_id id)
{
    log_t *log = peers_log(self.peers, id);
    for (uint64_t i = 0; i < 30; i++) {
        struct log_record record;
        log_block_t *block = NULL;
        cr_assert_eq(log_read(log, log_durable(log) - i, &record, &block, NULL), ERR_OK);
        log_block_release(&block);
    }
}

static struct delivery_key key;

/* Taken in an earlier life, and not looked at in this one before it is due. */
static void
take_it(void)
{
    fixture_give(&self, key, 5000);
    fill(self.producer);
    fixture_step(&self);
    fixture_restart(&self, 0);
    fixture_step(&self);
    cr_assert_not(fixture_entry(&self, key)->described);
    read_the_end_of(LOG_PRODUCER);
    self.now_ms += 5000;
    self.now_unix_ms += 5000;
}

/* Due and looked at, but nobody is there to get it. */
static void
make_it_ready(void)
{
    self.present = false;
    fixture_restart(&self, 0);
    fixture_give(&self, key, 0);
    fixture_step(&self);
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_READY);
    fill(self.producer);
    fixture_step(&self);
    read_the_end_of(LOG_PRODUCER);
    self.present = true;
}

/* Only a case has it; and what leads there from the replay is read first. */
static void
replay_its_case(void)
{
    trim_behind(key);
    uint64_t copy = fixture_case(&self, key, 2);
    fill(self.compensator);
    fixture_step(&self);
    replay(key, copy);
}

/* So many reads of a step can fail, each with all that come after it. */
static uint64_t
reads_of_a_step(void (*prepare)(void))
{
    bool hit = true;
    uint64_t at = 0;
    while (hit) {
        struct why why = {{0}};
        begin_again();
        key = fixture_notify(&self, "1s,1m", 0);
        prepare();
        odd_call_read_fails(++at, true);
        err_t rc = fixture_try_step(&self, &why);
        hit = odd_call_count() > 0;
        odd_call_read_fails(0, false);
        cr_assert_eq(rc != ERR_OK, hit, "read %llu", (unsigned long long)at);
    }
    cr_assert_eq(fixture_entry(&self, key)->state, SCHEDULER_OUT, "when none failed");
    return at - 1;
}

Test(scheduler_notification, one_that_cannot_be_read_ends_the_service)
{
    static void (*const all[])(void) = {take_it, make_it_ready, replay_its_case};
    odd_call_read_fails(0, false);
    begin_again();
    fixture_step(&self);
    uint64_t of_none = 0;
    for (bool hit = true; hit; of_none++) {
        odd_call_read_fails(of_none + 1, true);
        hit = fixture_try_step(&self, NULL) != ERR_OK;
        odd_call_read_fails(0, false);
    }
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        cr_assert_geq(reads_of_a_step(all[i]), of_none, "%zu: it is read, besides", i);
    }
}

/* Its own policy is read when an attempt has failed. */
static void
be_sent(void)
{
    key = fixture_notify(&self, "1s,1m", 0);
    fixture_give(&self, key, 0);
    fixture_step(&self);
    cr_assert_eq(self.count, 1);
}

Test(scheduler_notification, a_policy_that_cannot_be_read_ends_the_service)
{
    struct why why = {{0}};
    odd_call_read_fails(0, false);
    begin_again();
    be_sent();
    fill(self.producer);
    fixture_step(&self);
    read_the_end_of(LOG_PRODUCER);
    odd_call_read_fails(1, true);
    fixture_take_answer(&self, 0, OUTCOME_RETRY, 0);
    cr_assert(odd_call_count() > 0);
    cr_assert_eq(fixture_try_step(&self, &why), ERR_IO);
    cr_assert_neq(why.text[0], '\0', "it says why");
}

Test(scheduler_notification, a_policy_that_no_log_has_any_more_is_the_subscriptions)
{
    be_sent();
    trim_behind(key);
    fixture_step(&self);
    read_the_end_of(LOG_PRODUCER);
    fixture_answer(&self, 0, OUTCOME_RETRY, 0);
    cr_assert_eq(fixture_due_ms(&self, key), self.now_ms + 2000);
}
