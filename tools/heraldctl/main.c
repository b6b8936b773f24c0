#include "ctl.h"
#include "ctl_service.h"

#include "base/version.h"
#include "runtime/exit_code.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct ctl_command *const commands[] = {
    &command_submit, &command_order,   &command_query,  &command_watch,  &command_cancel,
    &command_cases,  &command_case,    &command_ping,   &command_stats,  &command_group,
    &command_policy, &command_receive, &command_keygen, &command_reload, NULL,
};

static void
print_help(void)
{
    printf("heraldctl - submit notifications to Herald, ask what became of them, decide cases\n\n");
    for (const struct ctl_command *const *at = commands; *at != NULL; at++) {
        char usage[64];
        (void)snprintf(usage, sizeof usage, "%s %s", (*at)->name, (*at)->operands);
        printf("  heraldctl %-34s %s\n", usage, (*at)->summary);
    }
    printf(
        "\n`heraldctl COMMAND --help` explains a command and shows examples; --version says which\n"
        "Herald this is.\n"
        "\n"
        "The services are found in a data directory: --data DIR, else $HERALD_DATA, else ./var.\n"
        "With CURVE: --keys DIR, else $HERALD_KEYS; see heraldctl keygen.\n"
        "On another machine: --producer tcp://HOST:PORT; it says where the others are. --json\n"
        "makes every command print JSON, one object a line.\n"
        "\n"
        "Exit codes: 0 yes, all of it; 1 answered no: refused, conflict, unknown id, a case;\n"
        "64 the command line makes no sense; 65 lines of a file make none; 69 no answer, or\n"
        "not in time: what happened is not known, and asking again is safe; 74 input or output\n"
        "failed; 77 not allowed; 78 a file of keys is missing or wrong; 130 interrupted.\n");
}

/* What cannot be asked for want of keys was not answered: the code is that of settings. */
static int
run(const struct ctl *ctl)
{
    struct why why = {{0}};
    bool asks = (ctl->command->options & CTL_BIT(CTL_KEYS)) != 0;
    err_t rc = asks ? ctl_keys_check(ctl, &why) : ERR_OK;
    if (rc != ERR_OK) {
        (void)ctl_failed(rc, &why); /* its code is that of an answer */
        return exit_code_of(rc);
    }
    return ctl->command->run(ctl);
}

int
main(int argc, char **argv)
{
    struct ctl ctl;
    struct why why = {{0}};
    int code = EXIT_CODE_OK;
    if (ctl_parse(&ctl, commands, argc, argv, &why) != ERR_OK) {
        return ctl_usage(&ctl, &why);
    }
    if (ctl.help && ctl.command == NULL) {
        print_help();
    } else if (ctl.command == NULL) {
        printf("heraldctl %s\n", version_text());
    } else if (ctl.help) {
        ctl_print_help(ctl.command);
    } else {
        code = run(&ctl);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fprintf(stderr, "heraldctl: stdout cannot be written\n");
        return EXIT_CODE_IO;
    }
    return code;
}
