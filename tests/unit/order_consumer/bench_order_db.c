/*
 * How fast the order database takes notifications, and how much of the speed of a bare loop over
 * the same SQL that is. Not a test: run by hand, `bench_order_db [notifications] [batch]`. Half of
 * them create orders, half pay them; keys come in the order in which a provider counts.
 */
#include "order_fixture.h"
#include "order_schema.h"
#include "order_store.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

struct notification {
    char biz_id[32];
    char order_id[32];
    char payload[96];
};

static struct notification *
make_all(size_t count)
{
    struct notification *all = mem_array(count, sizeof *all);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(all[i].biz_id, sizeof all[i].biz_id, "evt-2026-%012zu", i);
        (void)snprintf(all[i].order_id, sizeof all[i].order_id, "order-%012zu", i / 2);
        (void)snprintf(all[i].payload, sizeof all[i].payload,
                       "{\"order_id\":\"%s\",\"amount\":1099,\"currency\":\"USD\"}",
                       all[i].order_id);
    }
    return all;
}

static const char *
topic_of(size_t i)
{
    return i % 2 == 0 ? "order.created" : "payment.succeeded";
}

static double
run_database(const struct notification *all, size_t count, size_t batch_size)
{
    struct order_fixture fixture;
    order_fixture_init(&fixture);
    order_fixture_open(&fixture);
    struct order_item *items = mem_array(batch_size, sizeof *items);
    struct order_answer *answers = mem_array(batch_size, sizeof *answers);
    int64_t start_ns = clock_mono_ns();
    for (size_t done = 0; done < count; done += batch_size) {
        size_t size = count - done < batch_size ? count - done : batch_size;
        for (size_t i = 0; i < size; i++) {
            const struct notification *n = &all[done + i];
            items[i] = order_fixture_item(n->biz_id, topic_of(done + i), n->payload);
        }
        struct order_db_batch batch = {
            .items = items, .answers = answers, .count = size, .now_unix_ms = clock_unix_ms()};
        struct why why;
        CHECK(order_db_apply(fixture.db, &batch, &why) == ERR_OK);
        for (size_t i = 0; i < size; i++) {
            CHECK(answers[i].outcome == ORDER_ANSWER_DONE);
        }
    }
    double seconds = (double)(clock_mono_ns() - start_ns) / 1e9;
    order_fixture_fini(&fixture);
    mem_free(items);
    mem_free(answers);
    return (double)count / seconds;
}

/* The statements that the database runs for such a notification, and nothing else. */
static void
run_bare_item(struct order_store *store, const struct notification *n, size_t i)
{
    struct order_rules_order order;
    struct order_item item = order_fixture_item(n->biz_id, topic_of(i), n->payload);
    struct order_store_log_row row = {.item = &item,
                                      .order_id = n->order_id,
                                      .reason = "",
                                      .status = ORDER_STORE_LOG_SUCCESS,
                                      .now_unix_ms = 1700000000000};
    bool written = false;
    CHECK(order_store_run(store, ORDER_STORE_SAVEPOINT) == SQLITE_OK);
    CHECK(order_store_read_order(store, n->order_id, &order) == SQLITE_OK);
    CHECK(order_store_write_log(store, &row, &written) == SQLITE_OK && written);
    order.amount = 1099;
    order.currency[0] = order.currency[1] = order.currency[2] = 'A';
    if (i % 2 == 0) {
        order.status = ORDER_STATUS_CREATED;
        CHECK(order_store_insert_order(store, n->order_id, &order, row.now_unix_ms) == SQLITE_OK);
    } else {
        order.status = ORDER_STATUS_PAID;
        CHECK(order_store_update_order(store, n->order_id, &order, row.now_unix_ms) == SQLITE_OK);
    }
    CHECK(order_store_run(store, ORDER_STORE_RELEASE) == SQLITE_OK);
}

static double
run_bare(const struct notification *all, size_t count, size_t batch_size)
{
    struct order_fixture fixture;
    order_fixture_init(&fixture);
    order_fixture_open(&fixture); /* makes the tables */
    order_db_close(&fixture.db);
    sqlite3 *db = NULL;
    struct order_store store;
    struct why why;
    CHECK(sqlite3_open_v2(fixture.path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
          SQLITE_OK);
    CHECK(sqlite3_exec(db,
                       "PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;"
                       "PRAGMA wal_autocheckpoint=4000",
                       NULL, NULL, NULL) == SQLITE_OK);
    CHECK(order_store_open(&store, db, &why) == ERR_OK);
    int64_t start_ns = clock_mono_ns();
    for (size_t i = 0; i < count; i++) {
        if (i % batch_size == 0) {
            CHECK(order_store_run(&store, ORDER_STORE_BEGIN) == SQLITE_OK);
        }
        run_bare_item(&store, &all[i], i);
        if (i % batch_size == batch_size - 1 || i + 1 == count) {
            CHECK(order_store_run(&store, ORDER_STORE_COMMIT) == SQLITE_OK);
        }
    }
    double seconds = (double)(clock_mono_ns() - start_ns) / 1e9;
    order_store_close(&store);
    CHECK(sqlite3_close(db) == SQLITE_OK);
    order_fixture_fini(&fixture);
    return (double)count / seconds;
}

int
main(int argc, char **argv)
{
    size_t count = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 200000;
    size_t batch_size = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 1000;
    CHECK(count > 0 && batch_size > 0);
    struct notification *all = make_all(count);
    double bare = run_bare(all, count, batch_size);
    double database = run_database(all, count, batch_size);
    (void)printf("notifications=%zu batch=%zu bare=%.0f/s order_db=%.0f/s ratio=%.2f\n", count,
                 batch_size, bare, database, database / bare);
    mem_free(all);
    return 0;
}
