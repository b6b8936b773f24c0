#include "bench_herald.h"
#include "bench_place.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/client_call.h"
#include "wire/wire_session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVICES 4 /* the last one where it is asked for */
#define ARGUMENTS_MAX 32
#define ANSWER_MS 30000

static const char *const programs[SERVICES] = {"herald-producer", "herald-retry-scheduler",
                                               "herald-compensator", "herald-order-consumer"};
static const char *const fronts[] = {
    [BENCH_PRODUCER] = "producer", [BENCH_SCHEDULER] = "scheduler"};

struct bench_herald {
    char data[BENCH_PLACE_BYTES];
    char front[BENCH_PLACE_BYTES + 32];
    char programs[BENCH_HERALD_PATH]; /* the directory of herald-bench itself */
    const char *const *settings;      /* borrowed */
    pid_t pids[SERVICES];
};

static err_t
find_programs(bench_herald_t *self, struct why *why)
{
    ssize_t size = readlink("/proc/self/exe", self->programs, sizeof self->programs - 1);
    if (size <= 0) {
        return why_set(why, ERR_IO, "cannot tell where herald-bench is: %s", strerror(errno));
    }
    self->programs[size] = '\0';
    *strrchr(self->programs, '/') = '\0';
    return ERR_OK;
}

static err_t
start_service(bench_herald_t *self, int service, struct why *why)
{
    char path[BENCH_HERALD_PATH + 64];
    (void)snprintf(path, sizeof path, "%s/%s", self->programs, programs[service]);
    if (access(path, X_OK) != 0) {
        return why_set(why, ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
    }
    char data_option[] = "--data";
    char set_option[] = "--set";
    char level[] = "log/level=warn";
    char *arguments[ARGUMENTS_MAX] = {path, data_option, self->data, set_option, level};
    size_t count = 5;
    for (size_t i = 0; service == 0 && self->settings != NULL && self->settings[i] != NULL; i++) {
        CHECK(count + 3 < ARGUMENTS_MAX);
        arguments[count++] = set_option;
        arguments[count++] = mem_text(self->settings[i]); /* the child's, or leaked at the end */
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)execv(path, arguments);
        _exit(127);
    }
    for (size_t i = 6; i < count; i += 2) {
        mem_free(arguments[i]);
    }
    if (pid < 0) {
        return why_set(why, ERR_IO, "cannot start %s: %s", programs[service], strerror(errno));
    }
    self->pids[service] = pid;
    return ERR_OK;
}

/* Ask once, over a connection of its own: one that waits for a service to come back tries again at
 * growing intervals, which would be measured too. */
static err_t
ask_once(const char *front, struct why *why)
{
    client_call_t *call = NULL;
    err_t rc = client_call_new(&call, front, NULL, (struct wire_bytes){0}, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct wire_out out;
    struct client_call_answer answer;
    struct wire_ping ping = {.nonce = 0};
    struct client_call_question question = {
        .request = client_call_request(call),
        .timeout_ms = 50,
    };
    wire_out_init(&out, 64);
    wire_ping_encode(&out, question.request, &ping);
    question.body = wire_out_take(&out, &question.size);
    rc = client_call(call, &question, &answer, why);
    client_call_destroy(&call);
    return rc;
}

static err_t
wait_answer(const bench_herald_t *self, enum bench_service service, struct why *why)
{
    char front[sizeof self->front];
    (void)snprintf(front, sizeof front, "ipc://%s/run/%s.front", self->data, fronts[service]);
    int64_t limit_ms = clock_mono_ms() + ANSWER_MS;
    err_t rc = ask_once(front, why);
    while (rc == ERR_TIMEOUT && clock_mono_ms() < limit_ms &&
           waitpid(self->pids[service], NULL, WNOHANG) == 0) {
        rc = ask_once(front, why);
    }
    return rc;
}

err_t
bench_herald_start(bench_herald_t **self_p, const struct bench_herald_options *options,
                   struct why *why)
{
    bench_herald_t *self = mem_zeroed(sizeof *self);
    self->settings = options->settings;
    *self_p = self;
    err_t rc = find_programs(self, why);
    if (rc == ERR_OK) {
        rc = bench_place_make(options->directory, self->data, why);
        self->data[0] = rc == ERR_OK ? self->data[0] : '\0';
    }
    (void)snprintf(self->front, sizeof self->front, "ipc://%s/run/producer.front", self->data);
    for (int i = 0; rc == ERR_OK && i < SERVICES - !options->order_consumer; i++) {
        rc = start_service(self, i, why);
    }
    if (rc == ERR_OK) {
        rc = wait_answer(self, BENCH_PRODUCER, why);
    }
    if (rc != ERR_OK) {
        bench_herald_stop(self_p);
    }
    return rc;
}

static void
end_service(bench_herald_t *self, int service, int signal_number)
{
    if (self->pids[service] > 0) {
        (void)kill(self->pids[service], signal_number); /* it may be gone already */
        (void)waitpid(self->pids[service], NULL, 0);
        self->pids[service] = 0;
    }
}

void
bench_herald_kill(bench_herald_t *self, enum bench_service service)
{
    end_service(self, (int)service, SIGKILL);
}

err_t
bench_herald_restart(bench_herald_t *self, enum bench_service service, struct why *why)
{
    err_t rc = start_service(self, (int)service, why);
    return rc == ERR_OK ? wait_answer(self, service, why) : rc;
}

void
bench_herald_stop(bench_herald_t **self_p)
{
    bench_herald_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    for (int i = 0; i < SERVICES; i++) {
        end_service(self, i, SIGTERM);
    }
    if (self->data[0] != '\0') {
        bench_place_remove(self->data);
    }
    mem_free(self);
    *self_p = NULL;
}

const char *
bench_herald_data(const bench_herald_t *self)
{
    return self->data;
}

const char *
bench_herald_front(const bench_herald_t *self)
{
    return self->front;
}

double
bench_herald_cpu_s(const bench_herald_t *self)
{
    char path[64];
    unsigned long user = 0;
    unsigned long system = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)self->pids[0]);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        /* Fields 14 and 15; the program's name has no spaces. */
        if (fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                   &system) != 2) {
            user = 0;
        }
        (void)fclose(file); /* read only */
    }
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

size_t
bench_herald_resident(const bench_herald_t *self)
{
    char path[64];
    unsigned long pages = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/statm", (long)self->pids[0]);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fscanf(file, "%*u %lu", &pages) != 1) {
            pages = 0;
        }
        (void)fclose(file); /* read only */
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}
