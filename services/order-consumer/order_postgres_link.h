/*
 * A connection to PostgreSQL in pipeline mode: statements are queued and go out together, and one
 * wait collects what became of all of them. It never waits for longer than it says: a server that
 * is stopped, or a cable that was cut, is a lost connection.
 */
#ifndef HERALD_ORDER_POSTGRES_LINK_H
#define HERALD_ORDER_POSTGRES_LINK_H

#include "order_store.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#define ORDER_POSTGRES_LINK_CONNECT_MS 3000
#define ORDER_POSTGRES_LINK_REPLY_MS 6000 /* above the server's statement_timeout */

typedef struct order_postgres_link order_postgres_link_t;

/*
 * Why a connection string cannot be used: it does not parse, or holds a password, which would show
 * wherever settings are shown. ERR_INVALID.
 */
err_t order_postgres_link_check(const char *url, struct why *why);

/*
 * Connect, see that the server keeps what it commits, and set the session's limits.
 *
 * ERR_AGAIN        no server to be reached, or it does not let us in; why has its sentence
 * ERR_INVALID      a setting of the server may lose what was committed, or its encoding is not UTF8
 * ERR_UNSUPPORTED  it is older than PostgreSQL 12
 * ERR_DENIED, ERR_IO  the password file
 */
err_t order_postgres_link_open(order_postgres_link_t **self_p, const char *url,
                               const char *password_file, struct why *why);
void order_postgres_link_close(order_postgres_link_t **self_p);

/* What is queued: a prepared statement by its name, or a text with the same parameters. */
struct order_postgres_link_query {
    const char *name; /* NULL: text */
    const char *text; /* with both: prepare it under the name, and do not run it */
    int count;        /* of parameters */
    const Oid *types;
    const char *const *values; /* binary */
    const int *sizes;
    int64_t rows;    /* that it must change, else it met another transaction; -1: any number */
    PGresult **keep; /* where its result goes, to be cleared by the caller; NULL: nowhere */
};

void order_postgres_link_queue(order_postgres_link_t *self,
                               const struct order_postgres_link_query *query);

/*
 * Send what is queued, wait, and empty the queue. The first fault decides. OK: every result that
 * was to be kept is there; else none is.
 */
enum order_store_result order_postgres_link_collect(order_postgres_link_t *self, struct why *why);

/* A text without parameters, alone. */
enum order_store_result order_postgres_link_run(order_postgres_link_t *self, const char *text,
                                                PGresult **keep, struct why *why);

#endif
