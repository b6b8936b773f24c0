/* A restart over a log that a salvage made: what the checkpoints hold can be told without any of
 * them, and of what was lost itself nothing else depends. */
#include "producer_life.h"

#include "delivery/content_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 200U
#define RECORDS_MAX 2000U

/* A log with all that happens to 200 notifications, and a checkpoint every 120 records. */
struct life {
    struct producer_settings settings;
    int64_t now_ms;
    int64_t now_unix_ms;
    uint64_t first; /* position of the first that a fresh producer has not written */
    unsigned count;
    struct {
        uint8_t kind;
        size_t size;
        uint8_t *body; /* owned */
    } records[RECORDS_MAX];
};

static void
live(struct life *life)
{
    struct fixture *self = fixture_open(2);
    struct log_cursor cursor;
    struct log_record record;
    self->settings.checkpoint_records = 120;
    life->first = log_next(peers_own(self->peers));
    fixture_restart(self);
    life_live(self, ROUNDS);
    cr_assert_gt(fixture_counter(self, "checkpoints"), 2);
    life->settings = self->settings;
    life->now_ms = self->now_ms;
    life->now_unix_ms = self->now_unix_ms;
    log_cursor_init(&cursor, peers_own(self->peers), life->first, LOG_ALL_KINDS);
    for (life->count = 0; log_cursor_next(&cursor, &record, NULL) == ERR_OK; life->count++) {
        cr_assert_lt(life->count, RECORDS_MAX);
        cr_assert_eq(record.position, life->first + life->count);
        life->records[life->count].kind = record.kind;
        life->records[life->count].size = record.size;
        life->records[life->count].body = malloc(record.size + 1);
        memcpy(life->records[life->count].body, record.body, record.size);
    }
    log_cursor_fini(&cursor);
    fixture_close(self);
}

/* A producer over the same log, but for this record of it; RECORDS_MAX: all is there. */
static struct fixture *
salvage(const struct life *life, unsigned lost)
{
    struct why why = {{0}};
    struct fixture *self = fixture_open(2);
    cr_assert_eq(log_next(peers_own(self->peers)), life->first);
    for (unsigned i = 0; i < life->count; i++) {
        bool kept = i != lost;
        (void)fixture_record(peers_own(self->peers), kept ? life->records[i].kind : LOG_KIND_LOST,
                             life->records[i].body, kept ? life->records[i].size : 0);
    }
    self->settings = life->settings;
    self->now_ms = life->now_ms;
    self->now_unix_ms = life->now_unix_ms;
    err_t rc = fixture_try_restart(self, &why);
    cr_assert_eq(rc, ERR_OK, "%u: %d, %s", lost, rc, why.text);
    return self;
}

static unsigned
lines_that_differ(const char *one, const char *other)
{
    unsigned count = 0;
    while (*one != '\0' && *other != '\0') {
        size_t size = strcspn(one, "\n");
        size_t others = strcspn(other, "\n");
        count += size != others || memcmp(one, other, size) != 0;
        one += size + (one[size] == '\n');
        other += others + (other[others] == '\n');
    }
    return count + (*one != *other);
}

static bool
is_of_a_checkpoint(uint8_t kind)
{
    return kind == RECORD_CHECKPOINT_BEGIN || kind == RECORD_CHECKPOINT_ITEM ||
           kind == RECORD_CHECKPOINT_END || kind == RECORD_INDEX;
}

Test(producer_salvage, whichever_record_is_lost_only_its_own_notification_is_touched,
     .timeout = 240)
{
    static struct life life;
    static char before[65536];
    static char after[65536];
    unsigned lost[RECORD_KIND_COUNT] = {0};
    live(&life);
    struct fixture *self = salvage(&life, RECORDS_MAX);
    life_describe(self, ROUNDS, before, sizeof before);
    fixture_close(self);
    for (unsigned i = 0; i < life.count; i++) {
        uint8_t kind = life.records[i].kind;
        bool checkpoint = is_of_a_checkpoint(kind);
        if (!checkpoint && lost[kind] > 0 && i % 32 != 0) {
            continue;
        }
        self = salvage(&life, i);
        for (int start = 0; start < 2; start++) { /* the second from what the first has written */
            life_describe(self, ROUNDS, after, sizeof after);
            unsigned differ = lines_that_differ(before, after);
            cr_assert_leq(differ, checkpoint ? 0 : 2, "%u, kind %u: %u", i, kind, differ);
            producer_checkpoint_write(self->core);
            fixture_step(self);
            fixture_restart(self);
        }
        fixture_close(self);
        lost[kind]++;
    }
    static const uint8_t kinds[] = {
        RECORD_CHECKPOINT_BEGIN, RECORD_CHECKPOINT_ITEM, RECORD_CHECKPOINT_END, RECORD_INDEX,
        RECORD_NOTIFICATION,     RECORD_MOVED,           RECORD_DONE,           RECORD_POSITION};
    for (size_t i = 0; i < sizeof kinds; i++) {
        cr_assert_gt(lost[kinds[i]], 0, "kind %u", kinds[i]);
    }
    for (unsigned i = 0; i < life.count; i++) {
        free(life.records[i].body);
    }
}

/* Its bit is in the checkpoint, and nothing can be sent. */
Test(producer_salvage, what_was_open_and_lost_is_told_and_holds_up_nothing)
{
    struct fixture *self = fixture_open(1);
    log_t *own = peers_own(self->peers);
    char begin[64];
    char item[64];
    uint8_t status = 0;
    uint64_t lost = fixture_spelt(own, LOG_KIND_LOST, "");
    fixture_submit(self, "order.paid", "b", "{}");
    cr_assert_lt(lost, 64);
    (void)snprintf(begin, sizeof begin, "v0 v2 v0 v2 v300 v1 v1");
    (void)snprintf(item, sizeof item, "b1 v1 v0 v1 q%llu",
                   (unsigned long long)(UINT64_C(1) << lost | UINT64_C(1) << self->core->newest));
    fixture_checkpoint(self, begin, item);
    fixture_restart(self);
    fixture_step(self);
    cr_assert_eq(self->alarms, 1);
    cr_assert_eq(fixture_counter(self, "open"), 1);
    fixture_join(self, "shop", 1);
    cr_assert_eq(self->delivery_count, 1);
    cr_assert_str_eq(self->deliveries[0].biz_id, "b");
    fixture_outcome(self, 0, OUTCOME_DONE, 0);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    cr_assert_eq(fixture_counter(self, "open_bytes"), 0);
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "{}").status, WIRE_ACCEPTED);
    producer_checkpoint_write(self->core);
    fixture_step(self);
    fixture_restart(self);
    cr_assert_eq(self->alarms, 1, "it is not told again");
    cr_assert_eq(fixture_counter(self, "open"), 1);
    (void)fixture_query(self, "a", "orders", &status);
    cr_assert_eq(status, WIRE_OK);
    fixture_close(self);
}

/* The oldest segment's header was damaged: its file is left out, as if it had been trimmed. */
Test(producer_salvage, what_is_open_before_the_logs_beginning_is_told_and_holds_up_nothing)
{
    struct why why = {{0}};
    char item[64];
    struct fixture *self = fixture_open(1);
    log_t *own = peers_own(self->peers);
    uint64_t early = fixture_submit(self, "order.paid", "early", "{}").position;
    cr_assert_lt(early, 64);
    for (int i = 0; i < 100; i++) {
        (void)fixture_spelt(own, RECORD_INDEX, "z60000");
    }
    uint64_t late = fixture_submit(self, "order.paid", "late", "{}").position;
    (void)snprintf(item, sizeof item, "b1 v1 v0 v1 q%llu",
                   (unsigned long long)(UINT64_C(1) << early));
    fixture_checkpoint(self, "v0 v2 v0 v1 v300 v1 v1", item);
    fixture_step(self);
    cr_assert_eq(log_trim(own, late, &why), ERR_OK);
    cr_assert_gt(log_first(own), early);
    fixture_restart(self);
    fixture_step(self);
    cr_assert_eq(self->alarms, 1);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    fixture_join(self, "shop", 1);
    cr_assert_eq(self->delivery_count, 0);
    cr_assert_eq(fixture_submit(self, "order.paid", "more", "{}").status, WIRE_ACCEPTED);
    cr_assert_eq(self->delivery_count, 1);
    fixture_close(self);
}

/* Without them a log that was replayed as a whole would keep everything until now plus retention.
 */
Test(producer_salvage, a_replay_marks_when_the_log_was_where)
{
    struct fixture *self = fixture_open(1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_advance(self, 200000);
    fixture_submit(self, "order.paid", "b", "{}");
    int64_t at_unix_ms = self->now_unix_ms;
    fixture_advance(self, 200000);
    fixture_restart(self);
    cr_assert_geq(self->core->mark_count, 2);
    cr_assert_eq(self->core->marks[0].total, 0);
    cr_assert_eq(self->core->marks[1].total, 1);
    cr_assert_eq(self->core->marks[1].unix_ms, at_unix_ms);
    fixture_close(self);
}

/* The index has it, and the provider submits it again, as it should. */
Test(producer_salvage, a_notification_that_was_lost_is_accepted_again)
{
    struct fixture *self = fixture_open(1);
    log_t *own = peers_own(self->peers);
    char begin[64];
    char index[96];
    uint64_t lost = fixture_spelt(own, LOG_KIND_LOST, "");
    (void)snprintf(index, sizeof index, "v0 v1 q%llu v%llu v0",
                   (unsigned long long)content_hash_id("a", 1), (unsigned long long)lost);
    (void)snprintf(begin, sizeof begin, "v%llu v1 v0 v0 v0 v1 v1",
                   (unsigned long long)fixture_spelt(own, RECORD_INDEX, index));
    fixture_checkpoint(self, begin, "");
    fixture_restart(self);
    cr_assert_eq(producer_index_count(self->core->index), 1);
    struct wire_result result = fixture_submit(self, "order.paid", "a", "{}");
    cr_assert_eq(result.status, WIRE_ACCEPTED);
    cr_assert_gt(result.position, lost);
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "{}").status, WIRE_DUPLICATE);
    fixture_close(self);
}

/* Or it would have two. */
Test(producer_salvage, what_another_has_taken_is_not_sent_when_the_record_of_giving_it_is_lost)
{
    for (int restarted = 0; restarted < 2; restarted++) {
        struct fixture *self = fixture_open(1);
        uint8_t status = 0;
        struct record_custody taken = {.turn = 2, .to = LOG_SCHEDULER, .attempts = 1};
        taken.key.position = fixture_submit(self, "order.paid", "a", "{}").position;
        taken.key.subscription = self->core->queue_count;
        (void)fixture_record(peers_own(self->peers), LOG_KIND_LOST, NULL, 0);
        (void)fixture_other_custody(self->scheduler, RECORD_TAKEN, &taken);
        if (restarted == 1) {
            fixture_restart(self);
        }
        fixture_step(self);
        fixture_join(self, "shop", 1);
        cr_assert_eq(self->delivery_count, 0, "the scheduler has it");
        struct wire_delivery found = fixture_query(self, "a", "orders", &status);
        cr_assert_eq(found.state, WIRE_STATE_PENDING);
        cr_assert_eq(found.turn, 2);
        cr_assert_gt(fixture_counter(self, "open_bytes"), 0);
        struct record_event done = {
            .kind = RECORD_DONE, .key = taken.key, .turn = 2, .outcome = OUTCOME_DONE};
        (void)fixture_other_event(self->scheduler, &done);
        fixture_step(self);
        found = fixture_query(self, "a", "orders", &status);
        cr_assert_eq(found.state, WIRE_STATE_DONE);
        cr_assert_eq(fixture_counter(self, "open"), 0);
        cr_assert_eq(fixture_counter(self, "open_bytes"), 0);
        fixture_close(self);
    }
}

/* The TAKEN may be trimmed, where it is a case by now. */
Test(producer_salvage, what_is_a_case_elsewhere_is_not_sent)
{
    struct fixture *self = fixture_open(1);
    uint8_t status = 0;
    struct delivery_key key = {.subscription = 1};
    key.position = fixture_submit(self, "order.paid", "a", "{}").position;
    (void)fixture_other_case(self, key, 3);
    fixture_restart(self);
    fixture_step(self);
    fixture_join(self, "shop", 1);
    cr_assert_eq(self->delivery_count, 0, "the compensator has it");
    cr_assert_eq(fixture_query(self, "a", "orders", &status).state, WIRE_STATE_CASE);
    fixture_close(self);
}

/* Its checkpoint was all that told of what is trimmed. */
Test(producer_salvage, a_trimmed_log_whose_only_checkpoint_was_lost_is_refused)
{
    struct why why = {{0}};
    char end[32];
    struct fixture *self = fixture_open(1);
    log_t *own = peers_own(self->peers);
    for (int i = 0; i < 100; i++) {
        (void)fixture_spelt(own, RECORD_INDEX, "z60000");
    }
    uint64_t begin = fixture_spelt(own, RECORD_CHECKPOINT_BEGIN, "v0 v0 v0 v0 v0 v1 v1");
    (void)fixture_spelt(own, LOG_KIND_LOST, "");
    (void)snprintf(end, sizeof end, "v%llu", (unsigned long long)begin);
    (void)fixture_spelt(own, RECORD_CHECKPOINT_END, end);
    fixture_step(self);
    cr_assert_eq(log_trim(own, begin, &why), ERR_OK);
    cr_assert_gt(log_first(own), 1);
    cr_assert_eq(fixture_try_restart(self, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "no checkpoint is whole"), "%s", why.text);
    fixture_close(self);
}
