/*
 * The tables of the order database, and the checks before a file is believed to be one.
 */
#ifndef HERALD_ORDER_SQLITE_SCHEMA_H
#define HERALD_ORDER_SQLITE_SCHEMA_H

#include "base/why.h"

#include <sqlite3.h>
#include <stdint.h>

#define ORDER_SQLITE_SCHEMA_APPLICATION_ID 0x4872644f /* "HrdO", in the file's header */
#define ORDER_SQLITE_SCHEMA_VERSION 1                 /* user_version, in the file's header */
#define ORDER_SQLITE_SCHEMA_IDENTITY_BYTES 16

/*
 * Look at the file's first bytes without SQLite, which might already change something. A missing
 * file is made, empty and for its owner only. A file whose creation or change was cut short is for
 * SQLite to mend first; order_sqlite_schema_check looks again.
 *
 * ERR_UNSUPPORTED  written by a newer Herald; untouched
 * ERR_CORRUPT      not an order database; untouched
 * ERR_DENIED, ERR_IO  the system refused
 */
err_t order_sqlite_schema_probe(const char *path, struct why *why);

/*
 * Check version and group of an opened database and read its identity. In an empty one make tables
 * and views first, and give it a random identity, in one transaction.
 *
 * ERR_CONFLICT     it belongs to another group; why names it
 * ERR_UNSUPPORTED  its version, as the write-ahead log has it, is newer
 * ERR_CORRUPT      it is another program's, or has no identity
 * ERR_FULL, ERR_DENIED, ERR_IO  the system refused
 */
err_t order_sqlite_schema_check(sqlite3 *db, const char *group,
                                uint8_t identity[ORDER_SQLITE_SCHEMA_IDENTITY_BYTES],
                                struct why *why);

/* A new random identity, for a database that was restored or copied. */
err_t order_sqlite_schema_renew_identity(sqlite3 *db,
                                         uint8_t identity[ORDER_SQLITE_SCHEMA_IDENTITY_BYTES],
                                         struct why *why);

/* The error that an SQLite result code stands for, with the library's sentence. */
err_t order_sqlite_schema_fault(sqlite3 *db, int rc, const char *doing, struct why *why);

#endif
