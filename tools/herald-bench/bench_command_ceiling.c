/* herald-bench ceiling: what the machine gives without Herald. */
#include "bench_command.h"
#include "bench_options.h"
#include "bench_place.h"
#include "ceiling.h"

#include "runtime/exit_code.h"

static struct bench_option options[] = {
    {"count", "messages of each pipeline run", 1000, 100000000, "300000", 0, false, false},
    {"window", "submits without an answer, over all connections", 1, 65536, "1024", 0, false,
     false},
    {"batch",
     "submits a frame in the batched mode, at most a connection's share of the window; without, "
     "and "
     "without a rate: the fastest of several",
     1, 1024, "256", 0, false, false},
    {"connections", "connections that submit", 1, 256, "1", 0, false, false},
    {"payload", "bytes of each message", 8, 65536, "256", 0, false, false},
    {"rate", "a second, open loop; 0: as fast as the window allows", 0, 10000000, "0", 0, false,
     false},
    {"sync-delay", "microseconds added to each sync", 0, 1000000, "0", 0, false, false},
    {"curve", "over TCP with CURVE instead of ipc", 0, 0, NULL, 0, true, false},
    {"directory", "where its files are kept meanwhile", 0, 0, NULL, 0, false, false},
    {"help", "this text", 0, 0, NULL, 0, true, false},
    {NULL, NULL, 0, 0, NULL, 0, false, false},
};

static void
print_pipeline(const char *name, const struct ceiling_load *load,
               const struct ceiling_figures *figures)
{
    printf("%-26s  %.0f /s, submit p50 %.0f us, p99 %.0f us, end to end p50 %.0f us, p99 %.0f us, "
           "server's CPU %.3f s per 100,000, %.0f syncs/s, frames of %u%s\n",
           name, figures->per_second, figures->submit_p50_us, figures->submit_p99_us,
           figures->end_p50_us, figures->end_p99_us,
           figures->server_cpu_s * 1e5 / (double)load->count,
           (double)figures->commits * figures->per_second / (double)load->count,
           load->mode == CEILING_BATCHED ? load->batch : 1, load->natural ? " at most" : "");
}

/* At a rate it is not as fast as it could be: no limit is near. */
static err_t
measure_limits(const struct ceiling_load *load, const struct ceiling_figures *figures,
               struct why *why)
{
    if (load->rate > 0) {
        return ERR_OK;
    }
    struct ceiling_limits limits;
    err_t rc = ceiling_limits(load, figures, &limits, why);
    if (rc == ERR_OK) {
        printf("  %-24s  %.0f /s\n", "the same without a disk", limits.zmq_per_second);
        printf("  %-24s  %.0f /s, commits of %zu bytes\n", "its disk alone", limits.disk_per_second,
               limits.commit_bytes);
        printf("  %-24s  %.2f of %.0f /s, both one behind the other\n", "reached",
               figures->per_second / limits.per_second, limits.per_second);
    }
    return rc;
}

static err_t
measure_pipelines(const char *directory, struct why *why)
{
    static const char *const names[CEILING_MODE_COUNT] = {"pipeline, single", "pipeline, grouped",
                                                          "pipeline, batched"};
    bool given = bench_option(options, "batch")->given;
    uint32_t batch = (uint32_t)bench_option(options, "batch")->number;
    uint32_t fits = CEILING_FRAME_BYTES / (uint32_t)bench_option(options, "payload")->number;
    batch = batch < fits ? batch : fits;
    err_t rc = ERR_OK;
    for (int mode = 0; mode < CEILING_MODE_COUNT && rc == ERR_OK; mode++) {
        struct ceiling_load load = {
            .directory = directory,
            .payload_bytes = (uint32_t)bench_option(options, "payload")->number,
            .window = (uint32_t)bench_option(options, "window")->number,
            .batch = mode == CEILING_BATCHED ? batch : 1,
            .connections = (uint32_t)bench_option(options, "connections")->number,
            .count = bench_option(options, "count")->number,
            .rate = (uint32_t)bench_option(options, "rate")->number,
            .sync_delay_us = (uint32_t)bench_option(options, "sync-delay")->number,
            .mode = (enum ceiling_mode)mode,
            .curve = bench_option(options, "curve")->given,
        };
        load.window = load.window < load.connections ? load.connections : load.window;
        bool larger = load.rate == 0 && load.batch > ceiling_share(&load);
        load.batch = larger ? ceiling_share(&load) : load.batch;
        struct ceiling_figures figures = {0};
        bool tuned =
            mode == CEILING_BATCHED && !given && load.rate == 0; /* a rate is kept by all */
        rc = tuned ? ceiling_pipeline_tune(&load, why) : ERR_OK;
        if (rc == ERR_OK) {
            rc = ceiling_pipeline(&load, &figures, why);
        }
        if (rc == ERR_OK) {
            print_pipeline(names[mode], &load, &figures);
            rc = measure_limits(&load, &figures, why);
        }
    }
    return rc;
}

static err_t
measure_sqlite(const char *directory, struct why *why)
{
    double per_second = 0;
    err_t rc = ceiling_sqlite(directory, 1000, 100000, &per_second, why);
    if (rc == ERR_OK) {
        printf("%-26s  %.0f /s, in transactions of 1000\n", "SQLite, orders paid", per_second);
    }
    return rc;
}

int
bench_command_ceiling(int argc, char **argv)
{
    struct why why = {{0}};
    if (bench_options_read(options, argc, argv, &why) != ERR_OK) {
        fprintf(stderr, "herald-bench ceiling: %s\n", why.text);
        return EXIT_CODE_USAGE;
    }
    if (bench_option(options, "help")->given) {
        printf("herald-bench ceiling: what this machine's disk and ZeroMQ give to a program "
               "without any features.\n\n");
        bench_options_print(options);
        return EXIT_CODE_OK;
    }
    if (bench_option(options, "batch")->given &&
        bench_option(options, "batch")->number * bench_option(options, "payload")->number >
            CEILING_FRAME_BYTES) {
        fprintf(stderr, "herald-bench ceiling: batch times payload must be at most %u\n",
                CEILING_FRAME_BYTES);
        return EXIT_CODE_USAGE;
    }
    char directory[BENCH_PLACE_BYTES];
    err_t rc = bench_place_make(bench_option(options, "directory")->text, directory, &why);
    if (rc == ERR_OK) {
        rc = ceiling_describe(directory, stdout, &why);
        if (rc == ERR_OK) {
            rc = measure_pipelines(directory, &why);
        }
        if (rc == ERR_OK) {
            rc = measure_sqlite(directory, &why);
        }
        bench_place_remove(directory);
    }
    if (rc != ERR_OK) {
        fprintf(stderr, "herald-bench ceiling: %s\n", why.text);
    }
    return exit_code_of(rc);
}
