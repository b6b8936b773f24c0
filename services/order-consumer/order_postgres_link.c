#include "order_postgres_link.h"

#include "order_postgres_password.h"
#include "order_postgres_state.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVER_VERSION_MIN 120000

struct queued {
    int64_t rows;
    PGresult **keep;
};

struct order_postgres_link {
    PGconn *conn;          /* owned */
    struct queued *queued; /* owned */
    size_t queued_count;
    size_t queued_size;
    bool lost;
};

/* Our limits hold whatever the connection string says; what stands before may be set there. */
static const char session[] = "SET statement_timeout = 5000;"
                              "SET lock_timeout = 2000;"
                              "SET idle_in_transaction_session_timeout = 10000;"
                              "SET client_min_messages = warning;"
                              "SET default_transaction_isolation = 'read committed';"
                              "SET default_transaction_read_only = off;"
                              "SET bytea_output = hex;"
                              /* A batch of keys against a table of any size: by its index, and
                               * never by a plan that was made while the table was empty. */
                              "SET plan_cache_mode = force_generic_plan;"
                              "SET enable_seqscan = off;"
                              "SET enable_hashjoin = off;"
                              "SET enable_mergejoin = off;"
                              "SET jit = off;";

/* What must be on for a commit to survive a power loss. */
static const struct {
    const char *name;
    const char *wanted;
    const char *also; /* as good, or NULL */
} durable[] = {
    {"fsync", "on", NULL},
    {"full_page_writes", "on", NULL},
    {"synchronous_commit", "on", "remote_apply"},
    {"data_sync_retry", "off", NULL},
    {"server_encoding", "UTF8", NULL},
};

/* libpq's sentences end with a newline, and some have several lines. */
static err_t
say(struct why *why, err_t err, const char *text)
{
    char line[WHY_TEXT_SIZE];
    size_t used = 0;
    for (; *text != '\0' && used < sizeof line - 1; text++) {
        line[used++] = *text == '\n' || *text == '\t' ? ' ' : *text;
    }
    while (used > 0 && line[used - 1] == ' ') {
        used--;
    }
    line[used] = '\0';
    return why_set(why, err, "PostgreSQL: %s", line);
}

err_t
order_postgres_link_check(const char *url, struct why *why)
{
    char *fault = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &fault);
    if (options == NULL) {
        /* Its own sentence may quote what it could not read, and that may be a password. */
        PQfreemem(fault);
        return why_set(why, ERR_INVALID,
                       "database/url: not a connection string or URI of PostgreSQL");
    }
    bool has_password = false;
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        has_password = has_password || (option->val != NULL && option->dispchar[0] == '*');
    }
    PQconninfoFree(options);
    return has_password ? why_set(why, ERR_INVALID,
                                  "database/url: a password does not belong there; use "
                                  "database/password_file, or PGPASSWORD in the environment")
                        : ERR_OK;
}

/* False: the deadline has passed, or the system refuses. */
static bool
wait_for(PGconn *conn, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left_ms = deadline_ms - clock_mono_ms();
        if (left_ms <= 0) {
            return false;
        }
        struct pollfd fd = {.fd = PQsocket(conn), .events = events};
        int ready = poll(&fd, 1, (int)left_ms);
        if (ready > 0 || (ready < 0 && errno != EINTR)) {
            return ready > 0;
        }
    }
}

static err_t
connect_to(order_postgres_link_t *self, const char *url, const char *password, struct why *why)
{
    const char *const keywords[] = {"application_name",
                                    "dbname",
                                    "keepalives",
                                    "keepalives_idle",
                                    "keepalives_interval",
                                    "keepalives_count",
                                    "tcp_user_timeout",
                                    "client_encoding",
                                    password == NULL ? NULL : "password",
                                    NULL};
    const char *const values[] = {
        "herald-order-consumer", url, "1", "30", "10", "3", "15000", "UTF8", password, NULL};
    int64_t deadline_ms = clock_mono_ms() + ORDER_POSTGRES_LINK_CONNECT_MS;
    self->conn = PQconnectStartParams(keywords, values, 1);
    CHECK(self->conn != NULL); /* out of memory */
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (PQstatus(self->conn) != CONNECTION_BAD && state != PGRES_POLLING_OK &&
           state != PGRES_POLLING_FAILED) {
        if (!wait_for(self->conn, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms)) {
            return why_set(why, ERR_AGAIN, "PostgreSQL: no connection within %d ms",
                           ORDER_POSTGRES_LINK_CONNECT_MS);
        }
        state = PQconnectPoll(self->conn);
    }
    return PQstatus(self->conn) == CONNECTION_OK ? ERR_OK
                                                 : say(why, ERR_AGAIN, PQerrorMessage(self->conn));
}

static void
drop_notice(void *context, const char *message)
{
    (void)context; /* what matters is an error */
    (void)message;
}

static err_t
start_session(order_postgres_link_t *self, struct why *why)
{
    if (PQserverVersion(self->conn) < SERVER_VERSION_MIN) {
        return why_set(why, ERR_UNSUPPORTED, "PostgreSQL %d: at least 12 is needed",
                       PQserverVersion(self->conn) / 10000);
    }
    (void)PQsetNoticeProcessor(self->conn, drop_notice, NULL); /* returns the old one */
    if (PQsetnonblocking(self->conn, 1) != 0 || PQenterPipelineMode(self->conn) != 1) {
        return say(why, ERR_AGAIN, PQerrorMessage(self->conn));
    }
    const char *next = session;
    while (*next != '\0') { /* one statement at a time: a pipeline takes no more */
        char statement[96];
        int size = (int)strcspn(next, ";");
        CHECK(size > 0 && (size_t)size < sizeof statement);
        (void)snprintf(statement, sizeof statement, "%.*s", size, next); /* fits */
        order_postgres_link_queue(
            self, &(struct order_postgres_link_query){.text = statement, .rows = -1});
        next += size + 1;
    }
    PGresult *shown[sizeof durable / sizeof durable[0]] = {0};
    size_t count = sizeof durable / sizeof durable[0];
    for (size_t i = 0; i < count; i++) {
        char statement[64];
        (void)snprintf(statement, sizeof statement, "SHOW %s", durable[i].name); /* fits */
        order_postgres_link_queue(self, &(struct order_postgres_link_query){
                                            .text = statement, .rows = -1, .keep = &shown[i]});
    }
    if (order_postgres_link_collect(self, why) != ORDER_STORE_OK) {
        return ERR_AGAIN;
    }
    err_t err = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        const char *value = PQgetvalue(shown[i], 0, 0);
        if (err == ERR_OK && strcmp(value, durable[i].wanted) != 0 &&
            (durable[i].also == NULL || strcmp(value, durable[i].also) != 0)) {
            err = why_set(why, ERR_INVALID, "PostgreSQL: %s is %s, it must be %s: %s",
                          durable[i].name, value, durable[i].wanted,
                          i + 1 == count ? "a notification may hold any character"
                                         : "else what was committed may be lost");
        }
        PQclear(shown[i]);
    }
    return err;
}

err_t
order_postgres_link_open(order_postgres_link_t **self_p, const char *url, const char *password_file,
                         struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    char *password = NULL;
    err_t err = order_postgres_password_read(password_file, &password, why);
    if (err != ERR_OK) {
        return err;
    }
    order_postgres_link_t *self = mem_zeroed(sizeof *self);
    err = connect_to(self, url, password, why);
    order_postgres_password_forget(&password);
    if (err == ERR_OK) {
        err = start_session(self, why);
    }
    if (err != ERR_OK) {
        order_postgres_link_close(&self);
        return err;
    }
    *self_p = self;
    return ERR_OK;
}

void
order_postgres_link_close(order_postgres_link_t **self_p)
{
    order_postgres_link_t *self = *self_p;
    if (self != NULL) {
        PQfinish(self->conn);
        mem_free(self->queued);
        mem_free(self);
        *self_p = NULL;
    }
}

void
order_postgres_link_queue(order_postgres_link_t *self,
                          const struct order_postgres_link_query *query)
{
    if (self->queued_count == self->queued_size) {
        self->queued_size = self->queued_size == 0 ? 32 : 2 * self->queued_size;
        self->queued = mem_resize(self->queued, self->queued_size * sizeof *self->queued);
    }
    self->queued[self->queued_count++] = (struct queued){query->rows, query->keep};
    static const int binary[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    CHECK(query->count <= 16);
    int sent;
    if (self->lost) {
        return;
    }
    if (query->name == NULL) {
        sent = PQsendQueryParams(self->conn, query->text, query->count, query->types, query->values,
                                 query->sizes, binary, 1);
    } else if (query->text != NULL) {
        sent = PQsendPrepare(self->conn, query->name, query->text, query->count, query->types);
    } else {
        sent = PQsendQueryPrepared(self->conn, query->name, query->count, query->values,
                                   query->sizes, binary, 1);
    }
    self->lost = sent != 1; /* collect says so */
}

/* What a result says. */
static enum order_store_result
judge(const PGresult *result, const struct queued *queued, struct why *why)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        const char *changed = PQcmdTuples((PGresult *)(uintptr_t)result);
        if (queued->rows < 0 || strtoll(changed, NULL, 10) == queued->rows) {
            return ORDER_STORE_OK;
        }
        (void)why_set(why, ERR_OK, "PostgreSQL: another transaction came first"); /* no error */
        return ORDER_STORE_AGAIN;
    }
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    (void)why_set(why, ERR_OK, "%s", message == NULL ? "no answer" : message); /* our result says */
    return state == NULL ? ORDER_STORE_LOST : order_postgres_state_class(state);
}

/* The next result, NULL between two statements; false: the connection is lost. */
static bool
next_result(order_postgres_link_t *self, int64_t deadline_ms, PGresult **result)
{
    while (PQisBusy(self->conn) != 0) {
        int unsent = PQflush(self->conn);
        if (unsent < 0 ||
            !wait_for(self->conn, (short)(POLLIN | (unsent == 1 ? POLLOUT : 0)), deadline_ms) ||
            PQconsumeInput(self->conn) != 1) {
            return false;
        }
    }
    *result = PQgetResult(self->conn);
    return true;
}

/* One statement's result: it, and the NULL behind it. */
static enum order_store_result
collect_one(order_postgres_link_t *self, const struct queued *queued, int64_t deadline_ms,
            struct why *why)
{
    PGresult *result = NULL;
    if (!next_result(self, deadline_ms, &result) || result == NULL) {
        return ORDER_STORE_LOST;
    }
    enum order_store_result judged = ORDER_STORE_OK;
    if (PQresultStatus(result) != PGRES_PIPELINE_ABORTED) { /* that follows a fault, which counts */
        judged = judge(result, queued, why);
    }
    if (queued->keep != NULL && judged == ORDER_STORE_OK) {
        *queued->keep = result;
    } else {
        PQclear(result);
    }
    PGresult *end = NULL;
    if (judged != ORDER_STORE_LOST && !next_result(self, deadline_ms, &end)) {
        return ORDER_STORE_LOST;
    }
    CHECK(end == NULL); /* we ask for whole results */
    return judged;
}

static enum order_store_result
collect_all(order_postgres_link_t *self, struct why *why)
{
    int64_t deadline_ms = clock_mono_ms() + ORDER_POSTGRES_LINK_REPLY_MS;
    enum order_store_result first = ORDER_STORE_OK;
    (void)why_set(why, ERR_OK, "PostgreSQL: no answer within %d ms, or the connection was lost",
                  ORDER_POSTGRES_LINK_REPLY_MS); /* in case; replaced by what is known better */
    if (self->lost || PQpipelineSync(self->conn) != 1) {
        return ORDER_STORE_LOST;
    }
    for (size_t i = 0; i < self->queued_count; i++) {
        struct why another;
        enum order_store_result result = collect_one(self, &self->queued[i], deadline_ms,
                                                     first == ORDER_STORE_OK ? why : &another);
        if (result == ORDER_STORE_LOST) {
            return result;
        }
        first = first == ORDER_STORE_OK ? result : first;
    }
    PGresult *sync = NULL;
    if (!next_result(self, deadline_ms, &sync) || sync == NULL) {
        return ORDER_STORE_LOST;
    }
    CHECK(PQresultStatus(sync) == PGRES_PIPELINE_SYNC);
    PQclear(sync);
    return first;
}

enum order_store_result
order_postgres_link_collect(order_postgres_link_t *self, struct why *why)
{
    enum order_store_result result = collect_all(self, why);
    for (size_t i = 0; result != ORDER_STORE_OK && i < self->queued_count; i++) {
        PGresult **keep = self->queued[i].keep;
        if (keep != NULL) {
            PQclear(*keep);
            *keep = NULL;
        }
    }
    self->queued_count = 0;
    self->lost = self->lost || result == ORDER_STORE_LOST;
    return result;
}

enum order_store_result
order_postgres_link_run(order_postgres_link_t *self, const char *text, PGresult **keep,
                        struct why *why)
{
    order_postgres_link_queue(
        self, &(struct order_postgres_link_query){.text = text, .rows = -1, .keep = keep});
    return order_postgres_link_collect(self, why);
}
