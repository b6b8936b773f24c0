#include "sim_shrink.h"

#include "base/check.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHRINK_SECONDS 90
#define RUN_SECONDS 600 /* of CPU, far more than any takes: one that hangs is a finding */

static struct sim_verdict *
shared(void)
{
    static struct sim_verdict *page;
    if (page == NULL) {
        page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CHECK(page != MAP_FAILED);
    }
    return page;
}

void
sim_shrink_watch(void)
{
    const struct itimerval limit = {.it_value = {.tv_sec = RUN_SECONDS}};
    CHECK(setitimer(ITIMER_VIRTUAL, &limit, NULL) == 0);
}

void
sim_shrink_apart(sim_shrink_work_fn *work, void *argument, struct sim_verdict *verdict)
{
    struct sim_verdict *page = shared();
    *page = (struct sim_verdict){.seed = verdict->seed};
    (void)fflush(stdout); /* else the child prints it again */
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        sim_shrink_watch();
        work(argument, page);
        page->ended = true;
        (void)fflush(stdout);
        _exit(0); /* what the parent opened is the parent's to close */
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    *verdict = *page;
    if (!verdict->ended) {
        verdict->failed = true;
        (void)snprintf(verdict->failure, sizeof verdict->failure, "a check ended it, signal %d",
                       WIFSIGNALED(status) ? WTERMSIG(status) : 0); /* fits */
    }
}

static void
run_plan(void *argument, struct sim_verdict *verdict)
{
    struct sim *sim = sim_run(argument);
    verdict->failed = sim->failed;
    memcpy(verdict->failure, sim->failure, sizeof verdict->failure);
    sim_end(&sim);
}

struct search {
    struct sim_plan *plan;
    uint8_t *left_out;
    const char *failure;
    struct timespec began;
};

static bool
time_is_up(const struct search *self)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return now.tv_sec - self->began.tv_sec >= SHRINK_SECONDS;
}

/* The same promise is broken: what stands before the first space is its name. */
static bool
still_fails(const struct search *self)
{
    struct sim_verdict verdict = {0};
    int quiet = dup(STDERR_FILENO);
    CHECK(quiet >= 0 && freopen("/dev/null", "w", stderr) != NULL);
    sim_shrink_apart(run_plan, self->plan, &verdict);
    (void)fflush(stderr);
    (void)dup2(quiet, STDERR_FILENO); /* what a failing check says was said the first time */
    (void)close(quiet);
    size_t name = strcspn(self->failure, " ");
    return verdict.failed && strncmp(verdict.failure, self->failure, name + 1) == 0;
}

/* Leave out [from, to) if it still fails without. */
static void
try_without(const struct search *self, uint32_t from, uint32_t to)
{
    uint8_t before[256];
    CHECK(to - from <= sizeof before);
    memcpy(before, self->left_out + from, to - from);
    memset(self->left_out + from, 1, to - from);
    if (memcmp(before, self->left_out + from, to - from) != 0 && !still_fails(self)) {
        memcpy(self->left_out + from, before, to - from);
    }
}

static void
shortest_prefix(const struct search *self)
{
    uint32_t low = 0;
    uint32_t high = self->plan->operations; /* fails */
    while (low < high && !time_is_up(self)) {
        uint32_t middle = low + (high - low) / 2;
        self->plan->operations = middle;
        if (still_fails(self)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    self->plan->operations = high;
}

uint32_t
sim_shrink(struct sim_plan *plan, uint8_t *left_out, const char *failure)
{
    struct search self = {.plan = plan, .left_out = left_out, .failure = failure};
    (void)clock_gettime(CLOCK_MONOTONIC, &self.began); /* cannot fail for this clock */
    plan->left_out = left_out;
    plan->verbose = false;
    shortest_prefix(&self);
    for (uint32_t i = 0; i < SIM_FAULT_KINDS && !time_is_up(&self); i++) {
        plan->without |= 1U << i;
        if (!still_fails(&self)) {
            plan->without &= ~(1U << i);
        }
    }
    for (uint32_t size = 256; size > 0; size /= 2) {
        for (uint32_t at = 0; at < plan->operations && !time_is_up(&self); at += size) {
            uint32_t to = at + size < plan->operations ? at + size : plan->operations;
            try_without(&self, at, to);
        }
    }
    uint32_t left = 0;
    for (uint32_t i = 0; i < plan->operations; i++) {
        left += left_out[i] == 0;
    }
    return left;
}
