/* What is kept, for how long, and what it costs: retention, checkpoints, what is remembered. */
#include "compensator_fixture.h"
#include "delivery/record_codec.h"

#include <string.h>

#define HOUR_MS (3600 * 1000)
#define LISTED 64

static struct fixture self;

static void
setup(void)
{
    fixture_open(&self);
    self.settings.retention_ms = HOUR_MS;
    fixture_restart(&self);
}

static void
teardown(void)
{
    fixture_close(&self);
}

TestSuite(compensator_keeps, .init = setup, .fini = teardown, .timeout = 240);

/* The others have read the own log to its end, and say so. */
static void
let_others_have_read(uint64_t up_to)
{
    struct record_position position = {0};
    position.logs[LOG_COMPENSATOR].position = up_to;
    memcpy(position.logs[LOG_COMPENSATOR].identity, log_identity(peers_own(self.peers)), 16);
    uint8_t body[RECORD_POSITION_MAX];
    size_t size = record_position_encode(&position, body);
    log_t *logs[] = {self.producer, self.scheduler};
    for (int i = 0; i < 2; i++) {
        (void)log_append(logs[i], RECORD_POSITION, body, size);
        cr_assert_eq(log_commit(logs[i], 0, NULL), ERR_OK);
        cr_assert_eq(log_reap(logs[i], NULL), ERR_OK);
    }
}

static void
let_others_read(void)
{
    let_others_have_read(log_durable(peers_own(self.peers)));
}

static void
skip(int64_t ms)
{
    self.now_ms += ms;
    self.now_unix_ms += ms;
    fixture_step(&self);
}

/* Deliveries that come and are done: more than a segment of them. */
static void
work(void)
{
    for (uint32_t i = 0; i < 150; i++) {
        (void)fixture_given(&self, FIXTURE_REAPPLY);
        fixture_answer(&self, OUTCOME_DONE);
        skip(100);
    }
}

/* What is found to be over in one step goes in a later one, a minute apart. */
static void
let_trim(void)
{
    let_others_read();
    skip(61000);
    skip(61000);
    skip(61000);
}

static uint64_t
first(void)
{
    return log_first(peers_own(self.peers));
}

Test(compensator_keeps, what_is_over_is_kept_for_the_retention_and_no_longer)
{
    work();
    let_trim();
    skip(HOUR_MS / 2);
    let_trim();
    cr_assert_eq(first(), 1, "within its retention");
    skip(HOUR_MS);
    let_trim();
    cr_assert_gt(first(), 1, "its retention is over");
}

Test(compensator_keeps, without_a_retention_it_goes_at_once)
{
    self.settings.retention_ms = 0;
    fixture_restart(&self);
    work();
    let_trim();
    cr_assert_gt(first(), 1);
}

Test(compensator_keeps, what_is_open_is_kept_and_what_a_person_sees_of_a_closed_case_is_not)
{
    self.settings.retention_ms = 0;
    self.settings.tries = 1000; /* what nobody answers stays held */
    fixture_restart(&self);
    uint64_t closed = 0;
    uint64_t open = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &closed);
    cr_assert_eq(fixture_order(&self, closed, WIRE_CASE_RESOLVE, true), WIRE_OK);
    work();
    struct delivery_key again = fixture_case(&self, FIXTURE_REAPPLY, &open);
    cr_assert_eq(fixture_order(&self, open, WIRE_CASE_REPLAY, false), WIRE_OK);
    (void)fixture_move(&self, self.scheduler, again, 5, OUTCOME_RETRY); /* held, with a case */
    fixture_step(&self);
    work();
    let_trim();
    cr_assert_gt(first(), closed);
    cr_assert_leq(first(), open);
    struct wire_case found;
    size_t payload_size = 1;
    (void)fixture_show(&self, closed, &found, &payload_size);
    cr_assert_eq(found.state, WIRE_STATE_RESOLVED);
    cr_assert_eq(payload_size, 0, "its notification went with its record");
    (void)fixture_show(&self, open, &found, &payload_size);
    cr_assert_eq(payload_size, 7, "of what was replayed and came back it is the only copy");
}

/* A peer that claims to have read more than there is makes nothing go that is still to be read. */
Test(compensator_keeps, a_peer_that_claims_to_have_read_everything_for_ever_harms_nothing)
{
    self.settings.retention_ms = 0;
    fixture_restart(&self);
    uint64_t id = 0;
    work();
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    let_others_have_read(UINT64_MAX);
    skip(61000);
    skip(61000);
    cr_assert_gt(first(), 1);
    cr_assert_leq(first(), id);
}

/* What makes it over must be durable first. */
Test(compensator_keeps, nothing_goes_before_the_end_that_allows_it_is_durable)
{
    self.settings.retention_ms = 0;
    fixture_restart(&self);
    work();
    let_others_read();
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    self.unsynced = true;
    fixture_answer(&self, OUTCOME_DONE);
    for (int i = 0; i < 5; i++) {
        skip(61000);
    }
    cr_assert_eq(first(), 1);
    self.unsynced = false;
    skip(1000);
    skip(1000);
    cr_assert_gt(first(), 1);
}

/* It need not have run for the retention: the records say how old they are. */
Test(compensator_keeps, a_start_trims_what_was_over_before_it)
{
    work();
    self.now_ms += 2 * HOUR_MS;
    self.now_unix_ms += 2 * HOUR_MS;
    fixture_restart(&self);
    let_trim();
    cr_assert_gt(first(), 1);
}

/* Deliveries that come and are done, until another checkpoint is there. Where the log then ends. */
static uint64_t
work_to_checkpoint(void)
{
    uint32_t before = fixture_count(&self, RECORD_CHECKPOINT_END);
    while (fixture_count(&self, RECORD_CHECKPOINT_END) == before) {
        (void)fixture_given(&self, FIXTURE_REAPPLY);
        fixture_answer(&self, OUTCOME_DONE);
    }
    return log_next(peers_own(self.peers));
}

Test(compensator_keeps, a_checkpoint_comes_less_often_where_much_is_open)
{
    self.settings.checkpoint_every = 50;
    fixture_restart(&self);
    uint64_t first_end = work_to_checkpoint();
    cr_assert_lt(work_to_checkpoint() - first_end, 100, "little is open");
    uint64_t id = 0;
    for (uint32_t i = 0; i < 100; i++) {
        (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    }
    uint64_t before = work_to_checkpoint();
    cr_assert_geq(work_to_checkpoint() - before, 200 + 100, "each writes all of 100");
    uint32_t checkpoints = fixture_count(&self, RECORD_CHECKPOINT_END);
    fixture_restart(&self);
    skip(1000);
    cr_assert_eq(fixture_count(&self, RECORD_CHECKPOINT_END), checkpoints, "no start writes one");
}

/* Nothing is said to be known that was forgotten: more were closed since than are remembered. */
Test(compensator_keeps, an_effect_that_comes_to_light_after_many_other_ends_is_on_record)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    (void)fixture_move(&self, self.producer, key, 2, OUTCOME_CANCEL);
    fixture_step(&self);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_FENCE);
    fixture_advance(&self, FIXTURE_LEASE_MS + 2000); /* asked again */
    cr_assert_eq(self.count, 2);
    fixture_answer(&self, OUTCOME_FENCED);
    cr_assert_eq(fixture_count(&self, RECORD_CLOSED), 1);
    for (uint32_t i = 0; i < COMPENSATOR_CLOSED_MAX + 10; i++) {
        const struct record_custody unsent = {
            .key = fixture_notify(&self, FIXTURE_REAPPLY),
            .turn = 2,
            .to = LOG_COMPENSATOR,
            .cause = OUTCOME_CANCEL,
            .at_unix_ms = self.now_unix_ms,
        };
        (void)fixture_custody(self.producer, RECORD_MOVED, &unsent);
    }
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_CLOSED), COMPENSATOR_CLOSED_MAX + 11);
    fixture_answer_to(&self, 0, OUTCOME_DONE, NULL); /* of the job whose lease ran out */
    cr_assert_eq(fixture_count(&self, RECORD_EVIDENCE), 1);
    cr_assert_eq(fixture_last_event(&self, RECORD_EVIDENCE).key.position, key.position);
}

/* What `heraldctl cases --all` shows. */
static uint32_t
list(struct wire_case cases[LISTED])
{
    const struct wire_cases_ask ask = {.limit = LISTED};
    bool more = false;
    return fixture_list(&self, &ask, cases, &more);
}

Test(compensator_keeps, closed_cases_are_still_listed_after_a_checkpoint_and_a_start)
{
    uint64_t resolved = 0;
    uint64_t replayed = 0;
    uint64_t open = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &resolved);
    (void)fixture_case(&self, FIXTURE_REAPPLY, &replayed);
    (void)fixture_case(&self, FIXTURE_REAPPLY, &open);
    cr_assert_eq(fixture_order(&self, resolved, WIRE_CASE_RESOLVE, true), WIRE_OK);
    cr_assert_eq(fixture_order(&self, replayed, WIRE_CASE_REPLAY, false), WIRE_OK);
    self.settings.checkpoint_every = 1;
    fixture_restart(&self);
    work();
    cr_assert_gt(fixture_count(&self, RECORD_CHECKPOINT_END), 10);
    for (int i = 0; i < 2; i++) {
        struct wire_case cases[LISTED];
        cr_assert_eq(list(cases), 3, "after %d starts", i);
        cr_assert_eq(cases[0].id, resolved);
        cr_assert_eq(cases[0].state, WIRE_STATE_RESOLVED);
        cr_assert_eq(cases[1].id, replayed);
        cr_assert_eq(cases[1].state, WIRE_STATE_PENDING);
        cr_assert_eq(cases[2].id, open);
        cr_assert_eq(cases[2].state, WIRE_STATE_CASE);
        for (int k = 0; k < 3; k++) {
            cr_assert_eq(memcmp(cases[k].biz_id.data, "biz-", 4), 0);
        }
        fixture_restart(&self);
    }
}
