#include "ctl_print.h"
#include "ctl_service.h"
#include "table.h"

#include "runtime/exit_code.h"
#include "wire/wire_message.h"

#include <stdio.h>
#include <string.h>

/* The delivery's state after the answer; "-" when it cannot be learned. */
static const char *
cancel_state(const struct herald_client_answer *after, const char *subscription)
{
    for (size_t i = 0; after->count == 1 && i < after->found[0].delivery_count; i++) {
        const struct herald_client_delivery *delivery = &after->found[0].deliveries[i];
        if (strcmp(delivery->subscription, subscription) == 0) {
            return delivery->state_name;
        }
    }
    return "-";
}

static void
cancel_json(const char *biz_id, const struct herald_client_cancelled *one, const char *state)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "biz_id", ctl_json_string(biz_id));
    (void)json_object_set_new(object, "subscription", ctl_json_string(one->subscription));
    (void)json_object_set_new(object, "status", ctl_json_string(one->status_name));
    (void)json_object_set_new(object, "state", ctl_json_string(state));
    (void)json_object_set_new(object, "text", ctl_json_string(one->text));
    ctl_json_line(object);
}

static int
cancel_say(const struct ctl *ctl, herald_client_t *client,
           const struct herald_client_cancelled *cancelled, size_t count)
{
    static const char *const headings[] = {"SUBSCRIPTION", "CANCEL", "STATE", "TEXT", NULL};
    struct herald_client_answer after = {0};
    const char *biz_id = ctl->operands[0];
    (void)herald_client_query(client, &biz_id, 1, &after, NULL); /* without it: no state is shown */
    table_t *table = table_new(headings);
    bool all = count > 0;
    for (size_t i = 0; i < count; i++) {
        const struct herald_client_cancelled *one = &cancelled[i];
        const char *state = cancel_state(&after, one->subscription);
        all = all && (one->wire_status == WIRE_CANCELLED || one->wire_status == WIRE_REQUESTED);
        if (ctl->json) {
            cancel_json(biz_id, one, state);
            continue;
        }
        table_cell(table, "%s", one->subscription);
        table_cell(table, "%s", one->status_name);
        table_cell(table, "%s", state);
        table_cell(table, "%s", one->text);
    }
    table_print(table, stdout);
    table_destroy(&table);
    herald_client_answer_fini(&after);
    return all ? EXIT_CODE_OK : EXIT_CODE_NOT_ALL;
}

static int
cancel_run(const struct ctl *ctl)
{
    struct why why = {{0}};
    if (ctl_person(ctl, &why) != ERR_OK) {
        return ctl_usage(ctl, &why);
    }
    struct herald_client_cancelled cancelled[LIMIT_SUBSCRIPTIONS];
    struct herald_client_options options = {0};
    herald_client_t *client = NULL;
    size_t count = 0;
    err_t rc = ctl_client(ctl, &options, &client, &why);
    if (rc == ERR_OK) {
        const struct herald_client_cancel_order order = {
            .biz_id = ctl->operands[0],
            .subscription = ctl->values[CTL_SUBSCRIPTION],
            .by = ctl->values[CTL_BY],
            .reason = ctl->values[CTL_REASON],
        };
        rc = herald_client_cancel(client, &order, cancelled, &count, &why);
    }
    int code = rc == ERR_OK ? cancel_say(ctl, client, cancelled, count) : ctl_failed(rc, &why);
    herald_client_destroy(&client);
    return code;
}

const struct ctl_command command_cancel = {
    .name = "cancel",
    .operands = "BIZ_ID",
    .summary = "ask that a notification has no effect any more",
    .help =
        "What was never sent is cancelled at once. What was sent needs its receiver's fence: then\n"
        "the answer is REQUESTED, and `heraldctl watch` tells the end: CANCELLED, or DONE when it\n"
        "was applied before. ENDED: too late. IS_CASE: a person decides already (heraldctl "
        "cases).\n"
        "CANNOT_FENCE: it was sent, and this receiver has no fences.\n"
        "\n"
        "Examples\n"
        "  heraldctl cancel 1001-payment --by ann --reason 'order withdrawn'\n"
        "  heraldctl cancel 1001-refund --subscription ledger --by ann --reason 'booked by hand'\n"
        "\n"
        "Exit codes: 0 cancelled or requested, 1 answered no, 69 no answer.\n",
    .options = CTL_ASKING | CTL_BIT(CTL_SUBSCRIPTION) | CTL_BIT(CTL_BY) | CTL_BIT(CTL_REASON),
    .min_operands = 1,
    .max_operands = 1,
    .run = cancel_run,
};
