/* herald-retry-scheduler: options and settings around the core and the shell. */
#include "base/clock.h"
#include "runtime/logger.h"
#include "runtime/service.h"
#include "scheduler_core.h"

#define RECENT_BYTES (1024U * 1024) /* of our log: it is seldom read */

#define DAY_MS (24LL * 3600 * 1000)

static const struct setting table[] = {
    {"front/bind", SETTING_TEXT, "ipc://{data}/run/scheduler.front", 0, 0, NULL,
     "where consumers say HELLO and tools ask"},
    {"outcome/bind", SETTING_TEXT, "ipc://{data}/run/scheduler.outcome", 0, 0, NULL,
     "where consumers send outcomes"},
    {"wake/bind", SETTING_TEXT, "ipc://{data}/run/scheduler.wake", 0, 0, NULL,
     "where the other services say that their logs have grown"},
    {"wake/producer", SETTING_TEXT, "ipc://{data}/run/producer.wake", 0, 0, NULL,
     "the producer's wake endpoint"},
    {"wake/compensator", SETTING_TEXT, "ipc://{data}/run/compensator.wake", 0, 0, NULL,
     "the compensator's wake endpoint"},
    {"lanes/bind", SETTING_TEXT, "ipc://{data}/run/scheduler.lane.%u", 0, 0, NULL,
     "where consumers get deliveries; %u is the lane's number"},
    {"lanes/count", SETTING_INTEGER, "16", 1, SHELL_LANES_MAX, NULL, "lanes"},
    {"lanes/window", SETTING_INTEGER, "1024", 1, 1024, NULL, "unanswered deliveries a lane"},
    {"journal/segment", SETTING_SIZE, "64MiB", 3 * 1024 * 1024, 1024LL * 1024 * 1024, NULL,
     "size of a segment file"},
    {"journal/sync_thread", SETTING_CHOICE, "auto", 0, 0, "auto true false",
     "sync on threads of their own, several at a time; auto: while a sync takes over 1 ms"},
    {"journal/retention", SETTING_DURATION, "7d", 0, 3650 * DAY_MS, NULL,
     "how long records of ended deliveries are kept"},
    {"journal/checkpoint", SETTING_INTEGER, "100000", 1000, 100000000, NULL,
     "own records from one checkpoint to the next"},
    {"down_limit", SETTING_INTEGER, "64", 0, 10000, NULL,
     "DOWN answers of a delivery that burn no attempt"},
    {"absent_alarm", SETTING_DURATION, "10m", 1000, 7 * DAY_MS, NULL,
     "alarm when retries have waited for a receiver for so long"},
    {"alarm/command", SETTING_TEXT, "", 0, 0, NULL,
     "program and arguments to run for an alarm, facts in its environment; empty: log only"},
    SERVICE_COMMON_SETTINGS,
};

static void
log_event(void *owner, const char *event, struct delivery_key key, const char *text)
{
    (void)owner; /* the logger is the process's */
    LOGGER_EVENT(LOGGER_WARN, event, LOGGER_INT("position", key.position),
                 LOGGER_INT("subscription", key.subscription), LOGGER_TEXT("what", text));
}

/* What the shell is opened over. */
struct parts {
    scheduler_core_t *core;
    log_t *log; /* borrowed */
    outbox_t *outbox;
    alarm_t *alarm;
};

static err_t
serve(const settings_t *settings, const struct parts *parts, struct why *why)
{
    struct shell_settings wanted = {
        .service = "retry-scheduler",
        .log = LOG_SCHEDULER,
        .front = settings_text(settings, "front/bind"),
        .outcome = settings_text(settings, "outcome/bind"),
        .wake = settings_text(settings, "wake/bind"),
        .lanes = settings_text(settings, "lanes/bind"),
        .lane_count = (uint32_t)settings_number(settings, "lanes/count"),
        .peers = {settings_text(settings, "wake/producer"),
                  settings_text(settings, "wake/compensator")},
        .peer_names = {"producer", "compensator"},
        .curve = settings_text(settings, "curve/directory"),
        .reload = service_reload,
        .insecure = settings_number(settings, "insecure") != 0,
        .alarm = parts->alarm,
    };
    shell_t *shell = NULL;
    err_t rc = shell_open(&shell, &wanted, parts->log, parts->outbox, why);
    if (rc != ERR_OK) {
        return rc;
    }
    for (uint32_t i = 0; i < wanted.lane_count; i++) {
        scheduler_core_set_lane(parts->core, i, shell_lane_endpoint(shell, i));
    }
    scheduler_core_set_outcome(parts->core, shell_outcome_endpoint(shell), shell_key(shell));
    LOGGER_EVENT(LOGGER_INFO, "ready", LOGGER_TEXT("front", settings_text(settings, "front/bind")),
                 LOGGER_INT("run", log_run(parts->log)),
                 LOGGER_INT("durable", log_durable(parts->log)));
    struct shell_core calls = scheduler_core_shell(parts->core);
    rc = shell_run(shell, &calls, why);
    shell_close(&shell);
    return rc;
}

static err_t
run_core(const settings_t *settings, peers_t *peers, struct why *why)
{
    struct scheduler_settings wanted = {
        .lane_count = (uint32_t)settings_number(settings, "lanes/count"),
        .window = (uint32_t)settings_number(settings, "lanes/window"),
        .down_limit = (uint32_t)settings_number(settings, "down_limit"),
        .checkpoint_every = (uint64_t)settings_number(settings, "journal/checkpoint"),
        .absent_alarm_ms = settings_number(settings, "absent_alarm"),
        .retention_ms = settings_number(settings, "journal/retention"),
        .event = log_event,
    };
    err_t rc = service_seed(&wanted.seed, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct parts parts = {.log = peers_own(peers)};
    rc = alarm_open(&parts.alarm, settings_text(settings, "alarm/command"), why);
    if (rc != ERR_OK) {
        return rc;
    }
    parts.outbox = outbox_new();
    parts.core = scheduler_core_new(&wanted, peers, parts.outbox);
    rc = scheduler_core_recover(parts.core, clock_mono_ms(), clock_unix_ms(), why);
    if (rc == ERR_OK) {
        rc = serve(settings, &parts, why);
    }
    scheduler_core_destroy(&parts.core);
    outbox_destroy(&parts.outbox);
    alarm_close(&parts.alarm);
    return rc;
}

static err_t
run(const settings_t *settings, const char *data, struct why *why)
{
    peers_t *peers = NULL;
    err_t rc = service_open_logs(&peers, settings, data, LOG_SCHEDULER, why);
    if (rc == ERR_OK) {
        rc = run_core(settings, peers, why);
    }
    peers_close(&peers);
    return rc;
}

int
main(int argc, char **argv)
{
    static const struct service service = {
        .name = "retry-scheduler",
        .summary = "tries failed deliveries again, as their schedules say.",
        .table = table,
        .recent_bytes = RECENT_BYTES,
        .run = run,
    };
    return service_main(&service, argc, argv);
}
