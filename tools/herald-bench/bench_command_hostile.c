/*
 * herald-bench hostile: the latency of a good client beside others that mean harm.
 *
 * One client submits, one notification after the other, first alone, then beside many that say
 * nothing, that ask and never read, and that send garbage as fast as it is taken.
 */
#include "bench_command.h"
#include "bench_herald.h"
#include "bench_histogram.h"
#include "bench_options.h"

#include "base/clock.h"
#include "base/mem.h"
#include "client/herald_client.h"
#include "runtime/exit_code.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <threads.h>
#include <unistd.h>
#include <zmq.h>

static struct bench_option options[] = {
    {"count", "submits that are measured beside each kind", 10, 1000000, "500", 0, false, false},
    {"silent", "connections that say nothing", 1, 10000, "2000", 0, false, false},
    {"deaf", "clients that ask and never read", 1, 1000, "100", 0, false, false},
    {"loud", "clients that send garbage without a pause", 1, 1000, "20", 0, false, false},
    {"directory", "where the data are kept meanwhile", 0, 0, NULL, 0, false, false},
    {"help", "this text", 0, 0, NULL, 0, true, false},
    {NULL, NULL, 0, 0, NULL, 0, false, false},
};

/* What is asked by who never reads (STATS), and what nobody can read. */
static const uint8_t stats[] = {0x93, 0x01, 0x0f, 0x01};
static const uint8_t garbage[] = {0xdd, 0xff, 0xff, 0xff, 0xff, 0xc1};

struct crowd {
    const char *front;
    void *context;
    void **sockets; /* zmq; of those that speak */
    int *fds;       /* of those that do not */
    size_t count;
    const uint8_t *says; /* NULL: nothing */
    size_t size;
    atomic_bool ending;
    thrd_t thread;
};

static int
connect_silently(const char *front)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", front + strlen("ipc://"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd); /* refused: as it may be */
        fd = -1;
    }
    return fd;
}

/* Everything that is taken, again and again, until it is enough. */
static int
speak(void *arg)
{
    struct crowd *crowd = arg;
    while (!atomic_load(&crowd->ending)) {
        for (size_t i = 0; i < crowd->count; i++) {
            (void)zmq_send(crowd->sockets[i], crowd->says, crowd->size, ZMQ_DONTWAIT);
        }
        thrd_yield();
    }
    return 0;
}

static void
crowd_come(struct crowd *crowd)
{
    crowd->context = zmq_ctx_new();
    (void)zmq_ctx_set(crowd->context, ZMQ_MAX_SOCKETS, 2048); /* fewer: the checks below see it */
    crowd->fds = mem_array(crowd->count, sizeof *crowd->fds);
    crowd->sockets = mem_array(crowd->count, sizeof *crowd->sockets);
    for (size_t i = 0; i < crowd->count; i++) {
        if (crowd->says == NULL) {
            crowd->fds[i] = connect_silently(crowd->front);
            continue;
        }
        int none = 0;
        crowd->sockets[i] = zmq_socket(crowd->context, ZMQ_DEALER);
        (void)zmq_setsockopt(crowd->sockets[i], ZMQ_LINGER, &none, sizeof none);
        (void)zmq_connect(crowd->sockets[i], crowd->front); /* who is not there does no harm */
    }
    if (crowd->says != NULL) {
        (void)thrd_create(&crowd->thread, speak, crowd);
    }
}

static void
crowd_go(struct crowd *crowd)
{
    atomic_store(&crowd->ending, true);
    if (crowd->says != NULL) {
        (void)thrd_join(crowd->thread, NULL);
    }
    for (size_t i = 0; i < crowd->count; i++) {
        if (crowd->sockets[i] != NULL) {
            (void)zmq_close(crowd->sockets[i]);
        } else if (crowd->fds[i] >= 0) {
            (void)close(crowd->fds[i]);
        }
    }
    (void)zmq_ctx_term(crowd->context);
    mem_free(crowd->fds);
    mem_free(crowd->sockets);
}

/* Submit so many, one after the other. */
static err_t
measure(const bench_herald_t *herald, unsigned round, struct bench_histogram *latencies,
        struct why *why)
{
    struct herald_client_options settings = {
        .producer = bench_herald_front(herald),
        .name = "bench",
        .timeout_ms = 30000,
    };
    herald_client_t *client = NULL;
    err_t rc = herald_client_new(&client, &settings, why);
    uint64_t count = bench_option(options, "count")->number;
    for (uint64_t i = 0; rc == ERR_OK && i <= count; i++) {
        char biz_id[48];
        (void)snprintf(biz_id, sizeof biz_id, "hostile-%u-%llu", round, (unsigned long long)i);
        struct herald_client_notification notification = {
            .topic = "order.created", .biz_id = biz_id, .payload = "{}", .payload_size = 2};
        struct herald_client_result result;
        int64_t began = clock_mono_ns();
        if (herald_client_submit(client, &notification, &result) != HERALD_CLIENT_ACCEPTED) {
            rc = why_set(why, ERR_TIMEOUT, "%s was not accepted: %s", biz_id, result.text);
        } else if (i > 0) { /* the first one connects */
            bench_histogram_add(latencies, clock_mono_ns() - began);
        }
    }
    herald_client_destroy(&client);
    return rc;
}

static err_t
measure_beside(const bench_herald_t *herald, const char *title, struct crowd *crowd, unsigned round,
               struct why *why)
{
    struct bench_histogram *latencies = mem_zeroed(sizeof *latencies);
    crowd->front = bench_herald_front(herald);
    crowd_come(crowd);
    err_t rc = measure(herald, round, latencies, why);
    size_t resident = bench_herald_resident(herald, BENCH_PRODUCER);
    crowd_go(crowd);
    if (rc == ERR_OK) {
        printf("%-30s %6zu  %9.0f  %9.0f  %9.0f  %8.1f\n", title, crowd->count,
               bench_histogram_us(latencies, 0.5), bench_histogram_us(latencies, 0.99),
               (double)latencies->max_ns / 1000, (double)resident / (1024 * 1024));
        (void)fflush(stdout);
    }
    mem_free(latencies);
    return rc;
}

static err_t
measure_all(const bench_herald_t *herald, struct why *why)
{
    struct {
        const char *title;
        const char *option;
        const uint8_t *says;
        size_t size;
    } rows[] = {
        {"alone", NULL, NULL, 0},
        {"beside silent ones", "silent", NULL, 0},
        {"beside ones that never read", "deaf", stats, sizeof stats},
        {"beside ones that send garbage", "loud", garbage, sizeof garbage},
        {"alone again", NULL, NULL, 0},
    };
    printf("%-30s %6s  %9s  %9s  %9s  %8s\n", "one submit at a time", "others", "p50 us", "p99 us",
           "max us", "RSS MiB");
    err_t rc = ERR_OK;
    for (unsigned i = 0; rc == ERR_OK && i < sizeof rows / sizeof rows[0]; i++) {
        size_t count =
            rows[i].option == NULL ? 0 : (size_t)bench_option(options, rows[i].option)->number;
        struct crowd crowd = {.count = count, .says = rows[i].says, .size = rows[i].size};
        rc = measure_beside(herald, rows[i].title, &crowd, i, why);
    }
    return rc;
}

int
bench_command_hostile(int argc, char **argv)
{
    struct why why = {{0}};
    if (bench_options_read(options, argc, argv, &why) != ERR_OK) {
        (void)fprintf(stderr, "herald-bench: %s\n", why.text);
        return EXIT_CODE_USAGE;
    }
    if (bench_option(options, "help")->given) {
        bench_options_print(options);
        return EXIT_CODE_OK;
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max; /* a descriptor a connection */
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    struct bench_herald_options herald_options = {.directory =
                                                      bench_option(options, "directory")->text};
    bench_herald_t *herald = NULL;
    err_t rc = bench_herald_start(&herald, &herald_options, &why);
    if (rc == ERR_OK) {
        rc = measure_all(herald, &why);
    }
    bench_herald_stop(&herald);
    if (rc != ERR_OK) {
        (void)fprintf(stderr, "herald-bench: %s\n", why.text);
    }
    return exit_code_of(rc);
}
