/* herald-compensator: settings, logs, core and shell put together. */
#include "base/clock.h"
#include "compensator_core.h"
#include "compensator_settings.h"
#include "runtime/logger.h"
#include "runtime/service.h"
#include "runtime/shell.h"
#include "service_tables.h"

#define RECENT_BYTES (1024U * 1024) /* of our log: it is seldom read */

/* What one run owns. */
struct run {
    peers_t *peers;
    outbox_t *outbox;
    alarm_t *alarm;
    compensator_t *core;
    shell_t *shell;
};

static err_t
open_core(struct run *run, const settings_t *settings, const char *data, struct why *why)
{
    struct compensator_settings core;
    err_t rc = compensator_settings_read(settings, &core, why);
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

static struct shell_settings
shell_settings_of(const settings_t *settings)
{
    return (struct shell_settings){
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
    };
}

static err_t
open_shell(struct run *run, const settings_t *settings, struct why *why)
{
    struct shell_settings shell = shell_settings_of(settings);
    shell.alarm = run->alarm;
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
    struct compensator_settings core;
    const struct shell_settings shell = shell_settings_of(settings);
    err_t rc = compensator_settings_read(settings, &core, why);
    return rc == ERR_OK ? shell_check(&shell, why) : rc;
}

int
main(int argc, char **argv)
{
    static const struct service service = {
        .name = "compensator",
        .summary = "has receivers compensate what could not be delivered, and keeps the cases that "
                   "need a person",
        .table = compensator_settings_table,
        .tables = service_tables,
        .alarm = "alarm/command",
        .recent_bytes = RECENT_BYTES,
        .check = check,
        .run = serve,
    };
    return service_main(&service, argc, argv);
}
