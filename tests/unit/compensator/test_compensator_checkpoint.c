/* Items of checkpoints as they may stand in a log: an older version's, damaged ones, those of a
 * checkpoint that was cut off, and those whose case is no longer there. */
#include "base/bytes.h"
#include "base/mem.h"
#include "compensator_checkpoint.h"
#include "compensator_fixture.h"

#include <string.h>

#define NEVER 1000000 /* a position that no log has reached */
#define NEWER_KIND 30 /* of a newer version: passed over */

struct item {
    uint8_t version;
    uint64_t position;
    uint64_t subscription;
    uint8_t state;
    uint8_t plan;
    uint8_t moved_for;
    uint64_t flags;
    uint64_t case_id;
    uint32_t cancel_turn;
    bool undated; /* an older version's: it ends before cancel_turn */
};

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

TestSuite(compensator_checkpoint, .init = setup, .fini = teardown, .timeout = 60);

static log_t *
own(void)
{
    return peers_own(self.peers);
}

/* In turn 5, as the checkpoint's file draws it. */
static size_t
encode(const struct item *item, uint8_t body[128])
{
    struct bytes_out out = bytes_out_over(body, 128);
    bytes_out_u8(&out, item->version);
    bytes_out_varint(&out, item->position);
    bytes_out_varint(&out, item->subscription);
    bytes_out_u8(&out, item->state);
    bytes_out_u8(&out, item->plan);
    bytes_out_u8(&out, item->moved_for);
    bytes_out_u8(&out, OUTCOME_RETRY);
    bytes_out_varint(&out, item->flags);
    bytes_out_varint(&out, 5); /* turn */
    bytes_out_varint(&out, 0); /* attempts */
    bytes_out_varint(&out, 0); /* tries */
    bytes_out_varint(&out, 0); /* first sent */
    bytes_out_varint(&out, 1); /* last */
    bytes_out_varint(&out, 1); /* taken */
    bytes_out_varint(&out, item->case_id);
    if (!item->undated) {
        bytes_out_varint(&out, item->cancel_turn);
    }
    return bytes_out_used(&out);
}

static void
put(const struct item *item)
{
    uint8_t body[128];
    (void)fixture_raw(own(), RECORD_CHECKPOINT_ITEM, body, encode(item, body));
}

static struct item
sane(void)
{
    return (struct item){
        .version = 1,
        .position = fixture_notify(&self, FIXTURE_REAPPLY).position,
        .subscription = FIXTURE_REAPPLY,
        .state = COMPENSATOR_AWAY,
        .moved_for = OUTCOME_RETRY,
    };
}

static err_t
take(const uint8_t *body, size_t size)
{
    struct why why = {{0}};
    err_t rc = compensator_checkpoint_take(self.core, body, size, &why);
    cr_assert_eq(rc == ERR_OK, strlen(why.text) == 0, "%s", why.text);
    return rc;
}

Test(compensator_checkpoint, an_item_that_makes_no_sense_is_refused)
{
    for (int i = 0; i < 8; i++) {
        struct item item = sane();
        item.position = i == 0 ? 0 : item.position;
        item.subscription = i == 1 ? 0 : i == 2 ? LIMIT_SUBSCRIPTIONS + 1 : item.subscription;
        item.state = i == 3 ? COMPENSATOR_NONE : i == 4 ? COMPENSATOR_ENDED : item.state;
        item.plan = i == 5 ? PLAN_ORDER_RESOLVE + 1 : item.plan;
        item.version = i == 6 ? 3 : item.version;
        uint8_t body[128];
        size_t size = encode(&item, body);
        cr_assert_eq(take(body, i == 7 ? 0 : size), i < 6 ? ERR_CORRUPT : ERR_UNSUPPORTED, "%d", i);
        cr_assert_eq(compensator_table_count(self.core->table), 0);
    }
}

Test(compensator_checkpoint, an_item_that_is_cut_short_anywhere_is_refused)
{
    uint8_t body[128];
    struct item item = sane();
    size_t whole = encode(&item, body);
    for (size_t size = 1; size + 1 < whole; size++) { /* the last field may be missing */
        cr_assert_eq(take(body, size), ERR_CORRUPT, "%zu of %zu", size, whole);
    }
    cr_assert_eq(take(body, whole), ERR_OK);
}

Test(compensator_checkpoint, a_closed_case_that_makes_no_sense_is_refused)
{
    static const uint8_t bodies[][4] = {
        {2, 0, WIRE_STATE_CASE, 1},     /* no id */
        {2, 1, WIRE_STATE_CASE + 1, 1}, /* no such state */
        {2, 1, WIRE_STATE_CASE, 0x80},  /* half a number */
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        cr_assert_eq(take(bodies[i], sizeof bodies[i]), ERR_CORRUPT, "%zu", i);
    }
}

/* Before cancels had a turn, an item said only that one was asked. */
Test(compensator_checkpoint, an_older_version_says_only_that_a_cancel_was_asked)
{
    static const struct {
        uint64_t flags;
        uint8_t moved_for;
        uint32_t expected;
    } rows[] = {{0, OUTCOME_RETRY, 0}, {4, OUTCOME_RETRY, 5}, {0, OUTCOME_CANCEL, 5}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct item item = sane();
        item.flags = rows[i].flags;
        item.moved_for = rows[i].moved_for;
        item.undated = true;
        put(&item);
        fixture_restart(&self);
        const struct compensator_entry *entry =
            fixture_entry(&self, (struct delivery_key){item.position, FIXTURE_REAPPLY});
        cr_assert_not_null(entry);
        cr_assert_eq(entry->cancel_turn, rows[i].expected, "row %zu", i);
    }
}

/* The items of the log's newest checkpoint once more, as if the power had gone before its end. */
static void
repeat_cut_off(void)
{
    struct kept {
        uint8_t body[128];
        size_t size;
    } kept[16];
    uint32_t count = 0;
    uint64_t begin = 0;
    struct log_cursor cursor;
    struct log_record record;
    struct why why = {{0}};
    cr_assert_eq(log_checkpoint(own(), &begin, &why), ERR_OK, "%s", why.text);
    log_cursor_init(&cursor, own(), begin, LOG_KIND_BIT(RECORD_CHECKPOINT_ITEM));
    while (log_cursor_next(&cursor, &record, &why) == ERR_OK) {
        cr_assert_lt(count, 16);
        memcpy(kept[count].body, record.body, record.size);
        kept[count++].size = record.size;
    }
    log_cursor_fini(&cursor);
    cr_assert_eq(count, 3);
    (void)fixture_raw(own(), RECORD_CHECKPOINT_BEGIN, "", 0);
    for (uint32_t i = 0; i < count; i++) {
        (void)fixture_raw(own(), RECORD_CHECKPOINT_ITEM, kept[i].body, kept[i].size);
    }
}

Test(compensator_checkpoint, one_that_was_cut_off_tells_nothing_twice)
{
    uint64_t open = 0;
    uint64_t closed = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &open);
    (void)fixture_case(&self, FIXTURE_REAPPLY, &closed);
    cr_assert_eq(fixture_order(&self, closed, WIRE_CASE_RESOLVE, true), WIRE_OK);
    (void)fixture_given(&self, FIXTURE_UNDO); /* held */
    self.settings.checkpoint_every = 1;
    fixture_restart(&self);
    fixture_advance(&self, FIXTURE_LEASE_MS);
    self.core->checkpoint_since = 0; /* it is time */
    fixture_step(&self);
    repeat_cut_off();
    char *before = fixture_state(&self);
    fixture_restart(&self);
    char *after = fixture_state(&self);
    cr_assert_str_eq(after, before);
    mem_free(before);
    mem_free(after);
    const struct wire_cases_ask ask = {.limit = 10};
    struct wire_case found[10];
    bool more = false;
    cr_assert_eq(fixture_list(&self, &ask, found, &more), 2);
    cr_assert_eq(found[0].id, open);
    cr_assert_eq(found[1].id, closed);
}

/* A salvage lost an item of it, or its BEGIN: what is open is told by the records before. */
Test(compensator_checkpoint, one_that_lost_a_record_hides_nothing)
{
    uint64_t open = 0;
    (void)fixture_case(&self, FIXTURE_REAPPLY, &open);
    (void)fixture_given(&self, FIXTURE_UNDO);
    char *before = fixture_state(&self);
    for (int lost_begin = 0; lost_begin < 2; lost_begin++) {
        uint8_t end[BYTES_VARINT_MAX];
        uint64_t begin =
            fixture_raw(own(), lost_begin == 1 ? LOG_KIND_LOST : RECORD_CHECKPOINT_BEGIN, "", 0);
        (void)fixture_raw(own(), lost_begin == 1 ? NEWER_KIND : LOG_KIND_LOST, "", 0);
        (void)fixture_raw(own(), RECORD_CHECKPOINT_END, end, bytes_put_varint(end, begin));
        fixture_restart(&self);
        char *after = fixture_state(&self);
        cr_assert_str_eq(after, before, "BEGIN lost: %d", lost_begin);
        mem_free(after);
    }
    mem_free(before);
}

Test(compensator_checkpoint, a_closed_case_whose_record_is_gone_is_forgotten)
{
    static const uint64_t gone[] = {1, NEVER}; /* another record; none yet */
    for (size_t i = 0; i < 2; i++) {
        uint8_t body[32];
        struct bytes_out out = bytes_out_over(body, sizeof body);
        bytes_out_u8(&out, 2);
        bytes_out_varint(&out, gone[i]);
        bytes_out_u8(&out, WIRE_STATE_RESOLVED);
        bytes_out_varint(&out, 1);
        (void)fixture_raw(own(), RECORD_CHECKPOINT_ITEM, body, bytes_out_used(&out));
    }
    fixture_restart(&self);
    const struct wire_cases_ask ask = {.limit = 10};
    struct wire_case found[10];
    bool more = false;
    cr_assert_eq(fixture_list(&self, &ask, found, &more), 0);
}

Test(compensator_checkpoint, an_open_case_without_its_record_stops_the_start)
{
    struct item item = sane();
    struct why why = {{0}};
    item.state = COMPENSATOR_CASE;
    item.case_id = NEVER;
    put(&item);
    cr_assert_eq(fixture_recover(&self, 0, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "but not in the log"), "%s", why.text);
    struct record_event closed = {
        .key = {item.position, FIXTURE_REAPPLY},
        .turn = 5,
        .kind = RECORD_CLOSED,
        .end = END_RESOLVED,
    };
    (void)fixture_event(own(), &closed); /* then it may be gone */
    fixture_restart(&self);
    cr_assert_null(fixture_entry(&self, closed.key));
}

static uint64_t
put_custody(uint8_t kind, const struct record_custody *custody)
{
    uint8_t body[RECORD_CUSTODY_MAX];
    return fixture_raw(own(), kind, body, record_custody_encode(custody, body));
}

/* Without a checkpoint, a salvage lost what is between these: the later turn is believed. */
Test(compensator_checkpoint, a_lost_record_of_a_replay_hides_nothing_and_stops_no_start)
{
    uint64_t id = 0;
    struct log_record record;
    log_block_t *block = NULL;
    struct record_case opened;
    struct delivery_key key = fixture_case(&self, FIXTURE_REAPPLY, &id);
    uint32_t turn = fixture_entry(&self, key)->turn;
    const struct wire_cases_ask ask = {.limit = 10};
    struct wire_case found[10];
    bool more = false;

    (void)fixture_raw(own(), LOG_KIND_LOST, "", 0); /* MOVED */
    struct record_custody taken = {
        .key = key, .turn = turn + 2, .to = LOG_COMPENSATOR, .cause = OUTCOME_RETRY};
    uint64_t at = put_custody(RECORD_TAKEN, &taken);
    fixture_restart(&self);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_HELD);
    cr_assert_eq(fixture_entry(&self, key)->turn, turn + 2);
    cr_assert_eq(fixture_entry(&self, key)->taken, at);
    cr_assert_eq(fixture_list(&self, &ask, found, &more), 1, "it is closed, and known");

    struct record_custody moved = {
        .key = key, .turn = turn + 3, .to = LOG_SCHEDULER, .cause = OUTCOME_RETRY};
    cr_assert_eq(log_read(own(), id, &record, &block, NULL), ERR_OK);
    cr_assert_eq(record_case_decode(record.body, record.size, &opened, NULL), ERR_OK);
    uint8_t *body = mem_alloc(RECORD_CASE_MAX);
    size_t size = record_case_encode(&opened, body);
    (void)fixture_raw(own(), RECORD_CASE, body, size); /* of the turn before: told already */
    opened.custody.turn = turn + 4;
    (void)put_custody(RECORD_MOVED, &moved);
    (void)fixture_raw(own(), LOG_KIND_LOST, "", 0); /* TAKEN */
    size = record_case_encode(&opened, body);
    at = fixture_raw(own(), RECORD_CASE, body, size);
    mem_free(body);
    log_block_release(&block);
    fixture_restart(&self);
    cr_assert_eq(fixture_entry(&self, key)->state, COMPENSATOR_CASE);
    cr_assert_eq(fixture_entry(&self, key)->turn, turn + 4);
    cr_assert_eq(fixture_entry(&self, key)->case_id, at);
}
