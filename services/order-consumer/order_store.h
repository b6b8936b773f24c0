/*
 * The statements of the order database, prepared once, and the rows that they move. Every call
 * returns SQLite's own (extended) result code, since what to do about it is the transaction's
 * business; SQLITE_OK is success.
 */
#ifndef HERALD_ORDER_STORE_H
#define HERALD_ORDER_STORE_H

#include "order_item.h"
#include "order_rules.h"

#include "base/why.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum order_store_statement {
    ORDER_STORE_BEGIN = 0,
    ORDER_STORE_COMMIT,
    ORDER_STORE_ROLLBACK,
    ORDER_STORE_SAVEPOINT,
    ORDER_STORE_RELEASE,
    ORDER_STORE_ROLLBACK_TO,
    ORDER_STORE_READ_ORDER,
    ORDER_STORE_INSERT_ORDER,
    ORDER_STORE_UPDATE_ORDER,
    ORDER_STORE_READ_LOG,
    ORDER_STORE_WRITE_LOG,
    ORDER_STORE_WRITE_UNDO,
    ORDER_STORE_STATEMENT_COUNT,
};

struct order_store {
    sqlite3 *db;                                           /* borrowed from order_db */
    sqlite3_stmt *statements[ORDER_STORE_STATEMENT_COUNT]; /* owned */
};

enum order_store_log_status {
    ORDER_STORE_LOG_NONE = 0, /* no row */
    ORDER_STORE_LOG_SUCCESS,
    ORDER_STORE_LOG_FAILURE,
    ORDER_STORE_LOG_FENCED,
};

/* A row of notify_log, to be written. */
struct order_store_log_row {
    const struct order_item *item;
    const char *order_id; /* borrowed; empty: unknown */
    const char *reason;   /* borrowed; empty: none */
    enum order_store_log_status status;
    int64_t now_unix_ms;
    uint8_t hash[ORDER_ITEM_HASH_BYTES];
};

/* A row of notify_log, as it is. */
struct order_store_log {
    enum order_store_log_status status;
    uint8_t hash[ORDER_ITEM_HASH_BYTES];
    char undo_result[LIMIT_REASON_BYTES + 1]; /* empty: undo has not run */
};

/* Prepare everything over an open database. ERR_IO and the like: see order_schema_fault. */
err_t order_store_open(struct order_store *self, sqlite3 *db, struct why *why);
void order_store_close(struct order_store *self);

/* BEGIN to ROLLBACK_TO: statements without parameters. */
int order_store_run(struct order_store *self, enum order_store_statement statement);

int order_store_read_order(struct order_store *self, const char *order_id,
                           struct order_rules_order *order);
int order_store_insert_order(struct order_store *self, const char *order_id,
                             const struct order_rules_order *order, int64_t now_unix_ms);
int order_store_update_order(struct order_store *self, const char *order_id,
                             const struct order_rules_order *order, int64_t now_unix_ms);

int order_store_read_log(struct order_store *self, const struct order_item *item,
                         struct order_store_log *log);

/*
 * Insert the row, or replace a FAILURE of the same content with it. *written is false when another
 * row stands there: then nothing has changed.
 */
int order_store_write_log(struct order_store *self, const struct order_store_log_row *row,
                          bool *written);

/* Keep the undo's result with the fence. */
int order_store_write_undo(struct order_store *self, const struct order_item *item,
                           const char *result, int64_t now_unix_ms);

#endif
