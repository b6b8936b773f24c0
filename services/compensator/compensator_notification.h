/*
 * The notification of a delivery: from the producer's log, or from the case's own copy once that
 * was trimmed.
 */
#ifndef HERALD_COMPENSATOR_NOTIFICATION_H
#define HERALD_COMPENSATOR_NOTIFICATION_H

#include "compensator_state.h"

struct compensator_notification {
    struct record_notification record; /* points into the block; lost: without any bytes */
    log_block_t *block;                /* owned */
    bool lost;                         /* a salvage lost it: it is nowhere, and will not be */
};

/* False: it is nowhere; an alarm was raised, but for what is lost for good. A log that cannot be
 * read ends the service at the next step. */
bool compensator_notification_get(compensator_t *self, const struct compensator_entry *entry,
                                  struct compensator_notification *found);
void compensator_notification_release(struct compensator_notification *found);

/* The copy in the CASE record at `id`; no alarm. */
bool compensator_notification_copy(compensator_t *self, uint64_t id, struct record_case *opened,
                                   log_block_t **block_p);

#endif
