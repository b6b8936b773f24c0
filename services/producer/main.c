/* herald-producer: joins the core, the journal and the sockets. */
#include "producer_core.h"
#include "producer_settings.h"

#include "base/clock.h"
#include "base/mem.h"
#include "runtime/alarm.h"
#include "runtime/logger.h"
#include "runtime/sender.h"
#include "runtime/service.h"
#include "runtime/shell.h"

#include <stdio.h>
#include <unistd.h>

#define CONFIGURED_TEXTS 8
#define ALARM_TICK_MS 1000

/* Everything that a running producer has. */
struct producer {
    peers_t *peers;
    outbox_t *outbox;
    producer_core_t *core;
    shell_t *shell;
    alarm_t *alarm;
    int64_t ticked_ms;
    char *texts[CONFIGURED_TEXTS]; /* owned; the shell borrows them */
    size_t text_count;
};

static void
raise_alarm(void *context, const char *kind, const char *subject, const char *text)
{
    struct producer *self = context;
    struct alarm_facts facts = {.kind = kind, .subject = subject, .text = text};
    alarm_raise(self->alarm, &facts, clock_mono_ms());
}

static err_t
step(void *context, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    struct producer *self = context;
    if (now_ms >= self->ticked_ms + ALARM_TICK_MS) {
        self->ticked_ms = now_ms;
        alarm_tick(self->alarm, now_ms);
    }
    return producer_core_step(self->core, now_ms, now_unix_ms, why);
}

static void
take_front(void *context, const struct outbox_route *route, const uint8_t *body, size_t size)
{
    producer_core_front(((struct producer *)context)->core, route, body, size);
}

static void
take_outcome(void *context, const uint8_t *body, size_t size)
{
    producer_core_outcome(((struct producer *)context)->core, body, size);
}

static int64_t
next_ms(void *context)
{
    return producer_core_next_ms(((struct producer *)context)->core);
}

static uint32_t
count(void *context, struct wire_counter *counters, uint32_t max)
{
    return producer_core_counters(((struct producer *)context)->core, counters, max);
}

static void
set_now(void *context, int64_t now_ms, int64_t now_unix_ms)
{
    producer_core_now(((struct producer *)context)->core, now_ms, now_unix_ms);
}

static const char *
text(struct producer *self, const settings_t *settings, const char *path, const char *data)
{
    char *made = service_text(settings, path, data);
    self->texts[self->text_count++] = made;
    return made;
}

static err_t
open_core(struct producer *self, const settings_t *settings, const char *data, struct why *why)
{
    char directory[4096];
    int size = snprintf(directory, sizeof directory, "%s/journal", data);
    if (size < 0 || (size_t)size >= sizeof directory) {
        return why_set(why, ERR_INVALID, "the data directory's path is too long");
    }
    struct log_settings log = {
        .directory = directory,
        .segment_bytes = (uint64_t)settings_number(settings, "journal/segment"),
        .sync_thread = settings_number(settings, "journal/sync_thread") != 0,
    };
    err_t rc = peers_open_patiently(&self->peers, &log, LOG_PRODUCER, why);
    if (rc != ERR_OK) {
        return rc;
    }
    int64_t unanswered =
        settings_number(settings, "lanes/count") * settings_number(settings, "lanes/window");
    if (unanswered > SENDER_UNANSWERED_MAX) {
        return why_set(why, ERR_INVALID, "lanes/count times lanes/window is %lld, at most %d",
                       (long long)unanswered, SENDER_UNANSWERED_MAX);
    }
    struct producer_settings core = {
        .lane_count = (uint32_t)settings_number(settings, "lanes/count"),
        .window = (uint32_t)settings_number(settings, "lanes/window"),
        .watch_max = (uint32_t)settings_number(settings, "watches"),
        .retained_max = (uint64_t)settings_number(settings, "journal/retained_max"),
        .retention_ms = settings_number(settings, "journal/retention"),
        .checkpoint_records = (uint64_t)settings_number(settings, "journal/checkpoint"),
        .seed = (uint64_t)clock_mono_ns() ^ (uint64_t)getpid() << 32,
        .absent_alarm_ms = settings_number(settings, "absent_alarm"),
        .notice = raise_alarm,
        .notice_context = self,
    };
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

static err_t
open_shell(struct producer *self, const settings_t *settings, const char *data, struct why *why)
{
    struct shell_settings shell = {
        .service = "producer",
        .log = LOG_PRODUCER,
        .front = text(self, settings, "front/bind", data),
        .outcome = text(self, settings, "outcome/bind", data),
        .wake = text(self, settings, "wake/bind", data),
        .lanes = text(self, settings, "lanes/bind", data),
        .lane_count = (uint32_t)settings_number(settings, "lanes/count"),
        .peers = {text(self, settings, "scheduler/wake", data),
                  text(self, settings, "compensator/wake", data)},
        .insecure = settings_number(settings, "insecure") != 0,
    };
    err_t rc = shell_open(&self->shell, &shell, peers_own(self->peers), self->outbox, why);
    if (rc != ERR_OK) {
        return rc;
    }
    for (uint32_t i = 0; i < shell.lane_count; i++) {
        producer_core_lane(self->core, i, shell_lane_endpoint(self->shell, i));
    }
    producer_core_endpoint(self->core, "outcome", shell_outcome_endpoint(self->shell));
    producer_core_endpoint(self->core, "scheduler", text(self, settings, "scheduler/front", data));
    producer_core_endpoint(self->core, "compensator",
                           text(self, settings, "compensator/front", data));
    return ERR_OK;
}

static err_t
serve(struct producer *self, struct why *why)
{
    const struct shell_core core = {
        .self = self,
        .front = take_front,
        .outcome = take_outcome,
        .step = step,
        .next_ms = next_ms,
        .counters = count,
        .now = set_now,
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
        rc = open_shell(&self, settings, data, why);
    }
    if (rc == ERR_OK) {
        rc = serve(&self, why);
    }
    shell_close(&self.shell);
    producer_core_destroy(&self.core);
    outbox_destroy(&self.outbox);
    peers_close(&self.peers);
    alarm_close(&self.alarm);
    for (size_t i = 0; i < self.text_count; i++) {
        mem_free(self.texts[i]);
    }
    return rc;
}

int
main(int argc, char **argv)
{
    static const struct service service = {
        .name = "producer",
        .summary = "Admits notifications, makes them durable, delivers them first, and answers "
                   "what became of them.",
        .table = producer_settings_table,
        .run = run,
    };
    return service_main(&service, argc, argv);
}
