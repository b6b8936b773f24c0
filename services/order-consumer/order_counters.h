/*
 * What STATS says of the order consumer.
 */
#ifndef HERALD_ORDER_COUNTERS_H
#define HERALD_ORDER_COUNTERS_H

#include "order_core.h"

#include "client/herald_consumer.h"
#include "wire/wire_session.h"

/* Fill in at most max counters, names static; returns how many. */
uint32_t order_counters_fill(const struct order_core *core,
                             const struct herald_consumer_counts *counts,
                             struct wire_counter *counters, uint32_t max);

#endif
