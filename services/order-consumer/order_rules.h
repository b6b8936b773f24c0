/*
 * What an event does to an order: the checks of a shop. Pure.
 *
 *              created    paid      shipped   delivered  refunded
 *   (unknown)  CREATED    early     early     early      early
 *   CREATED    -          PAID      early     early      early
 *   PAID       -          -         SHIPPED   early      REFUNDED
 *   SHIPPED    -          -         -         DELIVERED  REFUNDED
 *   DELIVERED  -          -         -         -          REFUNDED
 *   REFUNDED   -          -         -         -          -
 *   ON_HOLD    -          early     early     early      REFUNDED
 *
 * early: RETRY, what must come before may still arrive (or the hold may be lifted). -: REJECT. A
 * payment must be of the order's amount and currency. Refunds add up; the order is REFUNDED when
 * they reach its amount, and keeps its state before. An event with a version below the order's has
 * been overtaken: DONE, and nothing changes.
 */
#ifndef HERALD_ORDER_RULES_H
#define HERALD_ORDER_RULES_H

#include "order_answer.h"
#include "order_event.h"
#include "order_status.h"

#include <stdbool.h>
#include <stdint.h>

struct order_rules_order {
    enum order_status status;    /* ORDER_STATUS_UNKNOWN: there is none; the rest is zero */
    enum order_status held_from; /* ON_HOLD: what it was before; else ORDER_STATUS_UNKNOWN */
    int64_t amount;              /* minor units */
    int64_t refunded;            /* minor units, 0 to amount */
    char currency[ORDER_EVENT_CURRENCY_BYTES + 1];
    uint64_t version; /* the highest applied; 0: none was given */
};

/*
 * Apply the event to *order and fill the answer: DONE, RETRY or REJECT. True: *order has changed
 * and must be stored, together with the answer.
 */
bool order_rules_apply(struct order_rules_order *order, const struct order_event *event,
                       struct order_answer *answer);

/*
 * The undoing action: put the order on hold. The answer is UNDONE, its reason says what was done.
 * True: *order has changed and must be stored.
 */
bool order_rules_hold(struct order_rules_order *order, const char *order_id,
                      struct order_answer *answer);

#endif
