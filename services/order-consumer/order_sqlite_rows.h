/*
 * The statements of an order database in SQLite, prepared once, and the rows that they move. Every
 * call returns SQLite's own (extended) result code, since what to do about it is the transaction's
 * business; SQLITE_OK is success.
 */
#ifndef HERALD_ORDER_SQLITE_ROWS_H
#define HERALD_ORDER_SQLITE_ROWS_H

#include "order_work.h"

#include "base/why.h"

#include <sqlite3.h>
#include <stdbool.h>

enum order_sqlite_rows_statement {
    ORDER_SQLITE_ROWS_BEGIN = 0,
    ORDER_SQLITE_ROWS_COMMIT,
    ORDER_SQLITE_ROWS_ROLLBACK,
    ORDER_SQLITE_ROWS_SAVEPOINT,
    ORDER_SQLITE_ROWS_RELEASE,
    ORDER_SQLITE_ROWS_ROLLBACK_TO,
    ORDER_SQLITE_ROWS_READ_ORDER,
    ORDER_SQLITE_ROWS_INSERT_ORDER,
    ORDER_SQLITE_ROWS_UPDATE_ORDER,
    ORDER_SQLITE_ROWS_READ_KEY,
    ORDER_SQLITE_ROWS_WRITE_LOG,
    ORDER_SQLITE_ROWS_WRITE_UNDO,
    ORDER_SQLITE_ROWS_STATEMENT_COUNT,
};

struct order_sqlite_rows {
    sqlite3 *db;                                                 /* borrowed from order_sqlite */
    sqlite3_stmt *statements[ORDER_SQLITE_ROWS_STATEMENT_COUNT]; /* owned */
};

/* Prepare everything over an open database. ERR_IO and the like: see order_sqlite_schema_fault. */
err_t order_sqlite_rows_open(struct order_sqlite_rows *self, sqlite3 *db, struct why *why);
void order_sqlite_rows_close(struct order_sqlite_rows *self);

/* BEGIN to ROLLBACK_TO: statements without parameters. */
int order_sqlite_rows_run(struct order_sqlite_rows *self,
                          enum order_sqlite_rows_statement statement);

/* Fill the view. */
int order_sqlite_rows_read_order(struct order_sqlite_rows *self, struct order_work_order *order);
int order_sqlite_rows_read_key(struct order_sqlite_rows *self, struct order_work_key *key);

/* Write what the item has to write. *met: another row stands there; then something is missing. */
int order_sqlite_rows_write(struct order_sqlite_rows *self, const order_work_t *work,
                            const struct order_work_item *item, bool *met);

#endif
