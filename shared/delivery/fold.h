/*
 * The fold: what the three logs together say of one delivery.
 *
 * A state is a maximum, so the order in which records are folded in cannot matter: DONE if any log
 * has it; else UNDONE, CANCELLED or RESOLVED if any log has it; else the highest turn, and in it
 * the taker's latest record, or the move itself while the taker has none. (DESIGN 3.)
 *
 * Pure: no I/O, no clock, no allocation. 24 bytes a delivery.
 */
#ifndef HERALD_DELIVERY_FOLD_H
#define HERALD_DELIVERY_FOLD_H

#include "delivery/record.h"

struct fold {
    uint64_t
        latest; /* position, in the custodian's log, of its latest record in this turn; 0: none */
    uint32_t turn;        /* highest seen; 0: nothing seen yet */
    uint32_t cancel_turn; /* highest in which a cancel was asked, in any log; 0: none */
    uint16_t attempts;    /* burnt in the present run of the schedule, as of `latest` or the move */
    uint8_t custodian;    /* enum log_id, of this turn */
    uint8_t end;          /* enum record_end; DONE wins over every other */
    bool taken;           /* the custodian has a record of this turn in its own log */
    bool is_case;         /* in this turn a case was opened: a person decides */
    bool fenced;          /* a confirmed fence is on record */
    bool broken;          /* DONE and a fence, both on record: a broken receiver, alarm */
};

/* A notification was accepted: turn 1 is the producer's. */
void fold_accept(struct fold *self, uint64_t position);

/* A MOVED or TAKEN record (kind) of `log` at `position`. */
void fold_custody(struct fold *self, enum log_id log, uint64_t position, uint8_t kind,
                  const struct record_custody *custody);

/* A DONE, EVIDENCE, FAILED, ENDED, CLOSED, ORDER or FENCED record. */
void fold_event(struct fold *self, enum log_id log, uint64_t position,
                const struct record_event *event);

/* A CASE record of the compensator. */
void fold_case(struct fold *self, uint64_t position, const struct record_case *opened);

/*
 * Cancel against replay: the rule for everybody.
 *
 * A cancel belongs to the turn in which it was asked, as whoever wrote it down knew it; copies keep
 * that turn. A person's replay begins a turn, and is the newer wish: it voids every cancel of an
 * earlier turn. One asked in the replay's turn or later stands. Both turns are maxima, so that here
 * too the order of reading cannot matter.
 *
 * The turn of the newest replay need not be written anywhere: only a replay gives a delivery to the
 * retry-scheduler after turn 2, and what the scheduler had in one turn the compensator has in the
 * next.
 */

/* The turn that the newest replay began, of a delivery that is in this turn; 0: never replayed. */
uint32_t fold_replay_turn(uint32_t turn, uint8_t custodian);

/* Whether a cancel that was asked in cancel_turn (0: none was) stands. */
bool fold_cancel_stands(uint32_t cancel_turn, uint32_t turn, uint8_t custodian);

/* Two folds of the same delivery, of different records: their union. Commutative, associative,
 * idempotent; so checkpoints and logs may overlap. */
void fold_merge(struct fold *self, const struct fold *other);

#endif
