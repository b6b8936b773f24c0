#include "ctl.h"
#include "ctl_print.h"
#include "policy_explain.h"

#include "runtime/exit_code.h"

#include <stdio.h>
#include <string.h>

static void
policy_json(const char *text, const struct policy *policy)
{
    json_t *object = json_object();
    json_t *delays = json_array();
    for (uint16_t i = 0; i < policy->delay_count; i++) {
        (void)json_array_append_new(delays, json_integer(policy->delays_ms[i]));
    }
    (void)json_object_set_new(object, "policy", ctl_json_string(text));
    (void)json_object_set_new(object, "attempts", json_integer(policy_attempts(policy)));
    (void)json_object_set_new(object, "window_ms", json_integer(policy_window_ms(policy)));
    (void)json_object_set_new(object, "longest_ms", json_integer(policy_longest_ms(policy)));
    (void)json_object_set_new(object, "jitter_permille", json_integer(policy->jitter_permille));
    (void)json_object_set_new(object, "uncapped", json_boolean(policy->uncapped));
    (void)json_object_set_new(object, "delays_ms", delays);
    ctl_json_line(object);
}

static void
policy_json_presets(void)
{
    for (const struct policy_preset *preset = policy_presets(); preset->name != NULL; preset++) {
        struct policy policy;
        if (policy_parse(&policy, preset->name, strlen(preset->name), NULL) == ERR_OK) {
            policy_json(preset->name, &policy);
        }
    }
}

static int
policy_run(const struct ctl *ctl)
{
    struct why why = {{0}};
    if (strcmp(ctl->operands[0], "explain") != 0) {
        (void)why_set(&why, ERR_INVALID, "%s: must be explain", ctl->operands[0]);
        return ctl_usage(ctl, &why);
    }
    if (ctl->operand_count == 1) {
        if (ctl->json) {
            policy_json_presets();
        } else {
            policy_explain_presets(stdout);
        }
        return EXIT_CODE_OK;
    }
    const char *text = ctl->operands[1];
    struct policy policy;
    if (policy_parse(&policy, text, strlen(text), &why) != ERR_OK) {
        (void)fprintf(stderr, "heraldctl: %s\n", why.text);
        return EXIT_CODE_USAGE;
    }
    if (ctl->json) {
        policy_json(text, &policy);
    } else {
        policy_explain(text, &policy, stdout);
    }
    return EXIT_CODE_OK;
}

const struct ctl_command command_policy = {
    .name = "policy",
    .operands = "explain [TEXT]",
    .summary = "what a retry policy means",
    .help =
        "TEXT is a preset's name, a list of delays, or an exponential one; the last two may add\n"
        "jitter=0.1 (a tenth, up or down). N delays make N + 1 attempts; none is a single\n"
        "one. Without TEXT: the presets. Asks no service.\n"
        "\n"
        "Examples\n"
        "  heraldctl policy explain\n"
        "  heraldctl policy explain wechatpay\n"
        "  heraldctl policy explain '15s,15s,30s,3m'\n"
        "  heraldctl policy explain 'exponential first=1s factor=2 cap=1h attempts=10 jitter=0.1'\n"
        "\n"
        "Exit codes: 0, 64 not a policy.\n",
    .options = CTL_BIT(CTL_JSON),
    .min_operands = 1,
    .max_operands = 2,
    .run = policy_run,
};
