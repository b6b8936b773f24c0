/*
 * Everything that the three logs still have of one delivery, for answers: its fold, and its
 * attempts, oldest first. Read from each log's chain of records (`previous`), newest first.
 */
#ifndef HERALD_PRODUCER_HISTORY_H
#define HERALD_PRODUCER_HISTORY_H

#include "producer_private.h"
#include "wire/wire_query.h"

struct producer_attempt {
    struct wire_attempt said; /* said.reason points into reason */
    uint64_t order;           /* of records of one log */
    char reason[LIMIT_REASON_BYTES];
};

struct producer_history {
    struct fold fold;
    int64_t due_unix_ms;
    uint32_t count;
    uint32_t first;    /* the first that is told: what does not fit an answer is left out */
    uint32_t left_out; /* older ones that had no room or are not kept */
    struct producer_attempt attempts[WIRE_HISTORY_MAX];
};

/* last: the notification's newest record in the own log; its own position when there is none. */
void producer_history_read(producer_core_t *self, struct delivery_key key, uint64_t last,
                           struct producer_history *history);

#endif
