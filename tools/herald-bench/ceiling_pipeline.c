#include "ceiling_pipeline.h"

#include "base/check.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
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
    struct ceiling_client_report client;
};

void *
ceiling_socket(void *context, int type, const struct ceiling_load *load, const char *name,
               bool bind)
{
    char endpoint[256];
    int size = snprintf(endpoint, sizeof endpoint, "ipc://%s/%s", load->directory, name);
    CHECK(size > 0 && (size_t)size < sizeof endpoint);
    void *socket = zmq_socket(context, type);
    CHECK(socket != NULL);
    int unlimited = 0; /* the window limits */
    int wait_ms = -1;  /* the last messages leave before the context ends */
    CHECK(zmq_setsockopt(socket, ZMQ_SNDHWM, &unlimited, sizeof unlimited) == 0);
    CHECK(zmq_setsockopt(socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited) == 0);
    CHECK(zmq_setsockopt(socket, ZMQ_LINGER, &wait_ms, sizeof wait_ms) == 0);
    CHECK((bind ? zmq_bind(socket, endpoint) : zmq_connect(socket, endpoint)) == 0);
    return socket;
}

static void
pipeline_role(const struct ceiling_load *load, enum ceiling_role role, int fd)
{
    struct ceiling_report report = {0};
    if (role == ROLE_SERVER) {
        report.rc = ceiling_server(load, &report.server, &report.why);
    } else if (role == ROLE_CONSUMER) {
        report.rc = ceiling_consumer(load, &report.why);
    } else {
        report.rc = ceiling_client(load, &report.client, &report.why);
    }
    bool told = write(fd, &report, sizeof report) == (ssize_t)sizeof report;
    _exit(told ? 0 : 1);
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

err_t
ceiling_pipeline(const struct ceiling_load *load, struct ceiling_figures *figures, struct why *why)
{
    CHECK(load->payload_bytes >= 8 && load->batch >= 1 && load->connections >= 1);
    int pipes[ROLE_COUNT][2];
    pid_t pids[ROLE_COUNT];
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
        if (rc == ERR_OK &&
            read(pipes[role][0], &report, sizeof report) != (ssize_t)sizeof report) {
            rc = why_set(why, ERR_IO, "a process of the bare pipeline did not report");
        }
        if (rc == ERR_OK && report.rc != ERR_OK) {
            rc = why_set(why, report.rc, "%s", report.why.text);
        }
        if (rc == ERR_OK && role == ROLE_SERVER) {
            figures->per_second = (double)load->count / report.server.seconds;
            figures->syncs_per_second = (double)report.server.syncs / report.server.seconds;
            figures->server_cpu_s = report.server.cpu_s;
        } else if (rc == ERR_OK && role == ROLE_CLIENT) {
            figures->submit_p50_us = report.client.p50_us;
            figures->submit_p99_us = report.client.p99_us;
        }
        CHECK(close(pipes[role][0]) == 0);
    }
    return rc;
}
