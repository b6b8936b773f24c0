/*
 * The terms that all records are told in: whose log, which kind, which end, which outcome, which
 * delivery. Every value is written to disk, so that none is ever used again for another meaning.
 */
#ifndef HERALD_DELIVERY_RECORD_TERMS_H
#define HERALD_DELIVERY_RECORD_TERMS_H

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

enum record_order {
    ORDER_CANCEL = 1,
    ORDER_UNDO = 2,
    ORDER_RESOLVE = 3,
    ORDER_NOTE = 4,
    ORDER_COUNT = 5,
};

struct delivery_key {
    uint64_t position;     /* of the notification in the producer's log, from 1 */
    uint16_t subscription; /* stable id, 1 to LIMIT_SUBSCRIPTIONS */
};

struct record_text {
    const char *data; /* borrowed, not terminated */
    size_t size;
};

#endif
