#include "ctl_ids.h"
#include "ctl_print.h"
#include "ctl_service.h"
#include "watch_list.h"

#include "base/clock.h"
#include "delivery/policy.h"
#include "runtime/exit_code.h"
#include "wire/wire_query.h"

#include <inttypes.h>
#include <stdio.h>

#define WATCH_AT_ONCE 4096 /* ids; a producer's room for watches is bounded */
#define WATCH_STEP_MS 100  /* how soon Ctrl-C is noticed */
#define WATCH_POLL_MS 1000 /* between queries when the producer has no room for our watch */

struct watch {
    const struct ctl *ctl;
    herald_client_t *client;
    watch_list_t *list;
    int64_t end_ms; /* of our patience */
    bool poll;      /* events do not come: ask */
};

static void
watch_say(const struct watch *watch, const struct herald_client_event *event)
{
    if (watch->ctl->json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "biz_id", ctl_json_string(event->biz_id));
        (void)json_object_set_new(object, "subscription", ctl_json_string(event->subscription));
        (void)json_object_set_new(object, "state", ctl_json_string(event->state_name));
        (void)json_object_set_new(object, "turn", json_integer(event->turn));
        (void)json_object_set_new(object, "position", ctl_json_uint(event->position));
        (void)json_object_set_new(object, "at_unix_ms", json_integer(event->at_unix_ms));
        ctl_json_line(object);
    } else {
        char time[CLOCK_TEXT_SIZE];
        printf("%s  %-9s  %s  %s\n", ctl_time(event->at_unix_ms, time), event->state_name,
               event->biz_id, event->subscription);
    }
}

static void
watch_event(void *context, const struct herald_client_event *event)
{
    struct watch *watch = context;
    if (watch_list_state(watch->list, event->biz_id, event->subscription, event->state)) {
        watch_say(watch, event);
    }
}

static void
watch_found(struct watch *watch, const struct herald_client_found *found)
{
    watch_list_found(watch->list, found);
    if (!found->found && watch->ctl->json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "biz_id", ctl_json_string(found->biz_id));
        (void)json_object_set_new(object, "found", json_false());
        ctl_json_line(object);
    } else if (!found->found) {
        (void)fprintf(stderr, "heraldctl: %s is not known\n", found->biz_id);
    }
    for (size_t i = 0; i < found->delivery_count; i++) {
        const struct herald_client_delivery *delivery = &found->deliveries[i];
        int64_t at = delivery->attempt_count == 0
                         ? 0
                         : delivery->attempts_list[delivery->attempt_count - 1].at_unix_ms;
        struct herald_client_event event = {
            .biz_id = found->biz_id,
            .subscription = delivery->subscription,
            .state_name = delivery->state_name,
            .position = found->position,
            .state = delivery->state,
            .turn = delivery->turn,
            .at_unix_ms = at,
        };
        watch_event(watch, &event);
    }
}

static bool
watch_goes_on(const struct watch *watch)
{
    return !ctl_interrupted() && clock_mono_ms() < watch->end_ms;
}

/* Ask of all from `from` that are waited for; ids have room for WATCH_AT_ONCE. */
static err_t
watch_query(struct watch *watch, size_t from, const char **ids, struct why *why)
{
    size_t count = watch_list_waiting(watch->list, from, WATCH_AT_ONCE, ids);
    err_t rc = ERR_OK;
    for (size_t at = 0; at < count && rc == ERR_OK && watch_goes_on(watch);) {
        size_t some = count - at < WIRE_QUERY_MAX ? count - at : WIRE_QUERY_MAX;
        struct herald_client_answer answer = {0};
        rc = herald_client_query(watch->client, ids + at, some, &answer, why);
        for (size_t i = 0; i < answer.count; i++) {
            watch_found(watch, &answer.found[i]);
        }
        herald_client_answer_fini(&answer);
        at += rc == ERR_OK ? some : 0;
        rc = rc == ERR_TIMEOUT ? ERR_OK : rc; /* a producer that is away: ask again */
    }
    return rc;
}

static err_t
watch_set(struct watch *watch, size_t from, const char **ids, struct why *why)
{
    size_t count = watch_list_waiting(watch->list, from, WATCH_AT_ONCE, ids);
    err_t rc = ERR_OK;
    for (size_t at = 0; at < count && rc == ERR_OK && watch_goes_on(watch); at += WIRE_QUERY_MAX) {
        size_t some = count - at < WIRE_QUERY_MAX ? count - at : WIRE_QUERY_MAX;
        rc = herald_client_watch(watch->client, ids + at, some, why);
        if (rc == ERR_FULL || rc == ERR_NOT_FOUND) { /* found before, forgotten since: ask */
            watch->poll = true;
            return ERR_OK;
        }
        rc = rc == ERR_TIMEOUT ? ERR_OK : rc; /* the client goes on asking */
    }
    return rc;
}

static err_t
watch_some(struct watch *watch, size_t from, struct why *why)
{
    const char *ids[WATCH_AT_ONCE];
    watch->poll = false;
    err_t rc = watch_query(watch, from, ids, why);
    if (rc == ERR_OK) {
        rc = watch_set(watch, from, ids, why);
    }
    int64_t query_ms = clock_mono_ms() + WATCH_POLL_MS;
    while (rc == ERR_OK && watch_goes_on(watch) &&
           watch_list_waiting(watch->list, from, WATCH_AT_ONCE, NULL) > 0) {
        int64_t left = watch->end_ms - clock_mono_ms();
        (void)herald_client_step(watch->client, left < WATCH_STEP_MS ? (int)left : WATCH_STEP_MS);
        if (watch->poll && clock_mono_ms() >= query_ms) {
            rc = watch_query(watch, from, ids, why);
            query_ms = clock_mono_ms() + WATCH_POLL_MS;
        }
    }
    herald_client_unwatch(watch->client);
    return rc;
}

/* What the exit code says. */
static int
watch_code(const struct watch *watch, size_t count)
{
    size_t waiting = watch_list_waiting(watch->list, 0, count, NULL);
    if (ctl_interrupted()) {
        return 130;
    }
    if (waiting > 0) {
        (void)fprintf(stderr, "heraldctl: not in time: %zu of %zu have not ended\n", waiting,
                      count);
        return EXIT_CODE_UNAVAILABLE;
    }
    bool all =
        watch_list_missing(watch->list) == 0 && watch_list_count(watch->list, WIRE_STATE_CASE) == 0;
    return all ? EXIT_CODE_OK : EXIT_CODE_NOT_ALL;
}

static int
watch_run(const struct ctl *ctl)
{
    struct watch watch = {.ctl = ctl, .end_ms = INT64_MAX};
    struct herald_client_options options = {.context = &watch, .event = watch_event};
    struct ctl_ids ids;
    struct why why = {{0}};
    int code;
    if (ctl_ids_load(&ids, ctl, &code) != ERR_OK) {
        return code;
    }
    ctl_ids_sort(&ids);
    ctl_catch_signals();
    if (ctl->values[CTL_TIMEOUT] != NULL) {
        watch.end_ms = clock_mono_ms() + ctl->timeout_ms;
    }
    options.timeout_ms = ctl->timeout_ms < CTL_TIMEOUT_MS ? ctl->timeout_ms : CTL_TIMEOUT_MS;
    watch.list = watch_list_new(ids.ids, ids.count);
    err_t rc = ctl_client(ctl, &options, &watch.client, &why);
    for (size_t at = 0; at < ids.count && rc == ERR_OK && watch_goes_on(&watch);
         at += WATCH_AT_ONCE) {
        rc = watch_some(&watch, at, &why);
    }
    code = rc == ERR_OK ? ctl_ids_code(&ids, watch_code(&watch, ids.count)) : ctl_failed(rc, &why);
    herald_client_destroy(&watch.client);
    watch_list_destroy(&watch.list);
    ctl_ids_fini(&ids);
    return code;
}

const struct ctl_command command_watch = {
    .name = "watch",
    .operands = "BIZ_ID...",
    .summary = "wait until notifications have ended",
    .help =
        "Says how each delivery ends, once, and returns when all have ended or are cases. It\n"
        "goes on when the producer is restarted meanwhile. Without --timeout it waits for ever.\n"
        "With --file: ids, one a line, or the very file that was submitted.\n"
        "\n"
        "Examples\n"
        "  heraldctl watch 1001-created 1001-payment --timeout 30s\n"
        "  heraldctl submit --file day.jsonl && heraldctl watch --file day.jsonl\n"
        "\n"
        "Exit codes: 0 all have ended; 1 one is a case or not known; 65 lines of the file have no\n"
        "biz_id, and were said and passed over; 69 not all in time; 74 the file cannot be read;\n"
        "130 interrupted.\n",
    .options = CTL_ASKING | CTL_BIT(CTL_FILE),
    .min_operands = 0,
    .max_operands = SIZE_MAX,
    .run = watch_run,
};
