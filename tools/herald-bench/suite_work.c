/* Herald held against itself: a backlog, a hung consumer, many notifications kept. */
#include "suite_private.h"

#include "base/mem.h"

#define REPEATS 9
#define MIB (1024.0 * 1024)
#define BEYOND_INDEX_MIB 32 /* resident: buffers, and heap fetched ahead in pieces of 8 MiB */

static const struct suite_row backlog_rows[] = {
    {"receiver down: submits, of their speed with it", "/s", 0.8, false},
    {"receiver down: memory beyond the index, of 32 MiB", "MiB", 1, true},
    {"receiver back: the backlog drains, of full speed", "/s", 0.8, false},
};
static const struct suite_row hung_row = {"one hung consumer beside three good", "/s", 0.8, false};
static const struct suite_row retained_row = {"with many retained, of the speed with none", "/s",
                                              0.9, false};

/* What the producer has in memory, and how much of it is its index. */
struct memory {
    double resident;
    double index;
};

static err_t
memory_of(bench_herald_t *herald, struct memory *memory, struct why *why)
{
    uint64_t index = 0;
    err_t rc = bench_herald_counter(herald, BENCH_PRODUCER, "index_bytes", &index, why);
    memory->index = (double)index;
    memory->resident = (double)bench_herald_resident(herald, BENCH_PRODUCER);
    return rc;
}

static err_t
backlog(suite_t *suite, bench_herald_t *herald, struct bench_figures *figures, struct why *why)
{
    const struct suite_settings *settings = suite_settings(suite);
    struct bench_load load;
    suite_load(herald, &load);
    load.count = settings->count;
    err_t rc = bench_run(&load, figures, why);
    double submits = figures->submit_seconds > 0 ? (double)load.count / figures->submit_seconds : 0;
    double full = figures->per_second;
    struct memory before = {0, 0};
    struct memory after = {0, 0};
    suite_load(herald, &load);
    load.count = settings->backlog;
    load.group = NULL;
    if (rc == ERR_OK) {
        rc = memory_of(herald, &before, why);
    }
    if (rc == ERR_OK) {
        rc = bench_run(&load, figures, why);
    }
    if (rc == ERR_OK) {
        rc = memory_of(herald, &after, why);
    }
    if (rc == ERR_OK) {
        suite_note(suite, &backlog_rows[0], figures->per_second, submits);
        suite_note(suite, &backlog_rows[1],
                   (after.resident - before.resident - (after.index - before.index)) / MIB,
                   BEYOND_INDEX_MIB);
        suite_load(herald, &load);
        load.count = 0;
        load.backlog = settings->backlog;
        rc = bench_run(&load, figures, why);
    }
    if (rc == ERR_OK) {
        suite_note(suite, &backlog_rows[2], figures->per_second, full);
    }
    return rc;
}

err_t
suite_backlog(suite_t *suite, struct why *why)
{
    bench_herald_t *herald = NULL;
    struct bench_figures *figures = mem_zeroed(sizeof *figures);
    err_t rc = suite_herald(suite, NULL, &herald, why);
    if (rc == ERR_OK) {
        rc = backlog(suite, herald, figures, why);
    }
    bench_herald_stop(&herald);
    mem_free(figures);
    return rc;
}

/* Three consumers, with a hung one or without. */
static err_t
three(suite_t *suite, bool hung, double *per_second, struct why *why)
{
    bench_herald_t *herald = NULL;
    struct bench_figures *figures = mem_zeroed(sizeof *figures);
    err_t rc = suite_herald(suite, NULL, &herald, why);
    if (rc == ERR_OK) {
        struct bench_load load;
        suite_load(herald, &load);
        load.count = suite_settings(suite)->count;
        load.consumers = 3;
        load.hung = hung;
        rc = bench_run(&load, figures, why);
        *per_second = figures->per_second;
    }
    bench_herald_stop(&herald);
    mem_free(figures);
    return rc;
}

err_t
suite_hung(suite_t *suite, struct why *why)
{
    double alone = 0;
    double beside = 0;
    err_t rc = three(suite, false, &alone, why);
    if (rc == ERR_OK) {
        rc = three(suite, true, &beside, why);
    }
    if (rc == ERR_OK) {
        suite_note(suite, &hung_row, beside, alone);
    }
    return rc;
}

static err_t
run_load(bench_herald_t *herald, uint64_t count, double *per_second, struct why *why)
{
    struct bench_figures *figures = mem_zeroed(sizeof *figures);
    struct bench_load load;
    suite_load(herald, &load);
    load.count = count;
    err_t rc = bench_run(&load, figures, why);
    *per_second = figures->per_second;
    mem_free(figures);
    return rc;
}

/* A producer that has just started has two segments that it need not fill during the load. That was
 * a tenth of a load's time on a slow disk, so whoever is held against it starts anew too. */
static err_t
load_restarted(bench_herald_t *herald, uint64_t count, double *per_second, struct why *why)
{
    bench_herald_kill(herald, BENCH_PRODUCER);
    err_t rc = bench_herald_restart(herald, BENCH_PRODUCER, why);
    if (rc == ERR_OK) {
        bench_herald_settle(herald);
        rc = run_load(herald, count, per_second, why);
    }
    return rc;
}

/*
 * In turn: what the disk does differs from one minute to the next. Those that keep nothing yet are
 * new each time, and stopped at the end: to remove their files takes the disk's time from whoever
 * is measured next.
 */
err_t
suite_retained(suite_t *suite, struct why *why)
{
    const struct suite_settings *settings = suite_settings(suite);
    double ignored = 0;
    bench_herald_t *many = NULL;
    bench_herald_t *none[REPEATS] = {NULL};
    err_t rc = suite_herald(suite, NULL, &many, why);
    if (rc == ERR_OK) {
        rc = run_load(many, settings->retained, &ignored, why);
    }
    for (int i = 0; i < REPEATS && rc == ERR_OK; i++) {
        double with_none = 0;
        double with_many = 0;
        rc = suite_herald(suite, NULL, &none[i], why);
        if (rc == ERR_OK) {
            rc = run_load(none[i], settings->count, &with_none, why);
        }
        if (rc == ERR_OK) {
            rc = load_restarted(many, settings->count, &with_many, why);
        }
        if (rc == ERR_OK) {
            suite_note(suite, &retained_row, with_many, with_none);
        }
    }
    for (int i = 0; i < REPEATS; i++) {
        bench_herald_stop(&none[i]);
    }
    bench_herald_stop(&many);
    return rc;
}
