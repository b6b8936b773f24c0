#include "ctl.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

struct ctl_option_text {
    const char *name;
    const char *value; /* NULL: a flag */
    const char *text;
};

static const struct ctl_option_text ctl_texts[CTL_OPTION_COUNT] = {
    [CTL_DATA] = {"data", "DIR", "the data directory (default: $HERALD_DATA, else ./var)"},
    [CTL_PRODUCER] = {"producer", "E", "the producer's endpoint, as in tcp://127.0.0.1:7101"},
    [CTL_SCHEDULER] = {"scheduler", "E", "the retry scheduler's endpoint"},
    [CTL_COMPENSATOR] = {"compensator", "E", "the compensator's endpoint"},
    [CTL_CONSUMER] = {"order-consumer", "E", "the order consumer's endpoint"},
    [CTL_ENDPOINT] = {"endpoint", "E", "the endpoint of whichever service this command asks"},
    [CTL_KEYS] = {"keys", "DIR", "the directory of our keys, for CURVE (default: $HERALD_KEYS)"},
    [CTL_TIMEOUT] = {"timeout", "T", "how long to wait, as in 500ms, 10s, 2m"},
    [CTL_JSON] = {"json", NULL, "JSON on stdout, one object a line"},
    [CTL_HELP] = {"help", NULL, "this text"},
    [CTL_FILE] = {"file", "F", "read from this file; - is stdin"},
    [CTL_RECORD] = {"record", "FILE", "append each biz_id that is known to be accepted, synced"},
    [CTL_WINDOW] = {"window", "N", "notifications on the way at a time (default 4096)"},
    [CTL_BIZ_ID] = {"biz-id", "B", "the event's id (default: ID-created)"},
    [CTL_SUBSCRIPTION] = {"subscription", "S", "this subscription's delivery only"},
    [CTL_BY] = {"by", "P", "who decides this; goes on record"},
    [CTL_REASON] = {"reason", "R", "why; goes on record"},
    [CTL_WAIT] = {"wait", "T", "keep asking until it answers, for so long"},
    [CTL_ALL] = {"all", NULL, "cases that are closed too"},
    [CTL_UNFENCED] = {"unfenced", NULL,
                      "although the receiver cannot fence: it may still apply it"},
    [CTL_SET_IDENTITY] = {"set-identity", "HEX", "accept this database for the group from now on"},
    [CTL_GROUP] = {"group", "G", "the receiver group to join"},
    [CTL_NAME] = {"name", "N", "this receiver's name (default: heraldctl)"},
    [CTL_ANSWER] = {"answer", "A", "done, retry, reject, fenced or down (default: done)"},
    [CTL_COUNT] = {"count", "N", "end after N deliveries (default: never)"},
    [CTL_PRINT] = {"print", NULL, "the payload too"},
    [CTL_VERSION] = {"version", NULL, "which Herald this is"},
};

static uint32_t
ctl_allowed(const struct ctl_command *command)
{
    return (command == NULL ? CTL_ASKING : command->options) | CTL_BIT(CTL_HELP);
}

/* One option is taken; the command is not known yet, so whether it takes it is asked later. */
static err_t
ctl_take(struct ctl *ctl, int option, char *const *argv, struct why *why)
{
    if (option < 0 || option >= CTL_OPTION_COUNT) {
        return why_set(why, ERR_INVALID, "%s: no such option, or its value is missing",
                       argv[optind - 1]);
    }
    if (ctl->values[option] != NULL) {
        return why_set(why, ERR_INVALID, "--%s is given twice", ctl_texts[option].name);
    }
    ctl->values[option] = optarg == NULL ? "" : optarg;
    return ERR_OK;
}

static err_t
ctl_options(struct ctl *ctl, int argc, char **argv, struct why *why)
{
    struct option options[CTL_OPTION_COUNT + 1];
    memset(options, 0, sizeof options);
    for (int i = 0; i < CTL_OPTION_COUNT; i++) {
        options[i].name = ctl_texts[i].name;
        options[i].has_arg = ctl_texts[i].value == NULL ? no_argument : required_argument;
        options[i].val = i;
    }
    opterr = 0;
    optind = 0; /* begin anew, also in a process that has parsed before */
    err_t rc = ERR_OK;
    int option;
    while (rc == ERR_OK && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        rc = ctl_take(ctl, option, argv, why);
    }
    return rc;
}

static const struct ctl_command *
ctl_command_of(const struct ctl_command *const *commands, const char *name)
{
    for (; *commands != NULL; commands++) {
        if (strcmp((*commands)->name, name) == 0) {
            return *commands;
        }
    }
    return NULL;
}

static err_t
ctl_check(const struct ctl *ctl, struct why *why)
{
    uint32_t allowed = ctl_allowed(ctl->command);
    for (int i = 0; i < CTL_OPTION_COUNT; i++) {
        if (ctl->values[i] != NULL && (allowed & CTL_BIT(i)) == 0) {
            return why_set(why, ERR_INVALID, "%s takes no --%s", ctl->command->name,
                           ctl_texts[i].name);
        }
    }
    if (ctl->operand_count < ctl->command->min_operands) {
        return why_set(why, ERR_INVALID, "%s needs more: %s", ctl->command->name,
                       ctl->command->operands);
    }
    if (ctl->operand_count > ctl->command->max_operands) {
        return why_set(why, ERR_INVALID, "%s: one word too many",
                       ctl->operands[ctl->operand_count - 1]);
    }
    return ERR_OK;
}

err_t
ctl_parse(struct ctl *ctl, const struct ctl_command *const *commands, int argc, char **argv,
          struct why *why)
{
    memset(ctl, 0, sizeof *ctl);
    err_t rc = ctl_options(ctl, argc, argv, why);
    if (optind < argc) {
        ctl->command = ctl_command_of(commands, argv[optind]);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    ctl->json = ctl->values[CTL_JSON] != NULL;
    ctl->help = ctl->values[CTL_HELP] != NULL;
    ctl->version = ctl->values[CTL_VERSION] != NULL;
    if (optind >= argc) {
        return ctl->help || ctl->version ? ERR_OK
                                         : why_set(why, ERR_INVALID, "a command is needed");
    }
    if (ctl->command == NULL) {
        return why_set(why, ERR_INVALID, "%s: no such command", argv[optind]);
    }
    ctl->operands = argv + optind + 1;
    ctl->operand_count = (size_t)(argc - optind - 1);
    if (ctl->help) {
        return ERR_OK;
    }
    rc = ctl_check(ctl, why);
    if (rc == ERR_OK) {
        rc = ctl_duration(ctl, CTL_TIMEOUT, CTL_TIMEOUT_MS, &ctl->timeout_ms, why);
    }
    return rc;
}

void
ctl_print_help(const struct ctl_command *command)
{
    printf("heraldctl %s%s%s - %s\n\n%s\nOptions\n", command->name,
           command->operands[0] == '\0' ? "" : " ", command->operands, command->summary,
           command->help);
    uint32_t allowed = ctl_allowed(command);
    for (int i = 0; i < CTL_OPTION_COUNT; i++) {
        if ((allowed & CTL_BIT(i)) == 0) {
            continue;
        }
        char name[32];
        (void)snprintf(name, sizeof name, "--%s%s%s", ctl_texts[i].name,
                       ctl_texts[i].value == NULL ? "" : " ",
                       ctl_texts[i].value == NULL ? "" : ctl_texts[i].value);
        printf("  %-20s %s\n", name, ctl_texts[i].text);
    }
}
