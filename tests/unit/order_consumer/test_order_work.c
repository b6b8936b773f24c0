#include "order_fixture.h"
#include "order_steps.h"
#include "order_work.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PRICE "\"amount\":1000,\"currency\":\"USD\"}"
#define ONE "{\"order_id\":\"1\"," PRICE
#define TWO "{\"order_id\":\"2\"," PRICE

static order_work_t *work;

static void
make_work(void)
{
    cr_assert(sodium_init() >= 0);
    work = order_work_new();
}

static void
drop_work(void)
{
    order_work_destroy(&work);
}

TestSuite(order_work, .init = make_work, .fini = drop_work);

Test(order_work, items_of_one_key_or_order_share_a_view_and_faulty_items_have_none)
{
    const struct order_item items[] = {
        order_fixture_item("a", "order.created", ONE),
        order_fixture_item("a", "order.created", ONE),
        order_fixture_item("", "order.created", ONE),
        order_fixture_item("b", "order.created", TWO),
        order_fixture_item("c", "payment.succeeded", ONE),
        order_fixture_item("d", "payment.succeeded", "garbage"),
    };
    struct order_answer answers[6];
    order_work_load(work, items, answers, 6);
    cr_assert_eq(work->item_count, 5);
    cr_assert_eq(work->key_count, 4);
    cr_assert_eq(work->order_count, 2);
    cr_assert_eq(work->items[0].key, work->items[1].key);
    cr_assert_eq(work->items[0].order, work->items[3].order);
    cr_assert_eq(work->items[4].order, ORDER_WORK_NONE);
    cr_assert_eq(answers[2].outcome, ORDER_ANSWER_REJECT);
    cr_assert_eq(answers[5].outcome, ORDER_ANSWER_REJECT);
    cr_assert_eq(order_work_find_key(work, "b", 1), &work->keys[work->items[2].key]);
    cr_assert_null(order_work_find_key(work, "bb", 2));
    cr_assert_eq(order_work_find_order(work, "2"), &work->orders[work->items[2].order]);
    cr_assert_null(order_work_find_order(work, "3"));
}

Test(order_work, within_a_wave_no_key_and_no_order_is_written_twice)
{
    const struct order_item items[] = {
        order_fixture_item("a", "order.created", ONE),     /* wave 0 */
        order_fixture_item("b", "payment.succeeded", ONE), /* 1: the order again */
        order_fixture_item("c", "payment.succeeded", TWO), /* 0: RETRY, its row only */
        order_fixture_item("d", "order.created", TWO),     /* 0 */
        order_fixture_item("c", "payment.succeeded", TWO), /* 1: key and order again */
        order_fixture_item("c", "payment.succeeded", TWO), /* a duplicate: nothing */
    };
    static const struct {
        enum order_answer_outcome outcome;
        enum order_work_status row;
        enum order_work_change change;
        uint16_t wave;
    } expected[] = {
        {ORDER_ANSWER_DONE, ORDER_WORK_SUCCESS, ORDER_WORK_INSERT, 0},
        {ORDER_ANSWER_DONE, ORDER_WORK_SUCCESS, ORDER_WORK_UPDATE, 1},
        {ORDER_ANSWER_RETRY, ORDER_WORK_FAILURE, ORDER_WORK_KEEP, 0},
        {ORDER_ANSWER_DONE, ORDER_WORK_SUCCESS, ORDER_WORK_INSERT, 0},
        {ORDER_ANSWER_DONE, ORDER_WORK_SUCCESS, ORDER_WORK_UPDATE, 1},
        {ORDER_ANSWER_DUPLICATE, ORDER_WORK_NO_ROW, ORDER_WORK_KEEP, 0},
    };
    struct order_answer answers[6];
    order_work_load(work, items, answers, 6);
    for (size_t i = 0; i < 6; i++) {
        order_steps_apply(work, &work->items[i]);
        cr_assert_eq(answers[i].outcome, expected[i].outcome, "%zu", i);
        cr_assert_eq(work->items[i].write.row, expected[i].row, "%zu", i);
        cr_assert_eq(work->items[i].write.change, expected[i].change, "%zu", i);
        cr_assert_eq(work->items[i].write.wave, expected[i].wave, "%zu", i);
    }
    cr_assert_eq(work->wave_count, 2);
}

Test(order_work, a_full_batch_of_distinct_keys_finds_them_all_and_can_be_loaded_again)
{
    static char ids[ORDER_WORK_ITEMS_MAX][16];
    static struct order_item items[ORDER_WORK_ITEMS_MAX];
    static struct order_answer answers[ORDER_WORK_ITEMS_MAX];
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ORDER_WORK_ITEMS_MAX; i++) {
            (void)snprintf(ids[i], sizeof ids[i], "k%d.%zu", round, i);
            items[i] = order_fixture_item(ids[i], "order.created", ONE);
        }
        order_work_load(work, items, answers, ORDER_WORK_ITEMS_MAX);
        cr_assert_eq(work->key_count, ORDER_WORK_ITEMS_MAX);
        cr_assert_eq(work->order_count, 1);
        for (size_t i = 0; i < ORDER_WORK_ITEMS_MAX; i++) {
            cr_assert_eq(work->items[i].key, i);
            cr_assert_not_null(order_work_find_key(work, ids[i], strlen(ids[i])));
        }
    }
    cr_assert_null(order_work_find_key(work, "k0.1", 4));
}
