/* herald-retry-scheduler: options and settings around the core and the shell. */
#include "base/clock.h"
#include "base/mem.h"
#include "runtime/logger.h"
#include "runtime/service.h"
#include "scheduler_core.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

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
    {"journal/sync_thread", SETTING_BOOLEAN, "false", 0, 1, NULL, "sync on a thread of its own"},
    {"journal/retention", SETTING_DURATION, "7d", 0, 3650 * DAY_MS, NULL,
     "how long records of ended deliveries are kept"},
    {"journal/checkpoint", SETTING_INTEGER, "100000", 1000, 100000000, NULL,
     "own records from one checkpoint to the next"},
    {"down_limit", SETTING_INTEGER, "64", 0, 10000, NULL,
     "DOWN answers of a delivery that burn no attempt"},
    SERVICE_COMMON_SETTINGS,
};

/* The endpoints as texts, with the data directory in them. */
struct endpoints {
    char *front;
    char *outcome;
    char *wake;
    char *lanes;
    char *producer;
    char *compensator;
};

static struct endpoints
read_endpoints(const settings_t *settings, const char *data)
{
    return (struct endpoints){
        .front = service_text(settings, "front/bind", data),
        .outcome = service_text(settings, "outcome/bind", data),
        .wake = service_text(settings, "wake/bind", data),
        .lanes = service_text(settings, "lanes/bind", data),
        .producer = service_text(settings, "wake/producer", data),
        .compensator = service_text(settings, "wake/compensator", data),
    };
}

static void
free_endpoints(struct endpoints *endpoints)
{
    mem_free(endpoints->front);
    mem_free(endpoints->outcome);
    mem_free(endpoints->wake);
    mem_free(endpoints->lanes);
    mem_free(endpoints->producer);
    mem_free(endpoints->compensator);
}

static void
log_event(void *owner, const char *event, struct delivery_key key, const char *text)
{
    (void)owner; /* the logger is the process's */
    LOGGER_EVENT(LOGGER_WARN, event, LOGGER_INT("position", key.position),
                 LOGGER_INT("subscription", key.subscription), LOGGER_TEXT("what", text));
}

/* What the shell is opened over; all borrowed. */
struct parts {
    scheduler_core_t *core;
    log_t *log;
    outbox_t *outbox;
};

static err_t
serve(const settings_t *settings, const struct endpoints *endpoints, const struct parts *parts,
      struct why *why)
{
    struct shell_settings wanted = {
        .service = "retry-scheduler",
        .log = LOG_SCHEDULER,
        .front = endpoints->front,
        .outcome = endpoints->outcome,
        .wake = endpoints->wake,
        .lanes = endpoints->lanes,
        .lane_count = (uint32_t)settings_number(settings, "lanes/count"),
        .peers = {endpoints->producer, endpoints->compensator},
        .insecure = settings_number(settings, "insecure") != 0,
    };
    shell_t *shell = NULL;
    err_t rc = shell_open(&shell, &wanted, parts->log, parts->outbox, why);
    if (rc != ERR_OK) {
        return rc;
    }
    for (uint32_t i = 0; i < wanted.lane_count; i++) {
        scheduler_core_set_lane(parts->core, i, shell_lane_endpoint(shell, i));
    }
    scheduler_core_set_outcome(parts->core, shell_outcome_endpoint(shell));
    LOGGER_EVENT(LOGGER_INFO, "ready", LOGGER_TEXT("front", endpoints->front),
                 LOGGER_INT("run", log_run(parts->log)),
                 LOGGER_INT("durable", log_durable(parts->log)));
    struct shell_core calls = scheduler_core_shell(parts->core);
    rc = shell_run(shell, &calls, why);
    shell_close(&shell);
    return rc;
}

static err_t
run_core(const settings_t *settings, const struct endpoints *endpoints, peers_t *peers,
         struct why *why)
{
    struct scheduler_settings wanted = {
        .lane_count = (uint32_t)settings_number(settings, "lanes/count"),
        .window = (uint32_t)settings_number(settings, "lanes/window"),
        .down_limit = (uint32_t)settings_number(settings, "down_limit"),
        .checkpoint_every = (uint64_t)settings_number(settings, "journal/checkpoint"),
        .retention_ms = settings_number(settings, "journal/retention"),
        .event = log_event,
    };
    if (getrandom(&wanted.seed, sizeof wanted.seed, 0) != sizeof wanted.seed) {
        return why_set(why, ERR_IO, "no random numbers from the system: %s", strerror(errno));
    }
    outbox_t *outbox = outbox_new();
    scheduler_core_t *core = scheduler_core_new(&wanted, peers, outbox);
    err_t rc = scheduler_core_recover(core, clock_mono_ms(), clock_unix_ms(), why);
    if (rc == ERR_OK) {
        struct parts parts = {.core = core, .log = peers_own(peers), .outbox = outbox};
        rc = serve(settings, endpoints, &parts, why);
    }
    scheduler_core_destroy(&core);
    outbox_destroy(&outbox);
    return rc;
}

static err_t
run(const settings_t *settings, const char *data, struct why *why)
{
    char directory[4096];
    int size = snprintf(directory, sizeof directory, "%s/journal", data);
    if (size < 0 || (size_t)size >= sizeof directory) {
        return why_set(why, ERR_INVALID, "the data directory's path is too long");
    }
    struct log_settings journal = {
        .directory = directory,
        .segment_bytes = (uint64_t)settings_number(settings, "journal/segment"),
        .sync_thread = settings_number(settings, "journal/sync_thread") != 0,
    };
    peers_t *peers = NULL;
    err_t rc = peers_open_patiently(&peers, &journal, LOG_SCHEDULER, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct endpoints endpoints = read_endpoints(settings, data);
    rc = run_core(settings, &endpoints, peers, why);
    free_endpoints(&endpoints);
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
        .run = run,
    };
    return service_main(&service, argc, argv);
}
