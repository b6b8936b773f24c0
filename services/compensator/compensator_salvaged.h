/*
 * A start over a log of which a salvage lost records (`herald-journal salvage`). Any LOST record
 * may have been a TAKEN, and a POSITION behind it still says that its MOVED was read: believed, the
 * delivery would be with nobody. So no POSITION behind the first LOST is believed, and what the
 * others wrote since is read again; what is held, was replayed or has ended is not taken again.
 */
#ifndef HERALD_COMPENSATOR_SALVAGED_H
#define HERALD_COMPENSATOR_SALVAGED_H

#include "compensator_state.h"

/* It was replayed, as another record's later turn says: AWAY now, with no plan, job or case. */
void compensator_salvaged_left(compensator_t *self, struct compensator_entry *entry);

/* How far the others' logs were read for certain; zeros: not at all. The own log's errors. */
err_t compensator_salvaged_position(compensator_t *self, struct record_position *position,
                                    struct why *why);

/* What the scheduler's log took back in a later turn was replayed. That log's errors. */
err_t compensator_salvaged_replayed(compensator_t *self, struct why *why);

/* Of what is held once the others' logs were read: what has ended by one of them. Their errors. */
err_t compensator_salvaged_ended(compensator_t *self, struct why *why);

#endif
