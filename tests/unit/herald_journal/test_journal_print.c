#include "tool_fixture.h"

#include "delivery/record_codec.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

TestSuite(journal_print, .init = tool_setup, .fini = tool_teardown);

#define TEXT(text)                                                                                 \
    {                                                                                              \
        .data = (text), .size = sizeof(text) - 1                                                   \
    }
#define AT_MS INT64_C(1795420800123)

#define KEY                                                                                        \
    {                                                                                              \
        .position = 77, .subscription = 3                                                          \
    }

static struct record_custody
custody(void)
{
    return (struct record_custody){
        .key = KEY,
        .turn = 2,
        .to = LOG_COMPENSATOR,
        .cause = OUTCOME_LEASE,
        .attempts = 4,
        .unburnt = 1,
        .sent = true,
        .alone = true,
        .at_unix_ms = AT_MS,
        .due_unix_ms = AT_MS + 1000,
        .first_sent_unix_ms = AT_MS - 1000,
        .reason = TEXT("no answer"),
        .previous = 9,
    };
}

static struct record_notification
notification(void)
{
    return (struct record_notification){
        .received_unix_ms = AT_MS,
        .hash = {0xab},
        .subscription_count = 2,
        .subscriptions = {3, 5},
        .encoded = (const uint8_t *)"encoded",
        .encoded_size = 7,
    };
}

static void
append_events(log_t *log)
{
    static const struct record_event events[] = {
        {.key = KEY, .turn = 1, .kind = RECORD_DONE, .outcome = OUTCOME_DUPLICATE, .attempt = 2},
        {.key = KEY, .more = 41, .turn = 1, .kind = RECORD_DONE, .outcome = OUTCOME_DONE},
        {.key = KEY, .turn = 1, .kind = RECORD_EVIDENCE, .outcome = OUTCOME_DONE},
        {.key = KEY, .turn = 2, .kind = RECORD_FAILED, .outcome = OUTCOME_DOWN, .unburnt = 6},
        {.key = KEY, .turn = 2, .kind = RECORD_ENDED, .end = END_UNDONE},
        {.key = KEY, .turn = 3, .kind = RECORD_CLOSED, .end = END_RESOLVED, .by = TEXT("ann")},
        {.key = KEY, .turn = 3, .kind = RECORD_ORDER, .order = ORDER_RESOLVE, .unfenced = true},
        {.key = KEY, .turn = 3, .kind = RECORD_FENCED, .reason = TEXT("undone by hand")},
    };
    uint8_t body[RECORD_EVENT_MAX];
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        (void)log_append(log, events[i].kind, body, record_event_encode(&events[i], body));
    }
}

static void
append_settings(log_t *log)
{
    uint8_t body[RECORD_SUBSCRIPTION_MAX];
    struct record_subscription subscription = {
        .id = 3,
        .active = true,
        .compensation = COMPENSATION_UNDO,
        .lease_ms = 30000,
        .lease_limit_ms = 300000,
        .name = TEXT("orders"),
        .pattern = TEXT("order.#"),
        .group = TEXT("order-system"),
        .policy = TEXT("1s,2s"),
    };
    struct record_group group = {
        .name = TEXT("order-system"), .identity = {0xcd}, .can_undo = true};
    struct record_position position = {.logs = {[LOG_SCHEDULER] = {.position = 41}}};
    (void)log_append(log, RECORD_SUBSCRIPTION, body,
                     record_subscription_encode(&subscription, body));
    (void)log_append(log, RECORD_GROUP, body, record_group_encode(&group, body));
    (void)log_append(log, RECORD_POSITION, body, record_position_encode(&position, body));
    (void)log_append(log, RECORD_CHECKPOINT_BEGIN, NULL, 0);
    (void)log_append(log, RECORD_CHECKPOINT_ITEM, "item", 4);
    (void)log_append(log, RECORD_CHECKPOINT_END, "\x0f", 1);
    (void)log_append(log, RECORD_INDEX, "index", 5);
    (void)log_append(log, LOG_KIND_LOST, NULL, 0);
    (void)log_append(log, RECORD_MOVED, "\xff", 1);
}

/* A record of every kind, and one that cannot be decoded. */
static void
write_all_kinds(void)
{
    log_t *log = tool_own(tool_directory);
    uint8_t body[512];
    struct record_notification accepted = notification();
    (void)log_append(log, RECORD_NOTIFICATION, body, record_notification_encode(&accepted, body));
    struct record_custody moved = custody();
    size_t size = record_custody_encode(&moved, body);
    (void)log_append(log, RECORD_MOVED, body, size);
    (void)log_append(log, RECORD_TAKEN, body, size);
    struct record_case opened = {
        .custody = moved, .fenced = true, .undo_unanswered = true, .notification = accepted};
    (void)log_append(log, RECORD_CASE, body, record_case_encode(&opened, body));
    append_events(log);
    append_settings(log);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    cr_assert_eq(log_reap(log, NULL), ERR_OK);
    log_close(&log);
}

static struct tool_result
print(const char *option, const char *value)
{
    char path[TOOL_PATH_SIZE];
    tool_path("producer", path);
    struct tool_result result = option == NULL  ? TOOL("print", path)
                                : value == NULL ? TOOL("print", option, path)
                                                : TOOL("print", option, value, path);
    cr_assert_eq(result.code, 0, "%s%s", result.out, result.err);
    return result;
}

Test(journal_print, every_kind_of_record_is_printed_in_words)
{
    static const char *const expected[] = {
        "position=1 kind=notification",
        "subscriptions=[3,5] bytes=7 hash=ab0000",
        "kind=moved size=",
        "notification=77 subscription=3 turn=2 to=compensator cause=lease attempts=4 unburnt=1 "
        "sent=true alone=true at=",
        "previous=9 reason=\"no answer\"\n",
        "kind=taken",
        "kind=case",
        "fenced=true undo-unanswered=true received=",
        "kind=done size=7 notification=77 subscription=3 turn=1 outcome=duplicate attempt=2",
        "kind=done size=8 notification=77 subscription=3 more=41 turn=1 outcome=done\n",
        "kind=evidence",
        "kind=failed",
        "outcome=down unburnt=6",
        "kind=ended",
        "end=undone",
        "kind=closed",
        "end=resolved by=ann",
        "kind=order",
        "order=resolve unfenced=true",
        "kind=fenced",
        "reason=\"undone by hand\"",
        "kind=subscription",
        "id=3 name=orders pattern=order.# group=order-system policy=1s,2s active=true "
        "compensation=undo lease=30s lease-limit=5m",
        "kind=group",
        "name=order-system identity=cd",
        "can-fence=false can-undo=true",
        "kind=position",
        "scheduler=41",
        "kind=checkpoint-begin",
        "kind=checkpoint-item",
        "kind=checkpoint-end size=1 begin=15",
        "kind=index",
        "kind=lost size=0",
        "kind=moved size=1 malformed=",
    };
    write_all_kinds();
    struct tool_result result = print(NULL, NULL);
    const char *at = result.out;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const char *found = strstr(at, expected[i]);
        cr_assert_not_null(found, "\"%s\" does not follow in\n%s", expected[i], result.out);
        at = found + strlen(expected[i]);
    }
    tool_result_fini(&result);
}

Test(journal_print, json_is_one_object_a_line)
{
    write_all_kinds();
    struct tool_result result = print("--json", NULL);
    char *state = NULL;
    json_int_t position = 0;
    for (char *line = strtok_r(result.out, "\n", &state); line != NULL;
         line = strtok_r(NULL, "\n", &state)) {
        json_t *object = json_loads(line, 0, NULL);
        cr_assert_not_null(object, "%s", line);
        cr_assert_eq(json_integer_value(json_object_get(object, "position")), ++position);
        cr_assert(json_is_string(json_object_get(object, "kind")));
        json_decref(object);
    }
    cr_assert_eq(position, 21);
    tool_result_fini(&result);
}

Test(journal_print, a_range_and_kinds_can_be_chosen)
{
    write_all_kinds();
    struct tool_result result = print("--kind", "moved,case,18");
    cr_assert(strncmp(result.out, "position=2 ", 11) == 0, "%s", result.out);
    cr_assert_not_null(strstr(result.out, "position=4 kind=case"), "%s", result.out);
    cr_assert_not_null(strstr(result.out, "kind=evidence"), "%s", result.out);
    cr_assert_null(strstr(result.out, "kind=taken"), "%s", result.out);
    tool_result_fini(&result);
    result = print("--from", "19");
    cr_assert(strncmp(result.out, "position=19 ", 12) == 0, "%s", result.out);
    tool_result_fini(&result);
    result = print("--to", "1");
    cr_assert_null(strstr(result.out, "position=2 "), "%s", result.out);
    cr_assert_not_null(strstr(result.out, "position=1 "), "%s", result.out);
    tool_result_fini(&result);
}

Test(journal_print, bodies_are_printed_when_asked_for)
{
    write_all_kinds();
    struct tool_result result = print("--bodies", NULL);
    cr_assert_not_null(strstr(result.out, "kind=index size=5 body=696e646578\n"), "%s", result.out);
    tool_result_fini(&result);
}

Test(journal_print, damage_in_the_middle_stops_the_print_and_says_where)
{
    log_t *log = tool_own(tool_directory);
    tool_write(log, 20);
    log_close(&log);
    tool_flip(1, SEGMENT_HEAD_BYTES + 10 * 1024 + 100);
    char path[TOOL_PATH_SIZE];
    struct tool_result result = TOOL("print", tool_path("producer", path));
    cr_assert_eq(result.code, 1, "%s%s", result.out, result.err);
    cr_assert_not_null(strstr(result.out, "position=10 "), "%s", result.out);
    cr_assert_null(strstr(result.out, "position=11 "), "%s", result.out);
    cr_assert_not_null(strstr(result.err, "offset 14336"), "%s", result.err);
    tool_result_fini(&result);
}
