/*
 * The attempts of a delivery, found by walking its records backwards: each says where the one
 * before stands, and a TAKEN where the giver's MOVED stands.
 */
#ifndef HERALD_COMPENSATOR_HISTORY_H
#define HERALD_COMPENSATOR_HISTORY_H

#include "compensator_state.h"

#define COMPENSATOR_HISTORY_TEXT (LIMIT_REASON_BYTES + LIMIT_NAME_BYTES + 32)

struct compensator_history {
    uint32_t count;
    struct wire_attempt attempts[WIRE_HISTORY_MAX]; /* newest first */
    char texts[WIRE_HISTORY_MAX][COMPENSATOR_HISTORY_TEXT];
};

/* From the record at `last` of the own log; what was trimmed is left out. */
void compensator_history_read(compensator_t *self, uint64_t last,
                              struct compensator_history *history);

#endif
