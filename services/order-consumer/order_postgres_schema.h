/*
 * The tables of an order database in PostgreSQL: those of SQLite (order_sqlite_schema.h), word for
 * word where the two agree. They are in the first schema of the connection's search_path.
 */
#ifndef HERALD_ORDER_POSTGRES_SCHEMA_H
#define HERALD_ORDER_POSTGRES_SCHEMA_H

#include "order_postgres_link.h"

#define ORDER_POSTGRES_SCHEMA_VERSION 1 /* database_identity.format */

/*
 * Check format and group and read the identity. Where there are no tables make them first, and
 * give the database a random identity, in one transaction; of several processes that do this at
 * once one does it and the others find it.
 *
 * ERR_CONFLICT     it belongs to another group; why names it
 * ERR_UNSUPPORTED  its format is newer
 * ERR_CORRUPT      the tables are another program's
 * ERR_DENIED       the role may not make tables
 * ERR_AGAIN        the connection was lost, or another process has the lock for too long
 */
err_t order_postgres_schema_check(order_postgres_link_t *link, const char *group,
                                  uint8_t identity[ORDER_STORE_IDENTITY_BYTES], struct why *why);

/* A new random identity, for a database that was restored or copied. Errors as above. */
err_t order_postgres_schema_renew_identity(order_postgres_link_t *link,
                                           uint8_t identity[ORDER_STORE_IDENTITY_BYTES],
                                           struct why *why);

#endif
