/*
 * The SQL of a paid order, and nothing else: read the order, insert the row of notify_log, update
 * the order. The tables, indexes, checks, conflict clause and settings are those that the order
 * consumer has; it has no JSON, no hash, no decisions and no sockets. The orders are there
 * beforehand, as they are when payments come.
 */
#include "ceiling.h"

#include "base/clock.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOW_UNIX_MS 1700000000000

/* As in the order consumer's order_sqlite_schema.c and order_sqlite.c. */
static const char setup[] =
    "PRAGMA synchronous = FULL; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
    "PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
    "PRAGMA cache_size = -65536; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000;"
    "PRAGMA journal_size_limit = 67108864;"
    "CREATE TABLE order_table ("
    "  id INTEGER PRIMARY KEY,"
    "  biz_id TEXT NOT NULL UNIQUE CHECK (length(biz_id) BETWEEN 1 AND 64),"
    "  status TEXT NOT NULL CHECK (status IN"
    "    ('CREATED', 'PAID', 'SHIPPED', 'DELIVERED', 'REFUNDED', 'ON_HOLD')),"
    "  amount INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 1000000000000000),"
    "  currency TEXT NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),"
    "  refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND amount),"
    "  version INTEGER NOT NULL DEFAULT 0 CHECK (version >= 0),"
    "  held_from TEXT CHECK (held_from IN ('CREATED', 'PAID', 'SHIPPED', 'DELIVERED')),"
    "  created_time INTEGER NOT NULL,"
    "  updated_time INTEGER NOT NULL,"
    "  CHECK ((status = 'ON_HOLD') = (held_from IS NOT NULL)),"
    "  CHECK ((status = 'REFUNDED') = (refunded = amount)),"
    "  CHECK (status <> 'CREATED' OR refunded = 0)"
    ") STRICT;"
    "CREATE TABLE notify_log ("
    "  id INTEGER PRIMARY KEY,"
    "  biz_id TEXT NOT NULL UNIQUE CHECK (length(biz_id) BETWEEN 1 AND 64),"
    "  order_id TEXT CHECK (length(order_id) BETWEEN 1 AND 64),"
    "  topic TEXT NOT NULL CHECK (length(topic) BETWEEN 1 AND 128),"
    "  version INTEGER NOT NULL CHECK (version >= 0),"
    "  status TEXT NOT NULL CHECK (status IN ('SUCCESS', 'FAILURE', 'FENCED')),"
    "  content_hash BLOB NOT NULL CHECK (length(content_hash) = 32),"
    "  reason TEXT,"
    "  undo_result TEXT,"
    "  created_time INTEGER NOT NULL,"
    "  updated_time INTEGER NOT NULL,"
    "  CHECK (status <> 'SUCCESS' OR order_id IS NOT NULL),"
    "  CHECK (status <> 'FAILURE' OR reason IS NOT NULL),"
    "  CHECK (undo_result IS NULL OR status = 'FENCED')"
    ") STRICT;"
    "CREATE INDEX notify_log_by_order ON notify_log (order_id) WHERE status <> 'SUCCESS';";

enum statement { BEGIN, COMMIT, CREATE, READ, LOG, UPDATE, STATEMENT_COUNT };

static const char *const sql[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [CREATE] = "INSERT INTO order_table"
               " (biz_id, status, amount, currency, version, created_time, updated_time)"
               " VALUES (?1, 'CREATED', 1099, 'USD', 1, ?2, ?2)",
    [READ] = "SELECT status, held_from, amount, refunded, currency, version"
             " FROM order_table WHERE biz_id = ?1",
    [LOG] =
        "INSERT INTO notify_log (biz_id, order_id, topic, version, status, content_hash, reason,"
        " created_time, updated_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)"
        " ON CONFLICT (biz_id) DO UPDATE SET order_id = excluded.order_id,"
        " status = excluded.status, reason = excluded.reason,"
        " updated_time = excluded.updated_time"
        " WHERE status = 'FAILURE' AND content_hash = excluded.content_hash",
    [UPDATE] = "UPDATE order_table SET status = ?2, held_from = ?3, refunded = ?4, version = ?5,"
               " updated_time = ?6 WHERE biz_id = ?1",
};

struct bare {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    char path[PATH_MAX];
};

static int
step(struct bare *self, enum statement which)
{
    int rc = sqlite3_step(self->statements[which]);
    if (which == READ && rc == SQLITE_ROW) {
        rc = sqlite3_column_int64(self->statements[READ], 2) == 1099 ? SQLITE_DONE : SQLITE_ERROR;
    }
    (void)sqlite3_reset(self->statements[which]); /* repeats the result of the step */
    return rc;
}

/* Binds that fail show in the step, here and below. */
static int
create_order(struct bare *self, uint64_t number)
{
    char order_id[40];
    int size = snprintf(order_id, sizeof order_id, "order-%012llu", (unsigned long long)number);
    (void)sqlite3_bind_text(self->statements[CREATE], 1, order_id, size, SQLITE_STATIC);
    (void)sqlite3_bind_int64(self->statements[CREATE], 2, NOW_UNIX_MS);
    return step(self, CREATE);
}

static int
pay_order(struct bare *self, uint64_t number)
{
    static const char topic[] = "payment.succeeded";
    char order_id[40];
    char biz_id[40];
    uint8_t hash[32] = {0};
    int order_size =
        snprintf(order_id, sizeof order_id, "order-%012llu", (unsigned long long)number);
    int biz_size = snprintf(biz_id, sizeof biz_id, "payment-%012llu", (unsigned long long)number);
    memcpy(hash, &number, sizeof number);
    sqlite3_stmt *read = self->statements[READ];
    (void)sqlite3_bind_text(read, 1, order_id, order_size, SQLITE_STATIC);
    int rc = step(self, READ);
    sqlite3_stmt *log = self->statements[LOG];
    (void)sqlite3_bind_text(log, 1, biz_id, biz_size, SQLITE_STATIC);
    (void)sqlite3_bind_text(log, 2, order_id, order_size, SQLITE_STATIC);
    (void)sqlite3_bind_text(log, 3, topic, sizeof topic - 1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(log, 4, 2);
    (void)sqlite3_bind_text(log, 5, "SUCCESS", 7, SQLITE_STATIC);
    (void)sqlite3_bind_blob(log, 6, hash, sizeof hash, SQLITE_STATIC);
    (void)sqlite3_bind_null(log, 7);
    (void)sqlite3_bind_int64(log, 8, NOW_UNIX_MS);
    rc = rc == SQLITE_DONE ? step(self, LOG) : rc;
    sqlite3_stmt *update = self->statements[UPDATE];
    (void)sqlite3_bind_text(update, 1, order_id, order_size, SQLITE_STATIC);
    (void)sqlite3_bind_text(update, 2, "PAID", 4, SQLITE_STATIC);
    (void)sqlite3_bind_null(update, 3);
    (void)sqlite3_bind_int64(update, 4, 0);
    (void)sqlite3_bind_int64(update, 5, 2);
    (void)sqlite3_bind_int64(update, 6, NOW_UNIX_MS);
    return rc == SQLITE_DONE ? step(self, UPDATE) : rc;
}

/* `rows` orders by one of the two above, in transactions of `batch`. */
static int
run_all(struct bare *self, int (*one)(struct bare *self, uint64_t number), uint64_t rows,
        uint32_t batch)
{
    int rc = SQLITE_DONE;
    for (uint64_t i = 0; i < rows && rc == SQLITE_DONE; i++) {
        if (i % batch == 0) {
            rc = step(self, BEGIN);
        }
        rc = rc == SQLITE_DONE ? one(self, i) : rc;
        if (rc == SQLITE_DONE && (i % batch == batch - 1 || i + 1 == rows)) {
            rc = step(self, COMMIT);
        }
    }
    return rc;
}

static int
open_bare(struct bare *self)
{
    int rc =
        sqlite3_open_v2(self->path, &self->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(self->db, setup, NULL, NULL, NULL);
    }
    for (int i = 0; rc == SQLITE_OK && i < STATEMENT_COUNT; i++) {
        rc = sqlite3_prepare_v3(self->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &self->statements[i], NULL);
    }
    return rc == SQLITE_OK ? SQLITE_DONE : rc;
}

static void
close_bare(struct bare *self)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(self->statements[i]); /* repeats an error reported before */
    }
    (void)sqlite3_close(self->db); /* nothing is kept */
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char path[PATH_MAX + 8];
        (void)snprintf(path, sizeof path, "%s%s", self->path, tails[i]); /* fits */
        (void)unlink(path);                                              /* most are gone already */
    }
}

err_t
ceiling_sqlite(const char *directory, uint32_t batch, uint64_t rows, double *per_second,
               struct why *why)
{
    struct bare self = {.db = NULL};
    (void)snprintf(self.path, sizeof self.path, "%s/ceiling.db", directory); /* shows in open */
    int rc = open_bare(&self);
    rc = rc == SQLITE_DONE ? run_all(&self, create_order, rows, batch) : rc;
    int64_t start_ns = clock_mono_ns();
    rc = rc == SQLITE_DONE ? run_all(&self, pay_order, rows, batch) : rc;
    *per_second = (double)rows * 1e9 / (double)(clock_mono_ns() - start_ns);
    err_t err = rc == SQLITE_DONE
                    ? ERR_OK
                    : why_set(why, ERR_IO, "%s: %s", self.path,
                              self.db == NULL ? "no memory" : sqlite3_errmsg(self.db));
    close_bare(&self);
    return err;
}
