/* Receivers answer in runs: a run is one record, and as good as one of each delivery. */
#include "producer_runs.h"

#define BEHIND (RUNS_MANY - RUNS_MIDDLE) /* from the middle on */

static const struct runs_part all = {0, RUNS_MANY, OUTCOME_DONE};

/* With a checkpoint between the notifications and their DONE, and one behind it, and without. One
 * more stays open, so that what the others weighed counts. */
Test(producer_done, a_run_is_one_record_whatever_a_restart_begins_with)
{
    for (unsigned checkpoints = 0; checkpoints < 4; checkpoints++) {
        struct fixture *self = runs_begin(1);
        uint64_t before = fixture_counter(self, "open_bytes");
        runs_submit(self, RUNS_MANY, 1);
        uint64_t last_bytes = fixture_counter(self, "open_bytes") - before;
        cr_assert_gt(before, last_bytes);
        if ((checkpoints & 1) != 0) {
            runs_checkpoint(self);
        }
        runs_answer(self, all);
        cr_assert_eq(runs_read(self), 1);
        runs_assert(self, &runs_done[0], all, 0);
        cr_assert_eq(runs_done[0].event.at_unix_ms, self->now_unix_ms);
        cr_assert_eq(fixture_counter(self, "done"), RUNS_MANY);
        if ((checkpoints & 2) != 0) {
            runs_checkpoint(self);
        }
        for (int start = 0; start < 2; start++) {
            cr_assert_eq(fixture_counter(self, "open"), 1);
            cr_assert_eq(fixture_counter(self, "open_bytes"), last_bytes);
            runs_assert_told(self, "orders", 0, RUNS_MANY, &runs_done[0]);
            fixture_restart(self);
        }
        fixture_join(self, "shop", 1);
        cr_assert_eq(self->delivery_count, RUNS_MANY + 2, "the one that is open");
        runs_answer(self, (struct runs_part){RUNS_MANY + 1, 1, OUTCOME_DUPLICATE});
        cr_assert_eq(fixture_counter(self, "open"), 0);
        fixture_close(self);
    }
}

/* What the newest record about a notification is, is told by the next INDEX of each of a run. */
Test(producer_done, each_of_a_run_is_in_the_index_of_the_checkpoint_after_a_restart)
{
    struct fixture *self = runs_begin(1);
    runs_restart(self, true);
    fixture_join(self, "shop", 1);
    runs_answer(self, (struct runs_part){RUNS_MANY, RUNS_MANY, OUTCOME_DONE});
    cr_assert_eq(runs_read(self), 1);
    for (int start = 0; start < 3; start++) {
        runs_restart(self, start == 1);
        runs_assert_told(self, "orders", 0, RUNS_MANY, &runs_done[0]);
    }
    fixture_close(self);
}

static struct fixture *
begin_two(void)
{
    struct fixture *self = runs_begin(2);
    fixture_join(self, "audit", 2);
    cr_assert_eq(self->delivery_count, 2 * RUNS_MANY);
    cr_assert_eq(self->deliveries[RUNS_MANY].key.position, self->deliveries[0].key.position);
    return self;
}

/* Later, so that it is seen which record tells of it. */
static void
answer_later(struct fixture *self, struct runs_part part)
{
    fixture_advance(self, 500);
    runs_answer(self, part);
}

Test(producer_done, a_run_behind_a_run_of_another_subscription_is_one_record)
{
    static const struct runs_part audit = {RUNS_MANY, RUNS_MANY, OUTCOME_DUPLICATE};
    struct fixture *self = begin_two();
    answer_later(self, all);
    answer_later(self, audit);
    cr_assert_eq(runs_read(self), 2);
    runs_assert(self, &runs_done[0], all, 0);
    runs_assert(self, &runs_done[1], audit, runs_done[0].position);
    for (int start = 0; start < 3; start++) {
        cr_assert_eq(fixture_counter(self, "open"), 0);
        runs_assert_told(self, "orders", 0, RUNS_MANY, &runs_done[0]);
        runs_assert_told(self, "audit", 0, RUNS_MANY, &runs_done[1]);
        runs_restart(self, start == 1);
    }
    fixture_close(self);
}

/* `previous` is of all of a run. */
Test(producer_done, a_run_behind_two_of_another_subscription_is_two_records)
{
    static const struct runs_part orders[] = {{0, RUNS_MIDDLE, OUTCOME_DONE},
                                              {RUNS_MIDDLE, BEHIND, OUTCOME_DONE}};
    static const struct runs_part audit[] = {{RUNS_MANY, RUNS_MIDDLE, OUTCOME_DONE},
                                             {RUNS_MANY + RUNS_MIDDLE, BEHIND, OUTCOME_DONE}};
    struct fixture *self = begin_two();
    answer_later(self, orders[0]);
    answer_later(self, orders[1]);
    answer_later(self, (struct runs_part){RUNS_MANY, RUNS_MANY, OUTCOME_DONE});
    cr_assert_eq(runs_read(self), 4);
    for (int i = 0; i < 2; i++) {
        runs_assert(self, &runs_done[i], orders[i], 0);
        runs_assert(self, &runs_done[2 + i], audit[i], runs_done[i].position);
    }
    for (int start = 0; start < 3; start++) {
        cr_assert_eq(fixture_counter(self, "open"), 0);
        runs_assert_told(self, "orders", 0, RUNS_MIDDLE, &runs_done[0]);
        runs_assert_told(self, "orders", RUNS_MIDDLE, BEHIND, &runs_done[1]);
        runs_assert_told(self, "audit", 0, RUNS_MANY, &runs_done[2]);
        runs_restart(self, start == 1);
    }
    fixture_close(self);
}

/* How one in the middle is in nobody's run: another has it. */
enum { BY_CANCEL, BY_LEASE, BY_RETRY, WAYS };

static void
give_away(struct fixture *self, int way)
{
    if (way == BY_CANCEL) { /* it stays outstanding */
        cr_assert_eq(fixture_cancel(self, runs_name(RUNS_MIDDLE)), WIRE_REQUESTED);
    } else if (way == BY_RETRY) {
        runs_answer(self, (struct runs_part){RUNS_MIDDLE, 1, OUTCOME_RETRY});
    } else {
        fixture_advance(self, 2000);
        const struct runs_part parts[] = {{0, RUNS_MIDDLE, OUTCOME_WORKING},
                                          {RUNS_MIDDLE + 1, BEHIND - 1, OUTCOME_WORKING}};
        runs_take(self, parts, 2);
        fixture_advance(self, 1500);
    }
    cr_assert_eq(fixture_count(self, RECORD_MOVED), 1);
    cr_assert_eq(fixture_last_moved(self).key.position, self->deliveries[RUNS_MIDDLE].key.position);
}

Test(producer_done, what_another_has_meanwhile_is_no_part_of_a_run)
{
    for (int way = 0; way < WAYS; way++) {
        uint8_t status = 0;
        struct fixture *self = runs_begin(1);
        give_away(self, way);
        uint64_t next = log_next(peers_own(self->peers));
        runs_answer(self, all);
        cr_assert_eq(runs_read(self), 2, "way %d", way);
        runs_assert(self, &runs_done[0], (struct runs_part){0, RUNS_MIDDLE, OUTCOME_DONE}, 0);
        runs_assert(self, &runs_done[1],
                    (struct runs_part){RUNS_MIDDLE + 1, BEHIND - 1, OUTCOME_DONE}, 0);
        /* What is answered a second time says nothing. */
        bool late = way != BY_RETRY;
        cr_assert_eq(fixture_count(self, RECORD_EVIDENCE), late ? 1 : 0, "way %d", way);
        cr_assert_eq(runs_done[0].position, next);
        cr_assert_eq(runs_done[1].position, late ? next + 2 : next + 1,
                     "in the order of the answers");
        cr_assert_eq(fixture_counter(self, "done"), RUNS_MANY - 1);
        cr_assert_eq(fixture_counter(self, "evidence"), late ? 1 : 0);
        for (int start = 0; start < 2; start++) {
            runs_assert_told(self, "orders", 0, RUNS_MIDDLE, &runs_done[0]);
            runs_assert_told(self, "orders", RUNS_MIDDLE + 1, BEHIND - 1, &runs_done[1]);
            cr_assert_eq(fixture_query(self, runs_name(RUNS_MIDDLE), "orders", &status).state,
                         late ? WIRE_STATE_DONE : WIRE_STATE_PENDING, "way %d", way);
            cr_assert_eq(fixture_counter(self, "open"), late ? 0 : 1);
            fixture_restart(self);
        }
        fixture_close(self);
    }
}

Test(producer_done, a_run_is_of_one_outcome)
{
    struct fixture *self = runs_begin(1);
    const struct runs_part parts[] = {{0, RUNS_MIDDLE, OUTCOME_DONE},
                                      {RUNS_MIDDLE, BEHIND, OUTCOME_DUPLICATE}};
    runs_take(self, parts, 2);
    fixture_step(self);
    cr_assert_eq(runs_read(self), 2);
    runs_assert(self, &runs_done[0], parts[0], 0);
    runs_assert(self, &runs_done[1], parts[1], 0);
    for (int start = 0; start < 2; start++) {
        runs_assert_told(self, "orders", 0, RUNS_MIDDLE, &runs_done[0]);
        runs_assert_told(self, "orders", RUNS_MIDDLE, BEHIND, &runs_done[1]);
        fixture_restart(self);
    }
    fixture_close(self);
}

/* The record of the first ones stands between the positions of the others. */
Test(producer_done, a_run_ends_where_positions_do)
{
    static const struct runs_part parts[] = {{0, RUNS_MIDDLE, OUTCOME_DONE},
                                             {RUNS_MIDDLE, BEHIND, OUTCOME_DONE},
                                             {RUNS_MANY, RUNS_MANY, OUTCOME_DONE}};
    struct fixture *self = runs_begin(1);
    runs_answer(self, parts[0]);
    runs_submit(self, RUNS_MANY, RUNS_MANY);
    cr_assert_eq(self->delivery_count, 2 * RUNS_MANY);
    runs_answer(self, (struct runs_part){RUNS_MIDDLE, BEHIND + RUNS_MANY, OUTCOME_DONE});
    cr_assert_eq(runs_read(self), 3);
    for (int start = 0; start < 2; start++) {
        for (int i = 0; i < 3; i++) {
            runs_assert(self, &runs_done[i], parts[i], 0);
            runs_assert_told(self, "orders", parts[i].first, parts[i].count, &runs_done[i]);
        }
        cr_assert_eq(fixture_counter(self, "open"), 0);
        fixture_restart(self);
    }
    fixture_close(self);
}

/* Both are sent to one group, the positions one behind the other. */
Test(producer_done, a_run_is_of_one_subscription)
{
    struct fixture *self = fixture_open(2);
    self->subscriptions[1].name = "payments";
    self->subscriptions[1].pattern = "payment.*";
    self->subscriptions[1].group = "shop";
    fixture_restart(self);
    fixture_submit(self, "order.paid", "n00", "{}");
    fixture_submit(self, "payment.done", "n01", "{}");
    fixture_join(self, "shop", 1);
    cr_assert_eq(self->delivery_count, 2);
    cr_assert_eq(self->deliveries[1].key.position, self->deliveries[0].key.position + 1);
    cr_assert_neq(self->deliveries[1].key.subscription, self->deliveries[0].key.subscription);
    runs_answer(self, (struct runs_part){0, 2, OUTCOME_DONE});
    cr_assert_eq(runs_read(self), 2);
    for (int start = 0; start < 2; start++) {
        runs_assert_told(self, "orders", 0, 1, &runs_done[0]);
        runs_assert_told(self, "payments", 1, 1, &runs_done[1]);
        cr_assert_eq(fixture_counter(self, "open"), 0);
        fixture_restart(self);
    }
    fixture_close(self);
}

/* A restart handles each of a run: it counts as many records as if each had its own. */
Test(producer_done, a_checkpoint_comes_after_as_many_ends_however_they_are_recorded)
{
    for (int restart = 0; restart < 2; restart++) {
        struct fixture *self = begin_two();
        runs_checkpoint(self);
        runs_answer(self, (struct runs_part){0, RUNS_MANY, OUTCOME_DONE});
        if (restart == 1) {
            fixture_restart(self);
            fixture_join(self, "audit", 2);
        }
        uint64_t since = log_next(peers_own(self->peers)) - self->core->checkpoint_at;
        uint32_t first = self->delivery_count - RUNS_MANY;
        uint64_t checkpoints = fixture_counter(self, "checkpoints");
        self->core->settings.checkpoint_records = since + 2 * RUNS_MANY - 1;
        runs_answer(self, (struct runs_part){first, RUNS_MANY - 1, OUTCOME_DONE});
        cr_assert_eq(fixture_counter(self, "checkpoints"), checkpoints);
        runs_answer(self, (struct runs_part){first + RUNS_MANY - 1, 1, OUTCOME_DONE});
        cr_assert_eq(runs_read(self), 3);
        cr_assert_eq(fixture_counter(self, "checkpoints"), checkpoints + 1);
        self->core->settings.checkpoint_records = since;
        fixture_step(self);
        cr_assert_eq(fixture_counter(self, "checkpoints"), checkpoints + 1, "it counts anew");
        fixture_close(self);
    }
}

/* Each by another client: what one is told leaves when the next is. */
Test(producer_done, who_watches_one_of_a_run_is_told_once_when_its_record_is_durable)
{
    static const uint32_t watched[] = {0, RUNS_MIDDLE, RUNS_MANY - 1, RUNS_MANY};
    struct fixture *self = runs_begin(1);
    runs_submit(self, RUNS_MANY, 1);
    for (uint8_t i = 0; i < 4; i++) {
        self->route.id[1] = i;
        cr_assert_eq(fixture_watch(self, runs_name(watched[i]), 60000), WIRE_OK);
    }
    runs_take(self, &all, 1);
    fixture_step_unsynced(self);
    fixture_step_unsynced(self);
    cr_assert_eq(self->event_count, 0);
    fixture_step(self);
    fixture_step(self);
    cr_assert_eq(self->event_count, 3, "%u", self->event_count);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_str_eq(self->events[i].biz_id, runs_name(watched[i]));
        cr_assert_str_eq(self->events[i].subscription, "orders");
        cr_assert_eq(self->events[i].state, WIRE_STATE_DONE);
        cr_assert_eq(self->events[i].turn, 1);
    }
    fixture_close(self);
}

/* What a salvage leaves of this log when it loses all records of a kind. */
static struct fixture *
salvaged(struct fixture *from, uint8_t lost)
{
    struct fixture *self = fixture_open(1);
    struct log_cursor cursor;
    struct log_record record;
    log_t *own = peers_own(self->peers);
    sim_disk_use(from->disk);
    log_cursor_init(&cursor, peers_own(from->peers), log_next(own), LOG_ALL_KINDS);
    while (log_cursor_next(&cursor, &record, NULL) == ERR_OK) {
        sim_disk_use(self->disk);
        bool kept = record.kind != lost;
        uint64_t position = fixture_record(own, kept ? record.kind : LOG_KIND_LOST, record.body,
                                           kept ? record.size : 0);
        cr_assert_eq(position, record.position);
        sim_disk_use(from->disk);
    }
    log_cursor_fini(&cursor);
    fixture_close(from);
    sim_disk_use(self->disk);
    fixture_restart(self);
    return self;
}

Test(producer_done, when_the_record_of_a_run_is_lost_all_of_it_is_sent_again)
{
    static const struct runs_part again = {0, RUNS_MANY, OUTCOME_DUPLICATE};
    struct fixture *self = runs_begin(1);
    runs_answer(self, all);
    self = salvaged(self, RECORD_DONE);
    cr_assert_eq(fixture_counter(self, "open"), RUNS_MANY);
    fixture_join(self, "shop", 1);
    cr_assert_eq(self->delivery_count, RUNS_MANY);
    runs_answer(self, again);
    cr_assert_eq(runs_read(self), 1);
    runs_assert(self, &runs_done[0], again, 0);
    for (int start = 0; start < 2; start++) {
        cr_assert_eq(fixture_counter(self, "open"), 0);
        runs_assert_told(self, "orders", 0, RUNS_MANY, &runs_done[0]);
        fixture_restart(self);
    }
    fixture_close(self);
}

Test(producer_done, an_index_that_is_made_anew_knows_all_of_a_run)
{
    struct fixture *self = runs_begin(1);
    runs_answer(self, all);
    runs_checkpoint(self);
    self = salvaged(self, RECORD_INDEX);
    cr_assert_eq(runs_read(self), 1);
    for (int start = 0; start < 2; start++) { /* the second from the next checkpoint's index */
        cr_assert_eq(fixture_counter(self, "open"), 0);
        runs_assert_told(self, "orders", 0, RUNS_MANY, &runs_done[0]);
        runs_checkpoint(self);
        fixture_restart(self);
    }
    fixture_close(self);
}
