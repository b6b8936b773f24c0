/*
 * What is to be done about a delivery that was taken, and when.
 */
#ifndef HERALD_COMPENSATOR_PLAN_H
#define HERALD_COMPENSATOR_PLAN_H

#include "compensator_state.h"

/*
 * Choose the plan of a held delivery from what is known of it and schedule its next try. One that
 * was to be cancelled and never sent ends at once; one that must be fenced by a group that cannot
 * becomes a case: afterwards the entry may be gone.
 */
void compensator_plan_choose(compensator_t *self, struct compensator_entry *entry);

/* The delay before the next try of a plan with a few tries. */
int64_t compensator_plan_delay_ms(const compensator_t *self, uint16_t tries);

/* The delay before a fence is asked for again: 1 s, doubling to 60 s. */
int64_t compensator_plan_wait_ms(uint32_t waits);

/* How many tries a limited plan has now: as is set, but while room on disk is short no more than it
 * is kept for. */
uint16_t compensator_plan_tries(const compensator_t *self);

/* Whether the plan has a limit of tries, and this entry has used it up. */
bool compensator_plan_used_up(const compensator_t *self, const struct compensator_entry *entry);

#endif
