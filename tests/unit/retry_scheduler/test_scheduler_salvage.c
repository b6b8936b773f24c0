/*
 * Starts over a log that a salvage made: whichever of its records is lost, no delivery is with
 * nobody, and none that moved on or ended is taken again.
 */
#include "delivery/record_codec.h"
#include "scheduler_fixture.h"

static struct fixture self;

static void
setup(void)
{
    fixture_open(&self, "20s,20s,20s");
}

static void
teardown(void)
{
    fixture_close(&self);
}

TestSuite(scheduler_salvage, .init = setup, .fini = teardown, .timeout = 240);

/* One delivery each, by what became of it. */
struct story {
    struct delivery_key direct; /* never the scheduler's: the producer gave it to the compensator */
    struct delivery_key waiting;
    struct delivery_key failed;
    struct delivery_key done;
    struct delivery_key moved;    /* and nobody has taken it */
    struct delivery_key taken;    /* by the compensator */
    struct delivery_key opened;   /* a case, whose TAKEN is trimmed */
    struct delivery_key undone;   /* by the compensator */
    struct delivery_key replayed; /* it came back, and waits */
    struct delivery_key returned; /* it came back, and went again */
};

static struct delivery_key
given(void)
{
    struct delivery_key key = fixture_notify(&self, NULL, 0);
    fixture_give(&self, key, 0);
    fixture_step(&self);
    cr_assert_eq(self.deliveries[self.count - 1].item.position, key.position);
    return key;
}

static struct delivery_key
answered(uint8_t outcome)
{
    struct delivery_key key = given();
    fixture_answer(&self, self.count - 1, outcome, 0);
    return key;
}

static void
compensator_takes(struct delivery_key key, uint32_t turn)
{
    const struct record_custody taken = {.key = key, .turn = turn, .to = LOG_COMPENSATOR};
    (void)fixture_custody(self.compensator, RECORD_TAKEN, &taken);
}

static void
compensator_closes(struct delivery_key key, uint32_t turn)
{
    const struct record_event closed = {
        .key = key, .turn = turn, .kind = RECORD_CLOSED, .end = END_UNDONE};
    (void)fixture_event(self.compensator, &closed);
}

/* Turn 4 is the scheduler's again, first sent at once. */
static struct delivery_key
came_back(uint8_t outcome)
{
    struct delivery_key key = answered(OUTCOME_REJECT);
    const struct record_custody moved = {
        .key = key, .turn = 4, .to = LOG_SCHEDULER, .cause = OUTCOME_REJECT};
    compensator_takes(key, 3);
    (void)fixture_case(&self, key, 3);
    (void)fixture_custody(self.compensator, RECORD_MOVED, &moved);
    fixture_step(&self);
    fixture_answer(&self, self.count - 1, outcome, 0);
    return key;
}

static struct story
tell(void)
{
    struct delivery_key direct = fixture_notify(&self, NULL, 0);
    compensator_takes(direct, 2);
    compensator_closes(direct, 2);
    struct story story = {
        .direct = direct,
        .waiting = given(),
        .failed = answered(OUTCOME_RETRY),
        .done = answered(OUTCOME_DONE),
        .moved = answered(OUTCOME_REJECT),
        .taken = answered(OUTCOME_REJECT),
        .opened = answered(OUTCOME_REJECT),
        .undone = answered(OUTCOME_REJECT),
    };
    compensator_takes(story.taken, 3);
    (void)fixture_case(&self, story.opened, 3);
    compensator_takes(story.undone, 3);
    compensator_closes(story.undone, 3);
    fixture_step(&self);
    story.replayed = came_back(OUTCOME_RETRY);
    story.returned = came_back(OUTCOME_REJECT);
    compensator_takes(story.returned, 5);
    const struct delivery_key last = answered(OUTCOME_DONE); /* with a POSITION behind it all */
    cr_assert_null(fixture_entry(&self, last));
    return story;
}

/* In which turn the scheduler has it; 0: it has not. */
static uint32_t
has(struct delivery_key key)
{
    const struct scheduler_entry *entry = fixture_entry(&self, key);
    return entry == NULL || entry->state == SCHEDULER_AWAY ? 0 : entry->turn;
}

/* The kind of the own record at a position, and whose it is. */
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
    bool end_is_lost = kind == RECORD_DONE || kind == RECORD_MOVED;
    cr_assert_null(fixture_entry(&self, story->direct), "nothing is to be learned of it");
    cr_assert_eq(has(story->waiting), 2);
    cr_assert_eq(has(story->failed), 2);
    cr_assert_eq(has(story->taken), 0, "the compensator has it");
    cr_assert_eq(has(story->opened), 0, "the compensator has it");
    cr_assert_eq(has(story->undone), 0, "it has ended");
    cr_assert_eq(has(story->replayed), 4);
    cr_assert_eq(has(story->returned), 0, "the compensator has it again");
    cr_assert(has(story->done) == 0 || (end_is_lost && about.position == story->done.position),
              "it is done, and that is on record");
    cr_assert(has(story->moved) == 0 || (end_is_lost && about.position == story->moved.position),
              "it was moved, and that is on record");
}

static uint64_t
records(void)
{
    return log_durable(peers_own(self.peers));
}

/* And so it stays at the start after that. */
Test(scheduler_salvage, whichever_record_is_lost_nothing_is_with_nobody_or_with_two)
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
        fixture_lose(&self, at, at);
        check(&story, kind, about);
        fixture_step(&self);
        fixture_restart(&self, 0); /* over what the first start has added */
        check(&story, kind, about);
    }
}

/* Its TAKEN and all that followed from it, up to a POSITION that says that all was read. */
Test(scheduler_salvage, what_left_no_record_at_all_is_taken_or_away)
{
    uint64_t begin = records() + 1;
    struct story story = tell();
    fixture_lose(&self, begin, records() - 1);
    cr_assert_eq(has(story.waiting), 2);
    cr_assert_eq(has(story.failed), 2);
    cr_assert_eq(has(story.taken), 0, "the compensator has it");
    cr_assert_eq(has(story.opened), 0, "the compensator has it");
    cr_assert_eq(has(story.undone), 0, "it has ended");
    cr_assert_eq(has(story.replayed), 4);
    cr_assert_eq(has(story.returned), 0, "the compensator has it again");
    cr_assert_not_null(fixture_entry(&self, story.returned), "and its end will be learned");
}

/* What was read last is what was lost, and the producer has trimmed what was read before. */
Test(scheduler_salvage, a_trimmed_log_of_another_is_read_from_its_beginning)
{
    uint64_t begin = records() + 1;
    for (int i = 0; i < 100; i++) {
        (void)fixture_spelt(self.producer, 30, "z4000");
    }
    struct delivery_key key = given();
    struct why why = {{0}};
    cr_assert_eq(log_trim(self.producer, key.position, &why), ERR_OK, "%s", why.text);
    cr_assert_gt(log_first(self.producer), 10);
    cr_assert_leq(log_first(self.producer), key.position);
    fixture_lose(&self, begin, records());
    cr_assert_eq(has(key), 2);
}
