/*
 * Cases: what the compensator gives up on, with a copy of the notification, for a person.
 */
#ifndef HERALD_COMPENSATOR_CASES_H
#define HERALD_COMPENSATOR_CASES_H

#include "compensator_state.h"

/* Open a case for a held delivery and raise the alarm. When its notification is nowhere, the entry
 * stays held and this is tried again a minute later; of what a salvage lost the case is without. */
void compensator_cases_open(compensator_t *self, struct compensator_entry *entry, uint8_t cause,
                            const char *text);

/* The same after a try, with the receiver's words. */
void compensator_cases_open_for(compensator_t *self, struct compensator_entry *entry,
                                const struct wire_outcome *outcome);

/* compensator_notification_get has found none: a case of what is lost, else in a minute again. */
void compensator_cases_missing(compensator_t *self, struct compensator_entry *entry, bool lost);

/* What is said of a case, from its record; used at start too. */
void compensator_cases_describe(struct compensator_entry *entry, const struct record_case *opened,
                                uint64_t id);

/* The open case of this entry, if any, has ended so, or was replayed (END_NONE). */
void compensator_cases_close(compensator_t *self, struct compensator_entry *entry, uint8_t end);

/* At start: one that was closed before the checkpoint. */
void compensator_cases_remember(compensator_t *self, const struct record_case *opened, uint64_t id,
                                uint8_t state, uint64_t last);

/* By id: the entry whose case is open, or what is remembered of a closed one; both NULL: unknown.
 */
struct compensator_entry *compensator_cases_find(const compensator_t *self, uint64_t id);
const struct compensator_info *compensator_cases_closed(const compensator_t *self, uint64_t id);

uint32_t compensator_cases_count(const compensator_t *self); /* open ones */

#endif
