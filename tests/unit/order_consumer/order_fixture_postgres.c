#include "order_fixture_private.h"

#include "base/check.h"

#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static PGconn *
outside(const char *url)
{
    PGconn *conn = PQconnectdb(url);
    if (PQstatus(conn) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s\n", PQerrorMessage(conn));
    }
    CHECK(PQstatus(conn) == CONNECTION_OK);
    return conn;
}

/* One connection of this process for all that is asked from outside: to make one takes the server
 * twenty times as long as to answer. */
static struct {
    PGconn *conn;
    pid_t pid;
    char url[sizeof((struct order_fixture *)0)->url];
} asking;

static void
stop_asking(void)
{
    if (asking.pid == getpid()) { /* not the one of the process that this one was forked from */
        PQfinish(asking.conn);
    }
    asking.conn = NULL;
}

static PGresult *
ask(const struct order_fixture *self, const char *sql)
{
    if (asking.conn != NULL && (asking.pid != getpid() || strcmp(asking.url, self->url) != 0)) {
        stop_asking();
    }
    PGresult *result = asking.conn == NULL ? NULL : PQexec(asking.conn, sql);
    if (asking.conn == NULL ||
        PQstatus(asking.conn) != CONNECTION_OK) { /* the server was restarted */
        PQclear(result);
        if (asking.conn != NULL) {
            stop_asking();
        }
        asking.conn = outside(self->url);
        asking.pid = getpid();
        memcpy(asking.url, self->url, sizeof asking.url);
        result = PQexec(asking.conn, sql);
    }
    return result;
}

static void
execute(const char *url, const char *before, const char *schema, const char *after)
{
    char sql[160];
    (void)snprintf(sql, sizeof sql, "%s %s %s", before, schema, after);
    PGconn *conn = outside(url);
    PGresult *result = PQexec(conn, sql);
    CHECK(PQresultStatus(result) == PGRES_COMMAND_OK);
    PQclear(result);
    PQfinish(conn);
}

void
order_fixture_postgres_init(struct order_fixture *self)
{
    const char *server = getenv("HERALD_TEST_POSTGRES");
    if (server[0] == '\0') {
        cr_skip_test("there is no PostgreSQL server here");
    }
    static int count;
    (void)snprintf(self->schema, sizeof self->schema, "t%ld_%d", (long)getpid(), count++);
    execute(server, "CREATE SCHEMA", self->schema, "");
    (void)snprintf(self->url, sizeof self->url,
                   "%s options='-csearch_path=%s -cclient_min_messages=warning'", server,
                   self->schema);
}

void
order_fixture_postgres_fini(struct order_fixture *self)
{
    if (self->url[0] != '\0') {
        if (asking.conn != NULL) {
            stop_asking();
        }
        execute(getenv("HERALD_TEST_POSTGRES"), "SET client_min_messages = warning; DROP SCHEMA",
                self->schema, "CASCADE");
    }
}

bool
order_fixture_postgres_text(const struct order_fixture *self, const char *sql, char *text,
                            size_t size)
{
    PGresult *result = ask(self, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        (void)fprintf(stderr, "%s: %s\n", sql, PQresultErrorMessage(result));
    }
    CHECK(PQresultStatus(result) == PGRES_TUPLES_OK);
    bool found = PQntuples(result) > 0 && PQgetisnull(result, 0, 0) == 0;
    if (found) {
        (void)snprintf(text, size, "%s", PQgetvalue(result, 0, 0));
    }
    PQclear(result);
    return found;
}

enum order_fixture_result
order_fixture_postgres_execute(const struct order_fixture *self, const char *sql)
{
    PGresult *result = ask(self, sql);
    ExecStatusType status = PQresultStatus(result);
    enum order_fixture_result done = ORDER_FIXTURE_DONE;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        bool refused =
            state != NULL && (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0);
        done = refused ? ORDER_FIXTURE_REFUSED : ORDER_FIXTURE_FAILED;
        if (!refused) {
            (void)fprintf(stderr, "%s: %s\n", sql, PQresultErrorMessage(result));
        }
    }
    PQclear(result);
    return done;
}
