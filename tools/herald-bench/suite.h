/*
 * The suite: Herald and what the machine gives without it, measured in turn, several rounds, and
 * held against targets.
 *
 * A measure is a function that measures both once and notes a pair of figures for each of its rows.
 * The table has the medians over all of these; the ratio is of the medians, the spread that of the
 * pairs' ratios. Where the target is a bound in itself (bytes, milliseconds), the bound stands in
 * the ceiling's column, and the target is 1.
 */
#ifndef HERALD_BENCH_SUITE_H
#define HERALD_BENCH_SUITE_H

#include "base/why.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SUITE_ROUNDS_MAX 32U
#define SUITE_TIMES_MAX 3U /* in each round */
#define SUITE_ROWS_MAX 64U

struct suite_row {
    const char *name;
    const char *unit;
    double target; /* of Herald's figure divided by the ceiling's */
    bool at_most;  /* the ratio must not be above the target; else not below it */
};

struct suite_settings {
    const char *directory; /* for data and sockets, on the disk that is measured */
    unsigned rounds;
    bool quick;        /* a few thousand of everything: only whether it works */
    uint64_t count;    /* notifications in one throughput run */
    uint64_t backlog;  /* for a receiver that is down */
    uint64_t retained; /* kept before the throughput is measured again */
    uint64_t pending;  /* retries that wait */
};

typedef struct suite suite_t;

suite_t *suite_new(const struct suite_settings *settings);
void suite_destroy(suite_t **self_p);

const struct suite_settings *suite_settings(const suite_t *self);

/* What was measured once, for a row. Rows are told apart by name and print in the order in which
 * they were first noted. */
void suite_note(suite_t *self, const struct suite_row *row, double herald, double ceiling);

void suite_print(const suite_t *self, FILE *to);
void suite_print_json(const suite_t *self, FILE *to);
bool suite_holds(const suite_t *self); /* there are rows, and all hold */

struct suite_measure {
    const char *name; /* for --only */
    const char *help;
    unsigned rounds_max; /* those that take minutes are not repeated as often */
    unsigned times;      /* in each round, at least 1; more where one differs much from the next */
    err_t (*run)(suite_t *suite, struct why *why);
};

/* Ended by one without a name. */
extern const struct suite_measure suite_measures[];

#endif
