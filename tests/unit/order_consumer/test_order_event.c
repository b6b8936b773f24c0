#include "order_event.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

static bool
parse(const char *topic, const char *payload, struct order_event *event,
      struct order_answer *answer)
{
    size_t size = strlen(payload);
    uint8_t *exact =
        malloc(size == 0 ? 1 : size); /* so that a sanitizer sees a read past the end */
    cr_assert(exact != NULL);
    memcpy(exact, payload, size);
    struct order_item item = {.biz_id = "n1",
                              .biz_id_size = 2,
                              .topic = topic,
                              .topic_size = strlen(topic),
                              .payload = exact,
                              .payload_size = size,
                              .version = 3};
    bool parsed = order_event_parse(&item, event, answer);
    free(exact);
    return parsed;
}

struct refusal {
    char topic[24]; /* arrays: parameters are handed to another process */
    char payload[192];
    char names[16]; /* the reason begins with it */
};

#define ORDER "{\"order_id\":\"1\",\"amount\":"
static struct refusal refusals[] = {
    {"order.paid", "{}", "topic"},
    {"order.created2", "{}", "topic"},
    {"order.create", "{}", "topic"},
    {"order.created", "", "payload"},
    {"order.created", "null", "payload"},
    {"order.created", "[1]", "payload"},
    {"order.created", "{", "payload"},
    {"order.created", "{} x", "payload"},
    {"order.created", "\x82\xa1", "payload"},
    {"order.created", "{\"order_id\":\"a\\u0000b\"}", "payload"},
    {"order.created", "{\"order_id\":\"\xff\"}", "payload"},
    {"order.created", ORDER "1,\"currency\":\"USD\",\"amount\":2}", "payload"},
    {"order.created", ORDER "99999999999999999999,\"currency\":\"USD\"}", "payload"},
    {"order.created", "{\"amount\":1,\"currency\":\"USD\"}", "order_id"},
    {"order.created", "{\"order_id\":1,\"amount\":1,\"currency\":\"USD\"}", "order_id"},
    {"order.created", "{\"order_id\":\"\",\"amount\":1,\"currency\":\"USD\"}", "order_id"},
    {"order.created", "{\"order_id\":\"a\\nb\",\"amount\":1,\"currency\":\"USD\"}", "order_id"},
    {"order.shipped",
     "{\"order_id\":\"12345678901234567890123456789012345678901234567890123456789012345\"}",
     "order_id"},
    {"order.created", "{\"order_id\":\"1\",\"currency\":\"USD\"}", "amount"},
    {"order.created", ORDER "1.0,\"currency\":\"USD\"}", "amount"},
    {"order.created", ORDER "\"1\",\"currency\":\"USD\"}", "amount"},
    {"order.created", ORDER "0,\"currency\":\"USD\"}", "amount"},
    {"order.created", ORDER "-5,\"currency\":\"USD\"}", "amount"},
    {"order.created", ORDER "1000000000000001,\"currency\":\"USD\"}", "amount"},
    {"order.created", ORDER "null,\"currency\":\"USD\"}", "amount"},
    {"order.created", ORDER "1}", "currency"},
    {"order.created", ORDER "1,\"currency\":\"US\"}", "currency"},
    {"order.created", ORDER "1,\"currency\":\"USDX\"}", "currency"},
    {"order.created", ORDER "1,\"currency\":\"U$D\"}", "currency"},
    {"order.created", ORDER "1,\"currency\":840}", "currency"},
    {"payment.refunded", ORDER "1.5}", "amount"},
    {"payment.succeeded", "{\"object\":\"charge\",\"amount\":1,\"currency\":\"usd\"}", "metadata"},
    {"payment.succeeded", "{\"object\":\"refund\",\"metadata\":{\"order_id\":\"1\"}}", "object"},
    {"payment.succeeded", "{\"object\":5,\"metadata\":{\"order_id\":\"1\"}}", "object"},
    {"payment.refunded", "{\"object\":\"payment_intent\",\"metadata\":{\"order_id\":\"1\"}}",
     "object"},
    {"payment.succeeded",
     "{\"object\":\"payment_intent\",\"metadata\":{\"order_id\":\"1\"},\"amount\":1,"
     "\"currency\":\"usd\",\"status\":\"requires_payment_method\"}",
     "status"},
    {"payment.refunded",
     "{\"object\":\"charge\",\"metadata\":{\"order_id\":\"1\"},\"amount\":9,"
     "\"amount_refunded\":0,\"currency\":\"usd\",\"status\":\"succeeded\"}",
     "amount"},
};

ParameterizedTestParameters(order_event, nonsense_is_rejected_by_name)
{
    return cr_make_param_array(struct refusal, refusals, sizeof refusals / sizeof refusals[0]);
}

ParameterizedTest(struct refusal *refusal, order_event, nonsense_is_rejected_by_name)
{
    struct order_event event;
    struct order_answer answer;
    cr_assert_not(parse(refusal->topic, refusal->payload, &event, &answer), "%s", refusal->payload);
    cr_assert_eq(answer.outcome, ORDER_ANSWER_REJECT);
    cr_assert_eq(strncmp(answer.reason, refusal->names, strlen(refusal->names)), 0, "%s: %s",
                 refusal->payload, answer.reason);
}

Test(order_event, an_order_is_read)
{
    struct order_event event;
    struct order_answer answer;
    cr_assert(parse("order.created",
                    " {\"order_id\":\"A-1\",\"amount\":1099,\"currency\":\"usd\",\"more\":[1.5]}\n",
                    &event, &answer));
    cr_assert_eq(event.kind, ORDER_EVENT_CREATED);
    cr_assert_str_eq(event.order_id, "A-1");
    cr_assert_eq(event.amount, 1099);
    cr_assert_str_eq(event.currency, "USD");
    cr_assert_eq(event.version, 3);
}

Test(order_event, topics_without_money_need_only_the_order)
{
    struct order_event event;
    struct order_answer answer;
    cr_assert(parse("order.shipped", "{\"order_id\":\"1\"}", &event, &answer));
    cr_assert_eq(event.kind, ORDER_EVENT_SHIPPED);
    cr_assert(parse("order.delivered", "{\"order_id\":\"1\"}", &event, &answer));
    cr_assert_eq(event.kind, ORDER_EVENT_DELIVERED);
    cr_assert(parse("payment.refunded", "{\"order_id\":\"1\"}", &event, &answer));
    cr_assert_eq(event.kind, ORDER_EVENT_REFUNDED);
    cr_assert_not(event.has_amount);
}

Test(order_event, the_order_of_a_refused_payload_is_still_named)
{
    struct order_event event;
    struct order_answer answer;
    cr_assert_not(parse("payment.succeeded", ORDER "1.5,\"currency\":\"USD\"}", &event, &answer));
    cr_assert_str_eq(event.order_id, "1");
}

#define OBJECT(kind, fields)                                                                       \
    "{\"id\":\"x_1\",\"object\":\"" kind "\",\"metadata\":{\"order_id\":\"1001\"},"                \
    "\"status\":\"succeeded\",\"currency\":\"usd\"," fields "}"

Test(order_event, a_payment_systems_own_objects_are_understood)
{
    static const char *const payments[] = {
        OBJECT("charge", "\"amount\":1099"),
        OBJECT("payment_intent", "\"amount\":1099,\"amount_received\":1099"),
        "{\"object\":\"event\",\"type\":\"charge.succeeded\",\"data\":{\"object\":" OBJECT(
            "charge", "\"amount\":1099") "}}",
    };
    for (size_t i = 0; i < sizeof payments / sizeof payments[0]; i++) {
        struct order_event event;
        struct order_answer answer;
        cr_assert(parse("payment.succeeded", payments[i], &event, &answer), "%s", answer.reason);
        cr_assert_str_eq(event.order_id, "1001");
        cr_assert_eq(event.amount, 1099);
        cr_assert_str_eq(event.currency, "USD");
        cr_assert_not(event.amount_is_total);
    }
}

Test(order_event, a_refund_object_is_one_refund_and_a_charge_tells_their_total)
{
    struct order_event event;
    struct order_answer answer;
    cr_assert(parse("payment.refunded", OBJECT("refund", "\"amount\":100"), &event, &answer));
    cr_assert_eq(event.amount, 100);
    cr_assert_not(event.amount_is_total);
    cr_assert(parse("payment.refunded", OBJECT("charge", "\"amount\":1099,\"amount_refunded\":300"),
                    &event, &answer));
    cr_assert_eq(event.amount, 300);
    cr_assert(event.amount_is_total);
}

Test(order_event, every_truncation_is_rejected)
{
    const char *whole =
        "{\"object\":\"event\",\"data\":{\"object\":" OBJECT("charge", "\"amount\":1099") "}}";
    for (size_t size = 0; size < strlen(whole); size++) {
        char *cut = strndup(whole, size);
        struct order_event event;
        struct order_answer answer;
        cr_assert_not(parse("payment.succeeded", cut, &event, &answer), "%zu bytes", size);
        cr_assert_eq(answer.outcome, ORDER_ANSWER_REJECT);
        free(cut);
    }
}

Test(order_event, no_flipped_bit_does_harm)
{
    char text[] = OBJECT("charge", "\"amount\":1099");
    for (size_t bit = 0; bit < (sizeof text - 1) * 8; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
        struct order_event event;
        struct order_answer answer;
        if (text[bit / 8] != '\0' && !parse("payment.succeeded", text, &event, &answer)) {
            cr_assert_eq(answer.outcome, ORDER_ANSWER_REJECT);
        }
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
    }
}

Test(order_event, deep_nesting_is_refused)
{
    char deep[60001];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    struct order_event event;
    struct order_answer answer;
    cr_assert_not(parse("order.created", deep, &event, &answer));
    cr_assert(strstr(answer.reason, "nested") != NULL, "%s", answer.reason);
}

Test(order_event, a_hash_tells_topic_version_and_payload_apart)
{
    struct order_item item = {.biz_id = "n1",
                              .biz_id_size = 2,
                              .topic = "a",
                              .topic_size = 1,
                              .payload = (const uint8_t *)"xyz",
                              .payload_size = 3,
                              .version = 1};
    uint8_t first[ORDER_ITEM_HASH_BYTES];
    uint8_t other[ORDER_ITEM_HASH_BYTES];
    order_item_hash(&item, first);
    order_item_hash(&item, other);
    cr_assert_arr_eq(first, other, sizeof first);
    item.version = 2;
    order_item_hash(&item, other);
    cr_assert_arr_neq(first, other, sizeof first);
    item.version = 1;
    item.payload_size = 2;
    order_item_hash(&item, other);
    cr_assert_arr_neq(first, other, sizeof first);
    item.payload_size = 3;
    item.topic = "b";
    order_item_hash(&item, other);
    cr_assert_arr_neq(first, other, sizeof first);
}
