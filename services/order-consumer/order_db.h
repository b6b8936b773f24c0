/*
 * The order database: orders, and the log of notifications that changed them.
 *
 * Whatever a notification does to an order and its row in notify_log commit in one transaction, so
 * that a notification takes effect once however often it comes, and never when its key is fenced.
 * A batch shares one transaction and so one sync; an item that the database refuses is rolled back
 * alone. Behind it stands SQLite, one process a file, or PostgreSQL, which any number of processes
 * may share.
 *
 * One thread at a time; not across fork.
 */
#ifndef HERALD_ORDER_DB_H
#define HERALD_ORDER_DB_H

#include "order_answer.h"
#include "order_item.h"

#include "base/why.h"

#include <stddef.h>
#include <stdint.h>

#define ORDER_DB_IDENTITY_BYTES 16
#define ORDER_DB_BATCH_MAX LIMIT_FRAME_NOTIFICATIONS
#define ORDER_DB_TRIES 5 /* of a transaction that met another */

typedef struct order_db order_db_t;

struct order_db_options {
    const char *group;         /* the receiver group that the database serves */
    int busy_ms;               /* wait for others, and try again, up to this */
    const char *path;          /* SQLite: the file; made when missing, its directory is not */
    const char *url;           /* PostgreSQL: a connection string or URI; NULL or empty: SQLite */
    const char *password_file; /* PostgreSQL: holds the password; NULL or empty: none needed */
};

struct order_db_batch {
    const struct order_item *items; /* borrowed */
    struct order_answer *answers;   /* borrowed; one an item, in the same order */
    size_t count;                   /* at most ORDER_DB_BATCH_MAX */
    int64_t now_unix_ms;            /* stored as the time of what changes */
};

/* Whether order_db_open would take these, as far as can be told without the database: PostgreSQL's
 * connection string and password file. ERR_INVALID, ERR_DENIED; why. */
err_t order_db_check(const struct order_db_options *options, struct why *why);

/*
 * Open, or create. With SQLite: become the one process that writes it.
 *
 * ERR_LOCKED       SQLite: another process has it; why names its process id
 * ERR_CONFLICT     it is the database of another group
 * ERR_UNSUPPORTED  a newer format, a network file system, too old a server; untouched
 * ERR_CORRUPT      not an order database, or damaged; untouched
 * ERR_INVALID      PostgreSQL: the connection string, or a setting of the server that may lose what
 *                  was committed; why names it
 * ERR_AGAIN        PostgreSQL: no server can be reached now; try later
 * ERR_DENIED, ERR_FULL, ERR_IO  the system refused
 */
err_t order_db_open(order_db_t **self_p, const struct order_db_options *options, struct why *why);
void order_db_close(order_db_t **self_p);

/* ORDER_DB_IDENTITY_BYTES random bytes, made with the database; borrowed from it. */
const uint8_t *order_db_identity(const order_db_t *self);

/* Give a database that was copied or restored an identity of its own. */
err_t order_db_renew_identity(order_db_t *self, struct why *why);

/*
 * Apply the batch: DONE, DUPLICATE, RETRY, REJECT or FENCED an item, or DOWN for all of them when
 * the database is at fault and nothing was committed. All answers hold once this returns ERR_OK.
 *
 * ERR_FULL     the disk is full
 * ERR_IO       a sync failed
 * ERR_CORRUPT  the database is damaged
 * ERR_AGAIN    PostgreSQL: the server is away; every answer says DOWN and may be given, for what
 * was committed all the same is found under its key when it comes again
 *
 * others       of order_db_open: the connection was lost, and the server is not what it was
 *
 * After an error the object is of no use but to be closed, and after all but ERR_AGAIN nothing may
 * be answered: what was committed is unknown until the database has been opened again.
 */
err_t order_db_apply(order_db_t *self, const struct order_db_batch *batch, struct why *why);

/*
 * Fence the keys: FENCED an item, DONE where the effect is there, REJECT where the key was used
 * for other content, DOWN for all. Errors as above.
 */
err_t order_db_fence(order_db_t *self, const struct order_db_batch *batch, struct why *why);

/*
 * Fence the keys and put their orders ON_HOLD, once: UNDONE an item with what was done, the first
 * time and ever after; DONE, REJECT and DOWN as with a fence. Errors as above.
 */
err_t order_db_undo(order_db_t *self, const struct order_db_batch *batch, struct why *why);

#endif
