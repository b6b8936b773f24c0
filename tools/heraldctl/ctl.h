/*
 * What the commands of heraldctl share: the parsed command line, the way to the services, and how
 * things are said. A command is one file with one struct ctl_command; main.c has the table.
 */
#ifndef HERALDCTL_CTL_H
#define HERALDCTL_CTL_H

#include "base/limits.h"
#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTL_TIMEOUT_MS 5000

/* Every option there is; a command names those that it takes. */
enum ctl_option {
    CTL_DATA = 0,
    CTL_PRODUCER,
    CTL_SCHEDULER,
    CTL_COMPENSATOR,
    CTL_CONSUMER,
    CTL_ENDPOINT,
    CTL_KEYS,
    CTL_TIMEOUT,
    CTL_JSON,
    CTL_HELP,
    CTL_FILE,
    CTL_RECORD,
    CTL_WINDOW,
    CTL_BIZ_ID,
    CTL_SUBSCRIPTION,
    CTL_BY,
    CTL_REASON,
    CTL_WAIT,
    CTL_ALL,
    CTL_UNFENCED,
    CTL_SET_IDENTITY,
    CTL_GROUP,
    CTL_NAME,
    CTL_ANSWER,
    CTL_COUNT,
    CTL_PRINT,
    CTL_VERSION,
    CTL_OPTION_COUNT,
};
#define CTL_BIT(option) (1U << (option))
/* How a service is found: every command that asks one takes these. */
#define CTL_PLACES                                                                                 \
    (CTL_BIT(CTL_DATA) | CTL_BIT(CTL_PRODUCER) | CTL_BIT(CTL_SCHEDULER) |                          \
     CTL_BIT(CTL_COMPENSATOR) | CTL_BIT(CTL_CONSUMER) | CTL_BIT(CTL_ENDPOINT) | CTL_BIT(CTL_KEYS))
#define CTL_ASKING (CTL_PLACES | CTL_BIT(CTL_TIMEOUT) | CTL_BIT(CTL_JSON))

/* The parsed command line. */
struct ctl {
    const struct ctl_command *command;
    const char *values[CTL_OPTION_COUNT]; /* NULL: not given; "": a flag. Borrowed from argv */
    char *const *operands;                /* borrowed from argv */
    size_t operand_count;
    bool json;
    bool help;
    bool version;        /* asked for on its own; no command then */
    uint32_t timeout_ms; /* CTL_TIMEOUT_MS when not given */
};

struct ctl_command {
    const char *name;
    const char *operands; /* for the synopsis; may be "" */
    const char *summary;  /* half a line */
    const char *help;     /* what it does, with examples */
    uint32_t options;     /* CTL_BIT of those that it takes; --help always */
    size_t min_operands;
    size_t max_operands;
    int (*run)(const struct ctl *ctl); /* returns the process's exit code */
};

extern const struct ctl_command command_submit;
extern const struct ctl_command command_order;
extern const struct ctl_command command_query;
extern const struct ctl_command command_watch;
extern const struct ctl_command command_cancel;
extern const struct ctl_command command_cases;
extern const struct ctl_command command_case;
extern const struct ctl_command command_ping;
extern const struct ctl_command command_stats;
extern const struct ctl_command command_group;
extern const struct ctl_command command_policy;
extern const struct ctl_command command_receive;
extern const struct ctl_command command_keygen;
extern const struct ctl_command command_reload;

/*
 * Read argv behind the program's name: options and operands in any order, "--" ends the options.
 *
 * commands  ended by NULL
 *
 * ERR_INVALID  why says what makes no sense; ctl->command is set when it is known
 */
err_t ctl_parse(struct ctl *ctl, const struct ctl_command *const *commands, int argc, char **argv,
                struct why *why);

/* Help for one command: synopsis, text, its options. */
void ctl_print_help(const struct ctl_command *command);

/* A duration ("1s", "2m30s") of an option, at most a week; `otherwise` when it was not given. */
err_t ctl_duration(const struct ctl *ctl, enum ctl_option option, uint32_t otherwise, uint32_t *ms,
                   struct why *why);
/* A whole number of an option, from 1 to max; unchanged when it was not given. */
err_t ctl_number(const struct ctl *ctl, enum ctl_option option, uint64_t max, uint64_t *number,
                 struct why *why);
/* A number's digits and nothing else. */
err_t ctl_digits(const char *text, uint64_t max, uint64_t *number, struct why *why);

/* --by and --reason, which go on record with every decision. ERR_INVALID: missing or too long. */
err_t ctl_person(const struct ctl *ctl, struct why *why);

/* Say what makes the command line wrong, or what failed; returns the exit code. */
int ctl_usage(const struct ctl *ctl, const struct why *why);
int ctl_failed(err_t err, const struct why *why);

/* From here on Ctrl-C and SIGTERM only set a flag. */
void ctl_catch_signals(void);
bool ctl_interrupted(void);
int ctl_interrupts(void); /* how often */

#endif
