#include "ctl_print.h"
#include "ctl_service.h"

#include "base/clock.h"
#include "delivery/policy.h"
#include "runtime/exit_code.h"
#include "wire/wire_session.h"

#include <inttypes.h>
#include <stdio.h>

#define PING_SLICE_MS 500 /* a question is asked anew so often, in case it was lost */

static void
ping_print(const struct ctl *ctl, const struct wire_pong *pong, int64_t took_ms)
{
    if (ctl->json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "service",
                                  ctl_json_text(pong->service.data, pong->service.size));
        (void)json_object_set_new(object, "run", ctl_json_uint(pong->run));
        (void)json_object_set_new(object, "uptime_ms", ctl_json_uint(pong->uptime_ms));
        (void)json_object_set_new(object, "took_ms", json_integer(took_ms));
        ctl_json_line(object);
        return;
    }
    char uptime[POLICY_DURATION_SIZE];
    printf("%.*s answers after %" PRId64 " ms; run %" PRIu64 ", up for %s\n",
           CTL_TEXT(pong->service), took_ms, pong->run,
           policy_duration_text((int64_t)pong->uptime_ms, uptime));
}

static err_t
ping_once(const struct ctl *ctl, struct ctl_question *question, struct wire_pong *pong,
          struct why *why)
{
    ctl_question_begin(question);
    wire_ping_encode(&question->out, question->request, &(struct wire_ping){{"", 0}, 0, 0});
    err_t rc = ctl_ask(ctl, question, WIRE_PONG, why);
    return rc == ERR_OK ? wire_pong_decode(&question->answer.in, &question->answer.head, pong, why)
                        : rc;
}

static int
ping_run(const struct ctl *ctl)
{
    enum ctl_service service;
    uint32_t wait_ms;
    struct why why = {{0}};
    struct ctl slice = *ctl;
    if (ctl_service_of(ctl->operands[0], &service, &why) != ERR_OK ||
        ctl_duration(ctl, CTL_WAIT, ctl->timeout_ms, &wait_ms, &why) != ERR_OK) {
        return ctl_usage(ctl, &why);
    }
    struct ctl_question question = {0};
    int64_t start = clock_mono_ms();
    int64_t left = wait_ms;
    err_t rc = ERR_TIMEOUT;
    while (rc == ERR_TIMEOUT && left > 0) {
        slice.timeout_ms = left < PING_SLICE_MS ? (uint32_t)left : PING_SLICE_MS;
        struct wire_pong pong;
        rc = question.call == NULL ? ctl_question_open(&slice, service, &question, &why) : ERR_OK;
        if (rc == ERR_OK) {
            rc = ping_once(&slice, &question, &pong, &why);
        }
        if (rc == ERR_OK) {
            ping_print(ctl, &pong, clock_mono_ms() - start);
        }
        left = start + wait_ms - clock_mono_ms();
    }
    ctl_question_close(&question);
    if (rc == ERR_TIMEOUT) {
        char text[POLICY_DURATION_SIZE];
        (void)why_set(&why, rc, "%s does not answer within %s", ctl_service_name(service),
                      policy_duration_text(wait_ms, text));
    }
    return rc == ERR_OK ? EXIT_CODE_OK : ctl_failed(rc, &why);
}

const struct ctl_command command_ping = {
    .name = "ping",
    .operands = "SERVICE",
    .summary = "does a service answer?",
    .help =
        "SERVICE is producer, retry-scheduler, compensator or order-consumer. A service answers\n"
        "only when it serves, so --wait is how a script starts one after the other.\n"
        "\n"
        "Examples\n"
        "  heraldctl ping producer\n"
        "  heraldctl ping compensator --wait 30s\n"
        "\n"
        "Exit codes: 0 it answers, 69 it does not, 78 a file of keys is missing or wrong.\n",
    .options = CTL_ASKING | CTL_BIT(CTL_WAIT),
    .min_operands = 1,
    .max_operands = 1,
    .run = ping_run,
};
