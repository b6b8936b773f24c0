#include "policy_explain.h"

#include "table.h"

#include <inttypes.h>
#include <string.h>

static const char *
policy_preset_text(const char *name)
{
    for (const struct policy_preset *preset = policy_presets(); preset->name != NULL; preset++) {
        if (strcmp(preset->name, name) == 0) {
            return preset->text;
        }
    }
    return NULL;
}

void
policy_explain(const char *text, const struct policy *policy, FILE *out)
{
    static const char *const headings[] = {"ATTEMPT", "AFTER THE ONE BEFORE", "SINCE THE FIRST",
                                           NULL};
    char delay[POLICY_DURATION_SIZE];
    char since[POLICY_DURATION_SIZE];
    const char *preset = policy_preset_text(text);
    (void)fprintf(out, "%s%s%s\n\n", text, preset == NULL ? "" : " = ",
                  preset == NULL ? "" : preset);
    table_t *table = table_new(headings);
    table_cell(table, "1");
    table_cell(table, "-");
    table_cell(table, "-");
    int64_t sum_ms = 0;
    for (uint16_t i = 0; i < policy->delay_count; i++) {
        sum_ms += policy->delays_ms[i];
        table_cell(table, "%u", i + 2U);
        table_cell(table, "%s", policy_duration_text(policy->delays_ms[i], delay));
        table_cell(table, "%s", policy_duration_text(sum_ms, since));
    }
    table_print(table, out);
    table_destroy(&table);
    (void)fprintf(out, "\n%u attempts within %s", policy_attempts(policy),
                  policy_duration_text(policy_window_ms(policy), since));
    if (policy->jitter_permille != 0) {
        (void)fprintf(out, "; each delay is up to %u.%u %% shorter or longer",
                      policy->jitter_permille / 10U, policy->jitter_permille % 10U);
    }
    (void)fprintf(out,
                  ".\nA delay runs from the recorded failure, so an attempt that waits for its "
                  "lease adds to it.\nAfter the last one the compensator has it.\n");
    if (policy->uncapped) {
        (void)fprintf(out,
                      "Warning: exponential without a cap: the last delay alone is %s. Consider "
                      "cap=1h.\n",
                      policy_duration_text(policy->delays_ms[policy->delay_count - 1], delay));
    }
}

void
policy_explain_presets(FILE *out)
{
    static const char *const headings[] = {"PRESET", "ATTEMPTS", "WINDOW", "POLICY", NULL};
    table_t *table = table_new(headings);
    for (const struct policy_preset *preset = policy_presets(); preset->name != NULL; preset++) {
        struct policy policy;
        char window[POLICY_DURATION_SIZE];
        if (policy_parse(&policy, preset->name, strlen(preset->name), NULL) != ERR_OK) {
            continue;
        }
        table_cell(table, "%s", preset->name);
        table_cell(table, "%u", policy_attempts(&policy));
        table_cell(table, "%s", policy_duration_text(policy_window_ms(&policy), window));
        table_cell(table, "%s", preset->text);
    }
    table_print(table, out);
    table_destroy(&table);
}
