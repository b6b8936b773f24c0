/*
 * What people ask at the front door: the list of cases, one case, and what is to become of it.
 */
#ifndef HERALD_COMPENSATOR_PEOPLE_H
#define HERALD_COMPENSATOR_PEOPLE_H

#include "compensator_state.h"

void compensator_people_list(compensator_t *self, const struct outbox_route *route,
                             uint64_t request, const struct wire_cases_ask *ask);

void compensator_people_order(compensator_t *self, const struct outbox_route *route,
                              uint64_t request, const struct wire_case_order *order);

/* SHOW of a case whose newest record is not durable yet has to wait. False: it need not. */
bool compensator_people_must_wait(const compensator_t *self, const struct wire_case_order *order,
                                  uint64_t *after);

#endif
