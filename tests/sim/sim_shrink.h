/*
 * Runs in processes of their own, so that a check that ends one is a finding like any other; and
 * the shortest run that still fails.
 */
#ifndef HERALD_TESTS_SIM_SIM_SHRINK_H
#define HERALD_TESTS_SIM_SIM_SHRINK_H

#include "sim.h"

/* What became of a run, or of several up to the first that failed. */
struct sim_verdict {
    uint64_t seed; /* of the last one */
    bool failed;
    bool ended; /* by itself, not by a signal */
    char failure[SIM_LINE_BYTES];
    uint64_t hash;
    int64_t healed_ms; /* the longest */
};

typedef void sim_shrink_work_fn(void *argument, struct sim_verdict *verdict);

/* Do it in a child; *verdict is what it wrote, or says by what signal it ended. */
void sim_shrink_apart(sim_shrink_work_fn *work, void *argument, struct sim_verdict *verdict);

/* From now on this process may compute so long and no longer, or a signal ends it. */
void sim_shrink_watch(void);

/* Leave out what is not needed to fail in the same way: operations in left_out (operations bytes,
 * the caller's), kinds of faults in plan->without. Returns how many operations are left. */
uint32_t sim_shrink(struct sim_plan *plan, uint8_t *left_out, const char *failure);

#endif
