/*
 * Deliveries and what receivers say of them: DELIVER and OUTCOME over lanes, JOB and RESULT over
 * the compensator's front door.
 *
 * DELIVER [.., log, run, group, first_token, [item...]]    item i has token first_token + i
 * item    [position, subscription, turn, attempt, attempts_limit, first_sent_unix_ms, lease_ms,
 *         alone, hash, notification]
 * OUTCOME [.., run, receiver, lane, [outcome...]]
 * outcome [first_token, count, outcome, not_before_ms, reason]
 * JOB     [.., run, group, [[token, action, item]...]]
 * RESULT  as OUTCOME; its tokens are those of JOBs
 */
#ifndef HERALD_WIRE_WIRE_DELIVER_H
#define HERALD_WIRE_WIRE_DELIVER_H

#include "wire/wire_message.h"

#define WIRE_HASH_BYTES 16

struct wire_notification; /* wire_submit.h */

struct wire_item {
    uint64_t position;
    uint16_t subscription;
    uint32_t turn;
    uint16_t attempt; /* n of limit, from 1 */
    uint16_t attempts_limit;
    int64_t first_sent_unix_ms;
    uint32_t lease_ms;              /* answer within it, from receipt */
    bool alone;                     /* process it by itself: a lease of it expired before */
    const uint8_t *hash;            /* of topic, version and payload; borrowed */
    struct wire_bytes notification; /* encoded; borrowed */
};

struct wire_deliver {
    uint8_t log; /* 0 producer, 1 scheduler */
    uint64_t run;
    struct wire_text group;
    uint64_t first_token;
    uint32_t count; /* filled in by decode */
};

struct wire_deliver_out {
    struct wire_out *out; /* borrowed */
    size_t at;
    uint32_t count;
};

struct wire_deliver_out wire_deliver_begin(struct wire_out *out, const struct wire_deliver *head);
void wire_deliver_add(struct wire_deliver_out *self, const struct wire_item *item);
void wire_deliver_end(struct wire_deliver_out *self);

/* Reading: open gives the head and the count, then as many items. False after a fault. */
bool wire_deliver_open(struct wire_in *in, struct wire_deliver *head);
bool wire_item_next(struct wire_in *in, struct wire_item *item);
/* The same of a frame that wire_message_open has checked, with its notification taken apart in
 * passing. *sound false: that is none, and means nothing (wire_notification_decode says why). */
bool wire_item_open(struct wire_in *in, struct wire_item *item,
                    struct wire_notification *notification, bool *sound);

/* What a receiver says. The values are those of delivery/record.h's enum outcome. */
enum wire_outcome_code {
    WIRE_OUTCOME_DONE = 1,        /* applied now: effect and log row are committed */
    WIRE_OUTCOME_DUPLICATE = 2,   /* applied before */
    WIRE_OUTCOME_RETRY = 3,       /* not now; burns an attempt */
    WIRE_OUTCOME_REJECT = 4,      /* never */
    WIRE_OUTCOME_WORKING = 5,     /* extends the lease */
    WIRE_OUTCOME_NOT_STARTED = 6, /* handed back; burns no attempt */
    WIRE_OUTCOME_FENCED = 7,      /* a fence stands where the effect would, or stands now */
    WIRE_OUTCOME_DOWN = 8,        /* the receiver's infrastructure; burns no attempt */
    WIRE_OUTCOME_UNDONE = 9,      /* fenced, and the undoing action has run */
    WIRE_OUTCOME_CODE_COUNT = 10,
};

struct wire_outcome {
    uint64_t first_token;
    uint32_t count;
    uint8_t outcome;        /* enum wire_outcome_code; any other is refused when read */
    uint64_t not_before_ms; /* RETRY: not sooner than this from now; 0: as scheduled */
    struct wire_text reason;
};

struct wire_outcomes {
    uint64_t run; /* of the DELIVER that is answered */
    struct wire_text receiver;
    uint32_t lane;
    uint32_t count; /* filled in by decode */
};

struct wire_outcomes_out {
    struct wire_out *out; /* borrowed */
    size_t at;
    uint32_t count;
    struct wire_outcome run; /* the one that grows */
    bool single;             /* of jobs: none grows */
};

struct wire_outcomes_out wire_outcomes_begin(struct wire_out *out,
                                             const struct wire_outcomes *head);
void wire_outcomes_add(struct wire_outcomes_out *self, const struct wire_outcome *outcome);
void wire_outcomes_end(struct wire_outcomes_out *self);
bool wire_outcomes_open(struct wire_in *in, struct wire_outcomes *head);
bool wire_outcome_next(struct wire_in *in, struct wire_outcome *outcome);

enum wire_action {
    WIRE_ACTION_REAPPLY = 1, /* run the business logic again */
    WIRE_ACTION_FENCE = 2,   /* this key must never take effect: FENCED, or DONE when it has */
    WIRE_ACTION_UNDO = 3,    /* fence, then undo; idempotent: UNDONE, or DONE, RETRY, REJECT */
};

struct wire_job {
    uint64_t token;
    uint8_t action; /* enum wire_action */
    struct wire_item item;
};

struct wire_jobs {
    uint64_t run;
    struct wire_text group;
    uint32_t count;
};

struct wire_deliver_out wire_jobs_begin(struct wire_out *out, const struct wire_jobs *head);
void wire_jobs_add(struct wire_deliver_out *self, const struct wire_job *job);
void wire_jobs_end(struct wire_deliver_out *self);
bool wire_jobs_open(struct wire_in *in, struct wire_jobs *head);
bool wire_job_next(struct wire_in *in, struct wire_job *job);

/* A RESULT is an OUTCOME of type WIRE_RESULT: lane 0, count 1 each. */
struct wire_outcomes_out wire_results_of_jobs(struct wire_out *out,
                                              const struct wire_outcomes *head);

#endif
