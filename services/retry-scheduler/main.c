/* herald-retry-scheduler: options and settings around the core and the shell. */
#include "base/clock.h"
#include "runtime/logger.h"
#include "runtime/service.h"
#include "scheduler_core.h"
#include "scheduler_settings.h"
#include "service_tables.h"

#define RECENT_BYTES (1024U * 1024) /* of our log: it is seldom read */

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

static struct shell_settings
shell_settings_of(const settings_t *settings)
{
    return (struct shell_settings){
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
    };
}

static err_t
serve(const settings_t *settings, const struct parts *parts, struct why *why)
{
    struct shell_settings wanted = shell_settings_of(settings);
    wanted.alarm = parts->alarm;
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
    struct scheduler_settings wanted;
    scheduler_settings_read(settings, &wanted);
    wanted.event = log_event;
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

static err_t
check(const settings_t *settings, struct why *why)
{
    const struct shell_settings shell = shell_settings_of(settings);
    return shell_check(&shell, why);
}

int
main(int argc, char **argv)
{
    static const struct service service = {
        .name = "retry-scheduler",
        .summary = "tries failed deliveries again, as their schedules say.",
        .table = scheduler_settings_table,
        .tables = service_tables,
        .alarm = "alarm/command",
        .recent_bytes = RECENT_BYTES,
        .check = check,
        .run = run,
    };
    return service_main(&service, argc, argv);
}
