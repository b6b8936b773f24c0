#include "scheduler_settings.h"

#include "runtime/service.h"

#define DAY_MS (24LL * 3600 * 1000)

const struct setting scheduler_settings_table[] = {
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

void
scheduler_settings_read(const settings_t *settings, struct scheduler_settings *core)
{
    *core = (struct scheduler_settings){
        .lane_count = (uint32_t)settings_number(settings, "lanes/count"),
        .window = (uint32_t)settings_number(settings, "lanes/window"),
        .down_limit = (uint32_t)settings_number(settings, "down_limit"),
        .checkpoint_every = (uint64_t)settings_number(settings, "journal/checkpoint"),
        .absent_alarm_ms = settings_number(settings, "absent_alarm"),
        .retention_ms = settings_number(settings, "journal/retention"),
    };
}
