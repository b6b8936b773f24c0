/* Latencies: of a lone submit, and at a rate that is far from the limit. */
#include "ceiling.h"
#include "suite_private.h"

#include "base/mem.h"

#define ALONE_COUNT 8000U
#define RATE 20000U
#define RATE_SECONDS 5U

static const struct suite_row rows[] = {
    {"submit, window 1, p50", "us", 1.15, true},
    {"submit, window 1, p99", "us", 1.3, true},
    {"submit at 20,000/s, p99", "us", 1.5, true},
    {"end to end at 20,000/s, p99", "us", 1.5, true},
};

struct latencies {
    struct ceiling_figures ceiling;
    double submit_p50_us;
    double submit_p99_us;
    double end_p99_us;
};

static err_t
measure(suite_t *suite, struct ceiling_load *bare, struct latencies *latencies, struct why *why)
{
    bare->directory = suite_settings(suite)->directory;
    bare->payload_bytes = 256;
    bare->connections = 1;
    err_t rc = ceiling_pipeline(bare, &latencies->ceiling, why);
    bench_herald_t *herald = NULL;
    struct bench_figures *figures = mem_alloc(sizeof *figures);
    if (rc == ERR_OK) {
        rc = suite_herald(suite, NULL, &herald, why);
    }
    if (rc == ERR_OK) {
        struct bench_load load;
        suite_load(herald, &load);
        load.count = bare->count;
        load.window = bare->window;
        load.rate = bare->rate;
        rc = bench_run(&load, figures, why);
        latencies->submit_p50_us = bench_histogram_us(&figures->submit, 0.5);
        latencies->submit_p99_us = bench_histogram_us(&figures->submit, 0.99);
        latencies->end_p99_us = bench_histogram_us(&figures->end, 0.99);
    }
    bench_herald_stop(&herald);
    mem_free(figures);
    return rc;
}

err_t
suite_alone(suite_t *suite, struct why *why)
{
    bool quick = suite_settings(suite)->quick;
    struct ceiling_load bare = {
        .count = quick ? ALONE_COUNT / 10 : ALONE_COUNT,
        .window = 1,
        .batch = 1,
        .mode = CEILING_SINGLE,
    };
    struct latencies latencies = {{0}, 0, 0, 0};
    err_t rc = measure(suite, &bare, &latencies, why);
    if (rc == ERR_OK) {
        suite_note(suite, &rows[0], latencies.submit_p50_us, latencies.ceiling.submit_p50_us);
        suite_note(suite, &rows[1], latencies.submit_p99_us, latencies.ceiling.submit_p99_us);
    }
    return rc;
}

err_t
suite_open_loop(suite_t *suite, struct why *why)
{
    bool quick = suite_settings(suite)->quick;
    struct ceiling_load bare = {
        .count = quick ? RATE / 2 : RATE * RATE_SECONDS,
        .window = 16384,
        .batch = 1024,
        .natural = true,
        .rate = RATE,
        .mode = CEILING_BATCHED,
    };
    struct latencies latencies = {{0}, 0, 0, 0};
    err_t rc = measure(suite, &bare, &latencies, why);
    if (rc == ERR_OK) {
        suite_note(suite, &rows[2], latencies.submit_p99_us, latencies.ceiling.submit_p99_us);
        suite_note(suite, &rows[3], latencies.end_p99_us, latencies.ceiling.end_p99_us);
    }
    return rc;
}
