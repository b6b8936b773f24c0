#include "compensator_settings.h"

#include "delivery/policy.h"
#include "runtime/service.h"

#include <string.h>

const struct setting compensator_settings_table[] = {
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

err_t
compensator_settings_read(const settings_t *settings, struct compensator_settings *core,
                          struct why *why)
{
    *core = (struct compensator_settings){
        .tries = (uint16_t)settings_number(settings, "tries"),
        .retention_ms = settings_number(settings, "journal/retention"),
        .absent_alarm_ms = settings_number(settings, "absent_alarm"),
        .window = (uint32_t)settings_number(settings, "window"),
        .checkpoint_every = (uint64_t)settings_number(settings, "journal/checkpoint"),
    };
    return read_delays(core, settings_text(settings, "try_delays"), why);
}
