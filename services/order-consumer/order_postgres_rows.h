/*
 * The statements of an order database in PostgreSQL, and the rows that they move. A batch's column
 * is one parameter (an array), so that a statement moves as many rows as it likes.
 */
#ifndef HERALD_ORDER_POSTGRES_ROWS_H
#define HERALD_ORDER_POSTGRES_ROWS_H

#include "order_postgres_array.h"
#include "order_postgres_link.h"
#include "order_work.h"

#define ORDER_POSTGRES_ROWS_COLUMNS_MAX 8

/* A zeroed one is a valid one. */
struct order_postgres_rows {
    struct order_postgres_array columns[ORDER_POSTGRES_ROWS_COLUMNS_MAX];
};

void order_postgres_rows_fini(struct order_postgres_rows *self);

/* Prepare all statements: once a connection. */
void order_postgres_rows_queue_prepare(order_postgres_link_t *link);

/* Read, and lock, the orders of all views; then the rows of all keys, as they are once that is
 * done. The results are for the two functions below; the caller clears them. */
void order_postgres_rows_queue_reads(struct order_postgres_rows *self, order_postgres_link_t *link,
                                     const order_work_t *work, PGresult **orders, PGresult **keys);

/* Fill the views. False: a row breaks the checks of its table. */
bool order_postgres_rows_take_orders(order_work_t *work, const PGresult *result);
bool order_postgres_rows_take_keys(order_work_t *work, const PGresult *result);

/* Whatever the items have to write, wave by wave. */
void order_postgres_rows_queue_writes(struct order_postgres_rows *self, order_postgres_link_t *link,
                                      const order_work_t *work);

#endif
