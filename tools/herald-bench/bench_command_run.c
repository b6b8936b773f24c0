/* herald-bench run: one load, one table. */
#include "bench_command.h"
#include "bench_herald.h"
#include "bench_load.h"
#include "bench_options.h"

#include "base/clock.h"
#include "base/mem.h"
#include "runtime/exit_code.h"

#include <stdio.h>
#include <unistd.h>

static struct bench_option options[] = {
    {"count", "notifications", 1, 1000000000, "300000", 0, false, false},
    {"window", "submits without an answer, over all connections", 1, 65536, "1024", 0, false,
     false},
    {"connections", "connections that submit", 1, BENCH_CONNECTIONS_MAX, "1", 0, false, false},
    {"payload", "bytes of each payload", BENCH_PAYLOAD_MIN, 65536, "256", 0, false, false},
    {"rate", "a second, open loop; 0: as fast as the window allows", 0, 10000000, "0", 0, false,
     false},
    {"timeout", "seconds without progress before it gives up", 1, 3600, "60", 0, false, false},
    {"topic", "topic", 0, 0, "order.created", 0, false, false},
    {"group", "receiver group that the null consumer joins", 0, 0, "order-system", 0, false, false},
    {"producer", "a running producer's front door; without: a Herald of its own", 0, 0, NULL, 0,
     false, false},
    {"directory", "where the data of its own Herald are kept meanwhile", 0, 0, NULL, 0, false,
     false},
    {"sync-delay", "milliseconds added to each sync of its own Herald's producer", 0, 10000, "0", 0,
     false, false},
    {"curve", "its own Herald is over TCP with CURVE", 0, 0, NULL, 0, true, false},
    {"keys", "directory with keys in `submit` and `consume`, for --producer", 0, 0, NULL, 0, false,
     false},
    {"no-consumer", "submit only: somebody else receives", 0, 0, NULL, 0, true, false},
    {"json", "figures as JSON", 0, 0, NULL, 0, true, false},
    {"help", "this text", 0, 0, NULL, 0, true, false},
    {NULL, NULL, 0, 0, NULL, 0, false, false},
};

static void
print_latency(const char *name, const struct bench_histogram *histogram, bool json)
{
    static const struct {
        const char *name;
        double share;
    } shares[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1.0}};
    if (!json) {
        printf("%-26s", name);
    } else {
        printf(", \"%s_us\": {", name);
    }
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        double us = bench_histogram_us(histogram, shares[i].share);
        if (json) {
            printf("%s\"%s\": %.1f", i > 0 ? ", " : "", shares[i].name, us);
        } else {
            printf("  %s %.0f us", shares[i].name, us);
        }
    }
    printf(json ? "}" : "\n");
}

static void
print_figures(const struct bench_load *load, const struct bench_figures *figures, double cpu_s)
{
    double cpu_100k = figures->accepted > 0 ? cpu_s * 1e5 / (double)figures->accepted : 0;
    if (bench_option(options, "json")->given) {
        printf("{\"accepted\": %llu, \"delivered\": %llu, \"other\": %llu, \"seconds\": %.3f, "
               "\"per_second\": %.0f, \"producer_cpu_s_per_100k\": %.3f",
               (unsigned long long)figures->accepted, (unsigned long long)figures->delivered,
               (unsigned long long)figures->other, figures->seconds, figures->per_second, cpu_100k);
        print_latency("submit", &figures->submit, true);
        print_latency("end_to_end", &figures->end, true);
        printf("}\n");
        return;
    }
    printf("%-26s  %llu of %llu, %u bytes each, window %u, %u connection(s)\n", "accepted",
           (unsigned long long)figures->accepted, (unsigned long long)load->count,
           load->payload_bytes, load->window, load->connections);
    printf("%-26s  %llu in %.3f s\n", "delivered", (unsigned long long)figures->delivered,
           figures->seconds);
    printf("%-26s  %.0f /s\n", "durable, end to end", figures->per_second);
    if (cpu_s > 0) {
        printf("%-26s  %.3f s per 100,000\n", "producer's CPU", cpu_100k);
    }
    print_latency("submit to durable", &figures->submit, false);
    if (figures->end.total > 0) {
        print_latency("submit to consumer", &figures->end, false);
    }
}

static err_t
run_load(struct bench_load *load, bench_herald_t *herald, struct why *why)
{
    struct bench_figures *figures = mem_alloc(sizeof *figures);
    double before_s = herald != NULL ? bench_herald_cpu_s(herald) : 0;
    (void)snprintf(load->run_id, sizeof load->run_id, "b%llx-%lx",
                   (unsigned long long)(clock_unix_ms() & 0xffffffff), (long)getpid() & 0xffff);
    err_t rc = bench_run(load, figures, why);
    double cpu_s = herald != NULL ? bench_herald_cpu_s(herald) - before_s : 0;
    print_figures(load, figures, cpu_s);
    mem_free(figures);
    return rc;
}

int
bench_command_run(int argc, char **argv)
{
    struct why why = {{0}};
    if (bench_options_read(options, argc, argv, &why) != ERR_OK) {
        fprintf(stderr, "herald-bench run: %s\n", why.text);
        return EXIT_CODE_USAGE;
    }
    if (bench_option(options, "help")->given) {
        printf("herald-bench run: put a load on Herald and print how fast it went.\n\n");
        bench_options_print(options);
        return EXIT_CODE_OK;
    }
    struct bench_load load = {
        .producer = bench_option(options, "producer")->text,
        .keys = bench_option(options, "keys")->text,
        .topic = bench_option(options, "topic")->text,
        .group = bench_option(options, "no-consumer")->given ? NULL
                                                             : bench_option(options, "group")->text,
        .count = bench_option(options, "count")->number,
        .payload_bytes = (uint32_t)bench_option(options, "payload")->number,
        .window = (uint32_t)bench_option(options, "window")->number,
        .connections = (uint32_t)bench_option(options, "connections")->number,
        .rate = (uint32_t)bench_option(options, "rate")->number,
        .timeout_ms = (uint32_t)bench_option(options, "timeout")->number * 1000,
    };
    if (load.window < load.connections) {
        load.window = load.connections;
    }
    bench_herald_t *herald = NULL;
    err_t rc = ERR_OK;
    if (load.producer == NULL) {
        char delay[64];
        (void)snprintf(delay, sizeof delay, "journal/sync_delay=%llums",
                       (unsigned long long)bench_option(options, "sync-delay")->number);
        const char *const producer_settings[] = {delay, NULL};
        struct bench_herald_options own = {.directory = bench_option(options, "directory")->text,
                                           .settings = producer_settings,
                                           .curve = bench_option(options, "curve")->given};
        rc = bench_herald_start(&herald, &own, &why);
        load.producer = rc == ERR_OK ? bench_herald_front(herald) : NULL;
        load.keys = rc == ERR_OK ? bench_herald_keys(herald) : NULL;
    }
    if (rc == ERR_OK) {
        rc = run_load(&load, herald, &why);
    }
    bench_herald_stop(&herald);
    if (rc != ERR_OK) {
        fprintf(stderr, "herald-bench run: %s\n", why.text);
    }
    return rc == ERR_OK ? EXIT_CODE_OK : rc == ERR_TIMEOUT ? EXIT_CODE_UNAVAILABLE : 1;
}
