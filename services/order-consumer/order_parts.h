/*
 * What the parts of the order consumer are opened with, from its settings, and what they would
 * refuse of it.
 */
#ifndef HERALD_ORDER_PARTS_H
#define HERALD_ORDER_PARTS_H

#include "order_db.h"
#include "order_front.h"
#include "order_settings.h"

#include "client/herald_consumer.h"

/* Texts are borrowed from the settings. */
struct order_db_options order_parts_database(const struct order_settings *settings);
struct order_front_options order_parts_front(const struct order_settings *settings);
/* Without identity, context and handlers: those are the shell's. */
struct herald_consumer_options order_parts_consumer(const struct order_settings *settings);

/* Whether all of them would be opened, as far as can be told without a database, a socket or
 * another process. Their errors; why. */
err_t order_parts_check(const struct order_settings *settings, struct why *why);

#endif
