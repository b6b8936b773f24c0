#include "heraldctl/ctl.h"

#include <criterion/criterion.h>
#include <string.h>

static int
run_nothing(const struct ctl *ctl)
{
    (void)ctl;
    return 0;
}

static const struct ctl_command walk = {
    .name = "walk",
    .operands = "WHERE",
    .summary = "",
    .help = "",
    .options = CTL_ASKING | CTL_BIT(CTL_BY) | CTL_BIT(CTL_REASON) | CTL_BIT(CTL_COUNT),
    .min_operands = 1,
    .max_operands = 2,
    .run = run_nothing,
};
static const struct ctl_command *const commands[] = {&walk, NULL};

/* Parses a command line of at most 15 words, ended by NULL. */
static err_t
parse(struct ctl *ctl, struct why *why, const char *const *words)
{
    static char texts[16][1024];
    static char *argv[16]; /* the parsed line borrows from it */
    int argc = 0;
    for (const char *word = "heraldctl"; word != NULL; word = words[argc - 1]) {
        cr_assert_lt(argc, 15);
        cr_assert_lt(strlen(word), sizeof texts[0]);
        argv[argc] = strcpy(texts[argc], word);
        argc++;
    }
    argv[argc] = NULL;
    memset(why, 0, sizeof *why);
    return ctl_parse(ctl, commands, argc, argv, why);
}

#define PARSE(...) parse(&ctl, &why, (const char *const[]){__VA_ARGS__, NULL})

Test(ctl_options, options_and_operands_come_in_any_order)
{
    struct ctl ctl;
    struct why why;
    cr_assert_eq(PARSE("--data", "D", "walk", "--json", "home", "--by=ann", "work"), ERR_OK);
    cr_assert_eq(ctl.command, &walk);
    cr_assert_eq(ctl.operand_count, 2);
    cr_assert_str_eq(ctl.operands[0], "home");
    cr_assert_str_eq(ctl.operands[1], "work");
    cr_assert_str_eq(ctl.values[CTL_DATA], "D");
    cr_assert_str_eq(ctl.values[CTL_BY], "ann");
    cr_assert(ctl.json);
    cr_assert_eq(ctl.timeout_ms, CTL_TIMEOUT_MS);
}

Test(ctl_options, two_dashes_end_the_options)
{
    struct ctl ctl;
    struct why why;
    cr_assert_eq(PARSE("walk", "--", "--json"), ERR_OK);
    cr_assert_str_eq(ctl.operands[0], "--json");
    cr_assert_not(ctl.json);
}

Test(ctl_options, what_a_command_does_not_take_is_refused_by_name)
{
    struct ctl ctl;
    struct why why;
    cr_assert_eq(PARSE("walk", "home", "--record", "f"), ERR_INVALID);
    cr_assert_str_eq(why.text, "walk takes no --record");
    cr_assert_eq(PARSE("walk", "home", "--rubbish"), ERR_INVALID);
    cr_assert_not_null(strstr(why.text, "--rubbish"));
    cr_assert_eq(PARSE("walk", "home", "--by", "a", "--by", "b"), ERR_INVALID);
    cr_assert_str_eq(why.text, "--by is given twice");
    cr_assert_eq(PARSE("run", "home"), ERR_INVALID);
    cr_assert_str_eq(why.text, "run: no such command");
    cr_assert_eq(PARSE("--json"), ERR_INVALID);
    cr_assert_str_eq(why.text, "a command is needed");
}

Test(ctl_options, operands_are_counted)
{
    struct ctl ctl;
    struct why why;
    cr_assert_eq(PARSE("walk"), ERR_INVALID);
    cr_assert_str_eq(why.text, "walk needs more: WHERE");
    cr_assert_eq(PARSE("walk", "a", "b", "c"), ERR_INVALID);
    cr_assert_str_eq(why.text, "c: one word too many");
}

Test(ctl_options, help_needs_no_operands)
{
    struct ctl ctl;
    struct why why;
    cr_assert_eq(PARSE("walk", "--help"), ERR_OK);
    cr_assert(ctl.help);
    cr_assert_eq(ctl.command, &walk);
    cr_assert_eq(PARSE("--help"), ERR_OK);
    cr_assert(ctl.help);
    cr_assert_null(ctl.command);
}

Test(ctl_options, the_version_is_asked_for_without_a_command)
{
    struct ctl ctl;
    struct why why;
    cr_assert_eq(PARSE("--version"), ERR_OK);
    cr_assert(ctl.version);
    cr_assert_null(ctl.command);
    cr_assert_eq(PARSE("walk", "home", "--version"), ERR_INVALID);
    cr_assert_str_eq(why.text, "walk takes no --version");
}

Test(ctl_options, a_timeout_is_a_duration)
{
    struct ctl ctl;
    struct why why;
    cr_assert_eq(PARSE("walk", "home", "--timeout", "1m30s"), ERR_OK);
    cr_assert_eq(ctl.timeout_ms, 90000);
    cr_assert_eq(PARSE("walk", "home", "--timeout", "soon"), ERR_INVALID);
    cr_assert_eq(strncmp(why.text, "--timeout soon: ", 16), 0);
    cr_assert_eq(PARSE("walk", "home", "--timeout", "0s"), ERR_INVALID);
    cr_assert_eq(PARSE("walk", "home", "--timeout", "8d"), ERR_INVALID);
}

Test(ctl_options, a_number_is_digits_within_its_limits)
{
    struct ctl ctl;
    struct why why;
    uint64_t number = 7;
    cr_assert_eq(PARSE("walk", "home"), ERR_OK);
    cr_assert_eq(ctl_number(&ctl, CTL_COUNT, 100, &number, &why), ERR_OK);
    cr_assert_eq(number, 7, "the default stays");
    cr_assert_eq(PARSE("walk", "home", "--count", "100"), ERR_OK);
    cr_assert_eq(ctl_number(&ctl, CTL_COUNT, 100, &number, &why), ERR_OK);
    cr_assert_eq(number, 100);
    cr_assert_eq(ctl_number(&ctl, CTL_COUNT, 99, &number, &why), ERR_INVALID);
    cr_assert_str_eq(why.text, "--count 100: must be a whole number from 1 to 99");
    cr_assert_eq(ctl_digits("18446744073709551615", UINT64_MAX, &number, &why), ERR_OK);
    cr_assert_eq(number, UINT64_MAX);
    cr_assert_eq(ctl_digits("18446744073709551616", UINT64_MAX, &number, &why), ERR_INVALID);
    cr_assert_eq(ctl_digits("5", 4, &number, &why), ERR_INVALID);
    cr_assert_eq(ctl_digits("", 4, &number, &why), ERR_INVALID);
    cr_assert_eq(ctl_digits("-1", 4, &number, &why), ERR_INVALID);
    cr_assert_eq(ctl_digits("1x", 40, &number, &why), ERR_INVALID);
}

Test(ctl_options, who_decides_and_why_must_be_said)
{
    struct ctl ctl;
    struct why why;
    cr_assert_eq(PARSE("walk", "home", "--by", "ann"), ERR_OK);
    cr_assert_eq(ctl_person(&ctl, &why), ERR_INVALID);
    cr_assert_eq(PARSE("walk", "home", "--by", "ann", "--reason", ""), ERR_OK);
    cr_assert_eq(ctl_person(&ctl, &why), ERR_INVALID);
    cr_assert_eq(PARSE("walk", "home", "--by", "ann", "--reason", "tired"), ERR_OK);
    cr_assert_eq(ctl_person(&ctl, &why), ERR_OK);
    char long_reason[LIMIT_REASON_BYTES + 2];
    memset(long_reason, 'x', sizeof long_reason - 1);
    long_reason[sizeof long_reason - 1] = '\0';
    cr_assert_eq(PARSE("walk", "home", "--by", "ann", "--reason", long_reason), ERR_OK);
    cr_assert_eq(ctl_person(&ctl, &why), ERR_INVALID);
    cr_assert_str_eq(why.text, "--reason: 257 bytes, at most 256");
}
