#include "producer_settings.h"

#include "base/limits.h"
#include "delivery/record.h"
#include "runtime/busy_poll.h"
#include "runtime/sender.h"
#include "runtime/service.h"
#include "wire/wire_endpoint.h"

#include <assert.h>
#include <string.h>

#define WINDOW_MAX 4096
static_assert(WINDOW_MAX / 4 * SENDER_LANES_MAX <= SENDER_UNANSWERED_MAX, "any count of lanes");

#define DAY_MS (24LL * 3600 * 1000)

const struct setting producer_settings_table[] = {
    {"front/bind", SETTING_TEXT, "ipc://{data}/run/producer.front", 0, 0, NULL,
     "front door, for clients and consumers; several with spaces"},
    {"outcome/bind", SETTING_TEXT, "ipc://{data}/run/producer.outcome", 0, 0, NULL,
     "where consumers send their outcomes"},
    {"wake/bind", SETTING_TEXT, "ipc://{data}/run/producer.wake", 0, 0, NULL,
     "hints from the other services"},
    {"lanes/bind", SETTING_TEXT, "ipc://{data}/run/producer.lane.%u", 0, 0, NULL,
     "lanes to consumers; %u: the lane's number"},
    {"lanes/count", SETTING_INTEGER, "16", 1, SENDER_LANES_MAX, NULL, "how many lanes"},
    {"lanes/window", SETTING_INTEGER, "4096", 1, WINDOW_MAX, NULL,
     "unanswered deliveries a lane; a quarter of them unless it answers so many in 200 ms"},
    {"scheduler/wake", SETTING_TEXT, "ipc://{data}/run/scheduler.wake", 0, 0, NULL,
     "the retry-scheduler's wake socket"},
    {"scheduler/front", SETTING_TEXT, "ipc://{data}/run/scheduler.front", 0, 0, NULL,
     "the retry-scheduler's front door, as told to consumers"},
    {"compensator/wake", SETTING_TEXT, "ipc://{data}/run/compensator.wake", 0, 0, NULL,
     "the compensator's wake socket"},
    {"compensator/front", SETTING_TEXT, "ipc://{data}/run/compensator.front", 0, 0, NULL,
     "the compensator's front door, as told to consumers"},
    {"journal/sync_thread", SETTING_CHOICE, "auto", 0, 0, "auto true false",
     "sync on threads of their own, several at a time; auto: while a sync takes over 1 ms"},
    {"journal/sync_delay", SETTING_DURATION, "0ms", 0, 10000, NULL,
     "for measurements: makes every sync slower by this much"},
    {"journal/segment", SETTING_SIZE, "64MiB", 2 * 1024 * 1024 + 65536, 1LL << 30, NULL,
     "bytes of a segment file"},
    {"journal/checkpoint", SETTING_INTEGER, "250000", 1000, 100000000, NULL,
     "own records between checkpoints"},
    {"journal/retention", SETTING_DURATION, "7d", 1000, 3650 * DAY_MS, NULL,
     "how long finished notifications are kept"},
    {"journal/retained_max", SETTING_INTEGER, "20000000", 1000, 1000000000, NULL,
     "notifications kept at most; beyond, the oldest finished go"},
    {"absent_alarm", SETTING_DURATION, "10m", 1000, DAY_MS, NULL,
     "a receiver that deliveries wait for is gone for so long: alarm"},
    {"alarm/command", SETTING_TEXT, "", 0, 0, NULL,
     "program and arguments, run for each alarm; empty: only the log line"},
    {"busy_poll", SETTING_INTEGER, "300", 0, BUSY_POLL_MAX_US, NULL,
     "microseconds that news is looked for before sleeping, while it comes that often; 0: never"},
    {"watches", SETTING_INTEGER, "65536", 1, 1 << 20, NULL, "watched notifications at most"},
    {"subscriptions/*/topic", SETTING_TEXT, "", 0, 0, NULL,
     "topic patterns with spaces between them: * one level, # any"},
    {"subscriptions/*/group", SETTING_TEXT, "", 0, 0, NULL, "receiver group"},
    {"subscriptions/*/policy", SETTING_TEXT, "default", 0, 0, NULL,
     "retry policy: a preset, a list of delays, or exponential ..."},
    {"subscriptions/*/compensation", SETTING_CHOICE, "reapply", 0, 0, "reapply undo",
     "what is done when the schedule is used up"},
    {"subscriptions/*/lease", SETTING_DURATION, "10s", 100, DAY_MS, NULL,
     "how long a receiver may take to answer"},
    {"subscriptions/*/lease_limit", SETTING_DURATION, "10m", 100, DAY_MS, NULL,
     "how far WORKING may extend that"},
    SERVICE_COMMON_SETTINGS,
};

/* The subscription that there is without any configuration, by parts: setting one of them, its
 * lease say, changes nothing else. */
static const struct producer_subscription_settings standard = {
    .name = "orders",
    .pattern = "order.* payment.*",
    .group = "order-system",
    .policy = "default",
    .compensation = COMPENSATION_REAPPLY,
    .lease_ms = 10000,
    .lease_limit_ms = 600000,
};

static err_t
one(const settings_t *settings, const char *name, struct producer_subscription_settings *to,
    struct why *why)
{
    static const char section[] = "subscriptions";
    *to = (struct producer_subscription_settings){
        .name = name,
        .pattern = settings_child_text(settings, section, name, "topic"),
        .group = settings_child_text(settings, section, name, "group"),
        .policy = settings_child_text(settings, section, name, "policy"),
        .lease_ms = (uint32_t)settings_child_number(settings, section, name, "lease"),
        .lease_limit_ms = (uint32_t)settings_child_number(settings, section, name, "lease_limit"),
    };
    const char *compensation = settings_child_text(settings, section, name, "compensation");
    to->compensation = strcmp(compensation, "undo") == 0 ? COMPENSATION_UNDO : COMPENSATION_REAPPLY;
    bool is_standard = strcmp(name, standard.name) == 0;
    if (is_standard && to->pattern[0] == '\0') {
        to->pattern = standard.pattern;
    }
    if (is_standard && to->group[0] == '\0') {
        to->group = standard.group;
    }
    if (to->pattern[0] == '\0' || to->group[0] == '\0') {
        return why_set(why, ERR_INVALID, "subscriptions/%s: topic and group are required", name);
    }
    if (to->lease_limit_ms < to->lease_ms) {
        return why_set(why, ERR_INVALID, "subscriptions/%s: lease_limit is below lease", name);
    }
    return ERR_OK;
}

err_t
producer_settings_subscriptions(const settings_t *settings,
                                struct producer_subscription_settings *subscriptions, size_t *count,
                                struct why *why)
{
    *count = 0;
    const char *name = NULL;
    while ((name = settings_child(settings, "subscriptions", *count)) != NULL) {
        if (*count == LIMIT_SUBSCRIPTIONS) {
            return why_set(why, ERR_INVALID, "at most %d subscriptions", LIMIT_SUBSCRIPTIONS);
        }
        err_t rc = one(settings, name, &subscriptions[*count], why);
        if (rc != ERR_OK) {
            return rc;
        }
        (*count)++;
    }
    if (*count == 0) {
        subscriptions[(*count)++] = standard;
    }
    return ERR_OK;
}

err_t
producer_settings_check_told(const settings_t *settings, struct why *why)
{
    static const char *const paths[] = {"scheduler/front", "compensator/front"};
    struct why detail = {{0}};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        /* A host * is told as it is: it stands for the one that the consumer has dialled. */
        err_t rc = wire_endpoint_check_bind(settings_text(settings, paths[i]), false, &detail);
        if (rc != ERR_OK) {
            return why_set(why, rc, "%s: %s", paths[i], detail.text);
        }
    }
    return ERR_OK;
}
