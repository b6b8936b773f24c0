#include "ctl_print.h"
#include "ctl_service.h"

#include "base/mem.h"
#include "client/herald_consumer.h"
#include "runtime/exit_code.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RECEIVE_STEP_MS 200 /* how soon Ctrl-C is noticed */

struct receive {
    enum herald_consumer_outcome answer;
    const char *reason; /* borrowed */
    bool payload;
    uint64_t left; /* deliveries to go */
    uint64_t received;
};

static void
receive_print(const struct receive *receive, const struct herald_consumer_delivery *delivery,
              const char *action)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "action", ctl_json_string(action));
    (void)json_object_set_new(object, "topic",
                              ctl_json_text(delivery->topic, delivery->topic_size));
    (void)json_object_set_new(object, "biz_id",
                              ctl_json_text(delivery->biz_id, delivery->biz_id_size));
    (void)json_object_set_new(object, "version", ctl_json_uint(delivery->version));
    (void)json_object_set_new(object, "turn", json_integer(delivery->turn));
    (void)json_object_set_new(object, "attempt", json_integer(delivery->attempt));
    (void)json_object_set_new(object, "attempts_limit", json_integer(delivery->attempts_limit));
    (void)json_object_set_new(object, "first_sent_unix_ms",
                              json_integer(delivery->first_sent_unix_ms));
    (void)json_object_set_new(object, "deadline_unix_ms", json_integer(delivery->deadline_unix_ms));
    (void)json_object_set_new(object, "payload_size", ctl_json_uint(delivery->payload_size));
    if (receive->payload) {
        ctl_json_line_payload(object, delivery->payload, delivery->payload_size);
    } else {
        ctl_json_line(object);
    }
}

/* Printed before it is answered: whoever reads stdout has it when Herald calls it done. */
static bool
receive_all(struct receive *receive, const struct herald_consumer_delivery *deliveries,
            struct herald_consumer_answer *answers, size_t count, const char *action)
{
    for (size_t i = 0; i < count; i++) {
        if (receive->left == 0) {
            answers[i].outcome = HERALD_CONSUMER_DOWN; /* beyond --count; burns no attempt */
            (void)snprintf(answers[i].reason, sizeof answers[i].reason, "this receiver is leaving");
            continue;
        }
        receive->left--;
        receive->received++;
        receive_print(receive, &deliveries[i], action);
        answers[i].outcome = receive->answer;
        (void)snprintf(answers[i].reason, sizeof answers[i].reason, "%s", receive->reason);
    }
    return fflush(stdout) == 0;
}

static bool
receive_apply(void *context, const struct herald_consumer_delivery *deliveries,
              struct herald_consumer_answer *answers, size_t count)
{
    return receive_all(context, deliveries, answers, count, "apply");
}

static bool
receive_fence(void *context, const struct herald_consumer_delivery *deliveries,
              struct herald_consumer_answer *answers, size_t count)
{
    return receive_all(context, deliveries, answers, count, "fence");
}

static void
receive_event(void *context, const char *event, const char *detail)
{
    (void)context;
    (void)fprintf(stderr, "heraldctl: %s: %s\n", event, detail == NULL ? "" : detail);
}

static err_t
receive_answer(const char *name, enum herald_consumer_outcome *outcome, struct why *why)
{
    static const struct {
        const char *name;
        enum herald_consumer_outcome outcome;
    } answers[] = {
        {"done", HERALD_CONSUMER_DONE},     {"retry", HERALD_CONSUMER_RETRY},
        {"reject", HERALD_CONSUMER_REJECT}, {"fenced", HERALD_CONSUMER_FENCED},
        {"down", HERALD_CONSUMER_DOWN},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (name == NULL || strcmp(answers[i].name, name) == 0) {
            *outcome = answers[i].outcome;
            return ERR_OK;
        }
    }
    return why_set(why, ERR_INVALID, "--answer %s: must be done, retry, reject, fenced or down",
                   name);
}

static err_t
receive_options(const struct ctl *ctl, struct receive *receive,
                struct herald_consumer_options *options, struct why *why)
{
    const char *reason = ctl->values[CTL_REASON];
    const char *name = ctl->values[CTL_NAME];
    options->group = ctl->values[CTL_GROUP];
    options->name = name == NULL ? "heraldctl" : name;
    receive->reason = reason == NULL ? "" : reason;
    receive->payload = ctl->values[CTL_PRINT] != NULL;
    receive->left = UINT64_MAX;
    if (options->group == NULL) {
        return why_set(why, ERR_INVALID, "--group is needed");
    }
    if (strlen(receive->reason) > LIMIT_REASON_BYTES) {
        return why_set(why, ERR_INVALID, "--reason: %zu bytes, at most %d", strlen(receive->reason),
                       LIMIT_REASON_BYTES);
    }
    err_t rc = receive_answer(ctl->values[CTL_ANSWER], &receive->answer, why);
    if (rc == ERR_OK) {
        rc = ctl_number(ctl, CTL_COUNT, INT64_MAX, &receive->left, why);
    }
    options->context = receive;
    options->apply = receive_apply;
    options->fence = receive->answer == HERALD_CONSUMER_FENCED ? receive_fence : NULL;
    options->event = receive_event;
    return rc;
}

static int
receive_run(const struct ctl *ctl)
{
    struct receive receive = {0};
    struct herald_consumer_options options = {0};
    herald_consumer_t *consumer = NULL;
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    struct why why = {{0}};
    err_t rc = receive_options(ctl, &receive, &options, &why);
    if (rc == ERR_OK) {
        rc = ctl_endpoint(ctl, CTL_SERVICE_PRODUCER, endpoint, &why);
        options.producer = endpoint;
        options.keys = ctl_keys(ctl);
    }
    if (rc == ERR_OK) {
        rc = herald_consumer_new(&consumer, &options, &why);
    }
    if (rc != ERR_OK) { /* ERR_FULL is no fault of the command line's */
        return rc == ERR_FULL ? ctl_failed(rc, &why) : ctl_usage(ctl, &why);
    }
    ctl_catch_signals();
    while (!ctl_interrupted() && receive.left > 0 && !ferror(stdout)) {
        (void)herald_consumer_step(consumer, RECEIVE_STEP_MS);
    }
    herald_consumer_destroy(&consumer);
    (void)fprintf(stderr, "heraldctl: received %" PRIu64 "\n", receive.received);
    return EXIT_CODE_OK;
}

const struct ctl_command command_receive = {
    .name = "receive",
    .operands = "",
    .summary = "be a receiver: print what comes, give one answer to all",
    .help =
        "Joins a group as one more receiver, prints one JSON object a line for each delivery, and\n"
        "gives the answer that you choose. For trying out routes and schedules, and for archives\n"
        "that may hold a notification twice: it has no database, so it cannot know what it had\n"
        "before. It has no fences either, but with --answer fenced.\n"
        "\n"
        "Examples\n"
        "  heraldctl receive --group webhook-archive --print >>webhooks.jsonl\n"
        "  heraldctl receive --group ledger --answer reject --reason 'the ledger is closed'\n"
        "  heraldctl receive --group ledger --answer retry --count 3\n"
        "\n"
        "Exit codes: 0 after --count deliveries, Ctrl-C or SIGTERM; 74 stdout is gone.\n",
    .options = CTL_PLACES | CTL_BIT(CTL_JSON) | CTL_BIT(CTL_GROUP) | CTL_BIT(CTL_NAME) |
               CTL_BIT(CTL_ANSWER) | CTL_BIT(CTL_REASON) | CTL_BIT(CTL_COUNT) | CTL_BIT(CTL_PRINT),
    .min_operands = 0,
    .max_operands = 0,
    .run = receive_run,
};
