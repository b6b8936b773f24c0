#include "delivery/absence.h"

#include "delivery/record_terms.h"

void
absence_waits(struct absence *self, int64_t now_ms, int64_t until_ms)
{
    if (self->since_ms == 0) {
        self->since_ms = now_ms;
        self->until_ms = now_ms;
    }
    self->until_ms = until_ms > self->until_ms ? until_ms : self->until_ms;
}

bool
absence_is_answer(uint8_t outcome)
{
    switch ((enum outcome)outcome) {
    case OUTCOME_DONE:
    case OUTCOME_DUPLICATE:
    case OUTCOME_RETRY:
    case OUTCOME_REJECT:
    case OUTCOME_WORKING:
    case OUTCOME_FENCED:
    case OUTCOME_UNDONE:
        return true;
    case OUTCOME_NONE:
    case OUTCOME_NOT_STARTED:
    case OUTCOME_DOWN:
    case OUTCOME_WIRE_COUNT:
    case OUTCOME_LEASE:
    case OUTCOME_DEADLINE:
    case OUTCOME_CANCEL:
    case OUTCOME_REPLAY:
    case OUTCOME_LOST:
    default:
        return false;
    }
}

void
absence_answered(struct absence *self)
{
    self->since_ms = 0;
    self->told = false;
}

bool
absence_due(struct absence *self, int64_t now_ms, int64_t limit_ms)
{
    if (self->since_ms != 0 && now_ms - self->until_ms >= ABSENCE_FORGOTTEN_MS) {
        absence_answered(self); /* what waited went elsewhere */
    }
    if (self->since_ms == 0 || self->told || now_ms - self->since_ms < limit_ms) {
        return false;
    }
    self->told = true;
    return true;
}
