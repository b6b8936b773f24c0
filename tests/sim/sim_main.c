/*
 * herald_sim SEED [OPERATIONS] [--verbose]     one run, with its trace
 * herald_sim --seeds N [--from S] [--operations N]
 *
 * SEEDS in the environment replaces N.
 */
#include "sim.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPERATIONS 400
#define SAME_TRACE_EVERY 50 /* of so many seeds one is run twice */

struct asked {
    uint64_t seed;
    uint64_t seeds; /* 0: one run */
    uint32_t operations;
    bool verbose;
};

static char aborting[96]; /* what to say when a check inside a service ends the program */

static void
on_abort(int signal_number)
{
    (void)signal_number;
    ssize_t written = write(STDERR_FILENO, aborting, strlen(aborting));
    (void)written; /* the program ends anyway */
}

/* Of the source that this was built from, as it is now. */
static const char *
commit(char text[48])
{
    text[0] = '\0';
    FILE *git = popen("git -C '" SIM_SOURCE "' rev-parse --short HEAD 2>/dev/null", "r");
    bool known = git != NULL && fgets(text, 48, git) != NULL;
    if (git != NULL) {
        (void)pclose(git); /* what it said is all that matters */
    }
    text[strcspn(text, "\n")] = '\0';
    return known ? text : "unknown";
}

static void
report(const struct sim *sim, uint32_t operations)
{
    char text[48];
    printf("VIOLATION seed %llu operations %u commit %s: %s\n", (unsigned long long)sim->seed,
           operations, commit(text), sim->failure);
    uint64_t from = sim->lines > SIM_LINES_KEPT ? sim->lines - SIM_LINES_KEPT : 0;
    for (uint64_t i = from; i < sim->lines && !sim->verbose; i++) {
        printf("    %s\n", sim->kept[i % SIM_LINES_KEPT]);
    }
    printf("again: herald_sim %llu %u --verbose\n", (unsigned long long)sim->seed, operations);
    (void)fflush(stdout); /* the next one may crash */
}

/* One run; the hash of its trace. */
static uint64_t
one(const struct asked *asked, uint64_t seed, uint64_t *violations)
{
    (void)snprintf(aborting, sizeof aborting, "VIOLATION seed %llu operations %u: a check failed\n",
                   (unsigned long long)seed, asked->operations); /* fits */
    struct sim *sim = sim_run(seed, asked->operations, asked->verbose);
    uint64_t hash = sim->hash;
    if (sim->failed) {
        report(sim, asked->operations);
        ++*violations;
    } else if (asked->seeds == 0) {
        printf("seed %llu: %u notifications, %llu answers, %llu orders, %llu starts, "
               "%llu power cuts, %lld s, trace %016llx\n",
               (unsigned long long)seed, sim->people.note_count,
               (unsigned long long)sim->people.answers, (unsigned long long)sim->people.cases,
               (unsigned long long)sim->restarts, (unsigned long long)sim->power_cuts,
               (long long)(sim->now_ms / 1000), (unsigned long long)hash);
    }
    sim_end(&sim);
    return hash;
}

static int
all(const struct asked *asked)
{
    uint64_t violations = 0;
    uint64_t count = asked->seeds == 0 ? 1 : asked->seeds;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t hash = one(asked, asked->seed + i, &violations);
        bool twice = asked->seeds > 0 && i % SAME_TRACE_EVERY == 0;
        if (twice && one(asked, asked->seed + i, &violations) != hash) {
            printf("VIOLATION seed %llu: another trace the second time\n",
                   (unsigned long long)(asked->seed + i));
            violations++;
        }
    }
    printf("seeds %llu from %llu, operations %u, violations %llu\n", (unsigned long long)count,
           (unsigned long long)asked->seed, asked->operations, (unsigned long long)violations);
    return violations == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool
parse(int argc, char **argv, struct asked *asked)
{
    int plain = 0;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--verbose") == 0) {
            asked->verbose = true;
        } else if (strcmp(argv[i], "--seeds") == 0 && more) {
            asked->seeds = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--from") == 0 && more) {
            asked->seed = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--operations") == 0 && more) {
            asked->operations = (uint32_t)strtoul(argv[++i], NULL, 10);
        } else if (argv[i][0] == '-' || plain > 1) {
            return false;
        } else if (plain++ == 0) {
            asked->seed = strtoull(argv[i], NULL, 10);
        } else {
            asked->operations = (uint32_t)strtoul(argv[i], NULL, 10);
        }
    }
    const char *seeds = getenv("SEEDS");
    if (asked->seeds > 0 && seeds != NULL) {
        asked->seeds = strtoull(seeds, NULL, 10);
    }
    return asked->seeds > 0 || plain > 0;
}

int
main(int argc, char **argv)
{
    struct asked asked = {.seed = 1, .operations = OPERATIONS};
    if (!parse(argc, argv, &asked)) {
        fprintf(stderr, "usage: herald_sim SEED [OPERATIONS] [--verbose]\n"
                        "       herald_sim --seeds N [--from S] [--operations N]\n");
        return 2;
    }
    (void)signal(SIGABRT, on_abort);
    return all(&asked);
}
