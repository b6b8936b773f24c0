/*
 * Submit, durable, delivered, acknowledged: Herald beside the bare pipeline at the same point, with
 * the fastest way of batching that the bare pipeline has there.
 */
#include "bench_herald.h"
#include "bench_load.h"
#include "ceiling.h"
#include "suite_private.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define TARGET_POINT 0.45

struct point {
    struct suite_row row;
    uint32_t payload_bytes;
    uint32_t window;
    uint32_t connections;
    uint32_t sync_delay_ms;
    double share;                /* of the suite's count */
    const struct suite_row *cpu; /* NULL: its processor time has no row */
    bool curve;                  /* over TCP with CURVE */
    struct ceiling_load load;    /* tuned when it was measured first */
};

static const struct suite_row cpu_row = {"CPU of the producer, window 1024, 256 B", "s/100,000", 3,
                                         true};

/* Each share is such that the bare pipeline writes more than the segment of 64 MiB that it begins
 * with, and so pays for at least one more; that is why small payloads have more. */
static struct point points[] = {
    {
        .row = {"end to end, window 1024, 256 B", "/s", 0.5, false},
        .payload_bytes = 256,
        .window = 1024,
        .connections = 1,
        .share = 1,
        .cpu = &cpu_row,
    },
    {
        .row = {"end to end, every sync 2 ms slower", "/s", 0.8, false},
        .payload_bytes = 256,
        .window = 1024,
        .connections = 1,
        .share = 0.4,
        .sync_delay_ms = 2,
    },
    {
        .row = {"end to end, 64 B", "/s", TARGET_POINT, false},
        .payload_bytes = 64,
        .window = 1024,
        .connections = 1,
        .share = 4,
    },
    {
        .row = {"end to end, window 16", "/s", TARGET_POINT, false},
        .payload_bytes = 256,
        .window = 16,
        .connections = 1,
        .share = 0.3,
    },
    {
        .row = {"end to end, window 128", "/s", TARGET_POINT, false},
        .payload_bytes = 256,
        .window = 128,
        .connections = 1,
        .share = 0.5,
    },
    {
        .row = {"end to end, 4 KiB", "/s", TARGET_POINT, false},
        .payload_bytes = 4096,
        .window = 1024,
        .connections = 1,
        .share = 0.125,
    },
    {
        .row = {"end to end, 9 KiB", "/s", TARGET_POINT, false},
        .payload_bytes = 9216,
        .window = 1024,
        .connections = 1,
        .share = 0.0625,
    },
    {
        .row = {"end to end, 8 connections", "/s", TARGET_POINT, false},
        .payload_bytes = 256,
        .window = 1024,
        .connections = 8,
        .share = 1,
    },
    {
        .row = {"end to end, 64 connections", "/s", TARGET_POINT, false},
        .payload_bytes = 256,
        .window = 1024,
        .connections = 64,
        .share = 1,
    },
    {
        .row = {"end to end over TCP with CURVE", "/s", 0.5, false},
        .payload_bytes = 256,
        .window = 1024,
        .connections = 1,
        .share = 0.5,
        .curve = true,
    },
};

enum {
    POINT_FULL,
    POINT_SLOW_SYNC,
    POINT_SMALL,
    POINT_REST,
    POINT_CURVE = sizeof points / sizeof points[0] - 1,
};

err_t
suite_herald(const suite_t *suite, const char *const *settings, bench_herald_t **herald_p,
             struct why *why)
{
    struct bench_herald_options own = {.directory = suite_settings(suite)->directory,
                                       .settings = settings};
    return bench_herald_start(herald_p, &own, why);
}

void
suite_load(bench_herald_t *herald, struct bench_load *load)
{
    static unsigned number;
    *load = (struct bench_load){
        .producer = bench_herald_front(herald),
        .keys = bench_herald_keys(herald),
        .topic = "order.created",
        .group = "order-system",
        .payload_bytes = 256,
        .window = 1024,
        .connections = 1,
        .timeout_ms = 60000,
    };
    /* 13 bytes and a number of 10 behind: biz_ids of 24 bytes. */
    (void)snprintf(load->run_id, sizeof load->run_id, "suite-%07u", ++number % 10000000U);
}

static err_t
measure_ceiling(suite_t *suite, struct point *point, uint64_t count,
                struct ceiling_figures *figures, struct why *why)
{
    struct ceiling_load *load = &point->load;
    err_t rc = ERR_OK;
    if (load->directory == NULL) {
        *load = (struct ceiling_load){
            .directory = suite_settings(suite)->directory,
            .payload_bytes = point->payload_bytes,
            .window = point->window,
            .connections = point->connections,
            .sync_delay_us = point->sync_delay_ms * 1000,
            .mode = CEILING_BATCHED,
            .curve = point->curve,
            .count = count,
        };
        rc = ceiling_pipeline_tune(load, why);
    }
    return rc == ERR_OK ? ceiling_pipeline(load, figures, why) : rc;
}

struct herald_figures {
    double per_second;
    double cpu_s; /* of the producer */
};

static err_t
measure_herald(suite_t *suite, const struct point *point, uint64_t count,
               struct herald_figures *measured, struct why *why)
{
    char delay[64];
    (void)snprintf(delay, sizeof delay, "journal/sync_delay=%ums", point->sync_delay_ms);
    const char *const settings[] = {delay, NULL};
    bench_herald_t *herald = NULL;
    struct bench_figures *figures = mem_alloc(sizeof *figures);
    const struct bench_herald_options own = {
        .directory = suite_settings(suite)->directory,
        .settings = settings,
        .curve = point->curve,
    };
    err_t rc = bench_herald_start(&herald, &own, why);
    if (rc == ERR_OK) {
        struct bench_load load;
        suite_load(herald, &load);
        load.count = count;
        load.payload_bytes = point->payload_bytes;
        load.window = point->window;
        load.connections = point->connections;
        double before_s = bench_herald_cpu_s(herald);
        rc = bench_run(&load, figures, why);
        measured->cpu_s = bench_herald_cpu_s(herald) - before_s;
        measured->per_second = figures->per_second;
    }
    bench_herald_stop(&herald);
    mem_free(figures);
    return rc;
}

static err_t
measure_point(suite_t *suite, struct point *point, struct why *why)
{
    uint64_t count = (uint64_t)((double)suite_settings(suite)->count * point->share);
    struct ceiling_figures ceiling = {0};
    struct herald_figures herald = {0, 0};
    count = count < 1000 ? 1000 : count;
    err_t rc = measure_ceiling(suite, point, count, &ceiling, why);
    if (rc == ERR_OK) {
        rc = measure_herald(suite, point, count, &herald, why);
    }
    if (rc == ERR_OK) {
        suite_note(suite, &point->row, herald.per_second, ceiling.per_second);
        if (point->cpu != NULL) {
            suite_note(suite, point->cpu, herald.cpu_s * 1e5 / (double)count,
                       ceiling.server_cpu_s * 1e5 / (double)count);
        }
    }
    return rc;
}

err_t
suite_full(suite_t *suite, struct why *why)
{
    return measure_point(suite, &points[POINT_FULL], why);
}

err_t
suite_slow_sync(suite_t *suite, struct why *why)
{
    return measure_point(suite, &points[POINT_SLOW_SYNC], why);
}

err_t
suite_small(suite_t *suite, struct why *why)
{
    return measure_point(suite, &points[POINT_SMALL], why);
}

err_t
suite_points(suite_t *suite, struct why *why)
{
    err_t rc = ERR_OK;
    for (int i = POINT_REST; i < POINT_CURVE && rc == ERR_OK; i++) {
        rc = measure_point(suite, &points[i], why);
    }
    return rc;
}

err_t
suite_curve(suite_t *suite, struct why *why)
{
    return measure_point(suite, &points[POINT_CURVE], why);
}
