/*
 * What PostgreSQL's error codes mean to a transaction. Pure.
 */
#ifndef HERALD_ORDER_POSTGRES_STATE_H
#define HERALD_ORDER_POSTGRES_STATE_H

#include "order_store.h"

/* Of an SQLSTATE of five characters. ENDED: the database is not what it was. */
enum order_store_result order_postgres_state_class(const char *sqlstate);

#endif
