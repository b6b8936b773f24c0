/* The command line of herald-bench: COMMAND and --name VALUE pairs, each command's own. */
#ifndef HERALD_BENCH_OPTIONS_H
#define HERALD_BENCH_OPTIONS_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_option {
    const char *name; /* without the dashes; NULL ends a table */
    const char *help;
    uint64_t min; /* of numbers; both 0: a text */
    uint64_t max;
    const char *text; /* the standard value, then the given one */
    uint64_t number;
    bool is_flag; /* has no value */
    bool given;
};

/* Fill in `table` from the arguments behind the command. ERR_INVALID: why. */
err_t bench_options_read(struct bench_option *table, int argc, char **argv, struct why *why);
void bench_options_print(const struct bench_option *table);
const struct bench_option *bench_option(const struct bench_option *table, const char *name);

#endif
