/*
 * What the others' logs say: deliveries that are given to us, effects that are there, requests to
 * cancel, subscriptions and groups.
 */
#ifndef HERALD_COMPENSATOR_INTAKE_H
#define HERALD_COMPENSATOR_INTAKE_H

#include "compensator_state.h"

/* The kinds to read of each log. */
uint32_t compensator_intake_kinds(enum log_id log);

/* Read and act on up to so many records. *more: there are others. The logs' errors; ERR_CORRUPT. */
err_t compensator_intake_read(compensator_t *self, uint32_t max, bool *more, struct why *why);

/* Another log says so. Of what is not held, or has ended here, nothing is to be done. */
void compensator_intake_ended(compensator_t *self, struct delivery_key key, uint8_t end);

#endif
