/*
 * A one-dimensional array as a parameter of a statement, in PostgreSQL's binary format: one
 * parameter carries a column of a whole batch, and nothing has to be escaped.
 */
#ifndef HERALD_ORDER_POSTGRES_ARRAY_H
#define HERALD_ORDER_POSTGRES_ARRAY_H

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

#define ORDER_POSTGRES_ARRAY_INT8 20 /* types of elements, as in pg_type */
#define ORDER_POSTGRES_ARRAY_BYTEA 17
#define ORDER_POSTGRES_ARRAY_TEXT 25

#define ORDER_POSTGRES_ARRAY_OF_INT8 1016 /* types of the arrays */
#define ORDER_POSTGRES_ARRAY_OF_BYTEA 1001
#define ORDER_POSTGRES_ARRAY_OF_TEXT 1009

struct order_postgres_array {
    uint8_t *data; /* owned */
    size_t size;
    size_t capacity;
    uint32_t count;
};

/* Begin anew, empty. The memory is kept; a zeroed one is a valid one. */
void order_postgres_array_start(struct order_postgres_array *self, Oid element);
void order_postgres_array_fini(struct order_postgres_array *self);

void order_postgres_array_add(struct order_postgres_array *self, const void *value, size_t size);
void order_postgres_array_add_word(struct order_postgres_array *self, const char *word);
void order_postgres_array_add_number(struct order_postgres_array *self, int64_t number);
void order_postgres_array_add_null(struct order_postgres_array *self);

#endif
