/*
 * herald_sim SEED [OPERATIONS] [--verbose] [--only 3,7-9] [--without BITS]   one run
 * herald_sim --seeds N [--from S] [--operations N] [--share I/N]             many
 *
 * SEEDS and SEED in the environment replace N and S. A run that fails is shrunk, and what is left
 * of it is printed with the command that shows it again.
 */
#include "sim_shrink.h"

#include "base/mem.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define OPERATIONS 2000
#define FROM_THE_KERNEL_BYTES (256 * 1024)
#define KEPT_BYTES (256 * 1024 * 1024)
#define SAME_TRACE_EVERY 50 /* of so many seeds one is run twice */

struct asked {
    struct sim_plan plan;
    const char *only; /* operations, NULL: all */
    uint64_t seeds;   /* 0: one run */
    uint64_t share;   /* this one, from 1, */
    uint64_t shares;  /* of so many */
};

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
print_kept(const struct sim *sim)
{
    uint64_t from = sim->lines > SIM_LINES_KEPT ? sim->lines - SIM_LINES_KEPT : 0;
    for (uint64_t i = from; i < sim->lines && !sim->verbose; i++) {
        printf("    %s\n", sim->kept[i % SIM_LINES_KEPT]);
    }
}

static void
run_one(void *argument, struct sim_verdict *verdict)
{
    struct sim *sim = sim_run(argument);
    verdict->failed = sim->failed;
    verdict->hash = sim->hash;
    memcpy(verdict->failure, sim->failure, sizeof verdict->failure);
    if (sim->failed) {
        print_kept(sim);
    }
    printf("seed %llu: %u notifications, %llu answers, %llu orders, %llu refused fences, %llu "
           "starts, %llu power cuts, %lld s, healed in %lld s, trace %016llx\n",
           (unsigned long long)sim->seed, sim->people.note_count,
           (unsigned long long)sim->people.answers, (unsigned long long)sim->people.cases,
           (unsigned long long)sim->receivers.refused_fences, (unsigned long long)sim->restarts,
           (unsigned long long)sim->power_cuts, (long long)(sim->now_ms / 1000),
           (long long)(sim->healed_ms / 1000), (unsigned long long)sim->hash);
    sim_end(&sim);
}

/* All seeds of the share from verdict->seed on, up to the first that fails. */
static void
run_many(void *argument, struct sim_verdict *verdict)
{
    const struct asked *asked = argument;
    for (uint64_t i = verdict->seed - asked->plan.seed; i < asked->seeds; i += asked->shares) {
        struct sim_plan plan = asked->plan;
        sim_shrink_watch(); /* each seed has the whole time */
        plan.seed = verdict->seed = asked->plan.seed + i;
        bool twice = i / asked->shares % SAME_TRACE_EVERY == 0;
        for (int again = 0; again <= (int)twice && !verdict->failed; again++) {
            struct sim *sim = sim_run(&plan);
            if (again == 1 && sim->hash != verdict->hash && !sim->failed) {
                sim_violation(sim, "I18 another trace the second time");
            }
            verdict->failed = sim->failed;
            verdict->hash = sim->hash;
            memcpy(verdict->failure, sim->failure, sizeof verdict->failure);
            if (sim->healed_ms > verdict->healed_ms) {
                verdict->healed_ms = sim->healed_ms;
            }
            sim_end(&sim);
        }
        if (verdict->failed) {
            return;
        }
    }
}

static void
print_command(const struct sim_plan *plan)
{
    printf("again: herald_sim %llu %u --without %u --only ", (unsigned long long)plan->seed,
           plan->operations, plan->without);
    const char *comma = "";
    for (uint32_t i = 0; i < plan->operations; i++) {
        uint32_t from = i;
        while (i + 1 < plan->operations && plan->left_out[i] == 0 && plan->left_out[i + 1] == 0) {
            i++;
        }
        if (plan->left_out[from] == 0) {
            printf(from == i ? "%s%u" : "%s%u-%u", comma, from, i);
            comma = ",";
        }
    }
    printf("%s\n", *comma == '\0' ? "none" : "");
}

static void
report(const struct asked *asked, const struct sim_verdict *verdict)
{
    char text[48];
    printf("VIOLATION seed %llu operations %u commit %s: %s\n", (unsigned long long)verdict->seed,
           asked->plan.operations, commit(text), verdict->failure);
    (void)fflush(stdout); /* shrinking takes a while */
    struct sim_plan plan = asked->plan;
    uint8_t *left_out = mem_zeroed(plan.operations + 1);
    plan.seed = verdict->seed;
    uint32_t left = sim_shrink(&plan, left_out, verdict->failure);
    printf("shrunk to %u operations; the end of its trace:\n", left);
    struct sim_verdict again = {0};
    sim_shrink_apart(run_one, &plan, &again);
    print_command(&plan);
    (void)fflush(stdout);
    mem_free(left_out);
}

static int
all(const struct asked *asked)
{
    uint64_t violations = 0;
    int64_t healed_ms = 0;
    uint64_t at = asked->share - 1;
    while (at < asked->seeds) {
        struct sim_verdict verdict = {.seed = asked->plan.seed + at};
        sim_shrink_apart(run_many, (void *)(uintptr_t)asked, &verdict);
        healed_ms = verdict.healed_ms > healed_ms ? verdict.healed_ms : healed_ms;
        if (!verdict.failed) {
            break;
        }
        violations++;
        report(asked, &verdict);
        at = verdict.seed - asked->plan.seed + asked->shares;
    }
    printf("seeds %llu from %llu, share %llu of %llu, operations %u, healed within %lld s, "
           "violations %llu\n",
           (unsigned long long)asked->seeds, (unsigned long long)asked->plan.seed,
           (unsigned long long)asked->share, (unsigned long long)asked->shares,
           asked->plan.operations, (long long)(healed_ms / 1000), (unsigned long long)violations);
    return violations == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* "3,7-9": everything else is left out. */
static uint8_t *
left_out_of(const char *only, uint32_t operations)
{
    uint8_t *left_out = mem_zeroed(operations + 1);
    memset(left_out, 1, operations);
    while (*only >= '0' && *only <= '9') {
        char *end;
        unsigned long from = strtoul(only, &end, 10);
        unsigned long to = *end == '-' ? strtoul(end + 1, &end, 10) : from;
        for (; from <= to && from < operations; from++) {
            left_out[from] = 0;
        }
        only = *end == ',' ? end + 1 : end;
    }
    return left_out;
}

static int
single(const struct asked *asked)
{
    struct sim_plan plan = asked->plan;
    uint8_t *left_out = asked->only == NULL ? NULL : left_out_of(asked->only, plan.operations);
    struct sim_verdict verdict = {0};
    plan.left_out = left_out;
    sim_shrink_apart(run_one, &plan, &verdict);
    mem_free(left_out);
    printf("violations %d%s%s\n", verdict.failed, verdict.failed ? ": " : "", verdict.failure);
    return verdict.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static bool
parse_option(const char *name, const char *value, struct asked *asked)
{
    char *end = NULL;
    uint64_t number = strtoull(value, &end, 10);
    if (strcmp(name, "--seeds") == 0) {
        asked->seeds = number;
    } else if (strcmp(name, "--from") == 0) {
        asked->plan.seed = number;
    } else if (strcmp(name, "--operations") == 0) {
        asked->plan.operations = (uint32_t)number;
    } else if (strcmp(name, "--without") == 0) {
        asked->plan.without = (uint32_t)number;
    } else if (strcmp(name, "--only") == 0) {
        asked->only = value;
    } else if (strcmp(name, "--share") == 0 && *end == '/') {
        asked->share = number;
        asked->shares = strtoull(end + 1, NULL, 10);
    } else {
        return false;
    }
    return true;
}

static bool
parse(int argc, char **argv, struct asked *asked)
{
    int plain = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0) {
            asked->plan.verbose = true;
        } else if (argv[i][0] == '-') {
            if (i + 1 == argc || !parse_option(argv[i], argv[i + 1], asked)) {
                return false;
            }
            i++;
        } else if (plain++ == 0) {
            asked->plan.seed = strtoull(argv[i], NULL, 10);
        } else {
            asked->plan.operations = (uint32_t)strtoul(argv[i], NULL, 10);
        }
    }
    const char *seeds = getenv("SEEDS");
    const char *seed = getenv("SEED");
    if (asked->seeds > 0) {
        asked->seeds = seeds != NULL ? strtoull(seeds, NULL, 10) : asked->seeds;
        asked->plan.seed = seed != NULL ? strtoull(seed, NULL, 10) : asked->plan.seed;
    }
    return (asked->seeds > 0) != (plain > 0) && plain <= 2 && asked->share >= 1 &&
           asked->share <= asked->shares;
}

int
main(int argc, char **argv)
{
    struct asked asked = {.plan = {.seed = 1, .operations = OPERATIONS}, .share = 1, .shares = 1};
    /* Cores come and go with large tables of which they touch little. malloc would learn to keep
     * their memory, and to clear it: up to half of a run's time. The kernel clears what is used. */
    (void)mallopt(M_MMAP_THRESHOLD, FROM_THE_KERNEL_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES); /* of what is small nothing is given back */
    if (!parse(argc, argv, &asked)) {
        fprintf(stderr,
                "usage: herald_sim SEED [OPERATIONS] [--verbose] [--only 3,7-9] [--without BITS]\n"
                "       herald_sim --seeds N [--from S] [--operations N] [--share I/N]\n");
        return 2;
    }
    return asked.seeds > 0 ? all(&asked) : single(&asked);
}
