/*
 * Checkpoints: everything that is open, so that a restart need not read the log from its beginning.
 *
 * ITEM: version u8, key, state u8, plan u8, moved_for u8, cause u8, flags v, then numbers v: turn,
 * attempts, tries, first_sent_unix_ms, last, taken, case_id, cancel_turn (older ones end before
 * it); a case's id leads to its copy.
 *
 * ITEM of a case that is closed: version u8, id v, state u8, last v. Its CASE record says the rest,
 * as long as it is kept.
 */
#ifndef HERALD_COMPENSATOR_CHECKPOINT_H
#define HERALD_COMPENSATOR_CHECKPOINT_H

#include "compensator_state.h"

/* When so many records were written since the last one. To be called after the POSITION that
 * covers what was read. */
void compensator_checkpoint_write(compensator_t *self);

/* One item, at start. ERR_CORRUPT. */
err_t compensator_checkpoint_take(compensator_t *self, const uint8_t *body, size_t size,
                                  struct why *why);

#endif
