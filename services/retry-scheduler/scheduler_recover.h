/*
 * A start: what the own log says, then the others'. Also over a log of which a salvage lost records
 * (`herald-journal salvage`).
 */
#ifndef HERALD_SCHEDULER_RECOVER_H
#define HERALD_SCHEDULER_RECOVER_H

#include "base/why.h"
#include "delivery/record.h"

#include <stddef.h>

struct scheduler_core;

/* Deliveries that have ended, sorted; known only during a start over a salvaged log. */
struct scheduler_ended {
    struct delivery_key *keys; /* owned */
    size_t count;
    size_t capacity;
};

bool scheduler_ended_has(const struct scheduler_ended *self, struct delivery_key key);
void scheduler_ended_fini(struct scheduler_ended *self);

/*
 * scheduler_salvaged.c: some record of the own log at `from` or behind is LOST, all others are
 * folded. Fills in what has ended, and notes as AWAY what by any log is with the compensator.
 * ERR_CORRUPT and the logs' errors.
 */
err_t scheduler_salvaged(struct scheduler_core *self, uint64_t from, struct why *why);

/* How long from now, for a due time that was recorded at `at`. Wall time may have stepped since:
 * never longer than was recorded. */
int64_t scheduler_remaining_ms(const struct scheduler_core *self, int64_t due_unix_ms,
                               int64_t at_unix_ms);

#endif
