#include "order_sqlite.h"

#include "order_lock.h"
#include "order_sqlite_rows.h"
#include "order_sqlite_schema.h"

#include "base/check.h"
#include "base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static_assert(ORDER_STORE_IDENTITY_BYTES == ORDER_SQLITE_SCHEMA_IDENTITY_BYTES, "one identity");

struct order_sqlite {
    struct order_store store;      /* first: it stands for the whole */
    sqlite3 *db;                   /* owned */
    struct order_sqlite_rows rows; /* over db */
    int lock_fd;                   /* owned */
    int busy_ms;
};

static struct order_sqlite *
self_of(order_store_t *store)
{
    return (struct order_sqlite *)store;
}

/* Settings of this connection, before anything of the file is believed. */
static const char safe_settings[] =
    "PRAGMA trusted_schema = OFF;" /* a schema is data: it may not call what has side effects */
    "PRAGMA cell_size_check = ON;"
    "PRAGMA mmap_size = 0;" /* a read error is a result then, not a signal */
    "PRAGMA foreign_keys = ON;"
    "PRAGMA synchronous = FULL;" /* NORMAL loses committed rows at a power loss */
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -65536;";

/* Fewer checkpoints than the default of 1000 pages: a batch of 1000 alone dirties some hundreds. */
static const char wal_settings[] = "PRAGMA wal_autocheckpoint = 4000;"
                                   "PRAGMA journal_size_limit = 67108864;";

static void
keep_wal_on_close(sqlite3 *db, bool keep)
{
    CHECK(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, NULL) == SQLITE_OK);
}

static err_t
open_connection(struct order_sqlite *self, const struct order_sqlite_options *options,
                struct why *why)
{
    int rc = sqlite3_open_v2(options->path, &self->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
                             NULL);
    if (rc != SQLITE_OK) {
        return order_sqlite_schema_fault(self->db, rc, options->path, why);
    }
    keep_wal_on_close(self->db, true); /* what is refused below is left as it is */
    CHECK(sqlite3_db_config(self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) == SQLITE_OK);
    CHECK(sqlite3_db_config(self->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL) == SQLITE_OK);
    CHECK(sqlite3_db_config(self->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL) == SQLITE_OK);
    CHECK(sqlite3_busy_timeout(self->db, self->busy_ms) == SQLITE_OK);
    rc = sqlite3_exec(self->db, safe_settings, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : order_sqlite_schema_fault(self->db, rc, options->path, why);
}

/* Write-ahead log, and the proof that the setting took: on some file systems it cannot. */
static err_t
use_wal(sqlite3 *db, const char *path, struct why *why)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    err_t err = ERR_OK;
    if (rc != SQLITE_ROW) {
        err = order_sqlite_schema_fault(db, rc, path, why);
    } else if (sqlite3_stricmp((const char *)sqlite3_column_text(statement, 0), "wal") != 0) {
        err = why_set(why, ERR_UNSUPPORTED, "%s: no write-ahead log on this file system", path);
    }
    (void)sqlite3_finalize(statement); /* repeats the result of the step */
    if (err != ERR_OK) {
        return err;
    }
    rc = sqlite3_exec(db, wal_settings, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : order_sqlite_schema_fault(db, rc, path, why);
}

/*
 * Copy the write-ahead log into the database file and sync that. After a failed sync of the log an
 * earlier process has ended; its pages look clean in memory but may never have reached the disk,
 * and another sync would say nothing. Written once more, to another file, they do. A reader may
 * hold a part of it back; later checkpoints get to it.
 */
static err_t
settle(sqlite3 *db, const char *path, struct why *why)
{
    int rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY
               ? ERR_OK
               : order_sqlite_schema_fault(db, rc, path, why);
}

/* Faults of one item: the database refuses its values, not its own state. */
static bool
is_refusal(int rc)
{
    int plain = rc & 0xff;
    return plain == SQLITE_CONSTRAINT || plain == SQLITE_TOOBIG || plain == SQLITE_MISMATCH;
}

static bool
is_transient(int rc)
{
    int plain = rc & 0xff;
    return plain == SQLITE_BUSY || plain == SQLITE_LOCKED;
}

/* After these nobody knows what the disk holds, or what is there cannot be believed. */
static bool
is_final(int rc)
{
    int plain = rc & 0xff;
    return plain == SQLITE_CORRUPT || plain == SQLITE_NOTADB || plain == SQLITE_FULL ||
           rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC;
}

/* Nothing more may be written, not even the log into the file at the end: it is not proven. */
static enum order_store_result
end(struct order_sqlite *self, int rc)
{
    keep_wal_on_close(self->db, true);
    self->store.err = order_sqlite_schema_fault(self->db, rc, "committing", &self->store.why);
    return ORDER_STORE_ENDED;
}

static enum order_store_result
result_of(struct order_sqlite *self, int rc)
{
    if (rc == SQLITE_OK) {
        return ORDER_STORE_OK;
    }
    CHECK((rc & 0xff) != SQLITE_NOMEM && (rc & 0xff) != SQLITE_MISUSE);
    if (is_final(rc)) {
        return end(self, rc);
    }
    (void)why_set(&self->store.why, ERR_OK, "%s",
                  sqlite3_errmsg(self->db)); /* the result says it */
    if (is_refusal(rc)) {
        return ORDER_STORE_REFUSED;
    }
    return is_transient(rc) ? ORDER_STORE_AGAIN : ORDER_STORE_DOWN;
}

static enum order_store_result
run(order_store_t *store, enum order_sqlite_rows_statement statement)
{
    struct order_sqlite *self = self_of(store);
    return result_of(self, order_sqlite_rows_run(&self->rows, statement));
}

static enum order_store_result
begin(order_store_t *store)
{
    return run(store, ORDER_SQLITE_ROWS_BEGIN);
}

static enum order_store_result
commit(order_store_t *store)
{
    return run(store, ORDER_SQLITE_ROWS_COMMIT);
}

/* When this fails it is unknown what the connection stands in. */
static enum order_store_result
rollback(order_store_t *store)
{
    struct order_sqlite *self = self_of(store);
    if (sqlite3_get_autocommit(self->db) != 0) {
        return ORDER_STORE_OK; /* SQLite has done so by itself */
    }
    int rc = order_sqlite_rows_run(&self->rows, ORDER_SQLITE_ROWS_ROLLBACK);
    return rc == SQLITE_OK ? ORDER_STORE_OK : end(self, rc);
}

static enum order_store_result
savepoint(order_store_t *store)
{
    return run(store, ORDER_SQLITE_ROWS_SAVEPOINT);
}

static enum order_store_result
rollback_to(order_store_t *store)
{
    return run(store, ORDER_SQLITE_ROWS_ROLLBACK_TO);
}

static enum order_store_result
release(order_store_t *store)
{
    return run(store, ORDER_SQLITE_ROWS_RELEASE);
}

static enum order_store_result
read_views(order_store_t *store, order_work_t *work)
{
    struct order_sqlite *self = self_of(store);
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < work->key_count; i++) {
        rc = order_sqlite_rows_read_key(&self->rows, &work->keys[i]);
    }
    for (size_t i = 0; rc == SQLITE_OK && i < work->order_count; i++) {
        rc = order_sqlite_rows_read_order(&self->rows, &work->orders[i]);
    }
    return result_of(self, rc);
}

static enum order_store_result
write_items(order_store_t *store, order_work_t *work)
{
    struct order_sqlite *self = self_of(store);
    for (size_t i = 0; i < work->item_count; i++) {
        bool met = false;
        int rc = order_sqlite_rows_write(&self->rows, work, &work->items[i], &met);
        if (rc != SQLITE_OK) {
            return result_of(self, rc);
        }
        if (met) { /* nobody else writes now, so it is a trigger of somebody's */
            (void)why_set(&self->store.why, ERR_OK, "a trigger leaves the row out");
            return ORDER_STORE_REFUSED;
        }
    }
    return ORDER_STORE_OK;
}

/* A file is never away by itself: LOST does not occur, so nothing is reopened. */
static enum order_store_result
reopen(order_store_t *store)
{
    (void)store;
    CHECK(false);
    return ORDER_STORE_ENDED;
}

static enum order_store_result
renew_identity(order_store_t *store)
{
    struct order_sqlite *self = self_of(store);
    store->err = order_sqlite_schema_renew_identity(self->db, store->identity, &store->why);
    return store->err == ERR_OK ? ORDER_STORE_OK : ORDER_STORE_ENDED;
}

static void
close_store(order_store_t **store_p)
{
    struct order_sqlite *self = self_of(*store_p);
    if (self == NULL) {
        return;
    }
    order_sqlite_rows_close(&self->rows);
    CHECK(sqlite3_close(self->db) == SQLITE_OK); /* busy would be a statement of ours left open */
    if (self->lock_fd >= 0) {
        (void)close(self->lock_fd); /* after the database: it guards it */
    }
    mem_free(self);
    *store_p = NULL;
}

static const struct order_store_ops operations = {
    .begin = begin,
    .read = read_views,
    .write = write_items,
    .commit = commit,
    .rollback = rollback,
    .savepoint = savepoint,
    .rollback_to = rollback_to,
    .release = release,
    .reopen = reopen,
    .renew_identity = renew_identity,
    .close = close_store,
};

err_t
order_sqlite_open(order_store_t **store_p, const struct order_sqlite_options *options,
                  struct why *why)
{
    struct order_sqlite *self = mem_zeroed(sizeof *self);
    self->store.ops = &operations;
    self->lock_fd = -1;
    self->busy_ms = options->busy_ms;
    err_t err = order_lock_take(options->path, &self->lock_fd, why);
    if (err == ERR_OK) {
        err = order_sqlite_schema_probe(options->path, why);
    }
    if (err == ERR_OK) {
        err = open_connection(self, options, why);
    }
    if (err == ERR_OK) {
        err = order_sqlite_schema_check(self->db, options->group, self->store.identity, why);
    }
    if (err == ERR_OK) {
        err = use_wal(self->db, options->path, why);
    }
    if (err == ERR_OK) {
        err = settle(self->db, options->path, why);
    }
    if (err == ERR_OK) {
        err = order_sqlite_rows_open(&self->rows, self->db, why);
    }
    *store_p = &self->store;
    if (err != ERR_OK) {
        close_store(store_p);
        return err;
    }
    keep_wal_on_close(self->db, false);
    return ERR_OK;
}
