#include "base/mem.h"
#include "compensator_fixture.h"
#include "delivery/record_codec.h"

static struct fixture self;
static uint64_t random_state;

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

TestSuite(compensator_restart, .init = setup, .fini = teardown, .timeout = 240);

static uint32_t
dice(uint32_t sides)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % sides;
}

/* The state before is the state after. */
static void
restart_and_compare(const char *when)
{
    char *before = fixture_state(&self);
    fixture_restart(&self);
    char *after = fixture_state(&self);
    cr_assert_str_eq(before, after, "%s:\n%s\nis not\n%s", when, after, before);
    mem_free(before);
    mem_free(after);
}

Test(compensator_restart, a_try_goes_on_where_it_was)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_answer(&self, OUTCOME_RETRY);
    restart_and_compare("after a try");
    fixture_advance(&self, 1000);
    cr_assert_eq(fixture_last_job(&self)->item.attempt, 2);
    fixture_answer(&self, OUTCOME_RETRY);
    restart_and_compare("after two");
    fixture_advance(&self, 2000);
    fixture_answer(&self, OUTCOME_RETRY);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
    restart_and_compare("as a case");
}

Test(compensator_restart, what_has_ended_is_not_taken_again_when_the_last_position_was_lost)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    struct record_custody moved = {
        .key = key, .turn = 2, .to = LOG_COMPENSATOR, .cause = OUTCOME_CANCEL};
    fixture_custody(self.producer, RECORD_MOVED, &moved);
    fixture_step(&self); /* TAKEN, CLOSED and POSITION in one commit */
    cr_assert_eq(fixture_count(&self, RECORD_CLOSED), 1);
    /* The same end, of another delivery, with the POSITION cut off: written by hand. */
    struct delivery_key other = fixture_notify(&self, FIXTURE_REAPPLY);
    moved.key = other;
    fixture_custody(self.producer, RECORD_MOVED, &moved);
    (void)fixture_custody(peers_own(self.peers), RECORD_TAKEN, &moved);
    struct record_event closed = {
        .key = other, .turn = 2, .kind = RECORD_CLOSED, .end = END_CANCELLED};
    (void)fixture_event(peers_own(self.peers), &closed);
    fixture_restart(&self);
    cr_assert_eq(fixture_count(&self, RECORD_TAKEN), 2);
    cr_assert_eq(fixture_count(&self, RECORD_CLOSED), 2);
    cr_assert_null(fixture_entry(&self, other));
}

/* The scheduler has moved it before it read of the end, and so it was taken once more. */
Test(compensator_restart, what_was_taken_behind_its_end_stops_no_start)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
    fixture_done(self.producer, RECORD_EVIDENCE, key, 1);
    fixture_step(&self);
    cr_assert_null(fixture_entry(&self, key));
    (void)fixture_move(&self, self.scheduler, key, 5, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_eq(fixture_last_custody(&self, RECORD_TAKEN).turn, 5);
    fixture_restart(&self);
    cr_assert_null(fixture_entry(&self, key), "the end counts");
}

Test(compensator_restart, an_undo_job_that_was_out_counts_as_unanswered)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_UNDO);
    cr_assert_not(fixture_entry(&self, key)->undo_unanswered);
    fixture_restart(&self);
    cr_assert(fixture_entry(&self, key)->undo_unanswered);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_UNDO);
}

Test(compensator_restart, a_case_that_was_cut_off_behind_its_last_try_is_opened)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    struct record_event failed = {
        .key = key, .turn = 3, .kind = RECORD_FAILED, .outcome = OUTCOME_REJECT, .attempt = 5};
    (void)fixture_event(peers_own(self.peers), &failed);
    fixture_restart(&self);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
}

Test(compensator_restart, orders_under_way_go_on)
{
    uint64_t undo = 0;
    uint64_t resolve = 0;
    struct delivery_key undone = fixture_case(&self, FIXTURE_UNDO, &undo);
    struct delivery_key resolved = fixture_case(&self, FIXTURE_REAPPLY, &resolve);
    self.present = false;
    fixture_advance(&self, COMPENSATOR_SILENCE_MS);
    cr_assert_eq(fixture_order(&self, undo, WIRE_CASE_UNDO, false), WIRE_REQUESTED);
    cr_assert_eq(fixture_order(&self, resolve, WIRE_CASE_RESOLVE, false), WIRE_REQUESTED);
    uint32_t before = self.count;
    self.present = true;
    restart_and_compare("with two orders");
    cr_assert_eq(self.count, before + 2);
    fixture_answer_to(
        &self, before,
        self.jobs[before].action == WIRE_ACTION_UNDO ? OUTCOME_UNDONE : OUTCOME_FENCED, NULL);
    fixture_answer_to(
        &self, before + 1,
        self.jobs[before + 1].action == WIRE_ACTION_UNDO ? OUTCOME_UNDONE : OUTCOME_FENCED, NULL);
    cr_assert_null(fixture_entry(&self, undone));
    cr_assert_null(fixture_entry(&self, resolved));
}

/* The process may have ended between the sync of the case and its alarm. */
Test(compensator_restart, open_cases_are_an_alarm_of_each_start)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    self.alarms[0] = '\0';
    fixture_restart(&self);
    cr_assert_str_eq(self.alarms, "cases_waiting ");
}

Test(compensator_restart, what_was_replayed_is_still_awaited)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
    restart_and_compare("replayed");
    fixture_done(self.scheduler, RECORD_DONE, key, 4);
    fixture_restart(&self);
    cr_assert_null(fixture_entry(&self, key));
    cr_assert_eq(fixture_count(&self, RECORD_ENDED), 1);
}

Test(compensator_restart, a_case_whose_taking_was_trimmed_is_still_a_case)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    struct record_case opened = {
        .custody = {.key = key, .turn = 3, .to = LOG_COMPENSATOR, .cause = OUTCOME_REJECT},
        .notification = {.subscription_count = 1,
                         .subscriptions = {FIXTURE_REAPPLY},
                         .encoded = (const uint8_t *)"?",
                         .encoded_size = 1},
    };
    uint8_t *body = mem_alloc(RECORD_CASE_MAX);
    log_t *own = peers_own(self.peers);
    uint64_t id = log_append(own, RECORD_CASE, body, record_case_encode(&opened, body));
    mem_free(body);
    cr_assert_eq(log_commit(own, 0, NULL), ERR_OK);
    cr_assert_eq(log_reap(own, NULL), ERR_OK);
    fixture_restart(&self);
    const struct compensator_entry *entry = fixture_entry(&self, key);
    cr_assert_not_null(entry);
    cr_assert_eq(entry->state, COMPENSATOR_CASE);
    cr_assert_eq(entry->turn, 3);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, true), WIRE_OK);
}

static void
give_one(void)
{
    uint16_t subscription = (uint16_t)(1 + dice(3));
    struct delivery_key key = fixture_notify(&self, subscription);
    uint8_t cause = dice(5) == 0 ? OUTCOME_CANCEL : OUTCOME_RETRY;
    (void)fixture_move(&self, dice(2) == 0 ? self.producer : self.scheduler, key, 2, cause);
}

static void
order_one(struct compensator_entry *entry)
{
    uint8_t action = (uint8_t)(WIRE_CASE_REPLAY + dice(4));
    (void)fixture_order(&self, entry->case_id, action, dice(4) == 0);
}

/* The scheduler, or a person, or the producer's log says something of it. */
static void
touch_one(void)
{
    uint32_t slots = compensator_table_slots(self.core->table);
    struct compensator_entry *entry =
        slots == 0 ? NULL : compensator_table_at(self.core->table, dice(slots));
    if (entry == NULL) {
        return;
    }
    if (entry->state == COMPENSATOR_AWAY && dice(2) == 0) {
        (void)fixture_move(&self, self.scheduler, entry->key, entry->turn + 1, OUTCOME_RETRY);
    } else if (entry->state == COMPENSATOR_CASE && dice(2) == 0) {
        order_one(entry);
    } else if (dice(4) == 0) {
        fixture_done(self.scheduler, RECORD_EVIDENCE, entry->key, entry->turn);
    } else if (dice(3) == 0) {
        fixture_cancel(self.producer, entry->key, entry->turn);
    }
}

static void
answer_one(void)
{
    static const uint8_t outcomes[] = {OUTCOME_DONE,   OUTCOME_RETRY,   OUTCOME_RETRY,
                                       OUTCOME_REJECT, OUTCOME_FENCED,  OUTCOME_DOWN,
                                       OUTCOME_UNDONE, OUTCOME_WORKING, OUTCOME_NOT_STARTED};
    if (self.count > 0) {
        uint32_t back = dice(4);
        uint32_t number = self.count > back ? self.count - 1 - back : 0;
        fixture_answer_to(&self, number, outcomes[dice(sizeof outcomes)], NULL);
    }
}

static void
random_walk(uint64_t seed)
{
    random_state = seed;
    for (int i = 0; i < 120; i++) {
        switch (dice(6)) {
        case 0:
            give_one();
            break;
        case 1:
            touch_one();
            break;
        case 2:
        case 3:
            answer_one();
            break;
        case 4:
            fixture_advance(&self, 500 + dice(4000));
            break;
        default:
            fixture_step(&self);                          /* what was given is taken before */
            fixture_advance(&self, FIXTURE_LEASE_MS * 4); /* what is out has no answer */
            restart_and_compare("on the way");
            break;
        }
    }
}

Test(compensator_restart, a_restart_at_any_time_changes_nothing)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        random_walk(seed);
    }
}

Test(compensator_restart, a_restart_from_a_checkpoint_changes_nothing)
{
    fixture_close(&self);
    fixture_open(&self);
    self.settings.checkpoint_every = 25;
    fixture_restart(&self);
    for (uint64_t seed = 101; seed <= 112; seed++) {
        random_walk(seed);
    }
    cr_assert_gt(fixture_count(&self, RECORD_CHECKPOINT_END), 5);
}

/* It had come to light while the scheduler had it; the other logs tell of it too, after that. */
Test(compensator_restart, what_was_learned_of_a_replay_is_learned_once)
{
    struct delivery_key key = fixture_given(&self, FIXTURE_REAPPLY);
    fixture_advance(&self, FIXTURE_LEASE_MS + 1000);
    fixture_answer(&self, OUTCOME_REJECT);
    uint64_t id = fixture_entry(&self, key)->case_id;
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
    fixture_answer_to(&self, 0, OUTCOME_DONE, NULL);
    cr_assert_eq(fixture_count(&self, RECORD_EVIDENCE), 1);
    fixture_done(self.scheduler, RECORD_DONE, key, 4);
    fixture_cancel(self.producer, key, 4);
    (void)fixture_event(
        peers_own(self.peers),
        &(struct record_event){
            .key = key, .turn = 4, .kind = RECORD_ENDED, .end = END_DONE}); /* and again */
    fixture_restart(&self);
    cr_assert_null(fixture_entry(&self, key));
    cr_assert_eq(fixture_count(&self, RECORD_ENDED), 1);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 0);
}

Test(compensator_restart, a_note_leaves_the_case_as_it_was)
{
    uint64_t id = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_NOTE, false), WIRE_OK);
    restart_and_compare("with a note");
}

/* TAKEN and nothing else: a job may have been out, unless it came here to be cancelled. */
Test(compensator_restart, what_was_taken_unsent_may_have_been_sent_unless_it_came_to_be_cancelled)
{
    struct record_custody taken = {
        .key = fixture_notify(&self, FIXTURE_REAPPLY),
        .turn = 2,
        .to = LOG_COMPENSATOR,
        .cause = OUTCOME_DEADLINE,
    };
    const struct delivery_key late = taken.key;
    (void)fixture_custody(peers_own(self.peers), RECORD_TAKEN, &taken);
    taken.key = fixture_notify(&self, FIXTURE_REAPPLY);
    taken.cause = OUTCOME_CANCEL;
    (void)fixture_custody(peers_own(self.peers), RECORD_TAKEN, &taken);
    self.present = false;
    fixture_restart(&self);
    cr_assert(fixture_entry(&self, late)->sent);
    cr_assert_null(fixture_entry(&self, taken.key));
    cr_assert_eq(fixture_last_event(&self, RECORD_CLOSED).end, END_CANCELLED);
}

/* Read while starting: it has its plan already when everything else gets one. */
Test(compensator_restart, what_came_while_it_was_away_is_taken_at_the_start)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    (void)fixture_move(&self, self.scheduler, key, 3, OUTCOME_RETRY);
    fixture_restart(&self);
    cr_assert_eq(fixture_count(&self, RECORD_TAKEN), 1);
    cr_assert_eq(self.count, 1);
}
