/* What must be true at the end of a run. */
#ifndef HERALD_TESTS_SIM_SIM_CHECK_H
#define HERALD_TESTS_SIM_SIM_CHECK_H

struct sim;

/* What was answered, against the receivers' database. */
void sim_check_promises(struct sim *self);
/* What the three logs say, when no service runs any more. */
void sim_check_logs(struct sim *self);

#endif
