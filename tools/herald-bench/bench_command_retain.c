/*
 * herald-bench retain: what it costs to keep many notifications, and to start again with them.
 *
 * Submits and delivers in rounds; after each, the producer's resident memory and the bytes of its
 * log. At the end the producer is killed with -9, the journal is dropped from the page cache, and
 * the time is taken until it has accepted a submit again. The same for the retry-scheduler, until
 * it answers, which it does once it has read what it needs to go on with retries.
 */
#include "bench_command.h"
#include "bench_herald.h"
#include "bench_load.h"
#include "bench_options.h"

#include "base/clock.h"
#include "base/mem.h"
#include "runtime/exit_code.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETAINED_MAX 20000000U /* the default of journal/retained_max */

static struct bench_option options[] = {
    {"count", "notifications kept at the end", 1000, 100000000, "10000000", 0, false, false},
    {"round", "notifications between two looks", 1000, 100000000, "1000000", 0, false, false},
    {"payload", "bytes of each payload", BENCH_PAYLOAD_MIN, 65536, "256", 0, false, false},
    {"directory", "where the data are kept meanwhile", 0, 0, NULL, 0, false, false},
    {"warm", "leave the page cache as it is before the restart", 0, 0, NULL, 0, true, false},
    {"help", "this text", 0, 0, NULL, 0, true, false},
    {NULL, NULL, 0, 0, NULL, 0, false, false},
};

/* Bytes that a log has on disk; with `forget`, out of the page cache too. */
static uint64_t
log_bytes(const bench_herald_t *herald, const char *log, bool forget)
{
    char path[BENCH_HERALD_PATH + 64];
    (void)snprintf(path, sizeof path, "%s/journal/%s", bench_herald_data(herald), log);
    uint64_t bytes = 0;
    DIR *directory = opendir(path);
    struct dirent *entry = NULL;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        int fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_CLOEXEC);
        struct stat state;
        if (fd >= 0 && fstat(fd, &state) == 0 && S_ISREG(state.st_mode)) {
            bytes += (uint64_t)state.st_blocks * 512;
            if (forget) {
                (void)fdatasync(fd);                                /* dirty pages are kept */
                (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* advice only */
            }
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return bytes;
}

static err_t
one_round(const bench_herald_t *herald, uint64_t round, struct bench_figures *figures,
          struct why *why)
{
    struct bench_load load = {
        .producer = bench_herald_front(herald),
        .topic = "order.created",
        .group = "order-system",
        .count = bench_option(options, "round")->number,
        .payload_bytes = (uint32_t)bench_option(options, "payload")->number,
        .window = 4096,
        .connections = 1,
        .timeout_ms = 60000,
    };
    /* 13 bytes and a number of 10: biz_ids of 24 bytes. */
    (void)snprintf(load.run_id, sizeof load.run_id, "retain-%06llu", (unsigned long long)round);
    return bench_run(&load, figures, why);
}

static void
kill_cold(bench_herald_t *herald, enum bench_service service)
{
    static const char *const logs[] = {"producer", "scheduler", "compensator"};
    bench_herald_kill(herald, service);
    for (size_t i = 0; i < sizeof logs / sizeof logs[0] && !bench_option(options, "warm")->given;
         i++) {
        (void)log_bytes(herald, logs[i], true);
    }
}

/* From the start to an answer. */
static err_t
measure_scheduler(bench_herald_t *herald, struct why *why)
{
    kill_cold(herald, BENCH_SCHEDULER);
    int64_t started_ns = clock_mono_ns();
    err_t rc = bench_herald_restart(herald, BENCH_SCHEDULER, why);
    if (rc == ERR_OK) {
        printf("%-34s  %.2f s\n", "the same to a ready retry-scheduler",
               (double)(clock_mono_ns() - started_ns) / 1e9);
    }
    return rc;
}

/* From the start to an accepted submit. */
static err_t
measure_restart(bench_herald_t *herald, struct bench_figures *figures, struct why *why)
{
    kill_cold(herald, BENCH_PRODUCER);
    int64_t started_ns = clock_mono_ns();
    err_t rc = bench_herald_restart(herald, BENCH_PRODUCER, why);
    struct bench_load load = {.producer = bench_herald_front(herald),
                              .topic = "order.created",
                              .count = 1,
                              .payload_bytes = BENCH_PAYLOAD_MIN,
                              .window = 1,
                              .connections = 1,
                              .timeout_ms = 60000,
                              .run_id = "restart"};
    if (rc == ERR_OK) {
        rc = bench_run(&load, figures, why);
    }
    if (rc == ERR_OK) {
        printf("%-34s  %.2f s\n", "kill -9 to the next accepted submit",
               (double)(clock_mono_ns() - started_ns) / 1e9);
    }
    return rc;
}

static err_t
measure(bench_herald_t *herald, struct why *why)
{
    uint64_t each = bench_option(options, "round")->number;
    uint64_t rounds = bench_option(options, "count")->number / each;
    uint64_t payload = bench_option(options, "payload")->number;
    struct bench_figures *figures = mem_alloc(sizeof *figures);
    size_t resident_before = bench_herald_resident(herald, BENCH_PRODUCER);
    uint64_t log_before = log_bytes(herald, "producer", false);
    err_t rc = ERR_OK;
    printf("%12s  %10s  %22s  %22s\n", "retained", "per second", "memory each (bytes)",
           "log / payload bytes");
    for (uint64_t i = 1; i <= rounds && rc == ERR_OK; i++) {
        rc = one_round(herald, i, figures, why);
        double kept = (double)(i * each);
        printf("%12.0f  %10.0f  %22.1f  %22.3f\n", kept, figures->per_second,
               ((double)bench_herald_resident(herald, BENCH_PRODUCER) - (double)resident_before) /
                   kept,
               ((double)log_bytes(herald, "producer", false) - (double)log_before) / kept /
                   (double)payload);
        (void)fflush(stdout);
    }
    if (rc == ERR_OK) {
        rc = measure_restart(herald, figures, why);
    }
    if (rc == ERR_OK) {
        rc = measure_scheduler(herald, why);
    }
    mem_free(figures);
    return rc;
}

int
bench_command_retain(int argc, char **argv)
{
    struct why why = {{0}};
    if (bench_options_read(options, argc, argv, &why) != ERR_OK) {
        fprintf(stderr, "herald-bench retain: %s\n", why.text);
        return EXIT_CODE_USAGE;
    }
    if (bench_option(options, "help")->given) {
        printf("herald-bench retain: what many retained notifications cost, and a restart with "
               "them.\n\n");
        bench_options_print(options);
        return EXIT_CODE_OK;
    }
    bench_herald_t *herald = NULL;
    char most[64]; /* all are kept, and the one after the restart: the oldest go from 9/10 on */
    uint64_t wanted = bench_option(options, "count")->number / 9 * 10 + 10000;
    (void)snprintf(most, sizeof most, "journal/retained_max=%llu",
                   (unsigned long long)(wanted > RETAINED_MAX ? wanted : RETAINED_MAX));
    const char *settings[] = {most, NULL};
    struct bench_herald_options own = {.directory = bench_option(options, "directory")->text,
                                       .settings = settings};
    err_t rc = bench_herald_start(&herald, &own, &why);
    if (rc == ERR_OK) {
        rc = measure(herald, &why);
    }
    bench_herald_stop(&herald);
    if (rc != ERR_OK) {
        fprintf(stderr, "herald-bench retain: %s\n", why.text);
    }
    return rc == ERR_OK ? EXIT_CODE_OK : rc == ERR_TIMEOUT ? EXIT_CODE_UNAVAILABLE : 1;
}
