#include "ctl_print.h"
#include "ctl_service.h"
#include "order_amount.h"

#include "runtime/exit_code.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDER_TOPIC "order.created"

static const char *
order_status_name(enum herald_client_status status)
{
    switch (status) {
    case HERALD_CLIENT_ACCEPTED:
        return "ACCEPTED";
    case HERALD_CLIENT_DUPLICATE:
        return "DUPLICATE";
    case HERALD_CLIENT_CONFLICT:
        return "CONFLICT";
    case HERALD_CLIENT_REFUSED:
        return "REFUSED";
    case HERALD_CLIENT_BUSY:
        return "BUSY";
    case HERALD_CLIENT_UNKNOWN:
        break;
    }
    return "UNKNOWN";
}

static int
order_code(enum herald_client_status status)
{
    switch (status) {
    case HERALD_CLIENT_ACCEPTED:
    case HERALD_CLIENT_DUPLICATE:
        return EXIT_CODE_OK;
    case HERALD_CLIENT_CONFLICT:
    case HERALD_CLIENT_REFUSED:
        return EXIT_CODE_NOT_ALL;
    case HERALD_CLIENT_BUSY:
    case HERALD_CLIENT_UNKNOWN:
        break;
    }
    return EXIT_CODE_UNAVAILABLE;
}

static void
order_say(const struct ctl *ctl, const char *biz_id, const struct herald_client_result *result)
{
    const char *name = order_status_name(result->status);
    if (ctl->json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "biz_id", ctl_json_string(biz_id));
        (void)json_object_set_new(object, "status", ctl_json_string(name));
        (void)json_object_set_new(object, "position", ctl_json_uint(result->position));
        (void)json_object_set_new(object, "field", ctl_json_string(result->field));
        (void)json_object_set_new(object, "text", ctl_json_string(result->text));
        ctl_json_line(object);
        return;
    }
    bool good = order_code(result->status) == EXIT_CODE_OK;
    (void)fprintf(good ? stdout : stderr, "%s: %s%s%s%s%s\n", biz_id, name,
                  result->field[0] == '\0' ? "" : ": ", result->field,
                  result->text[0] == '\0' ? "" : ": ", result->text);
}

static int
order_submit(const struct ctl *ctl, const char *biz_id, const char *payload)
{
    struct herald_client_notification notification = {
        .topic = ORDER_TOPIC,
        .biz_id = biz_id,
        .payload = payload,
        .payload_size = strlen(payload),
        .version = 1,
    };
    struct herald_client_options options = {0};
    struct herald_client_result result = {0};
    struct why why = {{0}};
    herald_client_t *client = NULL;
    err_t rc = ctl_client(ctl, &options, &client, &why);
    if (rc != ERR_OK) {
        return ctl_failed(rc, &why);
    }
    (void)herald_client_submit(client, &notification, &result); /* the result has it too */
    order_say(ctl, biz_id, &result);
    herald_client_destroy(&client);
    return order_code(result.status);
}

static int
order_run(const struct ctl *ctl)
{
    const char *id = ctl->operands[0];
    const char *currency = ctl->operands[2];
    char biz_id[LIMIT_BIZ_ID_BYTES + 1];
    uint64_t amount = 0;
    struct why why = {{0}};
    err_t rc = order_amount_parse(ctl->operands[1], currency, &amount, &why);
    const char *given = ctl->values[CTL_BIZ_ID];
    int size = snprintf(biz_id, sizeof biz_id, "%s%s", given == NULL ? id : given,
                        given == NULL ? "-created" : "");
    if (rc == ERR_OK && (size < 1 || size > LIMIT_BIZ_ID_BYTES || *id == '\0')) {
        rc = why_set(&why, ERR_INVALID, "the biz_id has %d bytes; must be 1 to %d", size,
                     LIMIT_BIZ_ID_BYTES);
    }
    if (rc != ERR_OK) {
        return ctl_usage(ctl, &why);
    }
    json_t *object = json_object();
    (void)json_object_set_new(object, "order_id", ctl_json_string(id));
    (void)json_object_set_new(object, "amount", ctl_json_uint(amount));
    (void)json_object_set_new(object, "currency", ctl_json_string(currency));
    char *payload = json_dumps(object, JSON_COMPACT);
    int code = order_submit(ctl, biz_id, payload == NULL ? "{}" : payload);
    free(payload);
    json_decref(object);
    return code;
}

const struct ctl_command command_order = {
    .name = "order",
    .operands = "ID AMOUNT CURRENCY",
    .summary = "submit that an order was created",
    .help =
        "The shortest way to see something happen: an order.created notification, which the order\n"
        "consumer turns into a row of its order database. AMOUNT is as people write it, exact.\n"
        "\n"
        "Examples\n"
        "  heraldctl order 2001 49.90 eur\n"
        "  heraldctl order 2002 500 jpy --biz-id 2002-again\n"
        "  heraldctl query 2001-created\n"
        "\n"
        "Exit codes: 0 accepted, now or before; 1 refused, or the id was used for something else;\n"
        "69 no answer: ask again with the same id.\n",
    .options = CTL_ASKING | CTL_BIT(CTL_BIZ_ID),
    .min_operands = 3,
    .max_operands = 3,
    .run = order_run,
};
