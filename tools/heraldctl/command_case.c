#include "case_print.h"
#include "ctl_print.h"
#include "ctl_service.h"
#include "table.h"

#include "base/clock.h"
#include "delivery/record.h"
#include "runtime/exit_code.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static err_t
case_action_of(const char *name, uint8_t *action, struct why *why)
{
    static const char *const names[WIRE_CASE_ACTION_COUNT] = {
        [WIRE_CASE_SHOW] = "show",       [WIRE_CASE_REPLAY] = "replay", [WIRE_CASE_UNDO] = "undo",
        [WIRE_CASE_RESOLVE] = "resolve", [WIRE_CASE_NOTE] = "note",
    };
    for (uint8_t i = WIRE_CASE_SHOW; i < WIRE_CASE_ACTION_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            *action = i;
            return ERR_OK;
        }
    }
    return why_set(why, ERR_INVALID, "%s: must be show, replay, undo, resolve or note", name);
}

/* What a person has put on record is no outcome; the reason says what it is. */
static const char *
case_outcome(const struct wire_attempt *attempt)
{
    return attempt->outcome == OUTCOME_NONE ? "-" : wire_outcome_name(attempt->outcome);
}

static json_t *
case_attempt_json(const struct wire_attempt *attempt)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "number", json_integer(attempt->number));
    (void)json_object_set_new(object, "turn", json_integer(attempt->turn));
    (void)json_object_set_new(object, "custodian",
                              ctl_json_string(wire_custodian_name(attempt->custodian)));
    (void)json_object_set_new(object, "outcome", ctl_json_string(case_outcome(attempt)));
    (void)json_object_set_new(object, "at_unix_ms", json_integer(attempt->at_unix_ms));
    (void)json_object_set_new(object, "reason",
                              ctl_json_text(attempt->reason.data, attempt->reason.size));
    return object;
}

static void
case_attempt_row(table_t *table, const struct wire_attempt *attempt)
{
    char time[CLOCK_TEXT_SIZE];
    table_cell(table, "  %s", ctl_time(attempt->at_unix_ms, time));
    table_cell(table, "%s", wire_custodian_name(attempt->custodian));
    if (attempt->number == 0) {
        table_cell(table, "-");
    } else {
        table_cell(table, "%u", attempt->number);
    }
    table_cell(table, "%s", case_outcome(attempt));
    table_cell(table, "%.*s", CTL_TEXT(attempt->reason));
}

static void
case_head_print(const struct wire_case *found)
{
    char time[CLOCK_TEXT_SIZE];
    printf("case %" PRIu64 ": %s, opened %s\n", found->id, wire_state_name(found->state),
           ctl_time(found->opened_unix_ms, time));
    printf("  biz_id        %.*s\n", CTL_TEXT(found->biz_id));
    printf("  topic         %.*s\n", CTL_TEXT(found->topic));
    printf("  subscription  %.*s (group %.*s)\n", CTL_TEXT(found->subscription),
           CTL_TEXT(found->group));
    printf("  cause         %s: %.*s\n", wire_outcome_name(found->cause), CTL_TEXT(found->reason));
    printf("  fenced        %s\n", !case_is_open(found) ? "-"
                                   : found->fenced      ? "yes: the receiver will not apply it"
                                                        : "no");
    printf("  under way     %s\n", case_order_name(found->order));
}

/* CASE_DETAIL is opened. */
static err_t
case_detail(const struct ctl *ctl, struct ctl_question *question, struct why *why)
{
    static const char *const headings[] = {"  AT", "BY", "TRY", "WHAT", "REASON", NULL};
    struct wire_case found;
    struct wire_bytes payload;
    struct wire_attempt attempt;
    uint32_t count = wire_case_detail_open(&question->answer.in, &found, &payload);
    json_t *attempts = json_array();
    table_t *table = table_new(headings);
    for (uint32_t i = 0; i < count && wire_attempt_get(&question->answer.in, &attempt); i++) {
        (void)json_array_append_new(attempts, case_attempt_json(&attempt));
        case_attempt_row(table, &attempt);
    }
    err_t rc = wire_message_finish(&question->answer.in, &question->answer.head, why);
    if (rc == ERR_OK && ctl->json) {
        json_t *object = case_json(&found);
        (void)json_object_set(object, "attempts", attempts);
        ctl_json_line_payload(object, payload.data, payload.size);
    } else if (rc == ERR_OK) {
        case_head_print(&found);
        printf("  payload       ");
        ctl_print_payload(payload.data, payload.size);
        table_print(table, stdout);
    }
    json_decref(attempts);
    table_destroy(&table);
    return rc;
}

static int
case_ask(const struct ctl *ctl, const struct wire_case_order *order)
{
    struct ctl_question question = {0};
    struct why why = {{0}};
    err_t rc = ctl_question_open(ctl, CTL_SERVICE_COMPENSATOR, &question, &why);
    int code = EXIT_CODE_OK;
    if (rc == ERR_OK) {
        wire_case_order_encode(&question.out, question.request, order);
    }
    if (rc == ERR_OK && order->action != WIRE_CASE_SHOW) {
        code = ctl_decide(ctl, &question);
    } else if (rc == ERR_OK) {
        rc = ctl_ask(ctl, &question, WIRE_CASE_DETAIL, &why);
        rc = rc == ERR_OK ? case_detail(ctl, &question, &why) : rc;
    }
    ctl_question_close(&question);
    return rc == ERR_OK ? code : ctl_failed(rc, &why);
}

static int
case_run(const struct ctl *ctl)
{
    struct wire_case_order order = {.unfenced = ctl->values[CTL_UNFENCED] != NULL};
    struct why why = {{0}};
    err_t rc = case_action_of(ctl->operands[0], &order.action, &why);
    if (rc == ERR_OK) {
        rc = ctl_digits(ctl->operands[1], INT64_MAX, &order.id, &why);
    }
    if (rc == ERR_OK && order.action != WIRE_CASE_SHOW) {
        rc = ctl_person(ctl, &why);
    }
    if (rc == ERR_OK && order.unfenced && order.action != WIRE_CASE_RESOLVE) {
        rc = why_set(&why, ERR_INVALID, "--unfenced goes with resolve only");
    }
    if (rc != ERR_OK) {
        return ctl_usage(ctl, &why);
    }
    if (order.action != WIRE_CASE_SHOW) {
        order.by = (struct wire_text){ctl->values[CTL_BY], strlen(ctl->values[CTL_BY])};
        order.reason = (struct wire_text){ctl->values[CTL_REASON], strlen(ctl->values[CTL_REASON])};
    }
    return case_ask(ctl, &order);
}

const struct ctl_command command_case = {
    .name = "case",
    .operands = "ACTION ID",
    .summary = "show or decide one case",
    .help =
        "ACTION is one of\n"
        "  show     the case, its payload, every attempt and note\n"
        "  replay   the cause is mended: run the whole schedule again\n"
        "  undo     the receiver fences it and runs its undoing action\n"
        "  resolve  settled by hand: the receiver fences it, then it is RESOLVED\n"
        "  note     put a remark on record\n"
        "All but show need --by and --reason. The answer says that the order is on record; the\n"
        "end is told by `heraldctl watch`. --unfenced, with resolve: when the receiver's group\n"
        "has no fences; it may still apply the notification later, and you answer for that.\n"
        "\n"
        "Examples\n"
        "  heraldctl case show 17\n"
        "  heraldctl case replay 17 --by bob --reason 'the order was entered now'\n"
        "  heraldctl case resolve 17 --by ann --reason 'a cent too little; waived'\n"
        "\n"
        "Exit codes: 0, 1 refused or no such case, 69 no answer.\n",
    .options = CTL_ASKING | CTL_BIT(CTL_BY) | CTL_BIT(CTL_REASON) | CTL_BIT(CTL_UNFENCED),
    .min_operands = 2,
    .max_operands = 2,
    .run = case_run,
};
