/*
 * What becomes of a delivery when its job is answered, or its lease has run out.
 */
#ifndef HERALD_COMPENSATOR_RESULTS_H
#define HERALD_COMPENSATOR_RESULTS_H

#include "compensator_state.h"

/* A RESULT frame behind its head. False: malformed; what came before the fault was taken. */
bool compensator_results_take(compensator_t *self, struct wire_in *in);

/* An answer to the job that this entry has out. The entry may be gone afterwards. */
void compensator_results_of(compensator_t *self, struct compensator_entry *entry,
                            const struct wire_outcome *outcome);

#endif
