/*
 * The segments of a log as they stand on the simulated disk, for who damages them. Their counters
 * have gaps: a start removes what a start before it has left empty.
 */
#ifndef HERALD_TESTS_SIM_SIM_SEGMENT_H
#define HERALD_TESTS_SIM_SIM_SEGMENT_H

#include "runtime/peers.h"

#include <stdbool.h>

#define SIM_SEGMENT_PATH_SIZE 64

struct sim;

/* Any of them, with the same chance each; false: the log has none. */
bool sim_segment_any(struct sim *self, enum log_id id, char path[SIM_SEGMENT_PATH_SIZE]);
bool sim_segment_newest(struct sim *self, enum log_id id, char path[SIM_SEGMENT_PATH_SIZE]);

#endif
