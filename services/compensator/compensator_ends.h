/*
 * How a delivery ends here: the record of it, and what is forgotten and remembered with it. After
 * any of these the entry is gone, but at start, when it stays as ENDED until the logs are read.
 */
#ifndef HERALD_COMPENSATOR_ENDS_H
#define HERALD_COMPENSATOR_ENDS_H

#include "compensator_state.h"

/* A receiver has applied it, as the answer to the present job or to an earlier one. */
void compensator_ends_done(compensator_t *self, struct compensator_entry *entry, uint8_t outcome);

/* Another log says DONE. */
void compensator_ends_learned(compensator_t *self, struct compensator_entry *entry);

/* The receiver has confirmed its fence, with the undo's result as reason. */
void compensator_ends_fenced(compensator_t *self, struct compensator_entry *entry, uint8_t end,
                             struct record_text result);

/* Without a fence: never sent, or a person takes it on himself. */
void compensator_ends_unfenced(compensator_t *self, struct compensator_entry *entry, uint8_t end,
                               struct record_text by, struct record_text reason);

/* No record: forget it, remember how it ended. */
void compensator_ends_finish(compensator_t *self, struct compensator_entry *entry, uint8_t end);

/* Late news that the effect of something that is no entry any more is there. True: it was not
 * known, and is worth a record; a fence on it is an alarm, raised here. */
bool compensator_ends_late(compensator_t *self, struct delivery_key key);

#endif
