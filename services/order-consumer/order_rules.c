#include "order_rules.h"

#include <assert.h>
#include <string.h>

#define TO(status) ((int8_t)(1 + (status)))
#define EARLY ((int8_t)-1)

static const int8_t next_status[ORDER_STATUS_COUNT][ORDER_EVENT_KIND_COUNT] = {
    [ORDER_STATUS_UNKNOWN] = {[ORDER_EVENT_CREATED] = TO(ORDER_STATUS_CREATED),
                              [ORDER_EVENT_PAID] = EARLY,
                              [ORDER_EVENT_SHIPPED] = EARLY,
                              [ORDER_EVENT_DELIVERED] = EARLY,
                              [ORDER_EVENT_REFUNDED] = EARLY},
    [ORDER_STATUS_CREATED] = {[ORDER_EVENT_PAID] = TO(ORDER_STATUS_PAID),
                              [ORDER_EVENT_SHIPPED] = EARLY,
                              [ORDER_EVENT_DELIVERED] = EARLY,
                              [ORDER_EVENT_REFUNDED] = EARLY},
    [ORDER_STATUS_PAID] = {[ORDER_EVENT_SHIPPED] = TO(ORDER_STATUS_SHIPPED),
                           [ORDER_EVENT_DELIVERED] = EARLY,
                           [ORDER_EVENT_REFUNDED] = TO(ORDER_STATUS_REFUNDED)},
    [ORDER_STATUS_SHIPPED] = {[ORDER_EVENT_DELIVERED] = TO(ORDER_STATUS_DELIVERED),
                              [ORDER_EVENT_REFUNDED] = TO(ORDER_STATUS_REFUNDED)},
    [ORDER_STATUS_DELIVERED] = {[ORDER_EVENT_REFUNDED] = TO(ORDER_STATUS_REFUNDED)},
    [ORDER_STATUS_REFUNDED] = {0},                        /* the end: nothing follows a refund */
    [ORDER_STATUS_ON_HOLD] = {[ORDER_EVENT_PAID] = EARLY, /* a person may lift the hold */
                              [ORDER_EVENT_SHIPPED] = EARLY,
                              [ORDER_EVENT_DELIVERED] = EARLY,
                              [ORDER_EVENT_REFUNDED] = TO(ORDER_STATUS_REFUNDED)},
};
static_assert(ORDER_STATUS_COUNT == 7 && ORDER_EVENT_KIND_COUNT == 5,
              "table, header, tests and README change together");

static const char *const past[ORDER_EVENT_KIND_COUNT] = {
    [ORDER_EVENT_CREATED] = "created",   [ORDER_EVENT_PAID] = "paid",
    [ORDER_EVENT_SHIPPED] = "shipped",   [ORDER_EVENT_DELIVERED] = "delivered",
    [ORDER_EVENT_REFUNDED] = "refunded",
};

/* The only place that writes a status. */
static void
move(struct order_rules_order *order, enum order_status to)
{
    order->held_from = to == ORDER_STATUS_ON_HOLD ? order->status : ORDER_STATUS_UNKNOWN;
    order->status = to;
}

static bool
pay_agrees(const struct order_rules_order *order, const struct order_event *event,
           struct order_answer *answer)
{
    if (strcmp(order->currency, event->currency) != 0 || order->amount != event->amount) {
        order_answer_set(answer, ORDER_ANSWER_REJECT,
                         "amount: order %s is for %lld %s, the payment is of %lld %s",
                         event->order_id, (long long)order->amount, order->currency,
                         (long long)event->amount, event->currency);
        return false;
    }
    return true;
}

/* Add the refund up; *left is what has not been refunded. */
static bool
refund_agrees(struct order_rules_order *order, const struct order_event *event, int64_t *left,
              struct order_answer *answer)
{
    if (event->currency[0] != '\0' && strcmp(order->currency, event->currency) != 0) {
        order_answer_set(answer, ORDER_ANSWER_REJECT,
                         "currency: order %s was paid in %s, the refund is in %s", event->order_id,
                         order->currency, event->currency);
        return false;
    }
    int64_t refunded = order->refunded + event->amount; /* both at most ORDER_EVENT_AMOUNT_MAX */
    if (!event->has_amount) {
        refunded = order->amount;
    } else if (event->amount_is_total) {
        refunded = event->amount;
    }
    if (refunded > order->amount || refunded <= order->refunded) {
        order_answer_set(
            answer, ORDER_ANSWER_REJECT,
            "amount: order %s would be refunded %lld in all, after %lld before, of %lld",
            event->order_id, (long long)refunded, (long long)order->refunded,
            (long long)order->amount);
        return false;
    }
    order->refunded = refunded;
    *left = order->amount - refunded;
    return true;
}

static bool
refuse(const struct order_rules_order *order, const struct order_event *event, bool early,
       struct order_answer *answer)
{
    if (order->status == ORDER_STATUS_UNKNOWN) {
        order_answer_set(answer, ORDER_ANSWER_RETRY, "order %s is not known yet", event->order_id);
    } else if (early) {
        order_answer_set(answer, ORDER_ANSWER_RETRY, "order %s is %s, it cannot be %s yet",
                         event->order_id, order_status_word(order->status), past[event->kind]);
    } else {
        order_answer_set(answer, ORDER_ANSWER_REJECT, "order %s is %s, it cannot be %s",
                         event->order_id, order_status_word(order->status), past[event->kind]);
    }
    return false;
}

bool
order_rules_apply(struct order_rules_order *order, const struct order_event *event,
                  struct order_answer *answer)
{
    if (event->version != 0 && event->version < order->version) {
        order_answer_set(answer, ORDER_ANSWER_DONE,
                         "superseded: order %s is at version %llu, this is %llu", event->order_id,
                         (unsigned long long)order->version, (unsigned long long)event->version);
        return false;
    }
    int8_t cell = next_status[order->status][event->kind];
    if (cell <= 0) {
        return refuse(order, event, cell == EARLY, answer);
    }
    enum order_status to = (enum order_status)(cell - 1);
    int64_t left = 0;
    if (event->kind == ORDER_EVENT_CREATED) {
        order->amount = event->amount;
        memcpy(order->currency, event->currency, sizeof order->currency);
    } else if ((event->kind == ORDER_EVENT_PAID && !pay_agrees(order, event, answer)) ||
               (event->kind == ORDER_EVENT_REFUNDED &&
                !refund_agrees(order, event, &left, answer))) {
        return false;
    }
    if (left == 0) {
        move(order, to);
    }
    if (event->version > order->version) {
        order->version = event->version;
    }
    answer->outcome = ORDER_ANSWER_DONE;
    answer->reason[0] = '\0';
    return true;
}

bool
order_rules_hold(struct order_rules_order *order, const char *order_id, struct order_answer *answer)
{
    if (order->status == ORDER_STATUS_UNKNOWN) {
        order_answer_set(answer, ORDER_ANSWER_UNDONE, "%s%s is not known: nothing to hold",
                         order_id[0] == '\0' ? "the order" : "order ", order_id);
        return false;
    }
    if (order->status == ORDER_STATUS_REFUNDED || order->status == ORDER_STATUS_ON_HOLD) {
        order_answer_set(answer, ORDER_ANSWER_UNDONE, "order %s was %s already", order_id,
                         order_status_word(order->status));
        return false;
    }
    order_answer_set(answer, ORDER_ANSWER_UNDONE, "order %s put ON_HOLD, it was %s", order_id,
                     order_status_word(order->status));
    move(order, ORDER_STATUS_ON_HOLD);
    return true;
}
