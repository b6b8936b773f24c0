/*
 * The real order consumer on SQLite behind Herald, beside a bare loop of the same SQL. Orders are
 * made first; what is timed is that they are paid, from the first submit to the last commit.
 */
#include "bench_place.h"
#include "ceiling.h"
#include "suite_private.h"

#include "base/clock.h"
#include "client/herald_client.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ROWS 100000U
#define ROWS_QUICK 3000U
#define BARE_BATCH 1000U
#define WINDOW 4096U
#define PATIENCE_MS 60000

static const struct suite_row row = {"order consumer on SQLite", "/s", 0.7, false};

struct submitter {
    herald_client_t *client;
    uint64_t refused;
};

static void
answered(void *context, uint64_t tag, const struct herald_client_result *result)
{
    struct submitter *self = context;
    (void)tag; /* all are alike */
    self->refused += result->status != HERALD_CLIENT_ACCEPTED;
}

static err_t
submit_one(struct submitter *self, const char *topic, uint64_t number, struct why *why)
{
    bool creates = strcmp(topic, "order.created") == 0;
    char biz_id[40];
    char payload[96];
    (void)snprintf(biz_id, sizeof biz_id, "%s-%012llu", creates ? "create" : "payment",
                   (unsigned long long)number); /* fits, as below */
    int size = snprintf(payload, sizeof payload,
                        "{\"order_id\":\"order-%012llu\",\"amount\":1099,\"currency\":\"USD\"}",
                        (unsigned long long)number);
    struct herald_client_notification notification = {
        .topic = topic,
        .biz_id = biz_id,
        .payload = payload,
        .payload_size = (size_t)size,
        .version = creates ? 1 : 2,
    };
    return herald_client_submit_async(self->client, &notification, number, why);
}

static err_t
submit_all(const bench_herald_t *herald, const char *topic, uint64_t count, struct why *why)
{
    struct submitter self = {.client = NULL};
    struct herald_client_options options = {
        .producer = bench_herald_front(herald),
        .name = "herald-bench",
        .timeout_ms = PATIENCE_MS,
        .sends = 1,
        .window = WINDOW,
        .context = &self,
        .submitted = answered,
    };
    err_t rc = herald_client_new(&self.client, &options, why);
    uint64_t sent = 0;
    while (rc == ERR_OK && (sent < count || herald_client_pending(self.client) > 0)) {
        while (rc == ERR_OK && sent < count && herald_client_pending(self.client) < WINDOW) {
            rc = submit_one(&self, topic, sent, why);
            sent += rc == ERR_OK;
        }
        rc = rc == ERR_FULL ? ERR_OK : rc; /* it waits for an answer */
        (void)herald_client_step(self.client, 100);
    }
    herald_client_destroy(&self.client);
    return rc == ERR_OK && self.refused > 0
               ? why_set(why, ERR_INVALID, "%llu notifications were not accepted",
                         (unsigned long long)self.refused)
               : rc;
}

/* A number from the consumer's database; -1: it has none, or is not to be read now. */
static int64_t
look(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        number = sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_finalize(statement); /* repeats the result of the step */
    return number;
}

/* Rows are never taken away, so the newest one's number is their count. */
static err_t
wait_rows(sqlite3 *db, uint64_t count, struct why *why)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    int64_t limit_ms = clock_mono_ms() + PATIENCE_MS;
    while (look(db, "SELECT max(id) FROM notify_log") < (int64_t)count) {
        if (clock_mono_ms() > limit_ms) {
            return why_set(why, ERR_TIMEOUT, "the order consumer has not applied %llu in time",
                           (unsigned long long)count);
        }
        (void)nanosleep(&pause, NULL); /* woken early is as good */
    }
    return ERR_OK;
}

static err_t
pay_orders(const bench_herald_t *herald, uint64_t count, double *per_second, struct why *why)
{
    char path[BENCH_PLACE_BYTES + 16];
    sqlite3 *db = NULL;
    (void)snprintf(path, sizeof path, "%s/orders.db", bench_herald_data(herald)); /* fits */
    err_t rc = submit_all(herald, "order.created", count, why);
    if (rc == ERR_OK && (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
                         sqlite3_busy_timeout(db, 1000) != SQLITE_OK)) {
        rc = why_set(why, ERR_IO, "%s: %s", path, sqlite3_errmsg(db));
    }
    rc = rc == ERR_OK ? wait_rows(db, count, why) : rc;
    int64_t start_ns = clock_mono_ns();
    rc = rc == ERR_OK ? submit_all(herald, "payment.succeeded", count, why) : rc;
    rc = rc == ERR_OK ? wait_rows(db, 2 * count, why) : rc;
    *per_second = (double)count * 1e9 / (double)(clock_mono_ns() - start_ns);
    if (rc == ERR_OK &&
        look(db, "SELECT count(*) FROM order_table WHERE status = 'PAID'") != (int64_t)count) {
        rc = why_set(why, ERR_INVALID, "not all orders are paid");
    }
    (void)sqlite3_close(db); /* it was only read */
    return rc;
}

static err_t
measure_bare(const suite_t *suite, uint64_t rows, double *per_second, struct why *why)
{
    char directory[BENCH_PLACE_BYTES];
    err_t rc = bench_place_make(suite_settings(suite)->directory, directory, why);
    if (rc == ERR_OK) {
        rc = ceiling_sqlite(directory, BARE_BATCH, rows, per_second, why);
        bench_place_remove(directory);
    }
    return rc;
}

err_t
suite_orders(suite_t *suite, struct why *why)
{
    uint64_t rows = suite_settings(suite)->quick ? ROWS_QUICK : ROWS;
    struct bench_herald_options options = {.directory = suite_settings(suite)->directory,
                                           .order_consumer = true};
    bench_herald_t *herald = NULL;
    double bare = 0;
    double real = 0;
    err_t rc = measure_bare(suite, rows, &bare, why);
    if (rc == ERR_OK) {
        rc = bench_herald_start(&herald, &options, why);
    }
    if (rc == ERR_OK) {
        rc = pay_orders(herald, rows, &real, why);
    }
    bench_herald_stop(&herald);
    if (rc == ERR_OK) {
        suite_note(suite, &row, real, bare);
    }
    return rc;
}
