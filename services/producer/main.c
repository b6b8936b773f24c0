/* herald-producer: joins the core, the journal and the sockets. */
#include "producer_core.h"
#include "producer_settings.h"
#include "service_tables.h"

#include "base/clock.h"
#include "journal/file_slow.h"
#include "runtime/alarm.h"
#include "runtime/logger.h"
#include "runtime/service.h"
#include "runtime/shell.h"

#include <unistd.h>

#define HEAP_BYTES (32U * 1024 * 1024) /* blocks written last, frames, a checkpoint's buffer */
#define SMALL_NOTIFICATION_BYTES 128   /* on disk, with a payload of 64 bytes and what ends it */

/* Everything that a running producer has. */
struct producer {
    peers_t *peers;
    outbox_t *outbox;
    producer_core_t *core;
    shell_t *shell;
    alarm_t *alarm;
};

static void
log_event(const char *event, const char *text)
{
    LOGGER_EVENT(LOGGER_INFO, event, LOGGER_TEXT("text", text));
}

/* Segments go whole, and from nine tenths on: one that holds more than the last tenth may keep
 * submits BUSY for as long as the retention. */
static void
warn_of_segment(const struct producer_settings *core, const settings_t *settings)
{
    int64_t holds = settings_number(settings, "journal/segment") / SMALL_NOTIFICATION_BYTES;
    int64_t tenth = (int64_t)core->retained_max / 10;
    if (holds > tenth) {
        LOGGER_EVENT(LOGGER_WARN, "segment_large", LOGGER_INT("may_hold", holds),
                     LOGGER_INT("should_hold", tenth),
                     LOGGER_TEXT("text",
                                 "a segment may hold more than a tenth of journal/retained_max: "
                                 "submits may be BUSY for as long as the retention; set "
                                 "journal/segment lower, or that higher"));
    }
}

static err_t
open_core(struct producer *self, const settings_t *settings, const char *data, struct why *why)
{
    file_slow_install((uint32_t)settings_number(settings, "journal/sync_delay") * 1000);
    err_t rc = service_open_logs(&self->peers, settings, data, LOG_PRODUCER, why);
    uint64_t seed = 0;
    if (rc == ERR_OK) {
        rc = service_seed(&seed, why);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    uint32_t window = (uint32_t)settings_number(settings, "lanes/window");
    struct producer_settings core = {
        .lane_count = (uint32_t)settings_number(settings, "lanes/count"),
        .window = (window + 3) / 4,
        .quick_window = window,
        .watch_max = (uint32_t)settings_number(settings, "watches"),
        .retained_max = (uint64_t)settings_number(settings, "journal/retained_max"),
        .retention_ms = settings_number(settings, "journal/retention"),
        .checkpoint_records = (uint64_t)settings_number(settings, "journal/checkpoint"),
        .seed = seed,
        .absent_alarm_ms = settings_number(settings, "absent_alarm"),
        .event = log_event,
    };
    warn_of_segment(&core, settings);
    self->outbox = outbox_new();
    self->core = producer_core_new(&core, self->peers, self->outbox);
    rc = producer_core_recover(self->core, clock_mono_ms(), clock_unix_ms(), why);
    struct producer_subscription_settings subscriptions[LIMIT_SUBSCRIPTIONS];
    size_t count = 0;
    if (rc == ERR_OK) {
        rc = producer_settings_subscriptions(settings, subscriptions, &count, why);
    }
    return rc == ERR_OK ? producer_core_configure(self->core, subscriptions, count, why) : rc;
}

static struct shell_settings
shell_settings_of(const settings_t *settings)
{
    return (struct shell_settings){
        .service = "producer",
        .log = LOG_PRODUCER,
        .front = settings_text(settings, "front/bind"),
        .outcome = settings_text(settings, "outcome/bind"),
        .wake = settings_text(settings, "wake/bind"),
        .lanes = settings_text(settings, "lanes/bind"),
        .lane_count = (uint32_t)settings_number(settings, "lanes/count"),
        .peers = {settings_text(settings, "scheduler/wake"),
                  settings_text(settings, "compensator/wake")},
        .peer_names = {"retry-scheduler", "compensator"},
        .curve = settings_text(settings, "curve/directory"),
        .reload = service_reload,
        .insecure = settings_number(settings, "insecure") != 0,
        .busy_poll = {.time_ns = settings_number(settings, "busy_poll") * 1000},
    };
}

static err_t
open_shell(struct producer *self, const settings_t *settings, struct why *why)
{
    struct shell_settings shell = shell_settings_of(settings);
    shell.alarm = self->alarm;
    err_t rc = shell_open(&self->shell, &shell, peers_own(self->peers), self->outbox, why);
    if (rc != ERR_OK) {
        return rc;
    }
    producer_core_key(self->core, shell_key(self->shell));
    for (uint32_t i = 0; i < shell.lane_count; i++) {
        producer_core_lane(self->core, i, shell_lane_endpoint(self->shell, i));
    }
    producer_core_endpoint(self->core, "outcome", shell_outcome_endpoint(self->shell),
                           shell_key(self->shell));
    producer_core_endpoint(self->core, "scheduler", settings_text(settings, "scheduler/front"),
                           shell_key_of(self->shell, "retry-scheduler"));
    producer_core_endpoint(self->core, "compensator", settings_text(settings, "compensator/front"),
                           shell_key_of(self->shell, "compensator"));
    return ERR_OK;
}

static err_t
serve(struct producer *self, struct why *why)
{
    const struct shell_core core = {
        .self = self->core,
        .peers = self->peers,
        .takes = PRODUCER_CORE_TAKES,
        .front = producer_core_front,
        .outcome = producer_core_outcome,
        .step = producer_core_step,
        .dispatch = producer_core_dispatch,
        .may_wait = PRODUCER_CORE_MAY_WAIT,
        .next_ms = producer_core_next_ms,
        .counters = producer_core_counters,
        .now = producer_core_now,
        .left = producer_core_left,
    };
    const log_t *log = peers_own(self->peers);
    LOGGER_EVENT(LOGGER_INFO, "ready", LOGGER_INT("pid", getpid()), LOGGER_INT("run", log_run(log)),
                 LOGGER_INT("next", log_next(log)));
    return shell_run(self->shell, &core, why);
}

static err_t
run(const settings_t *settings, const char *data, struct why *why)
{
    struct producer self = {0};
    err_t rc = alarm_open(&self.alarm, settings_text(settings, "alarm/command"), why);
    if (rc == ERR_OK) {
        rc = open_core(&self, settings, data, why);
    }
    if (rc == ERR_OK) {
        rc = open_shell(&self, settings, why);
    }
    if (rc == ERR_OK) {
        rc = serve(&self, why);
    }
    shell_close(&self.shell);
    producer_core_destroy(&self.core);
    outbox_destroy(&self.outbox);
    peers_close(&self.peers);
    alarm_close(&self.alarm);
    return rc;
}

static err_t
check(const settings_t *settings, struct why *why)
{
    struct producer_subscription_settings subscriptions[LIMIT_SUBSCRIPTIONS];
    const struct shell_settings shell = shell_settings_of(settings);
    size_t count = 0;
    err_t rc = producer_settings_subscriptions(settings, subscriptions, &count, why);
    for (size_t i = 0; rc == ERR_OK && i < count; i++) {
        rc = producer_core_check(&subscriptions[i], why);
    }
    if (rc == ERR_OK) {
        rc = producer_settings_check_told(settings, why);
    }
    return rc == ERR_OK ? shell_check(&shell, why) : rc;
}

int
main(int argc, char **argv)
{
    static const struct service service = {
        .name = "producer",
        .summary = "Admits notifications, makes them durable, delivers them first, and answers "
                   "what became of them.",
        .table = producer_settings_table,
        .heap_bytes = HEAP_BYTES,
        .tables = service_tables,
        .alarm = "alarm/command",
        .check = check,
        .run = run,
    };
    return service_main(&service, argc, argv);
}
