/*
 * The order database in SQLite: one writing process a file, write-ahead log, a sync a commit.
 */
#ifndef HERALD_ORDER_SQLITE_H
#define HERALD_ORDER_SQLITE_H

#include "order_store.h"

struct order_sqlite_options {
    const char *path;
    const char *group;
    int busy_ms;
};

/* Errors are order_db_open's. */
err_t order_sqlite_open(order_store_t **store_p, const struct order_sqlite_options *options,
                        struct why *why);

#endif
