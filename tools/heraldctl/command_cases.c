#include "case_print.h"
#include "ctl_print.h"
#include "ctl_service.h"
#include "table.h"

#include "base/clock.h"
#include "runtime/exit_code.h"

#include <inttypes.h>
#include <stdio.h>

static void
cases_row(table_t *table, const struct wire_case *found)
{
    char time[CLOCK_TEXT_SIZE];
    table_cell(table, "%" PRIu64, found->id);
    table_cell(table, "%s", ctl_time(found->opened_unix_ms, time));
    table_cell(table, "%.*s", CTL_TEXT(found->biz_id));
    table_cell(table, "%.*s", CTL_TEXT(found->subscription));
    table_cell(table, "%s", wire_state_name(found->state));
    table_cell(table, "%s", !case_is_open(found) ? "-" : found->fenced ? "yes" : "no");
    table_cell(table, "%s", case_order_name(found->order));
    table_cell(table, "%s", wire_outcome_name(found->cause));
    table_cell(table, "%.*s", CTL_TEXT(found->reason));
}

/* One page; *last and *more say how to go on. */
static err_t
cases_page(const struct ctl *ctl, struct ctl_question *question, table_t *table,
           struct wire_cases_ask *ask, bool *more)
{
    struct why why = {{0}};
    ctl_question_begin(question);
    wire_cases_encode(&question->out, question->request, ask);
    err_t rc = ctl_ask(ctl, question, WIRE_CASE_LIST, &why);
    uint32_t count = rc == ERR_OK ? wire_case_list_open(&question->answer.in, more) : 0;
    struct wire_case found;
    for (uint32_t i = 0; i < count && wire_case_get(&question->answer.in, &found); i++) {
        ask->after_id = found.id;
        if (ctl->json) {
            ctl_json_line(case_json(&found));
        } else {
            cases_row(table, &found);
        }
    }
    if (rc == ERR_OK) {
        rc = wire_message_finish(&question->answer.in, &question->answer.head, &why);
        *more = *more && count > 0;
    }
    if (rc != ERR_OK) {
        (void)ctl_failed(rc, &why);
    }
    return rc;
}

static int
cases_run(const struct ctl *ctl)
{
    static const char *const headings[] = {"ID",     "OPENED", "BIZ_ID", "SUBSCRIPTION", "STATE",
                                           "FENCED", "ORDER",  "CAUSE",  "REASON",       NULL};
    struct ctl_question question = {0};
    struct wire_cases_ask ask = {.open_only = ctl->values[CTL_ALL] == NULL,
                                 .limit = WIRE_CASES_MAX};
    struct why why = {{0}};
    err_t rc = ctl_question_open(ctl, CTL_SERVICE_COMPENSATOR, &question, &why);
    if (rc != ERR_OK) {
        return ctl_failed(rc, &why);
    }
    table_t *table = table_new(headings);
    bool more = true;
    while (rc == ERR_OK && more) {
        rc = cases_page(ctl, &question, table, &ask, &more);
    }
    table_print(table, stdout);
    if (rc == ERR_OK && !ctl->json && table_rows(table) == 0) {
        printf("no cases\n");
    }
    table_destroy(&table);
    ctl_question_close(&question);
    return rc == ERR_OK        ? EXIT_CODE_OK
           : rc == ERR_TIMEOUT ? EXIT_CODE_UNAVAILABLE
                               : EXIT_CODE_NOT_ALL;
}

const struct ctl_command command_cases = {
    .name = "cases",
    .operands = "",
    .summary = "what waits for a person",
    .help =
        "A case is a delivery that neither the schedule nor compensation could end. FENCED: the\n"
        "receiver has confirmed that it will never apply it by itself, or may have: an undo was "
        "not\n"
        "answered. Such a case is not replayed. - when the case is closed.\n"
        "ORDER: what somebody has asked for and is under way. `heraldctl case show ID` has the\n"
        "whole story.\n"
        "\n"
        "Examples\n"
        "  heraldctl cases\n"
        "  heraldctl cases --all --json | jq -r 'select(.state == \"RESOLVED\") | .biz_id'\n"
        "\n"
        "Exit codes: 0, also when there are none; 69 no answer.\n",
    .options = CTL_ASKING | CTL_BIT(CTL_ALL),
    .min_operands = 0,
    .max_operands = 0,
    .run = cases_run,
};
