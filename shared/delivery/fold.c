#include "delivery/fold.h"

/* DONE wins over every other end; of the others the first by number, so that order cannot matter.
 * (Two different ones never stand in the logs of one delivery: the compensator alone writes them.)
 */
static void
fold_end(struct fold *self, uint8_t end)
{
    if (end == END_NONE) {
        return;
    }
    if (self->end == END_NONE || end < self->end) {
        self->end = end;
    }
    static_assert(END_DONE == 1 && END_NONE == 0, "DONE is the smallest end");
}

static void
fold_cancel(struct fold *self, uint32_t turn)
{
    self->cancel_turn = turn > self->cancel_turn ? turn : self->cancel_turn;
}

static void
fold_broken(struct fold *self)
{
    self->broken = self->broken || (self->end == END_DONE && self->fenced);
}

/* A record of this turn was seen. False: it is of an older turn and says nothing any more. */
static bool
fold_turn(struct fold *self, uint32_t turn, uint8_t custodian)
{
    if (turn > self->turn) {
        self->turn = turn;
        self->custodian = custodian;
        self->latest = 0;
        self->attempts = 0;
        self->taken = false;
        self->is_case = false;
    }
    return turn == self->turn;
}

void
fold_accept(struct fold *self, uint64_t position)
{
    if (fold_turn(self, 1, LOG_PRODUCER) && self->latest < position) {
        self->latest = position;
        self->taken = true;
    }
}

void
fold_custody(struct fold *self, enum log_id log, uint64_t position, uint8_t kind,
             const struct record_custody *custody)
{
    if (custody->cause == OUTCOME_CANCEL) {
        fold_cancel(self, custody->turn - 1); /* it ended the turn in which it was asked */
    }
    if (!fold_turn(self, custody->turn, custody->to)) {
        return;
    }
    bool own = kind == RECORD_TAKEN && log == (enum log_id)custody->to;
    if (own && position > self->latest) {
        self->latest = position;
        self->taken = true;
        self->attempts = custody->attempts;
    } else if (!self->taken) {
        self->attempts = custody->attempts; /* the move itself, while the taker has nothing */
    }
}

void
fold_event(struct fold *self, enum log_id log, uint64_t position, const struct record_event *event)
{
    switch (event->kind) {
    case RECORD_DONE:
    case RECORD_EVIDENCE:
        fold_end(self, END_DONE);
        break;
    case RECORD_ENDED:
        if (event->custodian != 0) {
            (void)fold_turn(self, event->turn, (uint8_t)(event->custodian - 1));
        }
        fold_end(self, event->end);
        break;
    case RECORD_CLOSED:
        fold_end(self, event->end);
        break;
    case RECORD_ORDER:
        if (event->order == ORDER_CANCEL) {
            fold_cancel(self, event->turn);
        }
        break;
    case RECORD_FENCED:
        self->fenced = true;
        break;
    case RECORD_FAILED:
        if (fold_turn(self, event->turn, (uint8_t)log) && self->custodian == (uint8_t)log &&
            position > self->latest) {
            self->latest = position;
            self->taken = true;
            self->attempts = event->attempt;
        }
        break;
    default:
        break;
    }
    fold_broken(self);
}

void
fold_case(struct fold *self, uint64_t position, const struct record_case *opened)
{
    if (fold_turn(self, opened->custody.turn, LOG_COMPENSATOR)) {
        self->is_case = true; /* also when a failure behind it, of a try to undo, came first */
        if (position > self->latest) {
            self->latest = position;
            self->taken = true;
            self->attempts = opened->custody.attempts;
        }
    }
    self->fenced = self->fenced || opened->fenced;
    fold_broken(self);
}

uint32_t
fold_replay_turn(uint32_t turn, uint8_t custodian)
{
    if (custodian == LOG_SCHEDULER && turn > 2) {
        return turn;
    }
    return custodian == LOG_COMPENSATOR && turn > 3 ? turn - 1 : 0;
}

bool
fold_cancel_stands(uint32_t cancel_turn, uint32_t turn, uint8_t custodian)
{
    return cancel_turn > 0 && cancel_turn >= fold_replay_turn(turn, custodian);
}

void
fold_merge(struct fold *self, const struct fold *other)
{
    bool is_case = (self->turn >= other->turn && self->is_case) ||
                   (other->turn >= self->turn && other->is_case);
    bool newer = other->turn > self->turn ||
                 (other->turn == self->turn && other->taken && other->latest > self->latest);
    if (newer) {
        self->turn = other->turn;
        self->custodian = other->custodian;
        self->latest = other->latest;
        self->attempts = other->attempts;
        self->taken = other->taken;
        /* Nobody has taken the other either: a taken one is newer, as `latest` is 0 without. */
    } else if (other->turn == self->turn && !self->taken && other->attempts > self->attempts) {
        self->attempts = other->attempts;
    }
    self->is_case = is_case;
    fold_end(self, other->end);
    fold_cancel(self, other->cancel_turn);
    self->fenced = self->fenced || other->fenced;
    self->broken = self->broken || other->broken;
    fold_broken(self);
}
