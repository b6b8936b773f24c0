/*
 * The order database in PostgreSQL: any number of processes share it.
 */
#ifndef HERALD_ORDER_POSTGRES_H
#define HERALD_ORDER_POSTGRES_H

#include "order_store.h"

struct order_postgres_options {
    const char *url;           /* a connection string or URI, without a password */
    const char *password_file; /* NULL or empty: none */
    const char *group;
};

/* The connection string, and the password's file: NULL or empty: none. ERR_INVALID, ERR_DENIED. */
err_t order_postgres_check(const char *url, const char *password_file, struct why *why);

/* Errors are order_db_open's. */
err_t order_postgres_open(order_store_t **store_p, const struct order_postgres_options *options,
                          struct why *why);

#endif
