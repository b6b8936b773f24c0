#include "ctl_ids.h"
#include "ctl_print.h"
#include "ctl_service.h"
#include "table.h"

#include "base/clock.h"
#include "runtime/exit_code.h"
#include "wire/wire_query.h"

#include <inttypes.h>
#include <stdio.h>

static json_t *
query_attempt_json(const struct herald_client_attempt *attempt)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "number", json_integer(attempt->number));
    (void)json_object_set_new(object, "turn", json_integer(attempt->turn));
    (void)json_object_set_new(object, "custodian", ctl_json_string(attempt->custodian));
    (void)json_object_set_new(object, "outcome", ctl_json_string(attempt->outcome));
    (void)json_object_set_new(object, "at_unix_ms", json_integer(attempt->at_unix_ms));
    (void)json_object_set_new(object, "reason", ctl_json_string(attempt->reason));
    return object;
}

static json_t *
query_delivery_json(const struct herald_client_delivery *delivery)
{
    json_t *object = json_object();
    json_t *attempts = json_array();
    for (size_t i = 0; i < delivery->attempt_count; i++) {
        (void)json_array_append_new(attempts, query_attempt_json(&delivery->attempts_list[i]));
    }
    (void)json_object_set_new(object, "subscription", ctl_json_string(delivery->subscription));
    (void)json_object_set_new(object, "group", ctl_json_string(delivery->group));
    (void)json_object_set_new(object, "state", ctl_json_string(delivery->state_name));
    (void)json_object_set_new(object, "custodian", ctl_json_string(delivery->custodian));
    (void)json_object_set_new(object, "turn", json_integer(delivery->turn));
    (void)json_object_set_new(object, "attempts_burnt", json_integer(delivery->attempts));
    (void)json_object_set_new(object, "attempts_limit", json_integer(delivery->attempts_limit));
    (void)json_object_set_new(object, "due_unix_ms", json_integer(delivery->due_unix_ms));
    (void)json_object_set_new(object, "cancel_asked", json_boolean(delivery->cancel_asked));
    (void)json_object_set_new(object, "left_out", json_integer(delivery->left_out));
    (void)json_object_set_new(object, "attempts", attempts);
    return object;
}

static void
query_json(const struct herald_client_found *found)
{
    json_t *object = json_object();
    json_t *deliveries = json_array();
    for (size_t i = 0; i < found->delivery_count; i++) {
        (void)json_array_append_new(deliveries, query_delivery_json(&found->deliveries[i]));
    }
    (void)json_object_set_new(object, "biz_id", ctl_json_string(found->biz_id));
    (void)json_object_set_new(object, "found", json_boolean(found->found));
    if (found->found) {
        (void)json_object_set_new(object, "topic", ctl_json_string(found->topic));
        (void)json_object_set_new(object, "version", ctl_json_uint(found->version));
        (void)json_object_set_new(object, "position", ctl_json_uint(found->position));
        (void)json_object_set_new(object, "received_unix_ms",
                                  json_integer(found->received_unix_ms));
    }
    (void)json_object_set_new(object, "deliveries", deliveries);
    ctl_json_line(object);
}

static void
query_attempts(const struct herald_client_delivery *delivery)
{
    static const char *const headings[] = {"    TRY", "AT", "BY", "OUTCOME", "REASON", NULL};
    table_t *table = table_new(headings);
    char time[CLOCK_TEXT_SIZE];
    for (size_t i = 0; i < delivery->attempt_count; i++) {
        const struct herald_client_attempt *attempt = &delivery->attempts_list[i];
        if (attempt->number == 0) {
            table_cell(table, "    -");
        } else {
            table_cell(table, "    %u", attempt->number);
        }
        table_cell(table, "%s", ctl_time(attempt->at_unix_ms, time));
        table_cell(table, "%s", attempt->custodian);
        table_cell(table, "%s", attempt->outcome);
        table_cell(table, "%s", attempt->reason);
    }
    if (delivery->left_out > 0) {
        printf("    %" PRIu32 " older attempts are not kept any more\n", delivery->left_out);
    }
    table_print(table, stdout);
    table_destroy(&table);
}

static void
query_print(const struct herald_client_found *found)
{
    char time[CLOCK_TEXT_SIZE];
    if (!found->found) {
        printf("%s: not known; never accepted, or done so long ago that it is not kept\n",
               found->biz_id);
        return;
    }
    printf("%s: %s, version %" PRIu64 ", accepted %s as number %" PRIu64 "\n", found->biz_id,
           found->topic, found->version, ctl_time(found->received_unix_ms, time), found->position);
    for (size_t i = 0; i < found->delivery_count; i++) {
        const struct herald_client_delivery *delivery = &found->deliveries[i];
        printf("  %s: %s", delivery->subscription, delivery->state_name);
        if (delivery->state == WIRE_STATE_PENDING) {
            printf(" with the %s, %u of %u attempts", delivery->custodian, delivery->attempts,
                   delivery->attempts_limit);
        }
        if (delivery->state == WIRE_STATE_PENDING && delivery->due_unix_ms != 0) {
            printf(", next %s", ctl_time(delivery->due_unix_ms, time));
        }
        printf(" (group %s, turn %" PRIu32 "%s)\n", delivery->group, delivery->turn,
               delivery->cancel_asked ? ", cancel asked" : "");
        query_attempts(delivery);
    }
}

static err_t
query_some(const struct ctl *ctl, herald_client_t *client, const char *const *ids, size_t count,
           size_t *missing)
{
    struct herald_client_answer answer = {0};
    struct why why = {{0}};
    err_t rc = herald_client_query(client, ids, count, &answer, &why);
    if (rc != ERR_OK) {
        (void)ctl_failed(rc, &why);
        return rc;
    }
    for (size_t i = 0; i < answer.count; i++) {
        *missing += !answer.found[i].found;
        if (ctl->json) {
            query_json(&answer.found[i]);
        } else {
            query_print(&answer.found[i]);
        }
    }
    herald_client_answer_fini(&answer);
    return ERR_OK;
}

static int
query_run(const struct ctl *ctl)
{
    struct ctl_ids ids;
    struct why why = {{0}};
    struct herald_client_options options = {0};
    herald_client_t *client = NULL;
    int code;
    if (ctl_ids_load(&ids, ctl, &code) != ERR_OK) {
        return code;
    }
    size_t missing = 0;
    err_t rc = ctl_client(ctl, &options, &client, &why);
    code = rc == ERR_OK ? EXIT_CODE_OK : ctl_failed(rc, &why);
    for (size_t at = 0; at < ids.count && rc == ERR_OK; at += WIRE_QUERY_MAX) {
        size_t count = ids.count - at < WIRE_QUERY_MAX ? ids.count - at : WIRE_QUERY_MAX;
        rc = query_some(ctl, client, (const char *const *)&ids.ids[at], count, &missing);
        code = rc == ERR_TIMEOUT ? EXIT_CODE_UNAVAILABLE : EXIT_CODE_NOT_ALL;
    }
    if (rc == ERR_OK) {
        code = ctl_ids_code(&ids, missing == 0 ? EXIT_CODE_OK : EXIT_CODE_NOT_ALL);
    }
    herald_client_destroy(&client);
    ctl_ids_fini(&ids);
    return code;
}

const struct ctl_command command_query = {
    .name = "query",
    .operands = "BIZ_ID...",
    .summary = "what became of notifications",
    .help =
        "For each biz_id: when it was accepted, and for each subscription where its delivery is,\n"
        "every attempt with its outcome and reason, and when the next one is due.\n"
        "\n"
        "States: PENDING; DONE: the receiver has applied it; UNDONE: fenced and undone;\n"
        "CANCELLED: it will never take effect; RESOLVED: a person has settled it; CASE: a person\n"
        "is asked (heraldctl cases). With --file: ids, one a line, or lines as submit takes.\n"
        "\n"
        "Examples\n"
        "  heraldctl query 1001-payment\n"
        "  heraldctl query --json 1001-payment | jq -r '.deliveries[].state'\n"
        "\n"
        "Exit codes: 0; 1 one of them is not known; 65 lines of the file have no biz_id, and were\n"
        "said and passed over; 69 no answer; 74 the file cannot be read.\n",
    .options = CTL_ASKING | CTL_BIT(CTL_FILE),
    .min_operands = 0,
    .max_operands = SIZE_MAX,
    .run = query_run,
};
