/*
 * Start: what the own log says is open.
 */
#ifndef HERALD_COMPENSATOR_FOLD_H
#define HERALD_COMPENSATOR_FOLD_H

#include "compensator_state.h"

/* Fold the own log from its newest complete checkpoint, or from its beginning. Entries whose end it
 * has stay as ENDED. ERR_CORRUPT and the log's errors. */
err_t compensator_fold_own(compensator_t *self, struct why *why);

#endif
