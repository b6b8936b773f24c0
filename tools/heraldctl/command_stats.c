#include "ctl_print.h"
#include "ctl_service.h"
#include "table.h"

#include "runtime/exit_code.h"
#include "wire/wire_session.h"

#include <inttypes.h>
#include <stdio.h>

static void
stats_json(const struct wire_counters *counters)
{
    json_t *object = json_object();
    json_t *stats = json_object();
    for (uint32_t i = 0; i < counters->count; i++) {
        char name[LIMIT_NAME_BYTES + 1];
        ctl_copy(name, sizeof name, counters->list[i].name);
        (void)json_object_set_new(stats, name, ctl_json_uint(counters->list[i].value));
    }
    (void)json_object_set_new(object, "service",
                              ctl_json_text(counters->service.data, counters->service.size));
    (void)json_object_set_new(object, "stats", stats);
    ctl_json_line(object);
}

static err_t
stats_of(const struct ctl *ctl, enum ctl_service service, table_t *table, struct why *why)
{
    struct ctl_question question;
    struct wire_counters counters;
    err_t rc = ctl_question_open(ctl, service, &question, why);
    if (rc == ERR_OK) {
        wire_plain_encode(&question.out, WIRE_STATS, question.request);
        rc = ctl_ask(ctl, &question, WIRE_COUNTERS, why);
    }
    if (rc == ERR_OK) {
        rc = wire_counters_decode(&question.answer.in, &question.answer.head, &counters, why);
    }
    if (rc == ERR_OK && ctl->json) {
        stats_json(&counters);
    } else if (rc == ERR_OK) {
        for (uint32_t i = 0; i < counters.count; i++) {
            table_cell(table, "%s", ctl_service_name(service));
            table_cell(table, "%.*s", CTL_TEXT(counters.list[i].name));
            table_cell(table, "%" PRIu64, counters.list[i].value);
        }
    }
    ctl_question_close(&question);
    return rc;
}

static int
stats_run(const struct ctl *ctl)
{
    static const char *const headings[] = {"SERVICE", "COUNTER", "VALUE", NULL};
    enum ctl_service services[CTL_SERVICE_COUNT];
    size_t count = 0;
    struct why why = {{0}};
    for (; count < ctl->operand_count; count++) {
        if (ctl_service_of(ctl->operands[count], &services[count], &why) != ERR_OK) {
            return ctl_usage(ctl, &why);
        }
    }
    for (; ctl->operand_count == 0 && count < CTL_SERVICE_COUNT; count++) {
        services[count] = (enum ctl_service)count;
    }
    table_t *table = table_new(headings);
    int code = EXIT_CODE_OK;
    for (size_t i = 0; i < count; i++) {
        err_t rc = stats_of(ctl, services[i], table, &why);
        if (rc != ERR_OK) {
            struct why named;
            (void)why_set(&named, rc, "%s: %s", ctl_service_name(services[i]), why.text);
            code = ctl_failed(rc, &named);
        }
    }
    table_print(table, stdout);
    table_destroy(&table);
    return code;
}

const struct ctl_command command_stats = {
    .name = "stats",
    .operands = "[SERVICE...]",
    .summary = "the counters of services",
    .help = "Without SERVICE: of all four.\n"
            "\n"
            "Examples\n"
            "  heraldctl stats\n"
            "  heraldctl stats producer --json | jq .stats.accepted\n"
            "\n"
            "Exit codes: 0, 69 a service does not answer.\n",
    .options = CTL_ASKING,
    .min_operands = 0,
    .max_operands = CTL_SERVICE_COUNT,
    .run = stats_run,
};
