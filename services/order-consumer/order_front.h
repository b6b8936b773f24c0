/*
 * The order consumer's front door: a ROUTER on a thread of its own, so that PING and STATS are
 * answered while a transaction takes its time.
 */
#ifndef HERALD_ORDER_FRONT_H
#define HERALD_ORDER_FRONT_H

#include "runtime/front_door.h"

typedef struct order_front order_front_t;

/* ERR_IO, ERR_DENIED, ERR_INVALID: why says which endpoint cannot be bound. */
err_t order_front_open(order_front_t **self_p, const char *endpoints, bool insecure,
                       struct why *why);
/* Begin to answer. Once. counters is called from the door's thread. */
void order_front_start(order_front_t *self, front_counters_fn *counters, void *context);
void order_front_close(order_front_t **self_p);

#endif
