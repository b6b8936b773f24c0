/*
 * The order consumer's front door: a ROUTER on a thread of its own, so that PING and STATS are
 * answered while a transaction takes its time.
 */
#ifndef HERALD_ORDER_FRONT_H
#define HERALD_ORDER_FRONT_H

#include "runtime/front_door.h"

typedef struct order_front order_front_t;

struct order_front_options {
    const char *endpoints;
    const char *curve; /* directory of keys; "": without CURVE */
    bool insecure;
};

/* Whether order_front_open would take these, as far as can be told without a socket. The errors of
 * seal_check and wire_endpoint.h; why. */
err_t order_front_check(const struct order_front_options *options, struct why *why);

/* ERR_IO, ERR_DENIED, ERR_INVALID: why says which endpoint cannot be bound, or what is wrong with
 * which key. */
err_t order_front_open(order_front_t **self_p, const struct order_front_options *options,
                       struct why *why);
/* Begin to answer. Once. counters is called from the door's thread. */
void order_front_start(order_front_t *self, front_counters_fn *counters, void *context);
void order_front_close(order_front_t **self_p);

#endif
