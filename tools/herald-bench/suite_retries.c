/*
 * The retry-scheduler with many deliveries that wait, due over an hour: their memory, how late they
 * leave, and a start with them.
 */
#include "suite_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#include <time.h>

#define HOUR_MS 3600000U
#define FROM_MS 30000U /* they begin to be due when all have been put off, more or less */
#define TIMED_COUNT 10000U
#define TIMED_RATE 1000U
#define TIMED_FROM_MS 2000U
#define TIMED_SPREAD_MS 10000U
#define TAKEN_MS 120000
#define ENTRY_BYTES 96 /* resident, at most */
#define LATE_US 10000
#define START_S 3

static const struct suite_row rows[] = {
    {"retries wait: memory each, of 96 B", "B", 1, true},
    {"retries wait: dispatch behind its time, p99, of 10 ms", "us", 1, true},
    {"retries wait: a start with them, of 3 s", "s", 1, true},
    {"retries wait: memory each after it, of 96 B", "B", 1, true},
};

/* Submit, and have the first attempts answered with RETRY. */
static err_t
put_off(bench_herald_t *herald, struct bench_load *load, struct bench_retry *retry, struct why *why)
{
    struct bench_figures *figures = mem_alloc(sizeof *figures);
    retry->due_ns = mem_array(load->count, sizeof *retry->due_ns);
    load->retry = retry;
    err_t rc = bench_run(load, figures, why);
    mem_free(retry->due_ns);
    mem_free(figures);
    uint64_t open = 0;
    int64_t limit_ms = clock_mono_ms() + TAKEN_MS;
    const struct timespec pause = {.tv_nsec = 50000000};
    while (rc == ERR_OK && load->backlog == 0) { /* what is pending is in the scheduler's hands */
        rc = bench_herald_counter(herald, BENCH_SCHEDULER, "open", &open, why);
        if (rc != ERR_OK || open >= load->count) {
            break;
        }
        if (clock_mono_ms() > limit_ms) {
            return why_set(why, ERR_TIMEOUT, "the scheduler has taken %llu of %llu",
                           (unsigned long long)open, (unsigned long long)load->count);
        }
        (void)nanosleep(&pause, NULL); /* woken early is as good */
    }
    return rc;
}

static double
resident_each(const bench_herald_t *herald, double before, uint64_t count)
{
    return ((double)bench_herald_resident(herald, BENCH_SCHEDULER) - before) / (double)count;
}

/* A few more beside the many: when do they come? */
static err_t
measure_lateness(suite_t *suite, bench_herald_t *herald, struct why *why)
{
    struct bench_load load;
    struct bench_retry *retry = mem_zeroed(sizeof *retry);
    bool quick = suite_settings(suite)->quick;
    suite_load(herald, &load);
    load.count = quick ? TIMED_COUNT / 10 : TIMED_COUNT;
    load.backlog = load.count;
    load.rate = TIMED_RATE;
    retry->from_ms = TIMED_FROM_MS;
    retry->spread_ms = quick ? TIMED_SPREAD_MS / 10 : TIMED_SPREAD_MS;
    err_t rc = put_off(herald, &load, retry, why);
    if (rc == ERR_OK) {
        suite_note(suite, &rows[1], bench_histogram_us(&retry->late, 0.99), LATE_US);
    }
    mem_free(retry);
    return rc;
}

static err_t
measure_start(suite_t *suite, bench_herald_t *herald, double empty, struct why *why)
{
    bench_herald_kill(herald, BENCH_SCHEDULER);
    int64_t started_ns = clock_mono_ns();
    err_t rc = bench_herald_restart(herald, BENCH_SCHEDULER, why);
    if (rc == ERR_OK) {
        suite_note(suite, &rows[2], (double)(clock_mono_ns() - started_ns) / 1e9, START_S);
        suite_note(suite, &rows[3], resident_each(herald, empty, suite_settings(suite)->pending),
                   ENTRY_BYTES);
    }
    return rc;
}

err_t
suite_retries(suite_t *suite, struct why *why)
{
    uint64_t pending = suite_settings(suite)->pending;
    bench_herald_t *herald = NULL;
    struct bench_retry *retry = mem_zeroed(sizeof *retry);
    err_t rc = suite_herald(suite, NULL, &herald, why);
    double empty = 0;
    if (rc == ERR_OK) {
        struct bench_load load;
        empty = (double)bench_herald_resident(herald, BENCH_SCHEDULER);
        suite_load(herald, &load);
        load.count = pending;
        retry->from_ms = FROM_MS;
        retry->spread_ms = HOUR_MS;
        rc = put_off(herald, &load, retry, why);
    }
    if (rc == ERR_OK) {
        suite_note(suite, &rows[0], resident_each(herald, empty, pending), ENTRY_BYTES);
        rc = measure_lateness(suite, herald, why);
    }
    if (rc == ERR_OK) {
        rc = measure_start(suite, herald, empty, why);
    }
    bench_herald_stop(&herald);
    mem_free(retry);
    return rc;
}
