#include "order_sqlite_schema.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Times are milliseconds since 1970; the views show them as text. In order_table biz_id is the
 * order's id, in notify_log the notification's: each UNIQUE, which is what makes an effect happen
 * once, and an effect and a fence exclude each other.
 */
static const char tables[] =
    "CREATE TABLE database_identity ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  identity BLOB NOT NULL CHECK (length(identity) = 16),"
    "  group_name TEXT NOT NULL CHECK (length(group_name) BETWEEN 1 AND 64),"
    "  created_time INTEGER NOT NULL"
    ") STRICT;"
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
    "CREATE INDEX notify_log_by_order ON notify_log (order_id) WHERE status <> 'SUCCESS';"
    "CREATE VIEW orders AS SELECT biz_id AS order_id, status, amount, currency, refunded, version,"
    "  held_from, strftime('%Y-%m-%d %H:%M:%f', created_time / 1000.0, 'unixepoch') AS created,"
    "  strftime('%Y-%m-%d %H:%M:%f', updated_time / 1000.0, 'unixepoch') AS updated"
    "  FROM order_table;"
    "CREATE VIEW notifications AS SELECT biz_id, topic, order_id, status, version, reason,"
    "  undo_result, lower(hex(content_hash)) AS content_hash,"
    "  strftime('%Y-%m-%d %H:%M:%f', created_time / 1000.0, 'unixepoch') AS created,"
    "  strftime('%Y-%m-%d %H:%M:%f', updated_time / 1000.0, 'unixepoch') AS updated"
    "  FROM notify_log;";

err_t
order_sqlite_schema_fault(sqlite3 *db, int rc, const char *doing, struct why *why)
{
    err_t err;
    switch (rc & 0xff) { /* the low byte of an extended result code is the plain one */
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        err = ERR_CORRUPT;
        break;
    case SQLITE_FULL:
        err = ERR_FULL;
        break;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
        err = ERR_DENIED;
        break;
    default:
        err = ERR_IO;
        break;
    }
    /* The connection's sentence says more, where it speaks of the same fault. */
    const char *text = sqlite3_extended_errcode(db) == rc ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
    return why_set(why, err, "%s: %s (SQLite %d)", doing, text, rc);
}

static err_t
last_fault(sqlite3 *db, const char *doing, struct why *why)
{
    return order_sqlite_schema_fault(db, sqlite3_extended_errcode(db), doing, why);
}

static uint32_t
big_endian_u32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

/* The first 100 bytes are a fixed format: https://www.sqlite.org/fileformat.html */
static err_t
probe_header(const uint8_t *header, size_t size, const char *path, struct why *why)
{
    if (size < 100 || memcmp(header, "SQLite format 3", 16) != 0 ||
        big_endian_u32(header + 68) != ORDER_SQLITE_SCHEMA_APPLICATION_ID) {
        return why_set(why, ERR_CORRUPT, "%s: not an order database of Herald; left as it is",
                       path);
    }
    uint32_t version = big_endian_u32(header + 60);
    if (version > ORDER_SQLITE_SCHEMA_VERSION) {
        return why_set(why, ERR_UNSUPPORTED,
                       "%s: format %u, this program knows up to %d; left as it is", path, version,
                       ORDER_SQLITE_SCHEMA_VERSION);
    }
    return ERR_OK;
}

/* A short or interrupted read is not the end of the file. */
static ssize_t
read_start(int fd, uint8_t *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, to + done, size - done, (off_t)done);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return got < 0 ? got : (ssize_t)done;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)done;
}

err_t
order_sqlite_schema_probe(const char *path, struct why *why)
{
    char journal[PATH_MAX];
    int size = snprintf(journal, sizeof journal, "%s-journal", path);
    if (size < 0 || (size_t)size >= sizeof journal) {
        return why_set(why, ERR_INVALID, "database path is longer than %d bytes", PATH_MAX - 9);
    }
    if (access(journal, F_OK) == 0) {
        return ERR_OK; /* cut short between its pages: the header may be half of one */
    }
    /* Closed again before SQLite opens the file: closing later would drop SQLite's own locks. */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        int number = errno;
        err_t err = number == EACCES || number == EPERM || number == ELOOP || number == EROFS
                        ? ERR_DENIED
                        : ERR_IO;
        return why_set(why, err, "%s: %s", path, strerror(number));
    }
    uint8_t header[100];
    ssize_t got = read_start(fd, header, sizeof header);
    int number = errno;
    (void)close(fd); /* nothing was written */
    if (got < 0) {
        return why_set(why, ERR_IO, "%s: %s", path, strerror(number));
    }
    return got == 0 ? ERR_OK : probe_header(header, (size_t)got, path, why);
}

/* Insert or replace the one row of database_identity. */
static int
write_identity(sqlite3 *db, const char *sql, const char *group,
               const uint8_t identity[ORDER_SQLITE_SCHEMA_IDENTITY_BYTES])
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_blob(statement, 1, identity, ORDER_SQLITE_SCHEMA_IDENTITY_BYTES,
                                SQLITE_STATIC);
        (void)sqlite3_bind_int64(statement, 2, clock_unix_ms()); /* step reports a failed bind */
        if (group != NULL) {
            (void)sqlite3_bind_text(statement, 3, group, -1, SQLITE_STATIC);
        }
        rc = sqlite3_step(statement) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(db);
    }
    (void)sqlite3_finalize(statement); /* repeats the result of the step */
    return rc;
}

static err_t
create(sqlite3 *db, const char *group, struct why *why)
{
    uint8_t identity[ORDER_SQLITE_SCHEMA_IDENTITY_BYTES];
    randombytes_buf(identity, sizeof identity);
    char header[128];
    (void)snprintf(header, sizeof header, "PRAGMA application_id=%d; PRAGMA user_version=%d;",
                   ORDER_SQLITE_SCHEMA_APPLICATION_ID, ORDER_SQLITE_SCHEMA_VERSION); /* fits */
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, header, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, tables, NULL, NULL, NULL) != SQLITE_OK ||
        write_identity(db,
                       "INSERT INTO database_identity (id, identity, created_time, group_name)"
                       " VALUES (1, ?1, ?2, ?3)",
                       group, identity) != SQLITE_OK ||
        sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
        return last_fault(db, "creating the order database", why);
    }
    return ERR_OK;
}

static err_t
read_number(sqlite3 *db, const char *sql, int *number, struct why *why)
{
    sqlite3_stmt *statement = NULL;
    err_t err = ERR_OK;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        err = last_fault(db, "reading the order database", why);
    } else {
        *number = sqlite3_column_int(statement, 0);
    }
    (void)sqlite3_finalize(statement); /* repeats the result of the step */
    return err;
}

static err_t
check_format(sqlite3 *db, bool *is_empty, struct why *why)
{
    int application = 0;
    int version = 0;
    int things = 0;
    err_t err = read_number(db, "PRAGMA application_id", &application, why);
    if (err == ERR_OK) {
        err = read_number(db, "PRAGMA user_version", &version, why);
    }
    if (err == ERR_OK) {
        err = read_number(db, "SELECT count(*) FROM sqlite_schema", &things, why);
    }
    if (err != ERR_OK) {
        return err;
    }
    *is_empty = application == 0 && version == 0 && things == 0;
    if (!*is_empty && application != ORDER_SQLITE_SCHEMA_APPLICATION_ID) {
        return why_set(why, ERR_CORRUPT, "not an order database of Herald; left as it is");
    }
    if (!*is_empty && (version < 1 || version > ORDER_SQLITE_SCHEMA_VERSION)) {
        return why_set(why, ERR_UNSUPPORTED,
                       "order database of format %d, this program knows 1 to %d; left as it is",
                       version, ORDER_SQLITE_SCHEMA_VERSION);
    }
    return ERR_OK;
}

err_t
order_sqlite_schema_check(sqlite3 *db, const char *group,
                          uint8_t identity[ORDER_SQLITE_SCHEMA_IDENTITY_BYTES], struct why *why)
{
    bool is_empty = false;
    err_t err = check_format(db, &is_empty, why);
    if (err == ERR_OK && is_empty) {
        err = create(db, group, why);
    }
    if (err != ERR_OK) {
        return err;
    }
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT identity, group_name FROM database_identity", -1,
                                &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    if (rc == SQLITE_ROW &&
        sqlite3_column_bytes(statement, 0) == ORDER_SQLITE_SCHEMA_IDENTITY_BYTES) {
        memcpy(identity, sqlite3_column_blob(statement, 0), ORDER_SQLITE_SCHEMA_IDENTITY_BYTES);
        const char *owner = (const char *)sqlite3_column_text(statement, 1);
        if (owner == NULL || strcmp(owner, group) != 0) {
            err = why_set(why, ERR_CONFLICT, "order database of group %s, asked for as %s",
                          owner == NULL ? "(none)" : owner, group);
        }
    } else if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        err = why_set(why, ERR_CORRUPT, "order database without an identity");
    } else {
        err = last_fault(db, "reading the order database", why);
    }
    (void)sqlite3_finalize(statement); /* nothing was written */
    return err;
}

err_t
order_sqlite_schema_renew_identity(sqlite3 *db,
                                   uint8_t identity[ORDER_SQLITE_SCHEMA_IDENTITY_BYTES],
                                   struct why *why)
{
    randombytes_buf(identity, ORDER_SQLITE_SCHEMA_IDENTITY_BYTES);
    if (write_identity(db, "UPDATE database_identity SET identity = ?1, created_time = ?2", NULL,
                       identity) != SQLITE_OK) {
        return last_fault(db, "renewing the identity", why);
    }
    return ERR_OK;
}
