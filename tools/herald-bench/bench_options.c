#include "bench_options.h"

#include "base/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct bench_option *
bench_option(const struct bench_option *table, const char *name)
{
    while (table->name != NULL && strcmp(table->name, name) != 0) {
        table++;
    }
    CHECK(table->name != NULL);
    return table;
}

static err_t
set_number(struct bench_option *option, struct why *why)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(option->text, &end, 10);
    if (errno != 0 || end == option->text || *end != '\0' || option->text[0] == '-' ||
        value < option->min || value > option->max) {
        return why_set(why, ERR_INVALID, "--%s: \"%s\" is no number from %llu to %llu",
                       option->name, option->text, (unsigned long long)option->min,
                       (unsigned long long)option->max);
    }
    option->number = value;
    return ERR_OK;
}

err_t
bench_options_read(struct bench_option *table, int argc, char **argv, struct why *why)
{
    for (struct bench_option *option = table; option->name != NULL; option++) {
        if (option->max > 0) {
            err_t rc = set_number(option, why);
            CHECK(rc == ERR_OK); /* the standard value */
        }
    }
    for (int i = 0; i < argc; i++) {
        struct bench_option *option = table;
        while (option->name != NULL &&
               (strncmp(argv[i], "--", 2) != 0 || strcmp(argv[i] + 2, option->name) != 0)) {
            option++;
        }
        if (option->name == NULL) {
            return why_set(why, ERR_INVALID, "%s is no option; see --help", argv[i]);
        }
        option->given = true;
        if (option->is_flag) {
            continue;
        }
        if (++i == argc) {
            return why_set(why, ERR_INVALID, "--%s needs a value", option->name);
        }
        option->text = argv[i];
        err_t rc = option->max > 0 ? set_number(option, why) : ERR_OK;
        if (rc != ERR_OK) {
            return rc;
        }
    }
    return ERR_OK;
}

void
bench_options_print(const struct bench_option *table)
{
    for (; table->name != NULL; table++) {
        char what[64];
        (void)snprintf(what, sizeof what, "--%s%s", table->name,
                       table->is_flag ? "" : (table->max > 0 ? " N" : " TEXT"));
        printf("  %-20s %s", what, table->help);
        if (!table->is_flag && table->text != NULL) {
            printf(" (default %s)", table->text);
        }
        printf("\n");
    }
}
