/*
 * Orders in PostgreSQL whose effects a trigger counts, so that a test can tell once from twice.
 */
#ifndef HERALD_TEST_ORDER_EFFECTS_H
#define HERALD_TEST_ORDER_EFFECTS_H

#include "order_fixture.h"

/* Open; make the paid orders 1 and 2 of 1000.00 USD, and the table `effect`, which a trigger fills:
 * a row whenever a notification becomes a SUCCESS. */
void order_effects_make(struct order_fixture *fixture);

/* Of so many refunds of 1 each has its one effect or its one fence, and the orders agree. */
void order_effects_assert_once(const struct order_fixture *fixture, int64_t keys);

#endif
