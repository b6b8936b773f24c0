/* What is damaged, cannot be read, is missing or is not known yet. */
#include "base/mem.h"
#include "compensator_fixture.h"

#include <string.h>

#define NEVER 1000000 /* a position that no log has reached */
#define UNKNOWN 9     /* no such subscription */

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

TestSuite(compensator_damage, .init = setup, .fini = teardown, .timeout = 240);

static log_t *
own(void)
{
    return peers_own(self.peers);
}

static err_t
step(struct why *why)
{
    return compensator_step(self.core, self.now_ms, self.now_unix_ms, why);
}

static struct record_custody
custody(struct delivery_key key, uint8_t cause)
{
    return (struct record_custody){
        .key = key, .turn = 2, .to = LOG_COMPENSATOR, .cause = cause, .sent = true};
}

Test(compensator_damage, an_own_record_that_cannot_be_decoded_stops_the_start)
{
    static const uint8_t kinds[] = {RECORD_TAKEN,  RECORD_MOVED,         RECORD_CASE,
                                    RECORD_FAILED, RECORD_ORDER,         RECORD_FENCED,
                                    RECORD_DONE,   RECORD_EVIDENCE,      RECORD_ENDED,
                                    RECORD_CLOSED, RECORD_CHECKPOINT_END};
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct why why = {{0}};
        (void)fixture_raw(own(), kinds[i], "\x80", 1);
        cr_assert_eq(fixture_recover(&self, 0, &why), ERR_CORRUPT, "kind %u", kinds[i]);
        cr_assert_gt(strlen(why.text), 0);
        fixture_close(&self);
        fixture_open(&self);
    }
}

Test(compensator_damage, anothers_record_that_cannot_be_decoded_stops_the_step_and_the_start)
{
    static const struct {
        bool producer;
        uint8_t kind;
    } rows[] = {{true, RECORD_SUBSCRIPTION}, {true, RECORD_GROUP}, {true, RECORD_MOVED},
                {true, RECORD_ORDER},        {false, RECORD_DONE}, {false, RECORD_ENDED},
                {false, RECORD_EVIDENCE},    {false, RECORD_ORDER}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct why why = {{0}};
        (void)fixture_raw(rows[i].producer ? self.producer : self.scheduler, rows[i].kind, "\x80",
                          1);
        cr_assert_eq(step(&why), ERR_CORRUPT, "kind %u", rows[i].kind);
        cr_assert_eq(fixture_recover(&self, 0, &why), ERR_CORRUPT, "kind %u", rows[i].kind);
        fixture_close(&self);
        fixture_open(&self);
    }
}

Test(compensator_damage, a_delivery_that_is_taken_twice_stops_the_start)
{
    const struct record_custody taken = custody(fixture_notify(&self, 1), OUTCOME_RETRY);
    struct why why = {{0}};
    (void)fixture_custody(own(), RECORD_TAKEN, &taken);
    (void)fixture_custody(own(), RECORD_TAKEN, &taken);
    cr_assert_eq(fixture_recover(&self, 0, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "TAKEN of a delivery that is held"));
}

/* As after a checkpoint that was cut off: what comes again is what it was. */
Test(compensator_damage, a_case_and_a_replay_that_are_told_twice_are_one)
{
    uint64_t id = 0;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    uint8_t *body = mem_alloc(RECORD_CASE_MAX);
    struct record_case opened = fixture_last_case(&self);
    size_t size = record_case_encode(&opened, body);
    (void)fixture_raw(own(), RECORD_CASE, body, size);
    mem_free(body);
    fixture_restart(&self);
    cr_assert_eq(fixture_entry(&self, key)->case_id, id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
    const struct record_custody moved = fixture_last_custody(&self, RECORD_MOVED);
    (void)fixture_custody(own(), RECORD_MOVED, &moved);
    fixture_restart(&self);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_AWAY);
    cr_assert_eq(fixture_entry(&self, key)->turn, moved.turn);
}

/* It stands before the checkpoint, so that only its copy is looked for. */
Test(compensator_damage, a_closed_case_that_cannot_be_decoded_stops_the_start)
{
    uint64_t damaged = fixture_raw(own(), RECORD_CASE, "\x80", 1);
    uint64_t begin = fixture_raw(own(), RECORD_CHECKPOINT_BEGIN, "", 0);
    const uint8_t item[] = {2, (uint8_t)damaged, WIRE_STATE_RESOLVED, 1};
    (void)fixture_raw(own(), RECORD_CHECKPOINT_ITEM, item, sizeof item);
    const uint8_t end[] = {(uint8_t)begin};
    (void)fixture_raw(own(), RECORD_CHECKPOINT_END, end, sizeof end);
    struct why why = {{0}};
    cr_assert_lt(begin, 128, "a number of one byte");
    cr_assert_eq(fixture_recover(&self, 0, &why), ERR_CORRUPT);
}

/* What it belonged to was trimmed, since it is over. */
Test(compensator_damage, what_belongs_to_nothing_that_is_known_is_passed_over)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_REAPPLY);
    struct record_custody moved = custody(key, OUTCOME_REPLAY);
    moved.to = LOG_SCHEDULER;
    (void)fixture_custody(own(), RECORD_MOVED, &moved);
    fixture_done(own(), RECORD_DONE, key, 2);
    fixture_restart(&self);
    cr_assert_null(fixture_entry(&self, key));
}

/* More than one read of a file brings. */
static void
fill_producers_log(void)
{
    self.payload_bytes = LIMIT_PAYLOAD_BYTES / 2;
    for (int i = 0; i < 4; i++) {
        (void)fixture_notify(&self, FIXTURE_REAPPLY);
    }
    self.payload_bytes = 0;
}

/* One commit, as a service that does much at a time writes it. */
static void
move_together(log_t *log, const struct delivery_key *keys, uint32_t count, uint8_t cause)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct record_custody moved = custody(keys[i], cause);
        uint8_t body[RECORD_CUSTODY_MAX];
        (void)log_append(log, RECORD_MOVED, body, record_custody_encode(&moved, body));
    }
    (void)fixture_durable(log, 0);
}

/* Everything that a start may have to read: a catalog, tries, a case, a closed one, what is away, a
 * checkpoint, a POSITION that is far from the end, and two moves to cancel that are to become cases
 * and whose notifications are far from the moves. */
static void
live(void)
{
    uint64_t id = 0;
    const struct delivery_key cancelled[] = {fixture_notify(&self, FIXTURE_BARE),
                                             fixture_notify(&self, FIXTURE_BARE)};
    fill_producers_log();
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, true), WIRE_OK);
    (void)fixture_case(&self, FIXTURE_UNDO, &id);
    (void)fixture_case(&self, FIXTURE_REAPPLY, &id);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_REPLAY, false), WIRE_OK);
    self.core->checkpoint_since = 0;
    self.core->settings.checkpoint_every = 1;
    fixture_step(&self);
    self.core->settings.checkpoint_every = 1000000;
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    fixture_answer(&self, OUTCOME_RETRY);
    for (int i = 0; i < 3; i++) { /* whatever: no kind that is looked for at start */
        (void)fixture_raw(own(), RECORD_INDEX, self.big, LIMIT_PAYLOAD_BYTES / 2);
    }
    fixture_done(own(), RECORD_EVIDENCE, (struct delivery_key){1, FIXTURE_REAPPLY}, 1);
    move_together(self.producer, cancelled, 2, OUTCOME_CANCEL);
}

/* No read that fails is taken for an empty log, and nothing is written because of it. */
Test(compensator_damage, whichever_read_of_a_start_fails_the_start_fails_and_can_be_tried_again)
{
    live();
    uint32_t cases = fixture_count(&self, RECORD_CASE);
    uint32_t failures = 0;
    struct why why = {{0}};
    for (uint64_t at = 1;; at++) {
        err_t rc = fixture_recover(&self, at, &why);
        if (!fixture_read_failed()) {
            cr_assert_eq(rc, ERR_OK, "%s", why.text);
            break;
        }
        cr_assert_eq(rc, ERR_IO, "read %llu: %s", (unsigned long long)at, why.text);
        failures++;
    }
    cr_assert_gt(failures, 2);
    fixture_step(&self);
    cr_assert_eq(fixture_count(&self, RECORD_CASE), cases + 2);
}

/* Tried and rejected, with everything behind it cut off: its case is to be opened. */
static void
rejected_before(struct delivery_key key)
{
    const struct record_custody taken = custody(key, OUTCOME_RETRY);
    const struct record_event failed = {
        .key = key, .turn = 2, .kind = RECORD_FAILED, .outcome = OUTCOME_REJECT, .attempt = 1};
    (void)fixture_custody(own(), RECORD_TAKEN, &taken);
    (void)fixture_event(own(), &failed);
}

/* What a step may have to read: two jobs, two cases of what is taken, two of what is due. */
static void
give_work(uint32_t kind)
{
    struct delivery_key keys[2];
    for (int i = 0; i < 2; i++) {
        keys[i] = fixture_notify(&self, kind == 1 ? FIXTURE_BARE : FIXTURE_REAPPLY);
    }
    fill_producers_log();
    fixture_step(&self);
    if (kind == 0) {
        move_together(self.scheduler, keys, 2, OUTCOME_RETRY);
    } else if (kind == 1) {
        move_together(self.producer, keys, 2, OUTCOME_CANCEL);
    } else {
        rejected_before(keys[0]);
        rejected_before(keys[1]);
        struct why why = {{0}};
        cr_assert_eq(fixture_recover(&self, 0, &why), ERR_OK, "%s", why.text);
    }
}

/* The first of them, and in other places of the same step, ends the service. */
Test(compensator_damage, whichever_read_of_a_step_fails_the_step_fails)
{
    uint32_t failures = 0;
    uint32_t passed = 0;
    for (uint64_t at = 1; passed < 3;) {
        give_work(passed);
        struct why why = {{0}};
        fixture_fail_reads(at);
        err_t rc = step(&why);
        bool read_failed = fixture_read_failed();
        fixture_fail_reads(0);
        cr_assert_eq(rc, read_failed ? ERR_IO : ERR_OK, "read %llu: %s", (unsigned long long)at,
                     why.text);
        failures += read_failed;
        passed += !read_failed;
        at = read_failed ? at + 1 : 1;
        fixture_restart(&self);
    }
    cr_assert_gt(failures, 5);
}

/* A notification that is neither in the producer's log nor in a case: a person must know. */
Test(compensator_damage, a_notification_that_is_missing_raises_an_alarm_each_minute)
{
    const struct delivery_key key = {.position = NEVER, .subscription = FIXTURE_REAPPLY};
    (void)fixture_move(&self, self.scheduler, key, 3, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_str_eq(self.alarms, "notification_missing ");
    fixture_advance(&self, 59000);
    cr_assert_str_eq(self.alarms, "notification_missing ");
    fixture_advance(&self, 1000);
    cr_assert_str_eq(self.alarms, "notification_missing notification_missing ");
    cr_assert_eq(self.count, 0);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_HELD);
}

Test(compensator_damage, a_position_that_holds_another_record_is_a_missing_notification)
{
    const struct delivery_key key = {.position = 1, .subscription = FIXTURE_REAPPLY};
    (void)fixture_move(&self, self.scheduler, key, 3, OUTCOME_RETRY);
    fixture_step(&self);
    cr_assert_str_eq(self.alarms, "notification_missing ");
}

Test(compensator_damage, a_case_without_its_notification_is_tried_again_each_minute)
{
    const struct delivery_key missing = {.position = NEVER, .subscription = FIXTURE_BARE};
    (void)fixture_move(&self, self.producer, missing, 2, OUTCOME_CANCEL);
    fixture_step(&self);
    cr_assert_str_eq(self.alarms, "notification_missing ");
    fixture_advance(&self, 120000);
    cr_assert_str_eq(self.alarms,
                     "notification_missing notification_missing notification_missing ");
    cr_assert_eq(fixture_count(&self, RECORD_CASE), 0);
}

/* Its last try had failed before the process ended, and the case was not written. */
Test(compensator_damage, after_a_start_too_the_case_of_a_missing_notification_is_tried_again)
{
    struct record_custody taken =
        custody((struct delivery_key){NEVER, FIXTURE_UNDO}, OUTCOME_RETRY);
    (void)fixture_custody(own(), RECORD_TAKEN, &taken);
    struct record_event ordered = {
        .key = taken.key, .turn = 2, .kind = RECORD_ORDER, .order = ORDER_UNDO};
    ordered.by = (struct record_text){.data = "compensator", .size = 11};
    (void)fixture_event(own(), &ordered);
    struct record_event failed = {
        .key = taken.key, .turn = 2, .kind = RECORD_FAILED, .outcome = OUTCOME_RETRY, .attempt = 3};
    (void)fixture_event(own(), &failed);
    fixture_restart(&self);
    cr_assert_str_eq(self.alarms, "notification_missing ");
    cr_assert_eq(fixture_entry(&self, taken.key)->plan, PLAN_UNDO);
    fixture_advance(&self, 60000);
    cr_assert_str_eq(self.alarms, "notification_missing notification_missing ");
}

static void
notification_of_nonsense(uint8_t kind, uint64_t *position)
{
    *position = fixture_raw(self.producer, kind, "\x80", 1);
}

Test(compensator_damage, a_notification_that_cannot_be_decoded_ends_the_service)
{
    struct delivery_key key = {.subscription = FIXTURE_REAPPLY};
    notification_of_nonsense(RECORD_NOTIFICATION, &key.position);
    (void)fixture_move(&self, self.scheduler, key, 3, OUTCOME_RETRY);
    struct why why = {{0}};
    cr_assert_eq(step(&why), ERR_CORRUPT);
    cr_assert_gt(strlen(why.text), 0);
}

/* A delivery may be read before its subscription: the logs are read one after the other. */
Test(compensator_damage, a_delivery_of_a_subscription_that_is_not_known_yet_waits_for_it)
{
    struct delivery_key key = fixture_notify(&self, UNKNOWN);
    (void)fixture_move(&self, self.scheduler, key, 3, OUTCOME_RETRY);
    fixture_step(&self);
    fixture_advance(&self, 5000);
    cr_assert_eq(self.count, 0);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_HELD);
    fixture_subscribe(&self, UNKNOWN, "plain", COMPENSATION_REAPPLY);
    fixture_advance(&self, 2000);
    cr_assert_eq(self.count, 1);
    cr_assert_eq(self.jobs[0].item.subscription, UNKNOWN);
}

Test(compensator_damage, a_case_of_a_subscription_that_is_not_known_is_shown_and_can_be_resolved)
{
    struct delivery_key key = fixture_notify(&self, UNKNOWN);
    (void)fixture_move(&self, self.producer, key, 2, OUTCOME_CANCEL);
    fixture_step(&self);
    cr_assert(fixture_alarmed(&self, "case_opened"));
    uint64_t id = fixture_entry(&self, key)->case_id;
    const struct wire_cases_ask ask = {.open_only = true, .limit = 10};
    struct wire_case found[10];
    bool more = false;
    cr_assert_eq(fixture_list(&self, &ask, found, &more), 1);
    cr_assert_arr_eq(found[0].subscription.data, "?", 1);
    cr_assert_arr_eq(found[0].group.data, "?", 1);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_CANNOT_FENCE);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, false), WIRE_CANNOT_FENCE);
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_RESOLVE, true), WIRE_OK);
}

/* The producer has trimmed it: the case has its own copy. */
Test(compensator_damage, what_a_person_orders_needs_no_other_log)
{
    struct delivery_key key = fixture_notify(&self, FIXTURE_UNDO);
    (void)fixture_move(&self, self.scheduler, key, 3, OUTCOME_RETRY);
    fixture_step(&self);
    for (int i = 0; i < 3; i++) {
        fixture_answer(&self, OUTCOME_RETRY);
        fixture_advance(&self, 2000);
    }
    struct record_case opened = fixture_last_case(&self);
    const struct delivery_key gone = {.position = NEVER, .subscription = FIXTURE_UNDO};
    opened.custody.key = gone;
    uint8_t *body = mem_alloc(RECORD_CASE_MAX);
    uint64_t id = fixture_raw(own(), RECORD_CASE, body, record_case_encode(&opened, body));
    mem_free(body);
    fixture_restart(&self);
    uint32_t before = self.count;
    cr_assert_eq(fixture_order(&self, id, WIRE_CASE_UNDO, false), WIRE_REQUESTED);
    cr_assert_eq(self.count, before + 1);
    cr_assert_eq(fixture_last_job(&self)->item.position, NEVER);
    cr_assert_gt(fixture_last_job(&self)->notification_size, 7);
}
