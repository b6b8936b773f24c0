/*
 * The records of one notification and of its deliveries: that it came, who holds each delivery,
 * what happened to it, and the case in which a person decides.
 */
#ifndef HERALD_DELIVERY_RECORD_DELIVERY_H
#define HERALD_DELIVERY_RECORD_DELIVERY_H

#include "delivery/record_terms.h"

/* RECORD_NOTIFICATION; a RECORD_CASE carries it too. */
struct record_notification {
    int64_t received_unix_ms;
    uint8_t hash[16];           /* XXH3-128, canonical form, of topic, version and payload */
    uint8_t subscription_count; /* at least 1 */
    uint16_t subscriptions[LIMIT_SUBSCRIPTIONS];
    const uint8_t *encoded; /* the notification as it came: one msgpack array */
    size_t encoded_size;
};

/* Everything that a custodian hands on. RECORD_MOVED, RECORD_TAKEN, and checkpoints. */
struct record_custody {
    struct delivery_key key;
    uint32_t turn;       /* of the custody that begins with this; the producer's first is 1 */
    uint8_t to;          /* enum log_id: who has it from here */
    uint8_t cause;       /* enum outcome: why it moved */
    uint16_t attempts;   /* attempts burnt so far in the present run of the schedule */
    uint16_t unburnt;    /* RETRY without burning so far, for the bound */
    bool sent;           /* it may have reached a receiver: only a fence can end it now */
    bool alone;          /* a lease expired before: travels and is processed alone */
    int64_t at_unix_ms;  /* of the failure or order that moved it */
    int64_t due_unix_ms; /* not to be tried before; 0: at once */
    int64_t first_sent_unix_ms; /* 0: never */
    struct record_text reason;  /* at most LIMIT_REASON_BYTES */
    uint64_t previous; /* position in the same log of this delivery's record before; 0: none */
    uint64_t given;    /* TAKEN: position of the MOVED in the giver's log; 0: not said */
    uint8_t given_by;  /* TAKEN, with `given`: enum log_id of the giver */
};

/* RECORD_DONE, RECORD_EVIDENCE, RECORD_FAILED, RECORD_ENDED, RECORD_CLOSED, RECORD_ORDER,
 * RECORD_FENCED. Fields that a kind does not have are zero and cost nothing. */
struct record_event {
    struct delivery_key key;
    uint32_t turn;
    uint8_t kind;      /* enum record_kind */
    uint8_t outcome;   /* FAILED, DONE: enum outcome */
    uint8_t end;       /* ENDED, CLOSED: enum record_end */
    uint8_t order;     /* ORDER: enum record_order */
    uint8_t custodian; /* ENDED: enum log_id of who had this turn, plus 1; 0: not said */
    bool unfenced;     /* ORDER resolve, CLOSED: without the receiver's fence */
    uint16_t attempt;  /* DONE, FAILED: which one in the schedule, from 1 */
    uint16_t unburnt;  /* FAILED: see record_custody */
    int64_t at_unix_ms;
    int64_t due_unix_ms;       /* FAILED: next try */
    struct record_text by;     /* ORDER, CLOSED: who */
    struct record_text reason; /* FAILED, ORDER, CLOSED, FENCED (the undo's result) */
    uint64_t previous;         /* as in record_custody; of a run all have the same */
    /* DONE: so many more deliveries of the subscription, of the notifications at the positions
     * right behind, had the same said of them at once. Only the producer says it. */
    uint32_t more;
};

struct record_case {
    struct record_custody custody; /* cause and reason: why a person is needed */
    bool fenced;
    bool undo_unanswered; /* an undo try was not answered: counts as fenced */
    struct record_notification notification;
};

#endif
