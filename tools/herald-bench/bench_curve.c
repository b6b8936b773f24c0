#include "bench_curve.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORTS 21000 /* and up, on an address of its own */
#define SERVICES 3

/* The port of each of a service's sockets: ten a service. */
enum {
    FRONT = 1,
    OUTCOME = 2,
    WAKE = 3,
};

static const char *const names[SERVICES] = {"producer", "retry-scheduler", "compensator"};

static const struct {
    int service;
    const char *path;
    int of; /* whose socket */
    int socket;
} places[] = {
    {0, "front/bind", 0, FRONT},        {0, "outcome/bind", 0, OUTCOME},
    {0, "wake/bind", 0, WAKE},          {0, "scheduler/wake", 1, WAKE},
    {0, "scheduler/front", 1, FRONT},   {0, "compensator/wake", 2, WAKE},
    {0, "compensator/front", 2, FRONT}, {1, "front/bind", 1, FRONT},
    {1, "outcome/bind", 1, OUTCOME},    {1, "wake/bind", 1, WAKE},
    {1, "wake/producer", 0, WAKE},      {1, "wake/compensator", 2, WAKE},
    {2, "front/bind", 2, FRONT},        {2, "wake/bind", 2, WAKE},
    {2, "wake/producer", 0, WAKE},      {2, "wake/scheduler", 1, WAKE},
};

static err_t
make_keys(const struct bench_curve *self, const char *programs, struct why *why)
{
    char program[BENCH_PLACE_BYTES + 64];
    int size = snprintf(program, sizeof program, "%s/heraldctl", programs);
    if (size < 0 || (size_t)size >= sizeof program) {
        return why_set(why, ERR_INVALID, "%s: the path is too long", programs);
    }
    pid_t pid = fork();
    if (pid == 0) {
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(nowhere, STDOUT_FILENO); /* or it says which keys it made */
        (void)execl(program, program, "keygen", self->keys, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        return why_set(why, ERR_IO, "%s keygen %s did not make keys (status %d)", program,
                       self->keys, status);
    }
    return ERR_OK;
}

err_t
bench_curve_make(struct bench_curve *self, const char *programs, const char *data, struct why *why)
{
    unsigned pid = (unsigned)getpid();
    (void)snprintf(self->host, sizeof self->host, "127.%u.%u.%u", 16 + (pid >> 15) % 128,
                   pid >> 7 & 255U, 1 + (pid & 127U));              /* fits */
    (void)snprintf(self->keys, sizeof self->keys, "%s/keys", data); /* fits */
    return make_keys(self, programs, why);
}

size_t
bench_curve_settings(const struct bench_curve *self, int service,
                     bench_curve_setting_t settings[BENCH_CURVE_SETTINGS_MAX])
{
    CHECK(service >= 0 && service < SERVICES);
    size_t count = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i].service == service) {
            (void)snprintf(settings[count++], BENCH_CURVE_SETTING_BYTES, "%s=tcp://%s:%d",
                           places[i].path, self->host,
                           PORTS + 10 * places[i].of + places[i].socket); /* fits */
        }
    }
    if (service < 2) {
        (void)snprintf(settings[count++], BENCH_CURVE_SETTING_BYTES, "lanes/bind=tcp://%s:*",
                       self->host); /* fits */
    }
    (void)snprintf(settings[count++], BENCH_CURVE_SETTING_BYTES, "curve/directory=%s/%s",
                   self->keys, names[service]); /* fits */
    CHECK(count <= BENCH_CURVE_SETTINGS_MAX);
    return count;
}

void
bench_curve_front(const struct bench_curve *self, int service, char *text, size_t size)
{
    (void)snprintf(text, size, "tcp://%s:%d", self->host, PORTS + 10 * service + FRONT); /* fits */
}
