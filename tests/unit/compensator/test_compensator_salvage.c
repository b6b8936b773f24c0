/*
 * Starts over a log that a salvage made: whichever of its records is lost, no delivery is with
 * nobody, and none that was replayed or has ended is taken again.
 */
#include "compensator_fixture.h"

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

TestSuite(compensator_salvage, .init = setup, .fini = teardown, .timeout = 240);

/* One delivery each, by what became of it. */
struct story {
    struct delivery_key
        trimmed; /* replayed and done so long ago that the own log has nothing of it */
    struct delivery_key tried;
    struct delivery_key done;
    struct delivery_key cancelled; /* without having been sent */
    struct delivery_key open;      /* a case */
    struct delivery_key resolved;  /* a case that a person has ended */
    struct delivery_key closed;    /* the same, and the producer alone has read of it */
    struct delivery_key replayed;  /* and the scheduler has taken it */
    struct delivery_key finished;  /* replayed, and done by the scheduler */
    struct delivery_key returned;  /* replayed, and given up again */
};

static struct delivery_key
answered(uint8_t outcome)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_answer(&self, outcome);
    return key;
}

static struct delivery_key
ordered(uint8_t action)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    uint8_t status = fixture_order(&self, id, action, true);
    cr_assert(status == WIRE_OK || status == WIRE_REQUESTED, "%u", status);
    return key;
}

static void
scheduler_takes(struct delivery_key key, uint32_t turn)
{
    const struct record_custody taken = {.key = key, .turn = turn, .to = LOG_SCHEDULER};
    (void)fixture_custody(self.scheduler, RECORD_TAKEN, &taken);
}

/* By whoever has learned it of the compensator. */
static void
ended(log_t *log, struct delivery_key key, uint8_t end)
{
    const struct record_event event = {.kind = RECORD_ENDED, .key = key, .turn = 3, .end = end};
    (void)fixture_event(log, &event);
}

static struct delivery_key
replayed(void)
{
    struct delivery_key key = ordered(WIRE_CASE_REPLAY);
    scheduler_takes(key, 4);
    return key;
}

static struct story
tell(void)
{
    struct delivery_key trimmed = fixture_notify(&self, FIXTURE_REAPPLY);
    scheduler_takes(trimmed, 4);
    fixture_done(self.scheduler, RECORD_DONE, trimmed, 4);
    struct story story = {
        .trimmed = trimmed,
        .tried = answered(OUTCOME_RETRY),
        .done = answered(OUTCOME_DONE),
        .cancelled = fixture_notify(&self, FIXTURE_REAPPLY),
    };
    struct record_custody moved = {
        .key = story.cancelled, .turn = 2, .to = LOG_COMPENSATOR, .cause = OUTCOME_CANCEL};
    (void)fixture_custody(self.producer, RECORD_MOVED, &moved);
    fixture_step(&self);
    story.open = answered(OUTCOME_REJECT);
    story.resolved = ordered(WIRE_CASE_RESOLVE);
    ended(self.scheduler, story.resolved, END_RESOLVED);
    story.closed = ordered(WIRE_CASE_RESOLVE);
    ended(self.producer, story.closed, END_RESOLVED);
    story.replayed = replayed();
    story.finished = replayed();
    fixture_done(self.scheduler, RECORD_DONE, story.finished, 4);
    story.returned = replayed();
    (void)fixture_move(&self, self.scheduler, story.returned, 5, OUTCOME_RETRY);
    fixture_step(&self);
    const struct delivery_key last = answered(OUTCOME_DONE); /* with a POSITION behind it all */
    cr_assert_null(fixture_entry(&self, last));
    return story;
}

/* In which turn the compensator has it; 0: it has not. */
static uint32_t
has(struct delivery_key key)
{
    const struct compensator_entry *entry = fixture_entry(&self, key);
    return entry == NULL || entry->state == COMPENSATOR_AWAY ? 0 : entry->turn;
}

static uint8_t
kind_at(uint64_t position, struct delivery_key *key)
{
    struct log_record record;
    log_block_t *block = NULL;
    cr_assert_eq(log_read(peers_own(self.peers), position, &record, &block, NULL), ERR_OK);
    uint8_t kind = record.kind;
    if (!record_key(record.kind, record.body, record.size, key)) {
        *key = (struct delivery_key){0};
    }
    log_block_release(&block);
    return kind;
}

static void
check(const struct story *story, uint8_t kind, struct delivery_key about)
{
    bool end_is_lost = kind == RECORD_DONE || kind == RECORD_CLOSED;
    cr_assert_null(fixture_entry(&self, story->trimmed), "nothing is to be learned of it");
    cr_assert_eq(has(story->tried), 3);
    cr_assert_eq(has(story->open), 3);
    cr_assert_eq(has(story->replayed), 0, "the scheduler has it: kind %u of %llu", kind,
                 (unsigned long long)about.position);
    cr_assert_null(fixture_entry(&self, story->finished), "the scheduler's log says so");
    cr_assert_eq(has(story->returned), 5);
    cr_assert_null(fixture_entry(&self, story->cancelled), "or it is cancelled again");
    cr_assert(has(story->done) == 0 || (end_is_lost && about.position == story->done.position),
              "it is done, and that is on record");
    cr_assert_null(fixture_entry(&self, story->resolved), "the scheduler's log says so");
    cr_assert_null(fixture_entry(&self, story->closed), "the producer's log says so");
}

static uint64_t
records(void)
{
    return log_durable(peers_own(self.peers));
}

/* And so it stays at the start after that. */
Test(compensator_salvage, whichever_record_is_lost_nothing_is_with_nobody_or_with_two)
{
    struct story story = tell();
    check(&story, 0, (struct delivery_key){0});
    uint64_t count = records();
    cr_assert_gt(count, 30);
    for (uint64_t at = 1; at <= count; at++) {
        teardown();
        setup();
        story = tell();
        cr_assert_eq(records(), count);
        struct delivery_key about;
        uint8_t kind = kind_at(at, &about);
        self.present = false; /* so that nothing is answered meanwhile */
        fixture_lose(&self, at, at);
        check(&story, kind, about);
        fixture_restart(&self); /* over what the first start has added */
        check(&story, kind, about);
    }
}

/* All up to a POSITION that says that all was read. */
Test(compensator_salvage, what_left_no_record_at_all_is_taken_or_away)
{
    uint64_t begin = records() + 1;
    struct story story = tell();
    self.present = false;
    fixture_lose(&self, begin, records() - 1);
    cr_assert_eq(has(story.tried), 3);
    cr_assert_eq(has(story.open), 3);
    cr_assert_eq(has(story.replayed), 0, "the scheduler has it");
    cr_assert_not_null(fixture_entry(&self, story.replayed), "and it may come back");
    cr_assert_null(fixture_entry(&self, story.finished), "the scheduler's log says so");
    cr_assert_null(fixture_entry(&self, story.resolved), "and so it does of this");
    cr_assert_null(fixture_entry(&self, story.closed), "the producer's log says so");
    cr_assert_eq(has(story.returned), 5);
}

Test(compensator_salvage, a_replay_whose_case_left_no_other_record_is_away)
{
    uint64_t id = 0;
    uint64_t begin = records() + 1;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    uint64_t end = records();
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
    cr_assert_eq(fixture_count(&self, RECORD_MOVED), 1);
    fixture_lose(&self, begin, end);
    cr_assert_not_null(fixture_entry(&self, key));
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_AWAY);
    cr_assert_eq(fixture_entry(&self, key)->turn, 4);
}

/* What a salvage has lost of a replay is known when the scheduler gives it back. */
Test(compensator_salvage, a_case_that_comes_back_in_a_later_turn_is_taken)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    (void)fixture_move(&self, self.scheduler, key, 5, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_eq(has(key), 5);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_HELD);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, true), WIRE_ENDED, "it is closed");
}

/* The scheduler learns late of how it ended: it is away until then. */
Test(compensator_salvage, what_came_back_and_ended_without_a_record_ends_with_the_schedulers)
{
    uint64_t begin = records() + 1;
    struct delivery_key key = replayed();
    (void)fixture_move(&self, self.scheduler, key, 5, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_eq(has(key), 5);
    struct delivery_key other = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_lose(&self, begin, records());
    cr_assert_eq(has(other), 3);
    cr_assert_eq(has(key), 5);
    ended(self.scheduler, key, END_RESOLVED);
    fixture_step(&self);
    cr_assert_null(fixture_entry(&self, key));
    fixture_restart(&self);
    cr_assert_null(fixture_entry(&self, key));
}

/* The later turn counts, and a job of the earlier one is forgotten. */
Test(compensator_salvage, what_is_held_and_comes_back_in_a_later_turn_is_taken)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    uint64_t token = fixture_last_job(&self)->token;
    cr_assert_eq(fixture_entry(&self, key)->token, token);
    (void)fixture_move(&self, self.scheduler, key, 5, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_eq(has(key), 5);
    cr_assert_eq(fixture_count(&self, RECORD_TAKEN), 2);
    cr_assert_neq(fixture_last_job(&self)->token, token, "it is asked for again");
    cr_assert_eq(fixture_last_job(&self)->item.turn, 5);
    fixture_answer(&self, OUTCOME_DONE);
    cr_assert_null(fixture_entry(&self, key));
}

/* What was read last is what was lost, and the scheduler has trimmed what was read before. */
Test(compensator_salvage, a_trimmed_log_of_another_is_read_from_its_beginning)
{
    static const uint8_t filling[4000];
    uint64_t begin = records() + 1;
    struct why why = {{0}};
    for (int i = 0; i < 100; i++) {
        (void)fixture_raw(self.scheduler, 30, filling, sizeof filling);
    }
    uint64_t keep = log_next(self.scheduler);
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    cr_assert_eq(log_trim(self.scheduler, keep, &why), ERR_OK, "%s", why.text);
    cr_assert_gt(log_first(self.scheduler), 10);
    fixture_lose(&self, begin, records());
    cr_assert_eq(has(key), 3);
}
