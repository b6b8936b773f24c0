#include "order_store.h"

#include "order_schema.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

static const char *const sql[ORDER_STORE_STATEMENT_COUNT] = {
    [ORDER_STORE_BEGIN] = "BEGIN IMMEDIATE",
    [ORDER_STORE_COMMIT] = "COMMIT",
    [ORDER_STORE_ROLLBACK] = "ROLLBACK",
    [ORDER_STORE_SAVEPOINT] = "SAVEPOINT item",
    [ORDER_STORE_RELEASE] = "RELEASE item",
    [ORDER_STORE_ROLLBACK_TO] = "ROLLBACK TO item",
    [ORDER_STORE_READ_ORDER] = "SELECT status, held_from, amount, refunded, currency, version"
                               " FROM order_table WHERE biz_id = ?1",
    [ORDER_STORE_INSERT_ORDER] =
        "INSERT INTO order_table"
        " (biz_id, status, amount, currency, version, created_time, updated_time)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
    [ORDER_STORE_UPDATE_ORDER] =
        "UPDATE order_table SET status = ?2, held_from = ?3, refunded = ?4, version = ?5,"
        " updated_time = ?6 WHERE biz_id = ?1",
    [ORDER_STORE_READ_LOG] =
        "SELECT status, content_hash, undo_result FROM notify_log WHERE biz_id = ?1",
    [ORDER_STORE_WRITE_LOG] =
        "INSERT INTO notify_log (biz_id, order_id, topic, version, status, content_hash, reason,"
        " created_time, updated_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)"
        " ON CONFLICT (biz_id) DO UPDATE SET order_id = excluded.order_id,"
        " status = excluded.status, reason = excluded.reason, updated_time = excluded.updated_time"
        " WHERE status = 'FAILURE' AND content_hash = excluded.content_hash",
    [ORDER_STORE_WRITE_UNDO] = "UPDATE notify_log SET undo_result = ?2, updated_time = ?3"
                               " WHERE biz_id = ?1 AND status = 'FENCED' AND undo_result IS NULL",
};

static const char *const log_words[] = {
    [ORDER_STORE_LOG_NONE] = "",
    [ORDER_STORE_LOG_SUCCESS] = "SUCCESS",
    [ORDER_STORE_LOG_FAILURE] = "FAILURE",
    [ORDER_STORE_LOG_FENCED] = "FENCED",
};

err_t
order_store_open(struct order_store *self, sqlite3 *db, struct why *why)
{
    *self = (struct order_store){.db = db};
    for (int i = 0; i < ORDER_STORE_STATEMENT_COUNT; i++) {
        int rc = sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &self->statements[i],
                                    NULL);
        if (rc != SQLITE_OK) {
            err_t err = order_schema_fault(db, rc, "preparing statements", why);
            order_store_close(self);
            return err;
        }
    }
    return ERR_OK;
}

void
order_store_close(struct order_store *self)
{
    for (int i = 0; i < ORDER_STORE_STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(self->statements[i]); /* repeats an error reported before */
        self->statements[i] = NULL;
    }
}

/* Step a statement that returns no row, and make it ready for the next use. */
static int
finish(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    (void)sqlite3_reset(statement); /* repeats the result of the step */
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Bound texts live until the statement was stepped; a failed bind shows as NULL and is refused by
 * the table, but none can fail: indexes and sizes are ours. */
static void
bind_text(sqlite3_stmt *statement, int index, const char *text, size_t size)
{
    if (size == 0) {
        CHECK(sqlite3_bind_null(statement, index) == SQLITE_OK);
    } else {
        CHECK(sqlite3_bind_text(statement, index, text, (int)size, SQLITE_STATIC) == SQLITE_OK);
    }
}

static void
bind_word(sqlite3_stmt *statement, int index, const char *word)
{
    bind_text(statement, index, word, strlen(word));
}

static void
bind_number(sqlite3_stmt *statement, int index, int64_t number)
{
    CHECK(sqlite3_bind_int64(statement, index, number) == SQLITE_OK);
}

int
order_store_run(struct order_store *self, enum order_store_statement statement)
{
    CHECK(statement <= ORDER_STORE_ROLLBACK_TO);
    return finish(self->statements[statement]);
}

static const char *
column_word(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

int
order_store_read_order(struct order_store *self, const char *order_id,
                       struct order_rules_order *order)
{
    *order = (struct order_rules_order){.status = ORDER_STATUS_UNKNOWN};
    sqlite3_stmt *statement = self->statements[ORDER_STORE_READ_ORDER];
    bind_word(statement, 1, order_id);
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        order->status = order_status_of_word(column_word(statement, 0));
        order->held_from = order_status_of_word(column_word(statement, 1));
        order->amount = sqlite3_column_int64(statement, 2);
        order->refunded = sqlite3_column_int64(statement, 3);
        const char *currency = column_word(statement, 4);
        if (currency != NULL && strlen(currency) < sizeof order->currency) {
            memcpy(order->currency, currency, strlen(currency) + 1);
        }
        order->version = (uint64_t)sqlite3_column_int64(statement, 5);
        rc = order->status == ORDER_STATUS_UNKNOWN ? SQLITE_CORRUPT : SQLITE_OK;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_OK;
    }
    (void)sqlite3_reset(statement); /* repeats the result of the step */
    return rc;
}

int
order_store_insert_order(struct order_store *self, const char *order_id,
                         const struct order_rules_order *order, int64_t now_unix_ms)
{
    sqlite3_stmt *statement = self->statements[ORDER_STORE_INSERT_ORDER];
    bind_word(statement, 1, order_id);
    bind_word(statement, 2, order_status_word(order->status));
    bind_number(statement, 3, order->amount);
    bind_word(statement, 4, order->currency);
    bind_number(statement, 5, (int64_t)order->version);
    bind_number(statement, 6, now_unix_ms);
    return finish(statement);
}

int
order_store_update_order(struct order_store *self, const char *order_id,
                         const struct order_rules_order *order, int64_t now_unix_ms)
{
    bool held = order->status == ORDER_STATUS_ON_HOLD;
    sqlite3_stmt *statement = self->statements[ORDER_STORE_UPDATE_ORDER];
    bind_word(statement, 1, order_id);
    bind_word(statement, 2, order_status_word(order->status));
    bind_word(statement, 3, held ? order_status_word(order->held_from) : "");
    bind_number(statement, 4, order->refunded);
    bind_number(statement, 5, (int64_t)order->version);
    bind_number(statement, 6, now_unix_ms);
    return finish(statement);
}

static enum order_store_log_status
log_status(const char *word)
{
    for (int status = ORDER_STORE_LOG_SUCCESS; status <= ORDER_STORE_LOG_FENCED; status++) {
        if (word != NULL && strcmp(word, log_words[status]) == 0) {
            return (enum order_store_log_status)status;
        }
    }
    return ORDER_STORE_LOG_NONE;
}

int
order_store_read_log(struct order_store *self, const struct order_item *item,
                     struct order_store_log *log)
{
    log->status = ORDER_STORE_LOG_NONE;
    log->undo_result[0] = '\0';
    sqlite3_stmt *statement = self->statements[ORDER_STORE_READ_LOG];
    bind_text(statement, 1, item->biz_id, item->biz_id_size);
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        log->status = log_status(column_word(statement, 0));
        const void *hash = sqlite3_column_blob(statement, 1);
        if (hash != NULL && sqlite3_column_bytes(statement, 1) == ORDER_ITEM_HASH_BYTES) {
            memcpy(log->hash, hash, ORDER_ITEM_HASH_BYTES);
            rc = log->status == ORDER_STORE_LOG_NONE ? SQLITE_CORRUPT : SQLITE_OK;
        } else {
            rc = SQLITE_CORRUPT; /* the table's checks refuse it */
        }
        const char *result = column_word(statement, 2);
        (void)snprintf(log->undo_result, sizeof log->undo_result, "%s",
                       result == NULL ? "" : result); /* was no longer when it was written */
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_OK;
    }
    (void)sqlite3_reset(statement); /* repeats the result of the step */
    return rc;
}

int
order_store_write_log(struct order_store *self, const struct order_store_log_row *row,
                      bool *written)
{
    sqlite3_stmt *statement = self->statements[ORDER_STORE_WRITE_LOG];
    bind_text(statement, 1, row->item->biz_id, row->item->biz_id_size);
    bind_word(statement, 2, row->order_id);
    bind_text(statement, 3, row->item->topic, row->item->topic_size);
    bind_number(statement, 4, (int64_t)row->item->version);
    bind_word(statement, 5, log_words[row->status]);
    CHECK(sqlite3_bind_blob(statement, 6, row->hash, ORDER_ITEM_HASH_BYTES, SQLITE_STATIC) ==
          SQLITE_OK);
    bind_word(statement, 7, row->reason);
    bind_number(statement, 8, row->now_unix_ms);
    int rc = finish(statement);
    *written = rc == SQLITE_OK && sqlite3_changes(self->db) > 0;
    return rc;
}

int
order_store_write_undo(struct order_store *self, const struct order_item *item, const char *result,
                       int64_t now_unix_ms)
{
    sqlite3_stmt *statement = self->statements[ORDER_STORE_WRITE_UNDO];
    bind_text(statement, 1, item->biz_id, item->biz_id_size);
    bind_word(statement, 2, result);
    bind_number(statement, 3, now_unix_ms);
    return finish(statement);
}
