#include "order_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#define ORDER_1001 "{\"order_id\":\"1001\",\"amount\":1099,\"currency\":\"USD\"}"
#define ORDER_1002 "{\"order_id\":\"1002\",\"amount\":500,\"currency\":\"EUR\"}"
#define THE_1001 "{\"order_id\":\"1001\"}"

static struct order_fixture fixture;

static void
open_one(void)
{
    order_fixture_init(&fixture);
    order_fixture_open(&fixture);
}

static void
close_one(void)
{
    order_fixture_fini(&fixture);
}

TestSuite(order_db, .init = open_one, .fini = close_one);

static enum order_answer_outcome
apply(const char *biz_id, const char *topic, const char *payload)
{
    return order_fixture_apply(&fixture, biz_id, topic, payload);
}

static struct order_answer
act(enum order_fixture_action action, const char *biz_id, const char *topic, const char *payload)
{
    struct order_item item = order_fixture_item(biz_id, topic, payload);
    return order_fixture_one(&fixture, action, &item);
}

static const char *
text(const char *sql)
{
    return order_fixture_text(&fixture, sql);
}

static int64_t
number(const char *sql)
{
    return order_fixture_number(&fixture, sql);
}

Test(order_db, an_order_lives_from_created_to_refunded)
{
    cr_assert_eq(apply("n1", "order.created", ORDER_1001), ORDER_ANSWER_DONE);
    cr_assert_eq(apply("n2", "payment.succeeded", ORDER_1001), ORDER_ANSWER_DONE);
    cr_assert_str_eq(text("SELECT status FROM order_table WHERE biz_id='1001'"), "PAID");
    cr_assert_eq(apply("n3", "order.shipped", THE_1001), ORDER_ANSWER_DONE);
    cr_assert_eq(apply("n4", "order.delivered", THE_1001), ORDER_ANSWER_DONE);
    cr_assert_eq(apply("n5", "payment.refunded", THE_1001), ORDER_ANSWER_DONE);
    cr_assert_str_eq(text("SELECT status FROM order_table WHERE biz_id='1001'"), "REFUNDED");
    cr_assert_eq(number("SELECT count(*) FROM notify_log WHERE status='SUCCESS'"), 5);
    cr_assert_eq(number("SELECT count(*) FROM notify_log WHERE order_id='1001'"), 5);
}

Test(order_db, a_repeat_is_a_duplicate_and_has_no_effect)
{
    (void)apply("n1", "order.created", ORDER_1001);
    (void)apply("n2", "payment.succeeded", ORDER_1001);
    cr_assert_eq(apply("n3", "payment.refunded", "{\"order_id\":\"1001\",\"amount\":10}"),
                 ORDER_ANSWER_DONE);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(apply("n3", "payment.refunded", "{\"order_id\":\"1001\",\"amount\":10}"),
                     ORDER_ANSWER_DUPLICATE);
    }
    cr_assert_eq(number("SELECT refunded FROM order_table"), 10);
}

Test(order_db, a_key_used_for_other_content_is_rejected_and_left_alone)
{
    (void)apply("n1", "order.created", ORDER_1001);
    cr_assert_eq(apply("n1", "order.created", ORDER_1002), ORDER_ANSWER_REJECT);
    cr_assert_eq(apply("n1", "order.shipped", THE_1001), ORDER_ANSWER_REJECT);
    struct order_item item = order_fixture_item("n1", "order.created", ORDER_1001);
    item.version = 2;
    cr_assert_eq(order_fixture_one(&fixture, ORDER_FIXTURE_APPLY, &item).outcome,
                 ORDER_ANSWER_REJECT);
    cr_assert_eq(number("SELECT count(*) FROM order_table"), 1);
    cr_assert_str_eq(text("SELECT status || topic FROM notify_log"), "SUCCESSorder.created");
}

Test(order_db, an_early_event_is_retried_and_its_success_replaces_the_failure)
{
    cr_assert_eq(apply("n2", "payment.succeeded", ORDER_1001), ORDER_ANSWER_RETRY);
    cr_assert_str_eq(text("SELECT status FROM notify_log WHERE biz_id='n2'"), "FAILURE");
    cr_assert_str_eq(text("SELECT reason FROM notify_log WHERE biz_id='n2'"),
                     "order 1001 is not known yet");
    cr_assert_eq(apply("n2", "payment.succeeded", ORDER_1001), ORDER_ANSWER_RETRY);
    (void)apply("n1", "order.created", ORDER_1001);
    cr_assert_eq(apply("n2", "payment.succeeded", ORDER_1001), ORDER_ANSWER_DONE);
    cr_assert_str_eq(text("SELECT status FROM notify_log WHERE biz_id='n2'"), "SUCCESS");
    cr_assert_eq(number("SELECT count(*) FROM notify_log WHERE reason IS NOT NULL"), 0);
}

Test(order_db, a_failure_of_other_content_is_not_replaced)
{
    (void)apply("n2", "payment.succeeded", ORDER_1001);
    cr_assert_eq(apply("n2", "order.created", ORDER_1001), ORDER_ANSWER_REJECT);
    cr_assert_eq(number("SELECT count(*) FROM order_table"), 0);
}

Test(order_db, a_wrong_amount_is_rejected_and_recorded)
{
    (void)apply("n1", "order.created", ORDER_1001);
    struct order_answer answer = act(ORDER_FIXTURE_APPLY, "n2", "payment.succeeded",
                                     "{\"order_id\":\"1001\",\"amount\":1,\"currency\":\"USD\"}");
    cr_assert_eq(answer.outcome, ORDER_ANSWER_REJECT);
    cr_assert_str_eq(answer.reason, "amount: order 1001 is for 1099 USD, the payment is of 1 USD");
    cr_assert_str_eq(text("SELECT status FROM order_table"), "CREATED");
    cr_assert_str_eq(text("SELECT status FROM notify_log WHERE biz_id='n2'"), "FAILURE");
}

Test(order_db, garbage_and_unknown_topics_are_recorded_as_failures)
{
    cr_assert_eq(apply("n1", "order.created", "garbage"), ORDER_ANSWER_REJECT);
    cr_assert_eq(apply("n2", "github.push", "{}"), ORDER_ANSWER_REJECT);
    cr_assert_eq(number("SELECT count(*) FROM notify_log WHERE status='FAILURE'"
                        " AND order_id IS NULL AND reason IS NOT NULL"),
                 2);
}

Test(order_db, a_key_that_cannot_be_stored_is_rejected_without_a_row)
{
    static const char long_id[] =
        "12345678901234567890123456789012345678901234567890123456789012345";
    cr_assert_eq(apply("", "order.created", ORDER_1001), ORDER_ANSWER_REJECT);
    cr_assert_eq(apply(long_id, "order.created", ORDER_1001), ORDER_ANSWER_REJECT);
    cr_assert_eq(apply("a\nb", "order.created", ORDER_1001), ORDER_ANSWER_REJECT);
    cr_assert_eq(apply("n1", "", ORDER_1001), ORDER_ANSWER_REJECT);
    struct order_item item = order_fixture_item("n1", "order.created", ORDER_1001);
    item.version = UINT64_MAX;
    cr_assert_eq(order_fixture_one(&fixture, ORDER_FIXTURE_APPLY, &item).outcome,
                 ORDER_ANSWER_REJECT);
    item = order_fixture_item("n1\0n", "order.created", ORDER_1001);
    item.biz_id_size = 4;
    cr_assert_eq(order_fixture_one(&fixture, ORDER_FIXTURE_APPLY, &item).outcome,
                 ORDER_ANSWER_REJECT);
    cr_assert_eq(number("SELECT count(*) FROM notify_log"), 0);
}

Test(order_db, an_older_version_is_done_without_effect)
{
    struct order_item item = order_fixture_item("n1", "order.created", ORDER_1001);
    item.version = 1;
    (void)order_fixture_one(&fixture, ORDER_FIXTURE_APPLY, &item);
    item = order_fixture_item("n3", "payment.succeeded", ORDER_1001);
    item.version = 3;
    (void)order_fixture_one(&fixture, ORDER_FIXTURE_APPLY, &item);
    item = order_fixture_item("n2", "payment.refunded", THE_1001);
    item.version = 2;
    struct order_answer answer = order_fixture_one(&fixture, ORDER_FIXTURE_APPLY, &item);
    cr_assert_eq(answer.outcome, ORDER_ANSWER_DONE);
    cr_assert_str_eq(text("SELECT status FROM order_table"), "PAID");
    cr_assert_str_eq(text("SELECT status FROM notify_log WHERE biz_id='n2'"), "SUCCESS");
    cr_assert_str_eq(text("SELECT reason FROM notify_log WHERE biz_id='n2'"), answer.reason);
}

Test(order_db, a_fence_before_the_effect_keeps_it_out_for_ever)
{
    (void)apply("n1", "order.created", ORDER_1001);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(act(ORDER_FIXTURE_FENCE, "n2", "payment.succeeded", ORDER_1001).outcome,
                     ORDER_ANSWER_FENCED);
        cr_assert_eq(apply("n2", "payment.succeeded", ORDER_1001), ORDER_ANSWER_FENCED);
    }
    cr_assert_str_eq(text("SELECT status FROM order_table"), "CREATED");
    cr_assert_str_eq(text("SELECT status FROM notify_log WHERE biz_id='n2'"), "FENCED");
    cr_assert_str_eq(text("SELECT order_id FROM notify_log WHERE biz_id='n2'"), "1001");
}

Test(order_db, an_effect_before_the_fence_is_told_and_stays)
{
    (void)apply("n1", "order.created", ORDER_1001);
    cr_assert_eq(act(ORDER_FIXTURE_FENCE, "n1", "order.created", ORDER_1001).outcome,
                 ORDER_ANSWER_DONE);
    cr_assert_eq(act(ORDER_FIXTURE_UNDO, "n1", "order.created", ORDER_1001).outcome,
                 ORDER_ANSWER_DONE);
    cr_assert_str_eq(text("SELECT status FROM notify_log WHERE biz_id='n1'"), "SUCCESS");
    cr_assert_str_eq(text("SELECT status FROM order_table"), "CREATED");
}

Test(order_db, a_failure_gives_way_to_a_fence)
{
    (void)apply("n2", "payment.succeeded", ORDER_1001);
    cr_assert_eq(act(ORDER_FIXTURE_FENCE, "n2", "payment.succeeded", ORDER_1001).outcome,
                 ORDER_ANSWER_FENCED);
    (void)apply("n1", "order.created", ORDER_1001);
    cr_assert_eq(apply("n2", "payment.succeeded", ORDER_1001), ORDER_ANSWER_FENCED);
}

Test(order_db, a_fence_for_a_key_of_other_content_is_rejected)
{
    (void)apply("n1", "order.created", ORDER_1001);
    cr_assert_eq(act(ORDER_FIXTURE_FENCE, "n1", "order.created", ORDER_1002).outcome,
                 ORDER_ANSWER_REJECT);
    cr_assert_eq(act(ORDER_FIXTURE_UNDO, "n1", "order.created", ORDER_1002).outcome,
                 ORDER_ANSWER_REJECT);
    cr_assert_str_eq(text("SELECT status FROM order_table"), "CREATED");
}

Test(order_db, garbage_can_be_fenced_and_undone)
{
    cr_assert_eq(act(ORDER_FIXTURE_FENCE, "n1", "no.such.topic", "garbage").outcome,
                 ORDER_ANSWER_FENCED);
    struct order_answer answer = act(ORDER_FIXTURE_UNDO, "n1", "no.such.topic", "garbage");
    cr_assert_eq(answer.outcome, ORDER_ANSWER_UNDONE);
    cr_assert_str_eq(answer.reason, "the order is not known: nothing to hold");
}

Test(order_db, undo_puts_the_order_on_hold_once_and_keeps_its_result)
{
    (void)apply("n1", "order.created", ORDER_1001);
    struct order_answer first = act(ORDER_FIXTURE_UNDO, "n2", "payment.succeeded", ORDER_1001);
    cr_assert_eq(first.outcome, ORDER_ANSWER_UNDONE);
    cr_assert_str_eq(first.reason, "order 1001 put ON_HOLD, it was CREATED");
    cr_assert_str_eq(text("SELECT status || held_from FROM order_table"), "ON_HOLDCREATED");
    cr_assert_eq(order_fixture_execute(&fixture, "UPDATE order_table SET status=held_from,"
                                                 " held_from=NULL"),
                 ORDER_FIXTURE_DONE);
    for (int i = 0; i < 3; i++) {
        struct order_answer again = act(ORDER_FIXTURE_UNDO, "n2", "payment.succeeded", ORDER_1001);
        cr_assert_eq(again.outcome, ORDER_ANSWER_UNDONE);
        cr_assert_str_eq(again.reason, first.reason);
    }
    cr_assert_str_eq(text("SELECT status FROM order_table"), "CREATED", "it ran once");
    cr_assert_str_eq(text("SELECT undo_result FROM notify_log WHERE biz_id='n2'"), first.reason);
    cr_assert_eq(apply("n2", "payment.succeeded", ORDER_1001), ORDER_ANSWER_FENCED);
}

Test(order_db, undo_after_a_fence_still_runs_its_action)
{
    (void)apply("n1", "order.created", ORDER_1001);
    (void)act(ORDER_FIXTURE_FENCE, "n2", "payment.succeeded", ORDER_1001);
    cr_assert_eq(act(ORDER_FIXTURE_UNDO, "n2", "payment.succeeded", ORDER_1001).outcome,
                 ORDER_ANSWER_UNDONE);
    cr_assert_str_eq(text("SELECT status FROM order_table"), "ON_HOLD");
}

Test(order_db, a_refund_ends_a_hold)
{
    (void)apply("n1", "order.created", ORDER_1001);
    (void)act(ORDER_FIXTURE_UNDO, "n2", "payment.succeeded", ORDER_1001);
    cr_assert_eq(apply("n3", "payment.refunded", THE_1001), ORDER_ANSWER_DONE);
    cr_assert_str_eq(text("SELECT status FROM order_table"), "REFUNDED");
}

Test(order_db, a_batch_sees_its_own_items_in_order_and_spares_the_good_from_the_bad)
{
    struct order_item items[] = {
        order_fixture_item("n1", "order.created", ORDER_1001),
        order_fixture_item("n2", "order.created", "garbage"),
        order_fixture_item("n3", "payment.succeeded", ORDER_1001),
        order_fixture_item("n3", "payment.succeeded", ORDER_1001),
        order_fixture_item("n4", "payment.succeeded", ORDER_1002),
        order_fixture_item("", "order.shipped", THE_1001),
        order_fixture_item("n5", "order.shipped", THE_1001),
    };
    static const enum order_answer_outcome expected[] = {
        ORDER_ANSWER_DONE,  ORDER_ANSWER_REJECT, ORDER_ANSWER_DONE, ORDER_ANSWER_DUPLICATE,
        ORDER_ANSWER_RETRY, ORDER_ANSWER_REJECT, ORDER_ANSWER_DONE};
    struct order_answer answers[7];
    struct order_db_batch batch = {.items = items, .answers = answers, .count = 7};
    struct why why;
    cr_assert_eq(order_db_apply(fixture.db, &batch, &why), ERR_OK);
    for (size_t i = 0; i < 7; i++) {
        cr_assert_eq(answers[i].outcome, expected[i], "item %zu: %s", i, answers[i].reason);
    }
    cr_assert_str_eq(text("SELECT status FROM order_table"), "SHIPPED");
}

Test(order_db, an_item_that_the_database_refuses_is_rolled_back_alone)
{
    static const char sqlite[] = "CREATE TRIGGER no_paid BEFORE UPDATE ON order_table WHEN"
                                 " new.status='PAID' BEGIN SELECT raise(ABORT, 'audit'); END";
    static const char postgres[] =
        "CREATE FUNCTION no_paid() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'audit'; END $$;"
        "CREATE TRIGGER no_paid BEFORE UPDATE ON order_table FOR EACH ROW"
        " WHEN (new.status = 'PAID') EXECUTE FUNCTION no_paid()";
    cr_assert_eq(order_fixture_execute(&fixture, order_fixture_is_postgres() ? postgres : sqlite),
                 ORDER_FIXTURE_DONE);
    struct order_item items[] = {
        order_fixture_item("n1", "order.created", ORDER_1001),
        order_fixture_item("n2", "payment.succeeded", ORDER_1001),
        order_fixture_item("n3", "order.created", ORDER_1002),
    };
    struct order_answer answers[3];
    struct order_db_batch batch = {.items = items, .answers = answers, .count = 3};
    struct why why;
    cr_assert_eq(order_db_apply(fixture.db, &batch, &why), ERR_OK);
    cr_assert_eq(answers[0].outcome, ORDER_ANSWER_DONE);
    cr_assert_eq(answers[1].outcome, ORDER_ANSWER_REJECT);
    cr_assert_str_eq(answers[1].reason, "the database refuses it: audit");
    cr_assert_eq(answers[2].outcome, ORDER_ANSWER_DONE);
    cr_assert_eq(number("SELECT count(*) FROM order_table WHERE status='CREATED'"), 2);
    cr_assert_str_eq(text("SELECT status || reason FROM notify_log WHERE biz_id='n2'"),
                     "FAILUREthe database refuses it: audit");
}

Test(order_db, an_empty_batch_is_fine)
{
    struct order_db_batch batch = {.count = 0};
    struct why why;
    cr_assert_eq(order_db_apply(fixture.db, &batch, &why), ERR_OK);
}

Test(order_db, the_stored_hash_is_of_the_bytes_that_were_applied)
{
    (void)apply("n1", "order.created", ORDER_1001);
    /* hashlib.blake2b(b"order.created\0" + bytes(8) + payload, digest_size=32) */
    cr_assert_str_eq(text("SELECT content_hash FROM notifications"),
                     "f7938fe3da4ddddf2e6736e398dab8aa49ac097a2307d54c64046cb0f9303a11");
}

Test(order_db, the_views_read_well)
{
    (void)apply("n1", "order.created", ORDER_1001);
    cr_assert_str_eq(text("SELECT created FROM orders WHERE order_id='1001'"),
                     "2023-11-14 22:13:20.123");
    cr_assert_str_eq(text("SELECT created FROM notifications WHERE biz_id='n1'"),
                     "2023-11-14 22:13:20.123");
}

/* What both refuse. */
static const char *const nonsense[] = {
    "UPDATE order_table SET status='LOST'",
    "UPDATE order_table SET status='ON_HOLD'",
    "UPDATE order_table SET held_from='PAID'",
    "UPDATE order_table SET status='REFUNDED'",
    "UPDATE order_table SET refunded=1",
    "UPDATE order_table SET refunded=amount",
    "UPDATE order_table SET amount=0",
    "UPDATE order_table SET amount=-1",
    "UPDATE order_table SET amount='many'",
    "UPDATE order_table SET currency='usd'",
    "UPDATE order_table SET currency='DOLLAR'",
    "UPDATE order_table SET version=-1",
    "UPDATE order_table SET biz_id=''",
    "UPDATE order_table SET biz_id=NULL",
    "INSERT INTO order_table SELECT id + 1, biz_id, status, amount, currency, refunded, version,"
    " held_from, created_time, updated_time FROM order_table",
    "UPDATE notify_log SET status='DONE'",
    "UPDATE notify_log SET status='FAILURE'",
    "UPDATE notify_log SET order_id=NULL",
    "UPDATE notify_log SET undo_result='x'",
    "UPDATE notify_log SET content_hash=NULL",
    "UPDATE notify_log SET biz_id=NULL",
    "UPDATE notify_log SET topic=''",
    "INSERT INTO notify_log SELECT id + 1, biz_id, order_id, topic, version, status,"
    " content_hash, reason, undo_result, created_time, updated_time FROM notify_log",
};

static void
assert_refused(const char *const *statements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(order_fixture_execute(&fixture, statements[i]), ORDER_FIXTURE_REFUSED, "%s",
                     statements[i]);
    }
}

Test(order_db, the_tables_refuse_nonsense)
{
    static const char *const sqlite[] = {
        "UPDATE order_table SET amount=10.5",
        "UPDATE notify_log SET content_hash=x'00'",
        "UPDATE database_identity SET identity=x'00'",
        "INSERT INTO database_identity VALUES (2, zeroblob(16), 'orders', 0)",
    };
    static const char another[] = "INSERT INTO database_identity SELECT 2, identity, group_name, "
                                  "format, created_time FROM database_identity";
    static const char *const postgres[] = {
        "UPDATE notify_log SET content_hash='\\x00'",
        "UPDATE database_identity SET identity='\\x00'",
        another,
    };
    (void)apply("n1", "order.created", ORDER_1001);
    assert_refused(nonsense, sizeof nonsense / sizeof nonsense[0]);
    if (order_fixture_is_postgres()) {
        assert_refused(postgres, sizeof postgres / sizeof postgres[0]);
    } else {
        assert_refused(sqlite, sizeof sqlite / sizeof sqlite[0]);
    }
}
