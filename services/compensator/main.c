/* herald-compensator: settings, logs, core and shell put together. */
#include "base/clock.h"
#include "compensator_core.h"
#include "delivery/policy.h"
#include "runtime/logger.h"
#include "runtime/service.h"
#include "runtime/shell.h"

#include <string.h>

#define RECENT_BYTES (1024U * 1024) /* of our log: it is seldom read */

static const struct setting table[] = {
    {"front/bind", SETTING_TEXT, "ipc://{data}/run/compensator.front", 0, 0, NULL,
     "where consumers and people come in"},
    {"wake/bind", SETTING_TEXT, "ipc://{data}/run/compensator.wake", 0, 0, NULL,
     "where the others say that their logs have grown"},
    {"wake/producer", SETTING_TEXT, "ipc://{data}/run/producer.wake", 0, 0, NULL,
     "the producer's wake"},
    {"wake/scheduler", SETTING_TEXT, "ipc://{data}/run/scheduler.wake", 0, 0, NULL,
     "the retry-scheduler's wake"},
    {"tries", SETTING_INTEGER, "3", 1, 100, NULL, "of a compensation before it becomes a case"},
    {"try_delays", SETTING_TEXT, "0s 1s 2s", 0, 0, NULL, "before each try; the last one repeats"},
    {"absent_alarm", SETTING_DURATION, "10m", 1000, 604800000, NULL,
     "alarm when a compensation waits longer for a receiver"},
    {"window", SETTING_INTEGER, "256", 1, 100000, NULL, "unanswered jobs a consumer"},
    {"alarm/command", SETTING_TEXT, "", 0, 0, NULL,
     "program and arguments to run for an alarm, facts in its environment; empty: log only"},
    {"journal/segment", SETTING_SIZE, "64MiB", 3 * 1024 * 1024, 1024LL * 1024 * 1024, NULL,
     "size of a segment file"},
    {"journal/sync_thread", SETTING_CHOICE, "auto", 0, 0, "auto true false",
     "sync on threads of their own, several at a time; auto: while a sync takes over 1 ms"},
    {"journal/retention", SETTING_DURATION, "7d", 0, 3650LL * 24 * 3600 * 1000, NULL,
     "how long what is over is kept at least"},
    {"journal/checkpoint", SETTING_INTEGER, "100000", 1000, 100000000, NULL,
     "own records from one checkpoint to the next"},
    SERVICE_COMMON_SETTINGS,
};

/* What one run owns. */
struct run {
    peers_t *peers;
    outbox_t *outbox;
    alarm_t *alarm;
    compensator_t *core;
    shell_t *shell;
};

static err_t
read_delays(struct compensator_settings *to, const char *text, struct why *why)
{
    while (*text != '\0') {
        size_t blank = strspn(text, " ");
        size_t size = strcspn(text + blank, " ");
        text += blank;
        if (size == 0) {
            break;
        }
        if (to->delay_count == COMPENSATOR_DELAYS_MAX) {
            return why_set(why, ERR_INVALID, "try_delays: at most %d", COMPENSATOR_DELAYS_MAX);
        }
        struct why detail = {0};
        err_t rc = policy_duration_parse(text, size, &to->delays_ms[to->delay_count], &detail);
        if (rc != ERR_OK) {
            return why_set(why, rc, "try_delays: %s", detail.text);
        }
        to->delay_count++;
        text += size;
    }
    return to->delay_count == 0 ? why_set(why, ERR_INVALID, "try_delays: at least one is needed")
                                : ERR_OK;
}

static err_t
open_core(struct run *run, const settings_t *settings, const char *data, struct why *why)
{
    struct compensator_settings core = {
        .tries = (uint16_t)settings_number(settings, "tries"),
        .retention_ms = settings_number(settings, "journal/retention"),
        .absent_alarm_ms = settings_number(settings, "absent_alarm"),
        .window = (uint32_t)settings_number(settings, "window"),
        .checkpoint_every = (uint64_t)settings_number(settings, "journal/checkpoint"),
    };
    err_t rc = read_delays(&core, settings_text(settings, "try_delays"), why);
    if (rc == ERR_OK) {
        rc = alarm_open(&run->alarm, settings_text(settings, "alarm/command"), why);
    }
    if (rc == ERR_OK) {
        rc = service_open_logs(&run->peers, settings, data, LOG_COMPENSATOR, why);
    }
    if (rc == ERR_OK) {
        run->outbox = outbox_new();
        run->core = compensator_new(&core, run->peers, run->outbox);
        rc = compensator_recover(run->core, clock_mono_ms(), clock_unix_ms(), why);
    }
    return rc;
}

static err_t
open_shell(struct run *run, const settings_t *settings, struct why *why)
{
    const struct shell_settings shell = {
        .service = "compensator",
        .log = LOG_COMPENSATOR,
        .front = settings_text(settings, "front/bind"),
        .wake = settings_text(settings, "wake/bind"),
        .peers = {settings_text(settings, "wake/producer"),
                  settings_text(settings, "wake/scheduler")},
        .peer_names = {"producer", "retry-scheduler"},
        .curve = settings_text(settings, "curve/directory"),
        .reload = service_reload,
        .insecure = settings_number(settings, "insecure") != 0,
        .alarm = run->alarm,
    };
    return shell_open(&run->shell, &shell, peers_own(run->peers), run->outbox, why);
}

static void
close_all(struct run *run)
{
    shell_close(&run->shell);
    compensator_destroy(&run->core);
    if (run->outbox != NULL) {
        outbox_destroy(&run->outbox);
    }
    peers_close(&run->peers);
    alarm_close(&run->alarm);
}

static err_t
serve(const settings_t *settings, const char *data, struct why *why)
{
    struct run run = {0};
    err_t rc = open_core(&run, settings, data, why);
    if (rc == ERR_OK) {
        rc = open_shell(&run, settings, why);
    }
    if (rc == ERR_OK) {
        const struct shell_core core = {
            .self = run.core,
            .peers = run.peers,
            .takes = COMPENSATOR_TAKES,
            .may_wait = COMPENSATOR_MAY_WAIT,
            .front = compensator_front,
            .step = compensator_step,
            .next_ms = compensator_next_ms,
            .counters = compensator_counters,
            .now = compensator_now,
            .left = compensator_left,
        };
        LOGGER_EVENT(LOGGER_INFO, "serving",
                     LOGGER_TEXT("front", settings_text(settings, "front/bind")),
                     LOGGER_INT("run", log_run(peers_own(run.peers))));
        rc = shell_run(run.shell, &core, why);
    }
    close_all(&run);
    return rc;
}

static err_t
check(const settings_t *settings, struct why *why)
{
    struct compensator_settings unused = {.tries = 1};
    return read_delays(&unused, settings_text(settings, "try_delays"), why);
}

int
main(int argc, char **argv)
{
    static const struct service service = {
        .name = "compensator",
        .summary = "has receivers compensate what could not be delivered, and keeps the cases that "
                   "need a person",
        .table = table,
        .recent_bytes = RECENT_BYTES,
        .check = check,
        .run = serve,
    };
    return service_main(&service, argc, argv);
}
