/*
 * What the compensator writes into its own log about a delivery. Each record says where this
 * delivery's record before stands, so that a history needs no index.
 */
#ifndef HERALD_COMPENSATOR_RECORDS_H
#define HERALD_COMPENSATOR_RECORDS_H

#include "compensator_state.h"

/* key, time and previous are filled in, and the turn when it is 0. */
void compensator_records_event(compensator_t *self, struct compensator_entry *entry,
                               struct record_event *event);

/* The MOVED at `given` in the log of `giver`, copied. */
void compensator_records_taken(compensator_t *self, struct compensator_entry *entry,
                               const struct record_custody *moved, enum log_id giver,
                               uint64_t given);

/* Back to the retry-scheduler, in the entry's turn, which the caller has counted up. */
void compensator_records_replayed(compensator_t *self, struct compensator_entry *entry,
                                  struct record_text reason);

/* Returns its position, which is the case's id. */
uint64_t compensator_records_case(compensator_t *self, struct compensator_entry *entry,
                                  struct record_case *opened);

/* DONE of a delivery that is not ours to end: late news of a job. */
void compensator_records_evidence(compensator_t *self, struct delivery_key key, uint32_t turn,
                                  uint64_t previous);

#endif
