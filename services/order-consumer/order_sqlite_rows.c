#include "order_sqlite_rows.h"

#include "order_sqlite_schema.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

static const char *const sql[ORDER_SQLITE_ROWS_STATEMENT_COUNT] = {
    [ORDER_SQLITE_ROWS_BEGIN] = "BEGIN IMMEDIATE",
    [ORDER_SQLITE_ROWS_COMMIT] = "COMMIT",
    [ORDER_SQLITE_ROWS_ROLLBACK] = "ROLLBACK",
    [ORDER_SQLITE_ROWS_SAVEPOINT] = "SAVEPOINT item",
    [ORDER_SQLITE_ROWS_RELEASE] = "RELEASE item",
    [ORDER_SQLITE_ROWS_ROLLBACK_TO] = "ROLLBACK TO item",
    [ORDER_SQLITE_ROWS_READ_ORDER] = "SELECT status, held_from, amount, refunded, currency, version"
                                     " FROM order_table WHERE biz_id = ?1",
    [ORDER_SQLITE_ROWS_INSERT_ORDER] =
        "INSERT INTO order_table"
        " (biz_id, status, amount, currency, version, created_time, updated_time)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
    [ORDER_SQLITE_ROWS_UPDATE_ORDER] =
        "UPDATE order_table SET status = ?2, held_from = ?3, refunded = ?4, version = ?5,"
        " updated_time = ?6 WHERE biz_id = ?1",
    [ORDER_SQLITE_ROWS_READ_KEY] =
        "SELECT status, content_hash, undo_result FROM notify_log WHERE biz_id = ?1",
    [ORDER_SQLITE_ROWS_WRITE_LOG] =
        "INSERT INTO notify_log (biz_id, order_id, topic, version, status, content_hash, reason,"
        " created_time, updated_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)"
        " ON CONFLICT (biz_id) DO UPDATE SET order_id = excluded.order_id,"
        " status = excluded.status, reason = excluded.reason, updated_time = excluded.updated_time"
        " WHERE status = 'FAILURE' AND content_hash = excluded.content_hash",
    [ORDER_SQLITE_ROWS_WRITE_UNDO] =
        "UPDATE notify_log SET undo_result = ?2, updated_time = ?3"
        " WHERE biz_id = ?1 AND status = 'FENCED' AND undo_result IS NULL",
};

err_t
order_sqlite_rows_open(struct order_sqlite_rows *self, sqlite3 *db, struct why *why)
{
    *self = (struct order_sqlite_rows){.db = db};
    for (int i = 0; i < ORDER_SQLITE_ROWS_STATEMENT_COUNT; i++) {
        int rc = sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &self->statements[i],
                                    NULL);
        if (rc != SQLITE_OK) {
            err_t err = order_sqlite_schema_fault(db, rc, "preparing statements", why);
            order_sqlite_rows_close(self);
            return err;
        }
    }
    return ERR_OK;
}

void
order_sqlite_rows_close(struct order_sqlite_rows *self)
{
    for (int i = 0; i < ORDER_SQLITE_ROWS_STATEMENT_COUNT; i++) {
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
order_sqlite_rows_run(struct order_sqlite_rows *self, enum order_sqlite_rows_statement statement)
{
    CHECK(statement <= ORDER_SQLITE_ROWS_ROLLBACK_TO);
    return finish(self->statements[statement]);
}

static const char *
column_word(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

int
order_sqlite_rows_read_order(struct order_sqlite_rows *self, struct order_work_order *view)
{
    struct order_rules_order *order = &view->order;
    *order = (struct order_rules_order){.status = ORDER_STATUS_UNKNOWN};
    sqlite3_stmt *statement = self->statements[ORDER_SQLITE_ROWS_READ_ORDER];
    bind_word(statement, 1, view->order_id);
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
order_sqlite_rows_read_key(struct order_sqlite_rows *self, struct order_work_key *key)
{
    key->status = ORDER_WORK_NO_ROW;
    key->undo_result[0] = '\0';
    sqlite3_stmt *statement = self->statements[ORDER_SQLITE_ROWS_READ_KEY];
    bind_text(statement, 1, key->biz_id, key->biz_id_size);
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        const char *word = column_word(statement, 0);
        key->status = word == NULL ? ORDER_WORK_NO_ROW : order_work_of_word(word, strlen(word));
        const void *hash = sqlite3_column_blob(statement, 1);
        if (hash != NULL && sqlite3_column_bytes(statement, 1) == ORDER_ITEM_HASH_BYTES) {
            memcpy(key->hash, hash, ORDER_ITEM_HASH_BYTES);
            rc = key->status == ORDER_WORK_NO_ROW ? SQLITE_CORRUPT : SQLITE_OK;
        } else {
            rc = SQLITE_CORRUPT; /* the table's checks refuse it */
        }
        const char *result = column_word(statement, 2);
        (void)snprintf(key->undo_result, sizeof key->undo_result, "%s",
                       result == NULL ? "" : result); /* was no longer when it was written */
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_OK;
    }
    (void)sqlite3_reset(statement); /* repeats the result of the step */
    return rc;
}

static int
write_log(struct order_sqlite_rows *self, const struct order_work_item *item, int64_t now_unix_ms)
{
    sqlite3_stmt *statement = self->statements[ORDER_SQLITE_ROWS_WRITE_LOG];
    bind_text(statement, 1, item->item->biz_id, item->item->biz_id_size);
    bind_word(statement, 2, item->event.order_id);
    bind_text(statement, 3, item->item->topic, item->item->topic_size);
    bind_number(statement, 4, (int64_t)item->item->version);
    bind_word(statement, 5, order_work_word(item->write.row));
    CHECK(sqlite3_bind_blob(statement, 6, item->hash, ORDER_ITEM_HASH_BYTES, SQLITE_STATIC) ==
          SQLITE_OK);
    bind_word(statement, 7, item->write.reason);
    bind_number(statement, 8, now_unix_ms);
    return finish(statement);
}

static int
write_order(struct order_sqlite_rows *self, const struct order_work_item *item, int64_t now_unix_ms)
{
    const struct order_rules_order *order = &item->write.order;
    bool insert = item->write.change == ORDER_WORK_INSERT;
    sqlite3_stmt *statement =
        self->statements[insert ? ORDER_SQLITE_ROWS_INSERT_ORDER : ORDER_SQLITE_ROWS_UPDATE_ORDER];
    bind_word(statement, 1, item->event.order_id);
    bind_word(statement, 2, order_status_word(order->status));
    if (insert) {
        bind_number(statement, 3, order->amount);
        bind_word(statement, 4, order->currency);
    } else {
        bool held = order->status == ORDER_STATUS_ON_HOLD;
        bind_word(statement, 3, held ? order_status_word(order->held_from) : "");
        bind_number(statement, 4, order->refunded);
    }
    bind_number(statement, 5, (int64_t)order->version);
    bind_number(statement, 6, now_unix_ms);
    return finish(statement);
}

static int
write_undo(struct order_sqlite_rows *self, const struct order_work_item *item, int64_t now_unix_ms)
{
    sqlite3_stmt *statement = self->statements[ORDER_SQLITE_ROWS_WRITE_UNDO];
    bind_text(statement, 1, item->item->biz_id, item->item->biz_id_size);
    bind_word(statement, 2, item->write.undo_result);
    bind_number(statement, 3, now_unix_ms);
    return finish(statement);
}

int
order_sqlite_rows_write(struct order_sqlite_rows *self, const order_work_t *work,
                        const struct order_work_item *item, bool *met)
{
    int rc = SQLITE_OK;
    *met = false;
    if (item->write.row != ORDER_WORK_NO_ROW) {
        rc = write_log(self, item, work->now_unix_ms);
        *met = rc == SQLITE_OK && sqlite3_changes(self->db) == 0;
    }
    if (rc == SQLITE_OK && !*met && item->write.change != ORDER_WORK_KEEP) {
        rc = write_order(self, item, work->now_unix_ms);
    }
    if (rc == SQLITE_OK && !*met && item->write.undo_result != NULL) {
        rc = write_undo(self, item, work->now_unix_ms);
        *met = rc == SQLITE_OK && sqlite3_changes(self->db) == 0;
    }
    return rc;
}
