/*
 * From bytes to an event of an order. Pure.
 *
 * The topic says what happened, the payload to which order:
 *
 *     order.created      {"order_id": text, "amount": minor units, "currency": "USD"}
 *     payment.succeeded  the same, all three needed
 *     payment.refunded   the same; without amount: all that was paid
 *     order.shipped      {"order_id": text}
 *     order.delivered    {"order_id": text}
 *
 * For the two payment topics a payment system's own object is understood too, bare or as an
 * event's data.object: a payment_intent, charge or refund whose metadata.order_id names the order
 * and whose status, where it has one, is "succeeded". Members that are not named here are ignored.
 */
#ifndef HERALD_ORDER_EVENT_H
#define HERALD_ORDER_EVENT_H

#include "order_answer.h"
#include "order_item.h"

#include "base/limits.h"

#include <stdbool.h>
#include <stdint.h>

#define ORDER_EVENT_AMOUNT_MAX INT64_C(1000000000000000) /* minor units */
#define ORDER_EVENT_CURRENCY_BYTES 3                     /* ISO 4217 */

enum order_event_kind {
    ORDER_EVENT_CREATED = 0,
    ORDER_EVENT_PAID,
    ORDER_EVENT_SHIPPED,
    ORDER_EVENT_DELIVERED,
    ORDER_EVENT_REFUNDED,
    ORDER_EVENT_KIND_COUNT,
};

struct order_event {
    enum order_event_kind kind;
    char order_id[LIMIT_BIZ_ID_BYTES + 1]; /* empty: the payload did not name one */
    bool has_amount;
    bool amount_is_total; /* a refund: of all refunds so far, not of this one */
    int64_t amount;       /* minor units, 1 to ORDER_EVENT_AMOUNT_MAX */
    char currency[ORDER_EVENT_CURRENCY_BYTES + 1]; /* upper case; empty: not given */
    uint64_t version;
};

/*
 * Read the event. False: the answer says REJECT and why, and order_id is still set where the
 * payload names one, so that the refusal can be recorded with its order.
 */
bool order_event_parse(const struct order_item *item, struct order_event *event,
                       struct order_answer *answer);

#endif
