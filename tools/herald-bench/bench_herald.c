#include "bench_herald.h"
#include "bench_curve.h"
#include "bench_place.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/client_call.h"
#include "seal/seal_keys.h"
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
#include <time.h>
#include <unistd.h>

#define SERVICES 4 /* the last one where it is asked for */
#define ARGUMENTS_MAX 64
#define ASK_MS 50
#define ANSWER_MS 30000

static const char *const programs[SERVICES] = {"herald-producer", "herald-retry-scheduler",
                                               "herald-compensator", "herald-order-consumer"};

struct bench_herald {
    char data[BENCH_PLACE_BYTES];
    char fronts[2][BENCH_PLACE_BYTES + 32]; /* by enum bench_service */
    bool curved;
    struct bench_curve curve;
    seal_keys_t *keys;                /* owned: those that may operate; NULL: without CURVE */
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
    bench_curve_setting_t curve[BENCH_CURVE_SETTINGS_MAX];
    size_t curve_count = self->curved ? bench_curve_settings(&self->curve, service, curve) : 0;
    for (size_t i = 0; i < curve_count; i++) {
        arguments[count++] = set_option;
        arguments[count++] = curve[i];
    }
    size_t own = count;
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
    for (size_t i = own + 1; i < count; i += 2) {
        mem_free(arguments[i]);
    }
    if (pid < 0) {
        return why_set(why, ERR_IO, "cannot start %s: %s", programs[service], strerror(errno));
    }
    self->pids[service] = pid;
    return ERR_OK;
}

/* A question's connection, and the answer, which lives as long as it. */
struct asked {
    client_call_t *call; /* owned */
    struct client_call_answer answer;
};

/* Ask once, over a connection of its own: one that waits for a service to come back tries again at
 * growing intervals, which would be measured too. The caller destroys asked->call. */
static err_t
ask(const bench_herald_t *self, enum bench_service service, bool stats, struct asked *asked,
    struct why *why)
{
    static const char *const servers[] = {"producer", "retry-scheduler"};
    const uint8_t *key = self->keys == NULL ? NULL : seal_keys_server(self->keys, servers[service]);
    err_t rc = client_call_new(
        &asked->call, self->fronts[service],
        self->keys == NULL ? NULL : seal_keys_secret(self->keys),
        (struct wire_bytes){.data = key, .size = key == NULL ? 0 : SEAL_KEY_BYTES}, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct wire_out out;
    struct wire_ping ping = {.nonce = 0};
    struct client_call_question question = {
        .request = client_call_request(asked->call),
        .timeout_ms = stats ? ANSWER_MS : ASK_MS,
    };
    wire_out_init(&out, 64);
    if (stats) {
        wire_plain_encode(&out, WIRE_STATS, question.request);
    } else {
        wire_ping_encode(&out, question.request, &ping);
    }
    question.body = wire_out_take(&out, &question.size);
    return client_call(asked->call, &question, &asked->answer, why);
}

static err_t
ask_once(const bench_herald_t *self, enum bench_service service, struct why *why)
{
    struct asked asked = {.call = NULL};
    err_t rc = ask(self, service, false, &asked, why);
    client_call_destroy(&asked.call);
    return rc;
}

static err_t
wait_answer(const bench_herald_t *self, enum bench_service service, struct why *why)
{
    int64_t limit_ms = clock_mono_ms() + ANSWER_MS;
    err_t rc = ask_once(self, service, why);
    while (rc == ERR_TIMEOUT && clock_mono_ms() < limit_ms &&
           waitpid(self->pids[service], NULL, WNOHANG) == 0) {
        rc = ask_once(self, service, why);
    }
    return rc;
}

static err_t
open_curve(bench_herald_t *self, struct why *why)
{
    char path[BENCH_PLACE_BYTES + 32];
    self->curved = true;
    err_t rc = bench_curve_make(&self->curve, self->programs, self->data, why);
    (void)snprintf(path, sizeof path, "%s/operate", self->curve.keys); /* fits */
    for (int i = 0; i < 2; i++) {
        bench_curve_front(&self->curve, i, self->fronts[i], sizeof self->fronts[i]);
    }
    return rc == ERR_OK ? seal_keys_open(&self->keys, path, SEAL_SECRET_FILE, why) : rc;
}

/* Whether a log has its next segment ready. */
static bool
has_spare(const bench_herald_t *self, const char *log)
{
    static const char suffix[] = ".spare";
    char path[BENCH_PLACE_BYTES + 32];
    (void)snprintf(path, sizeof path, "%s/journal/%s", self->data, log); /* fits */
    bool found = false;
    DIR *directory = opendir(path);
    struct dirent *entry = NULL;
    while (!found && directory != NULL && (entry = readdir(directory)) != NULL) {
        size_t size = strlen(entry->d_name);
        found =
            size >= sizeof suffix && strcmp(entry->d_name + size - sizeof suffix + 1, suffix) == 0;
    }
    if (directory != NULL) {
        (void)closedir(directory); /* read only */
    }
    return found;
}

/* A service that has just started fills its spare segment. It is there before the first message, as
 * the bare pipeline's is; all later ones are paid for in the timed run. */
void
bench_herald_settle(const bench_herald_t *self)
{
    static const char *const logs[] = {"producer", "scheduler", "compensator"};
    const struct timespec pause = {.tv_nsec = 5000000};
    int64_t limit_ms = clock_mono_ms() + ANSWER_MS; /* on a full disk there will be none */
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        while (!has_spare(self, logs[i]) && clock_mono_ms() < limit_ms) {
            (void)nanosleep(&pause, NULL); /* woken early is as good */
        }
    }
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
    static const char *const fronts[] = {"producer", "scheduler"};
    for (int i = 0; i < 2; i++) {
        (void)snprintf(self->fronts[i], sizeof self->fronts[i], "ipc://%s/run/%s.front", self->data,
                       fronts[i]); /* fits */
    }
    if (rc == ERR_OK && options->curve) {
        rc = open_curve(self, why);
    }
    for (int i = 0; rc == ERR_OK && i < SERVICES - !options->order_consumer; i++) {
        rc = start_service(self, i, why);
    }
    if (rc == ERR_OK) {
        rc = wait_answer(self, BENCH_PRODUCER, why);
    }
    if (rc == ERR_OK) {
        rc = wait_answer(self, BENCH_SCHEDULER, why);
    }
    if (rc == ERR_OK) {
        bench_herald_settle(self);
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

err_t
bench_herald_counter(bench_herald_t *self, enum bench_service service, const char *name,
                     uint64_t *value, struct why *why)
{
    struct asked asked = {.call = NULL};
    struct wire_counters counters = {.count = 0};
    err_t rc = ask(self, service, true, &asked, why);
    if (rc == ERR_OK) {
        rc = wire_counters_decode(&asked.answer.in, &asked.answer.head, &counters, why);
    }
    bool found = false;
    for (uint32_t i = 0; rc == ERR_OK && i < counters.count && !found; i++) {
        const struct wire_counter *counter = &counters.list[i];
        found = counter->name.size == strlen(name) &&
                memcmp(counter->name.data, name, counter->name.size) == 0;
        *value = counter->value;
    }
    client_call_destroy(&asked.call);
    return rc != ERR_OK || found ? rc : why_set(why, ERR_NOT_FOUND, "no counter %s", name);
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
    seal_keys_close(&self->keys);
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
    return self->fronts[BENCH_PRODUCER];
}

const char *
bench_herald_keys(const bench_herald_t *self)
{
    return self->curved ? self->curve.keys : NULL;
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
bench_herald_resident(const bench_herald_t *self, enum bench_service service)
{
    char path[64];
    unsigned long pages = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/statm", (long)self->pids[service]);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fscanf(file, "%*u %lu", &pages) != 1) {
            pages = 0;
        }
        (void)fclose(file); /* read only */
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}
