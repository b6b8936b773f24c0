/*
 * How fast the order database takes notifications, and how much of the speed of a bare loop over
 * the same SQL that is. Not a test: run by hand, `bench_order_db [notifications] [batch]`; with
 * HERALD_TEST_POSTGRES set to a connection string on that server (tests/support/postgres_server.py
 * starts one). Payments of orders that are there, keys in the order in which a provider counts.
 */
#include "order_fixture.h"

#include "tools/herald-bench/ceiling.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct notification {
    char biz_id[32];
    char payload[96];
};

static struct notification *
make_all(const char *kind, size_t count)
{
    struct notification *all = mem_array(count, sizeof *all);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(all[i].biz_id, sizeof all[i].biz_id, "%s-%012zu", kind, i);
        (void)snprintf(all[i].payload, sizeof all[i].payload,
                       "{\"order_id\":\"order-%012zu\",\"amount\":1099,\"currency\":\"USD\"}", i);
    }
    return all;
}

/* Of this process so far: on a busy machine it says more than the time that went by. */
static double
cpu_us(void)
{
    return (double)clock() * 1e6 / CLOCKS_PER_SEC;
}

struct load {
    const char *kind;
    const char *topic;
    size_t count;
    size_t batch;
};

static double
run(struct order_fixture *fixture, const struct load *load)
{
    struct notification *all = make_all(load->kind, load->count);
    struct order_item *items = mem_array(load->batch, sizeof *items);
    struct order_answer *answers = mem_array(load->batch, sizeof *answers);
    int64_t start_ns = clock_mono_ns();
    for (size_t done = 0; done < load->count; done += load->batch) {
        size_t size = load->count - done < load->batch ? load->count - done : load->batch;
        for (size_t i = 0; i < size; i++) {
            items[i] = order_fixture_item(all[done + i].biz_id, load->topic, all[done + i].payload);
        }
        struct order_db_batch batch = {
            .items = items, .answers = answers, .count = size, .now_unix_ms = clock_unix_ms()};
        struct why why;
        CHECK(order_db_apply(fixture->db, &batch, &why) == ERR_OK);
        for (size_t i = 0; i < size; i++) {
            CHECK(answers[i].outcome == ORDER_ANSWER_DONE);
        }
    }
    double seconds = (double)(clock_mono_ns() - start_ns) / 1e9;
    mem_free(items);
    mem_free(answers);
    mem_free(all);
    return (double)load->count / seconds;
}

int
main(int argc, char **argv)
{
    size_t count = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 200000;
    size_t batch = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 1000;
    CHECK(count > 0 && batch > 0 && batch <= ORDER_DB_BATCH_MAX);
    struct order_fixture fixture;
    order_fixture_init(&fixture);
    double bare = 0;
    struct why why;
    double start_us = cpu_us();
    if (!order_fixture_is_postgres()) {
        CHECK(ceiling_sqlite(fixture.dir, (uint32_t)batch, count, &bare, &why) == ERR_OK);
    }
    double bare_us = cpu_us() - start_us;
    order_fixture_open(&fixture);
    start_us = cpu_us();
    double creates = run(&fixture, &(struct load){"create", "order.created", count, batch});
    double payments = run(&fixture, &(struct load){"payment", "payment.succeeded", count, batch});
    double own_us = cpu_us() - start_us;
    order_fixture_fini(&fixture);
    (void)printf("notifications=%zu batch=%zu creates=%.0f/s payments=%.0f/s", count, batch,
                 creates, payments);
    if (bare > 0) {
        (void)printf(" bare=%.0f/s ratio=%.2f", bare, payments / bare);
        (void)printf(" cpu of both loads: %.1f us, bare %.1f us", own_us / (double)count,
                     bare_us / (double)count);
    } else {
        (void)printf(" cpu of both loads: %.1f us", own_us / (double)count);
    }
    (void)printf("\n");
    return 0;
}
