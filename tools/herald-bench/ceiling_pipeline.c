#include "ceiling_pipeline.h"

#include "base/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#define ROLE_COUNT 3
enum ceiling_role {
    ROLE_SERVER,
    ROLE_CONSUMER,
    ROLE_CLIENT,
};

/* What a role's process writes into its pipe. */
struct ceiling_report {
    err_t rc;
    struct why why;
    struct ceiling_server_report server;
    struct ceiling_latency latency; /* of the client: submits; of the consumer: end to end */
};

static struct ceiling_keys keys; /* written before the roles are forked */

const struct ceiling_keys *
ceiling_pipeline_keys(void)
{
    return &keys;
}

static void
pipeline_role(const struct ceiling_load *load, enum ceiling_role role, int fd)
{
    struct ceiling_report report = {0};
    if (role == ROLE_SERVER) {
        report.rc = ceiling_server(load, &report.server, &report.why);
    } else if (role == ROLE_CONSUMER) {
        report.rc = ceiling_consumer(load, &report.latency, &report.why);
    } else {
        report.rc = ceiling_client(load, &report.latency, &report.why);
    }
    bool told = write(fd, &report, sizeof report) == (ssize_t)sizeof report;
    /* One that failed ends the others too: they would wait for it. Nothing was left to print when
     * it was forked. */
    exit(told && report.rc == ERR_OK ? 0 : 1);
}

/* Wait for every role; one that dies ends the others. */
static err_t
pipeline_wait(pid_t *pids, struct why *why)
{
    err_t rc = ERR_OK;
    for (int left = ROLE_COUNT; left > 0; left--) {
        int status = 0;
        pid_t pid = waitpid(-1, &status, 0);
        CHECK(pid > 0);
        bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        for (int i = 0; i < ROLE_COUNT; i++) {
            if (pids[i] == pid) {
                pids[i] = -1;
            } else if (!good && pids[i] > 0) {
                (void)kill(pids[i], SIGKILL); /* gone already is as well */
            }
        }
        if (!good && rc == ERR_OK) {
            rc = why_set(why, ERR_IO, "a process of the bare pipeline died (status %d)", status);
        }
    }
    return rc;
}

/* Where CURVE's sockets were; and those of ipc, which the system leaves. */
static void
pipeline_clean(const struct ceiling_load *load)
{
    static const char *const names[] = {"front", "lane", "acks"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s.tcp", load->directory, names[i]);
        (void)unlink(path); /* there with CURVE only */
        (void)snprintf(path, sizeof path, "%s/%s", load->directory, names[i]);
        (void)unlink(path); /* ZeroMQ has removed it, unless its process died */
    }
}

static void
take_report(const struct ceiling_load *load, enum ceiling_role role,
            const struct ceiling_report *report, struct ceiling_figures *figures)
{
    if (role == ROLE_SERVER) {
        figures->per_second = (double)load->count / report->server.seconds;
        figures->commits = report->server.commits;
        figures->server_cpu_s = report->server.cpu_s;
    } else if (role == ROLE_CLIENT) {
        figures->submit_p50_us = report->latency.p50_us;
        figures->submit_p99_us = report->latency.p99_us;
    } else {
        figures->end_p50_us = report->latency.p50_us;
        figures->end_p99_us = report->latency.p99_us;
    }
}

err_t
ceiling_pipeline(const struct ceiling_load *load, struct ceiling_figures *figures, struct why *why)
{
    CHECK(load->payload_bytes >= 8 && load->batch >= 1 && load->connections >= 1);
    CHECK(load->rate > 0 || load->batch <= ceiling_share(load));
    CHECK((size_t)load->batch * load->payload_bytes <= CEILING_FRAME_BYTES);
    int pipes[ROLE_COUNT][2];
    pid_t pids[ROLE_COUNT];
    CHECK(zmq_curve_keypair(keys.server_public, keys.server_secret) == 0);
    CHECK(zmq_curve_keypair(keys.client_public, keys.client_secret) == 0);
    (void)fflush(NULL); /* nothing is printed twice by the children */
    for (int role = 0; role < ROLE_COUNT; role++) {
        CHECK(pipe(pipes[role]) == 0);
        pids[role] = fork();
        CHECK(pids[role] >= 0);
        if (pids[role] == 0) {
            pipeline_role(load, (enum ceiling_role)role, pipes[role][1]);
        }
        CHECK(close(pipes[role][1]) == 0);
    }
    err_t rc = pipeline_wait(pids, why);
    for (int role = 0; role < ROLE_COUNT; role++) {
        struct ceiling_report report;
        bool told = read(pipes[role][0], &report, sizeof report) == (ssize_t)sizeof report;
        if (told && report.rc != ERR_OK) {
            rc = why_set(why, report.rc, "%s", report.why.text); /* says more than that it died */
        } else if (rc == ERR_OK && !told) {
            rc = why_set(why, ERR_IO, "a process of the bare pipeline did not report");
        }
        if (rc == ERR_OK) {
            take_report(load, (enum ceiling_role)role, &report, figures);
        }
        CHECK(close(pipes[role][0]) == 0);
    }
    pipeline_clean(load);
    return rc;
}

#define WAYS 6       /* of batching, at most */
#define WAYS_AGAIN 2 /* of which are tried again */
#define TIMES_AGAIN 2

struct way {
    struct ceiling_load load;
    double sum; /* of what it gave a second, each time */
    unsigned times;
};

/* Frames as they come, and full ones of a half, a third (as Herald's client), a quarter, an eighth
 * and a sixteenth of a connection's window. */
static size_t
ways_of(const struct ceiling_load *load, struct way ways[WAYS])
{
    static const uint32_t parts[WAYS] = {1, 2, 3, 4, 8, 16};
    uint32_t window = ceiling_share(load);
    uint32_t frame_max = (uint32_t)(CEILING_FRAME_BYTES / load->payload_bytes);
    frame_max = frame_max < CEILING_BATCH_MAX ? frame_max : CEILING_BATCH_MAX;
    frame_max = frame_max < window ? frame_max : window;
    size_t count = 0;
    for (size_t i = 0; i < WAYS && window / parts[i] >= 1; i++) {
        struct way way = {.load = *load};
        uint32_t part = window / parts[i];
        way.load.natural = i == 0;
        way.load.batch = part < frame_max ? part : frame_max;
        bool known = count > 1 && ways[count - 1].load.batch == way.load.batch; /* large payloads */
        ways[count] = way;
        count += !known;
    }
    return count;
}

static int
way_compare(const void *a, const void *b)
{
    const struct way *left = a;
    const struct way *right = b;
    double by = right->sum / right->times - left->sum / left->times;
    return (by > 0) - (by < 0);
}

static err_t
ways_try(struct way *ways, size_t count, struct why *why)
{
    err_t rc = ERR_OK;
    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        struct ceiling_figures figures = {0};
        rc = ceiling_pipeline(&ways[i].load, &figures, why);
        ways[i].sum += figures.per_second;
        ways[i].times++;
    }
    return rc;
}

err_t
ceiling_pipeline_tune(struct ceiling_load *load, struct why *why)
{
    struct way ways[WAYS];
    size_t count = ways_of(load, ways);
    err_t rc = ways_try(ways, count, why);
    if (rc == ERR_OK) {
        qsort(ways, count, sizeof ways[0], way_compare);
    }
    size_t again = count < WAYS_AGAIN ? count : WAYS_AGAIN;
    for (int i = 0; i < TIMES_AGAIN && again > 1 && rc == ERR_OK; i++) {
        rc = ways_try(ways, again, why);
    }
    if (rc == ERR_OK) {
        qsort(ways, again, sizeof ways[0], way_compare);
        *load = ways[0].load;
    }
    return rc;
}

err_t
ceiling_limits(const struct ceiling_load *load, const struct ceiling_figures *figures,
               struct ceiling_limits *limits, struct why *why)
{
    struct ceiling_load dry = *load;
    struct ceiling_figures without;
    dry.no_disk = true;
    err_t rc = ceiling_pipeline(&dry, &without, why);
    double commits = 0;
    limits->commit_bytes = load->count * load->payload_bytes / figures->commits;
    if (rc == ERR_OK) {
        rc = ceiling_disk_commits(load, limits->commit_bytes, figures->commits, &commits, why);
    }
    if (rc == ERR_OK) {
        limits->zmq_per_second = without.per_second;
        limits->disk_per_second = commits * (double)load->count / (double)figures->commits;
        limits->per_second = 1 / (1 / limits->zmq_per_second + 1 / limits->disk_per_second);
    }
    return rc;
}
