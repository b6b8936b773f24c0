#include "order_effects.h"

#include <criterion/criterion.h>

#define PRICE "\"amount\":100000,\"currency\":\"USD\"}"
#define ONE "{\"order_id\":\"1\"," PRICE
#define TWO "{\"order_id\":\"2\"," PRICE

void
order_effects_make(struct order_fixture *fixture)
{
    order_fixture_open(fixture);
    cr_assert_eq(order_fixture_apply(fixture, "c1", "order.created", ONE), ORDER_ANSWER_DONE);
    cr_assert_eq(order_fixture_apply(fixture, "c2", "order.created", TWO), ORDER_ANSWER_DONE);
    cr_assert_eq(order_fixture_apply(fixture, "p1", "payment.succeeded", ONE), ORDER_ANSWER_DONE);
    cr_assert_eq(order_fixture_apply(fixture, "p2", "payment.succeeded", TWO), ORDER_ANSWER_DONE);
    cr_assert_eq(order_fixture_execute(
                     fixture,
                     "CREATE TABLE effect (biz_id text, order_id text);"
                     "CREATE FUNCTION count_effect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                     "  INSERT INTO effect VALUES (new.biz_id, new.order_id); RETURN new; END $$;"
                     "CREATE TRIGGER count_effect AFTER INSERT OR UPDATE ON notify_log"
                     "  FOR EACH ROW WHEN (new.status = 'SUCCESS')"
                     "  EXECUTE FUNCTION count_effect()"),
                 ORDER_FIXTURE_DONE);
}

void
order_effects_assert_once(const struct order_fixture *fixture, int64_t keys)
{
    cr_assert_eq(order_fixture_number(fixture, "SELECT count(*) FROM notify_log"
                                               " WHERE topic = 'payment.refunded'"),
                 keys);
    cr_assert_eq(order_fixture_number(fixture, "SELECT count(*) FROM (SELECT biz_id FROM effect"
                                               " GROUP BY biz_id HAVING count(*) > 1) AS twice"),
                 0);
    cr_assert_eq(order_fixture_number(fixture,
                                      "SELECT count(*) FROM effect JOIN notify_log USING (biz_id)"
                                      " WHERE status <> 'SUCCESS'"),
                 0, "applied and fenced");
    cr_assert_eq(order_fixture_number(fixture,
                                      "SELECT sum(refunded) - (SELECT count(*) FROM effect)"
                                      " FROM order_table"),
                 0);
}
