#include "heraldctl/policy_explain.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *
explained(const char *text)
{
    struct policy policy;
    struct why why = {{0}};
    err_t rc = policy_parse(&policy, text, strlen(text), &why);
    cr_assert_eq(rc, ERR_OK, "%s", why.text);
    char *said = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&said, &size);
    policy_explain(text, &policy, out);
    cr_assert_eq(fclose(out), 0);
    return said;
}

Test(policy_explain, a_preset_is_a_timetable_with_its_window)
{
    char *said = explained("default");
    cr_assert_str_eq(said,
                     "default = 1s,2s,4s\n"
                     "\n"
                     "ATTEMPT  AFTER THE ONE BEFORE  SINCE THE FIRST\n"
                     "1        -                     -\n"
                     "2        1s                    1s\n"
                     "3        2s                    3s\n"
                     "4        4s                    7s\n"
                     "\n"
                     "4 attempts within 7s.\n"
                     "A delay runs from the recorded failure, so an attempt that waits for its "
                     "lease adds to it.\n"
                     "After the last one the compensator has it.\n");
    free(said);
}

Test(policy_explain, an_exponential_one_without_a_cap_is_warned_of)
{
    char *said = explained("exponential first=1s factor=2 attempts=8 jitter=0.1");
    cr_assert_not_null(strstr(said, "8        1m4s                  2m7s\n"));
    cr_assert_not_null(strstr(said, "8 attempts within 2m7s; each delay is up to 10.0 % shorter"));
    cr_assert_not_null(strstr(said, "Warning: exponential without a cap: the last delay alone is "
                                    "1m4s. Consider cap=1h.\n"));
    free(said);
    said = explained("exponential first=1s factor=2 cap=10s attempts=8");
    cr_assert_null(strstr(said, "Warning"));
    free(said);
}

Test(policy_explain, all_presets_are_listed)
{
    char *said = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&said, &size);
    policy_explain_presets(out);
    cr_assert_eq(fclose(out), 0);
    for (const struct policy_preset *preset = policy_presets(); preset->name != NULL; preset++) {
        cr_assert_not_null(strstr(said, preset->name), "%s", preset->name);
        cr_assert_not_null(strstr(said, preset->text), "%s", preset->text);
    }
    free(said);
}
