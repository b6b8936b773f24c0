#include "order_db.h"

#include "order_lock.h"
#include "order_schema.h"
#include "order_steps.h"
#include "order_store.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#include <assert.h>
#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static_assert(ORDER_DB_IDENTITY_BYTES == ORDER_SCHEMA_IDENTITY_BYTES, "one identity");

struct order_db {
    sqlite3 *db;              /* owned */
    struct order_store store; /* over db */
    int lock_fd;              /* owned */
    int busy_ms;
    pid_t owner;
    bool broken; /* an error was returned: only close is left */
    uint8_t identity[ORDER_SCHEMA_IDENTITY_BYTES];
};

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
open_connection(order_db_t *self, const struct order_db_options *options, struct why *why)
{
    int rc = sqlite3_open_v2(options->path, &self->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
                             NULL);
    if (rc != SQLITE_OK) {
        return order_schema_fault(self->db, rc, options->path, why);
    }
    keep_wal_on_close(self->db, true); /* what is refused below is left as it is */
    CHECK(sqlite3_db_config(self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) == SQLITE_OK);
    CHECK(sqlite3_db_config(self->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL) == SQLITE_OK);
    CHECK(sqlite3_db_config(self->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL) == SQLITE_OK);
    CHECK(sqlite3_busy_timeout(self->db, self->busy_ms) == SQLITE_OK);
    rc = sqlite3_exec(self->db, safe_settings, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : order_schema_fault(self->db, rc, options->path, why);
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
        err = order_schema_fault(db, rc, path, why);
    } else if (sqlite3_stricmp((const char *)sqlite3_column_text(statement, 0), "wal") != 0) {
        err = why_set(why, ERR_UNSUPPORTED, "%s: no write-ahead log on this file system", path);
    }
    (void)sqlite3_finalize(statement); /* repeats the result of the step */
    if (err != ERR_OK) {
        return err;
    }
    rc = sqlite3_exec(db, wal_settings, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : order_schema_fault(db, rc, path, why);
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
    return rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY ? ERR_OK
                                                         : order_schema_fault(db, rc, path, why);
}

err_t
order_db_open(order_db_t **self_p, const struct order_db_options *options, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL && options->path != NULL && options->group != NULL);
    CHECK(sodium_init() >= 0);
    json_set_alloc_funcs(mem_alloc, mem_free); /* out of memory must not look like bad JSON */
    order_db_t *self = mem_zeroed(sizeof *self);
    self->lock_fd = -1;
    self->busy_ms = options->busy_ms;
    self->owner = getpid();
    err_t err = order_lock_take(options->path, &self->lock_fd, why);
    if (err == ERR_OK) {
        err = order_schema_probe(options->path, why);
    }
    if (err == ERR_OK) {
        err = open_connection(self, options, why);
    }
    if (err == ERR_OK) {
        err = order_schema_check(self->db, options->group, self->identity, why);
    }
    if (err == ERR_OK) {
        err = use_wal(self->db, options->path, why);
    }
    if (err == ERR_OK) {
        err = settle(self->db, options->path, why);
    }
    if (err == ERR_OK) {
        err = order_store_open(&self->store, self->db, why);
    }
    if (err != ERR_OK) {
        order_db_close(&self);
        return err;
    }
    keep_wal_on_close(self->db, false);
    *self_p = self;
    return ERR_OK;
}

void
order_db_close(order_db_t **self_p)
{
    order_db_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    order_store_close(&self->store);
    CHECK(sqlite3_close(self->db) == SQLITE_OK); /* busy would be a statement of ours left open */
    if (self->lock_fd >= 0) {
        (void)close(self->lock_fd); /* after the database: it guards it */
    }
    mem_free(self);
    *self_p = NULL;
}

const uint8_t *
order_db_identity(const order_db_t *self)
{
    return self->identity;
}

err_t
order_db_renew_identity(order_db_t *self, struct why *why)
{
    CHECK(!self->broken && self->owner == getpid());
    err_t err = order_schema_renew_identity(self->db, self->identity, why);
    self->broken = err != ERR_OK;
    return err;
}

/* Faults of one item: the database refuses its values, not its own state. */
static bool
is_item_fault(int rc)
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

static int
run_item(order_db_t *self, order_steps_fn *step_fn, const struct order_steps_item *step,
         struct order_answer *answer)
{
    struct order_store *store = &self->store;
    int rc = order_store_run(store, ORDER_STORE_SAVEPOINT);
    if (rc != SQLITE_OK) {
        return rc;
    }
    rc = step_fn(store, step, answer);
    if (is_item_fault(rc)) {
        bool is_apply = step_fn == order_steps_apply;
        order_answer_set(answer, is_apply ? ORDER_ANSWER_REJECT : ORDER_ANSWER_DOWN,
                         "the database refuses it: %s", sqlite3_errmsg(self->db));
        rc = order_store_run(store, ORDER_STORE_ROLLBACK_TO);
        if (rc == SQLITE_OK && is_apply) {
            rc = order_steps_record_fault(store, step, answer);
        }
    }
    return rc == SQLITE_OK ? order_store_run(store, ORDER_STORE_RELEASE) : rc;
}

static int
run_batch(order_db_t *self, order_steps_fn *step_fn, const struct order_db_batch *batch)
{
    int rc = order_store_run(&self->store, ORDER_STORE_BEGIN);
    for (size_t i = 0; rc == SQLITE_OK && i < batch->count; i++) {
        struct order_steps_item step = {.item = &batch->items[i],
                                        .now_unix_ms = batch->now_unix_ms};
        const char *fault = order_item_fault(step.item);
        if (fault != NULL) {
            order_answer_set(&batch->answers[i], ORDER_ANSWER_REJECT, "%s", fault);
        } else {
            rc = run_item(self, step_fn, &step, &batch->answers[i]);
        }
    }
    return rc == SQLITE_OK ? order_store_run(&self->store, ORDER_STORE_COMMIT) : rc;
}

/* False: it is unknown what the connection now stands in. */
static bool
roll_back(order_db_t *self)
{
    return sqlite3_get_autocommit(self->db) != 0 || /* SQLite has done so by itself */
           order_store_run(&self->store, ORDER_STORE_ROLLBACK) == SQLITE_OK;
}

/* Up to 11 ms, more at each try: two that met each other part. */
static void
pause_jittered(int try_count)
{
    struct timespec pause = {.tv_nsec = 1000000L + randombytes_uniform(2000000) * (long)try_count};
    (void)nanosleep(&pause, NULL); /* woken early is as good */
}

static err_t
transact(order_db_t *self, order_steps_fn *step_fn, const struct order_db_batch *batch,
         struct why *why)
{
    CHECK(!self->broken && self->owner == getpid());
    int64_t give_up_ms = clock_mono_ms() + self->busy_ms;
    for (int try_count = 1;; try_count++) {
        int rc = run_batch(self, step_fn, batch);
        if (rc == SQLITE_OK) {
            return ERR_OK;
        }
        CHECK((rc & 0xff) != SQLITE_NOMEM && (rc & 0xff) != SQLITE_MISUSE);
        char reason[LIMIT_REASON_BYTES];
        (void)sqlite3_snprintf((int)sizeof reason, reason, "order database: %s",
                               sqlite3_errmsg(self->db)); /* cut where too long */
        if (is_final(rc) || !roll_back(self)) {
            self->broken = true;
            keep_wal_on_close(self->db, true); /* a checkpoint would pass on what is not proven */
            return order_schema_fault(self->db, rc, "committing", why);
        }
        if (!is_transient(rc) || try_count == ORDER_DB_TRIES || clock_mono_ms() >= give_up_ms) {
            for (size_t i = 0; i < batch->count; i++) {
                order_answer_set(&batch->answers[i], ORDER_ANSWER_DOWN, "%s", reason);
            }
            return ERR_OK;
        }
        pause_jittered(try_count);
    }
}

err_t
order_db_apply(order_db_t *self, const struct order_db_batch *batch, struct why *why)
{
    return transact(self, order_steps_apply, batch, why);
}

err_t
order_db_fence(order_db_t *self, const struct order_db_batch *batch, struct why *why)
{
    return transact(self, order_steps_fence, batch, why);
}

err_t
order_db_undo(order_db_t *self, const struct order_db_batch *batch, struct why *why)
{
    return transact(self, order_steps_undo, batch, why);
}
