/* herald-bench suite: every target, held against what the machine gives without Herald. */
#include "bench_command.h"
#include "bench_options.h"
#include "bench_place.h"
#include "ceiling.h"
#include "suite.h"

#include "base/check.h"
#include "runtime/exit_code.h"

#include <stdlib.h>
#include <string.h>

#define QUICK_COUNT 4000U

static struct bench_option options[] = {
    {"rounds",
     "of each measure; retries and backlog have 3 at most, 64 B twice and a lone submit three "
     "times "
     "as many",
     1, SUITE_ROUNDS_MAX, "5", 0, false, false},
    {"only", "measures by name, commas between them, see below; the exit code is then of these", 0,
     0, NULL, 0, false, false},
    {"count",
     "notifications in one throughput run; four times as many of 64 B, fewer at slow points", 1000,
     100000000, "1000000", 0, false, false},
    {"backlog", "notifications for a receiver that is down", 1000, 100000000, "5000000", 0, false,
     false},
    {"retained", "notifications kept when the throughput is measured again", 1000, 100000000,
     "10000000", 0, false, false},
    {"pending", "retries that wait", 1000, 100000000, "1000000", 0, false, false},
    {"json", "file for the rows as JSON", 0, 0, NULL, 0, false, false},
    {"quick", "a few thousand of everything, one round: whether it works; no target is held", 0, 0,
     NULL, 0, true, false},
    {"directory", "where the data are kept meanwhile", 0, 0, NULL, 0, false, false},
    {"help", "this text", 0, 0, NULL, 0, true, false},
    {NULL, NULL, 0, 0, NULL, 0, false, false},
};

static struct suite_settings
settings_of(const char *directory)
{
    bool quick = bench_option(options, "quick")->given;
    struct suite_settings settings = {
        .directory = directory,
        .rounds = quick ? 1 : (unsigned)bench_option(options, "rounds")->number,
        .quick = quick,
        .count = bench_option(options, "count")->number,
        .backlog = bench_option(options, "backlog")->number,
        .retained = bench_option(options, "retained")->number,
        .pending = bench_option(options, "pending")->number,
    };
    if (quick) {
        settings.count = settings.backlog = settings.retained = settings.pending = QUICK_COUNT;
    }
    return settings;
}

/* Whether a list with commas has this name. */
static bool
lists(const char *list, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0')) {
            return true;
        }
    }
    return false;
}

static err_t
check_names(const char *only, struct why *why)
{
    size_t known = 0;
    for (const struct suite_measure *measure = suite_measures; measure->name != NULL; measure++) {
        known += lists(only, measure->name);
    }
    size_t named = 1;
    for (const char *at = only; *at != '\0'; at++) {
        named += *at == ',';
    }
    return known == named ? ERR_OK
                          : why_set(why, ERR_INVALID, "--only %s: not all are measures", only);
}

static err_t
measure_all(suite_t *suite, const char *only, struct why *why)
{
    err_t rc = ERR_OK;
    for (const struct suite_measure *measure = suite_measures;
         measure->name != NULL && rc == ERR_OK; measure++) {
        CHECK(measure->times >= 1 && measure->times <= SUITE_TIMES_MAX);
        unsigned rounds = suite_settings(suite)->rounds;
        rounds = rounds < measure->rounds_max ? rounds : measure->rounds_max;
        rounds *= suite_settings(suite)->quick ? 1 : measure->times;
        for (unsigned i = 0;
             i < rounds && rc == ERR_OK && (only == NULL || lists(only, measure->name)); i++) {
            fprintf(stderr, "%s, round %u of %u\n", measure->name, i + 1, rounds);
            struct why fault = {{0}};
            rc = measure->run(suite, &fault);
            if (rc != ERR_OK) {
                (void)why_set(why, rc, "%s: %s", measure->name, fault.text);
            }
        }
    }
    return rc;
}

static err_t
write_json(const suite_t *suite, const char *path, struct why *why)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return why_set(why, ERR_IO, "cannot write %s", path);
    }
    suite_print_json(suite, file);
    return fclose(file) == 0 ? ERR_OK : why_set(why, ERR_IO, "cannot write %s", path);
}

static void
print_help(void)
{
    printf("herald-bench suite: Herald and the bare ceilings in turn, a row a target. Ends with 0 "
           "only if all hold.\n\n");
    bench_options_print(options);
    printf("\nMeasures:\n");
    for (const struct suite_measure *measure = suite_measures; measure->name != NULL; measure++) {
        printf("  %-12s %s\n", measure->name, measure->help);
    }
}

static int
run_suite(const char *directory, const char *only)
{
    struct why why = {{0}};
    struct suite_settings settings = settings_of(directory);
    suite_t *suite = suite_new(&settings);
    err_t rc = ceiling_describe(directory, stdout, &why);
    if (rc == ERR_OK) {
        rc = measure_all(suite, only, &why);
    }
    suite_print(suite, stdout);
    const char *json = bench_option(options, "json")->text;
    if (json != NULL && rc == ERR_OK) {
        rc = write_json(suite, json, &why);
    }
    bool holds = suite_holds(suite) || settings.quick;
    suite_destroy(&suite);
    if (rc != ERR_OK) {
        fprintf(stderr, "herald-bench suite: %s\n", why.text);
        return exit_code_of(rc);
    }
    return holds ? EXIT_CODE_OK : 1;
}

int
bench_command_suite(int argc, char **argv)
{
    struct why why = {{0}};
    err_t rc = bench_options_read(options, argc, argv, &why);
    const char *only = bench_option(options, "only")->text;
    if (rc == ERR_OK && only != NULL) {
        rc = check_names(only, &why);
    }
    if (rc != ERR_OK) {
        fprintf(stderr, "herald-bench suite: %s\n", why.text);
        return EXIT_CODE_USAGE;
    }
    if (bench_option(options, "help")->given) {
        print_help();
        return EXIT_CODE_OK;
    }
    char directory[BENCH_PLACE_BYTES];
    rc = bench_place_make(bench_option(options, "directory")->text, directory, &why);
    if (rc != ERR_OK) {
        fprintf(stderr, "herald-bench suite: %s\n", why.text);
        return exit_code_of(rc);
    }
    int code = run_suite(directory, only);
    bench_place_remove(directory);
    return code;
}
