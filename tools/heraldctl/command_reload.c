#include "ctl_service.h"

#include "wire/wire_session.h"

static int
reload_run(const struct ctl *ctl)
{
    enum ctl_service service;
    struct why why = {{0}};
    if (ctl_service_of(ctl->operands[0], &service, &why) != ERR_OK) {
        return ctl_usage(ctl, &why);
    }
    struct ctl_question question = {0};
    err_t rc = ctl_question_open(ctl, service, &question, &why);
    if (rc == ERR_OK) {
        wire_plain_encode(&question.out, WIRE_RELOAD, question.request);
    }
    int code = rc == ERR_OK ? ctl_decide(ctl, &question) : ctl_failed(rc, &why);
    ctl_question_close(&question);
    return code;
}

const struct ctl_command command_reload = {
    .name = "reload",
    .operands = "SERVICE",
    .summary = "have a service read its allow-list and log settings again",
    .help =
        "The service reads its settings and, with CURVE, its allowed.zpl again. The list and the\n"
        "log's settings are in force at once; what else has changed is named and needs a restart.\n"
        "When something is wrong it says where, and everything stays as it was.\n"
        "\n"
        "Examples\n"
        "  heraldctl reload producer\n"
        "\n"
        "Exit codes: 0, 1 refused: a file is wrong, 69 no answer.\n",
    .options = CTL_ASKING,
    .min_operands = 1,
    .max_operands = 1,
    .run = reload_run,
};
