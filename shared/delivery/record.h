/*
 * The records of custody: what the three services write into their logs.
 *
 * A delivery is one notification for one subscription. Its key is the position of the notification
 * in the producer's log and the subscription's stable id; biz_id never names a delivery.
 *
 * Encoding is little-endian and LEB128, drawn in record.c. Decoded texts and bytes point into the
 * record's body. Every decoder consumes its whole body; bytes behind the known fields are a newer
 * minor version's and are ignored.
 */
#ifndef HERALD_DELIVERY_RECORD_H
#define HERALD_DELIVERY_RECORD_H

#include "base/limits.h"
#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The logs of a journal, and the services that own them. */
enum log_id {
    LOG_PRODUCER = 0,
    LOG_SCHEDULER = 1,
    LOG_COMPENSATOR = 2,
    LOG_ID_COUNT = 3,
};

/* Kinds 1 to 4 are the log's own (journal/log.h): POSITION and CHECKPOINT. */
enum record_kind {
    RECORD_POSITION = 1,
    RECORD_CHECKPOINT_BEGIN = 2,
    RECORD_CHECKPOINT_ITEM = 3,
    RECORD_CHECKPOINT_END = 4,
    RECORD_NOTIFICATION = 5,  /* producer: accepted */
    RECORD_DONE = 6,          /* custodian: the receiver has applied it */
    RECORD_FAILED = 7,        /* custodian: an attempt failed and the delivery stays here */
    RECORD_MOVED = 8,         /* custodian: gives the delivery to another; the turn counts up */
    RECORD_TAKEN = 9,         /* the taker: has it now; copies what MOVED said */
    RECORD_ENDED = 10,        /* any that held it: its end was learned from another log */
    RECORD_CLOSED = 11,       /* compensator (CANCELLED: producer too): the end is not DONE */
    RECORD_ORDER = 12,        /* somebody asked for it: cancel, undo, resolve, note */
    RECORD_FENCED = 13,       /* compensator: the receiver has confirmed its fence for this key */
    RECORD_CASE = 14,         /* compensator: a person decides; holds a copy of the notification */
    RECORD_SUBSCRIPTION = 15, /* producer: stable id of a configured subscription, its settings */
    RECORD_GROUP = 16,        /* producer: a receiver group's database identity */
    RECORD_INDEX = 17,        /* producer: a part of its index, for a quick restart */
    RECORD_EVIDENCE = 18, /* anyone but the custodian: DONE, learned from a late outcome. A kind of
                             its own, so that nobody reads the producer's many DONE to find it */
    RECORD_KIND_COUNT = 19,
};

enum record_end {
    END_NONE = 0,
    END_DONE = 1,
    END_UNDONE = 2,
    END_CANCELLED = 3,
    END_RESOLVED = 4,
    END_COUNT = 5,
};

/* What a receiver said of an attempt, or what became of the attempt without it. The first block of
 * values is the wire's; docs/PROTOCOL.md. */
enum outcome {
    OUTCOME_NONE = 0,
    OUTCOME_DONE = 1,
    OUTCOME_DUPLICATE = 2,   /* done before: counts as DONE everywhere */
    OUTCOME_RETRY = 3,       /* burns an attempt */
    OUTCOME_REJECT = 4,      /* never: straight to compensation */
    OUTCOME_WORKING = 5,     /* extends the lease */
    OUTCOME_NOT_STARTED = 6, /* handed back: burns no attempt */
    OUTCOME_FENCED = 7,
    OUTCOME_DOWN = 8,   /* the receiver's infrastructure: burns no attempt, up to a bound */
    OUTCOME_UNDONE = 9, /* answers an undo job */
    OUTCOME_WIRE_COUNT = 10,
    OUTCOME_LEASE = 16, /* no answer within the lease: burns an attempt, travels alone after it */
    OUTCOME_DEADLINE = 17, /* the notification's deadline passed */
    OUTCOME_CANCEL = 18,   /* not a failure: moved because somebody asked to cancel */
    OUTCOME_REPLAY = 19,   /* not a failure: moved because a person replays */
    OUTCOME_LOST = 20,     /* the consumer was lost before it began: burns no attempt */
};

struct delivery_key {
    uint64_t position;     /* of the notification in the producer's log, from 1 */
    uint16_t subscription; /* stable id, 1 to LIMIT_SUBSCRIPTIONS */
};

struct record_text {
    const char *data; /* borrowed, not terminated */
    size_t size;
};

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
    uint8_t kind;     /* enum record_kind */
    uint8_t outcome;  /* FAILED, DONE: enum outcome */
    uint8_t end;      /* ENDED, CLOSED: enum record_end */
    uint8_t order;    /* ORDER: enum record_order */
    bool unfenced;    /* ORDER resolve, CLOSED: without the receiver's fence */
    uint16_t attempt; /* DONE, FAILED: which one in the schedule, from 1 */
    uint16_t unburnt; /* FAILED: see record_custody */
    int64_t at_unix_ms;
    int64_t due_unix_ms;       /* FAILED: next try */
    struct record_text by;     /* ORDER, CLOSED: who */
    struct record_text reason; /* FAILED, ORDER, CLOSED, FENCED (the undo's result) */
    uint64_t previous;         /* as in record_custody */
};

enum record_order {
    ORDER_CANCEL = 1,
    ORDER_UNDO = 2,
    ORDER_RESOLVE = 3,
    ORDER_NOTE = 4,
    ORDER_COUNT = 5,
};

struct record_case {
    struct record_custody custody; /* cause and reason: why a person is needed */
    bool fenced;
    bool undo_unanswered; /* an undo try was not answered: counts as fenced */
    struct record_notification notification;
};

struct record_subscription {
    uint16_t id;
    bool active;          /* false: no longer configured; open deliveries go on */
    uint8_t compensation; /* enum compensation */
    uint32_t lease_ms;
    uint32_t lease_limit_ms; /* WORKING extends up to this */
    struct record_text name; /* stable; its id is found by it */
    struct record_text pattern;
    struct record_text group;
    struct record_text policy; /* as text, policy_parse */
};

enum compensation {
    COMPENSATION_REAPPLY = 1,
    COMPENSATION_UNDO = 2,
};

struct record_group {
    struct record_text name;
    uint8_t identity[16]; /* of its database; all zero: none said yet */
    bool can_fence;
    bool can_undo;
    struct record_text by; /* who replaced it; empty: the first HELLO */
};

/* RECORD_POSITION: how far the owner of this log has read and acted on the others'. */
struct record_position {
    struct {
        uint64_t position;    /* 0: nothing read */
        uint8_t identity[16]; /* of that log */
    } logs[LOG_ID_COUNT];     /* the owner's own entry: zero */
};

#endif
