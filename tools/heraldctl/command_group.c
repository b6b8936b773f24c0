#include "ctl_service.h"

#include "wire/wire_case.h"

#include <stdlib.h>
#include <string.h>

static err_t
group_identity(const char *text, uint8_t identity[WIRE_IDENTITY_BYTES], struct why *why)
{
    bool good = strlen(text) == 2 * WIRE_IDENTITY_BYTES &&
                strspn(text, "0123456789abcdefABCDEF") == 2 * WIRE_IDENTITY_BYTES;
    if (!good) {
        return why_set(why, ERR_INVALID, "--set-identity: must be %d hexadecimal digits",
                       2 * WIRE_IDENTITY_BYTES);
    }
    for (size_t i = 0; i < WIRE_IDENTITY_BYTES; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        identity[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return ERR_OK;
}

static int
group_run(const struct ctl *ctl)
{
    uint8_t identity[WIRE_IDENTITY_BYTES];
    const char *name = ctl->operands[0];
    const char *set = ctl->values[CTL_SET_IDENTITY];
    struct wire_group group = {.group = {name, strlen(name)}};
    struct why why = {{0}};
    err_t rc = ERR_OK;
    if (*name == '\0' || strlen(name) > LIMIT_NAME_BYTES) {
        rc =
            why_set(&why, ERR_INVALID, "the group's name: must be 1 to %d bytes", LIMIT_NAME_BYTES);
    }
    if (rc == ERR_OK && set != NULL) {
        rc = group_identity(set, identity, &why);
        rc = rc == ERR_OK ? ctl_person(ctl, &why) : rc;
    }
    if (rc != ERR_OK) {
        return ctl_usage(ctl, &why);
    }
    if (set != NULL) {
        group.identity = (struct wire_bytes){identity, sizeof identity};
        group.by = (struct wire_text){ctl->values[CTL_BY], strlen(ctl->values[CTL_BY])};
        group.reason = (struct wire_text){ctl->values[CTL_REASON], strlen(ctl->values[CTL_REASON])};
    }
    struct ctl_question question = {0};
    rc = ctl_question_open(ctl, CTL_SERVICE_PRODUCER, &question, &why);
    if (rc == ERR_OK) {
        wire_group_encode(&question.out, question.request, &group);
    }
    int code = rc == ERR_OK ? ctl_decide(ctl, &question) : ctl_failed(rc, &why);
    ctl_question_close(&question);
    return code;
}

const struct ctl_command command_group = {
    .name = "group",
    .operands = "NAME",
    .summary = "show or replace the database that a group writes to",
    .help =
        "A group's receivers share one database, which keeps every notification to one effect.\n"
        "The producer remembers that database's identity and refuses any other in the group.\n"
        "After a restore or a move to a new database, replace it on purpose: --set-identity with\n"
        "the identity that the refused receiver has logged.\n"
        "\n"
        "Examples\n"
        "  heraldctl group order-system\n"
        "  heraldctl group order-system --set-identity 0f8e3c...  --by ann --reason 'restored'\n"
        "\n"
        "Exit codes: 0, 1 no such group or refused, 69 no answer.\n",
    .options = CTL_ASKING | CTL_BIT(CTL_SET_IDENTITY) | CTL_BIT(CTL_BY) | CTL_BIT(CTL_REASON),
    .min_operands = 1,
    .max_operands = 1,
    .run = group_run,
};
