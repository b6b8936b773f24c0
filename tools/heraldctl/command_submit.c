#include "ctl_print.h"
#include "submit_run.h"

#include "client/herald_client.h"
#include "runtime/exit_code.h"

#include <inttypes.h>
#include <stdio.h>

static void
submit_summary_json(const struct submit_totals *totals)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "lines", ctl_json_uint(totals->lines));
    for (unsigned i = 1; i < SUBMIT_RUN_STATUS_COUNT; i++) {
        (void)json_object_set_new(object, submit_status_name(i), ctl_json_uint(totals->counts[i]));
    }
    (void)json_object_set_new(object, "interrupted", json_boolean(totals->interrupted));
    ctl_json_line(object);
}

static void
submit_summary(const struct submit_totals *totals)
{
    printf("%" PRIu64 " lines", totals->lines);
    for (unsigned i = 1; i < SUBMIT_RUN_STATUS_COUNT; i++) {
        printf("%s %" PRIu64 " %s", i == 1 ? ":" : ",", totals->counts[i], submit_status_name(i));
    }
    printf("\n");
}

static int
submit_code(const struct submit_totals *totals)
{
    const uint64_t *counts = totals->counts;
    if (totals->interrupted) {
        (void)fprintf(stderr,
                      "heraldctl: interrupted after line %" PRIu64
                      "; the same input again goes on: "
                      "what was accepted is answered as duplicate\n",
                      totals->lines);
        return 130;
    }
    if (totals->gave_up) {
        (void)fprintf(stderr,
                      "heraldctl: nothing is decided any more; stopped after line %" PRIu64 "\n",
                      totals->lines);
    }
    if (counts[HERALD_CLIENT_UNKNOWN] + counts[HERALD_CLIENT_BUSY] > 0) {
        (void)fprintf(stderr,
                      "heraldctl: what has no answer may be accepted or not: submit the same "
                      "input again, it is safe\n");
        return EXIT_CODE_UNAVAILABLE;
    }
    return counts[HERALD_CLIENT_CONFLICT] + counts[HERALD_CLIENT_REFUSED] > 0 ? EXIT_CODE_NOT_ALL
                                                                              : EXIT_CODE_OK;
}

static int
submit_command(const struct ctl *ctl)
{
    struct submit_totals totals;
    struct why why = {{0}};
    if (ctl->values[CTL_FILE] == NULL) {
        (void)why_set(&why, ERR_INVALID, "--file is needed; --file - reads stdin");
        return ctl_usage(ctl, &why);
    }
    err_t rc = submit_run(ctl, &totals, &why);
    if (rc == ERR_INVALID) {
        return ctl_usage(ctl, &why);
    }
    if (rc != ERR_OK) {
        (void)ctl_failed(rc, &why);
    }
    if (ctl->json) {
        submit_summary_json(&totals);
    } else {
        submit_summary(&totals);
    }
    int code = submit_code(&totals);
    return rc == ERR_OK ? code : EXIT_CODE_IO;
}

const struct ctl_command command_submit = {
    .name = "submit",
    .operands = "",
    .summary = "submit notifications, one JSON object a line",
    .help =
        "Each line is an object with the members\n"
        "  topic     text; the subscriptions that match it get the notification\n"
        "  biz_id    text, 1 to 64 bytes; names one business event, for ever\n"
        "  payload   any JSON; passed on byte for byte\n"
        "  version   whole number; optional\n"
        "  policy    retry policy; optional, see `heraldctl policy explain`\n"
        "  deadline  RFC 3339 time or milliseconds since 1970; optional\n"
        "\n"
        "Accepted means durable. Submitting is idempotent: the same line again is a duplicate, "
        "the\n"
        "same biz_id with other content a conflict. So after any failure: the same input again.\n"
        "What is refused is said with its line, field and limit; the other lines go on.\n"
        "--record FILE appends the biz_id of each line that is known to be accepted, by this run\n"
        "or before (one a line, synced). --timeout is for one notification (default 5s).\n"
        "\n"
        "Examples\n"
        "  heraldctl submit --file day.jsonl\n"
        "  echo '{\"topic\":\"order.created\",\"biz_id\":\"7-created\",\"payload\":\n"
        "        {\"order_id\":\"7\",\"amount\":1099,\"currency\":\"usd\"}}' | tr -d '\\n' |\n"
        "    heraldctl submit --file -\n"
        "  heraldctl submit --file day.jsonl --record accepted --json | tail -n 1\n"
        "\n"
        "Exit codes: 0 all accepted, now or before; 1 some refused or in conflict; 69 some "
        "without\n"
        "an answer; 74 the input or the record failed; 130 interrupted.\n",
    .options = CTL_ASKING | CTL_BIT(CTL_FILE) | CTL_BIT(CTL_RECORD) | CTL_BIT(CTL_WINDOW),
    .min_operands = 0,
    .max_operands = 0,
    .run = submit_command,
};
