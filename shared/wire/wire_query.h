/*
 * Asking: QUERY and ANSWER, WATCH, WATCHING and EVENT, CANCEL and CANCELLING.
 *
 * QUERY      [.., [biz_id...]]
 * ANSWER     [.., [[status, biz_id, topic, version, position, received_unix_ms, [delivery...]]...]]
 * delivery   [subscription, group, state, custodian, turn, attempts, attempts_limit, due_unix_ms,
 *             cancel_asked, left_out, [attempt...]]
 * attempt    [number, turn, custodian, at_unix_ms, outcome, reason]   oldest first
 * WATCH      [.., lease_ms, [biz_id...]]     a lease of 0 ends the watch
 * WATCHING   [.., status, text, lease_ms]
 * EVENT      [.., [[biz_id, position, subscription, state, turn, at_unix_ms]...]]
 * CANCEL     [.., biz_id, subscription nil or text, by, reason]
 * CANCELLING [.., [[subscription, status, text]...]]
 */
#ifndef HERALD_WIRE_WIRE_QUERY_H
#define HERALD_WIRE_WIRE_QUERY_H

#include "wire/wire_message.h"

#define WIRE_QUERY_MAX 256  /* biz_ids in a QUERY */
#define WIRE_HISTORY_MAX 64 /* attempts in an answer; older ones are counted */

/* What is said of a delivery: PENDING, an end (delivery/record.h enum record_end), or a case. */
enum wire_state {
    WIRE_STATE_PENDING = 0,
    WIRE_STATE_DONE = 1,
    WIRE_STATE_UNDONE = 2,
    WIRE_STATE_CANCELLED = 3,
    WIRE_STATE_RESOLVED = 4,
    WIRE_STATE_CASE = 5,
    WIRE_STATE_COUNT = 6,
};

const char *wire_state_name(unsigned state);
const char *wire_custodian_name(unsigned log); /* producer, retry-scheduler, compensator */
const char *wire_outcome_name(unsigned outcome);

struct wire_ids_out {
    struct wire_out *out; /* borrowed */
    size_t at;
    uint32_t count;
};

struct wire_ids_out wire_query_begin(struct wire_out *out, uint64_t request);
struct wire_ids_out wire_watch_begin(struct wire_out *out, uint64_t request, uint32_t lease_ms);
void wire_ids_add(struct wire_ids_out *self, const char *biz_id, size_t size);
void wire_ids_end(struct wire_ids_out *self);
uint32_t wire_ids_open(struct wire_in *in, uint32_t max);
struct wire_text wire_ids_next(struct wire_in *in);

struct wire_delivery {
    struct wire_text subscription;
    struct wire_text group;
    uint8_t state;     /* enum wire_state */
    uint8_t custodian; /* 0 producer, 1 scheduler, 2 compensator */
    uint32_t turn;
    uint16_t attempts;
    uint16_t attempts_limit;
    int64_t due_unix_ms;
    bool cancel_asked; /* and no replay since */
    uint32_t left_out; /* older attempts that are not in the list */
    uint32_t count;    /* attempts that follow */
    uint32_t fields;   /* for wire_delivery_end; not sent */
};

struct wire_attempt {
    uint16_t number;
    uint32_t turn;
    uint8_t custodian;
    int64_t at_unix_ms;
    uint8_t outcome; /* enum outcome; or 32 + enum wire_state for an end that is none */
    struct wire_text reason;
};

#define WIRE_OUTCOME_END 32

struct wire_found {
    uint8_t status; /* OK or NOT_FOUND */
    struct wire_text biz_id;
    struct wire_text topic;
    uint64_t version;
    uint64_t position;
    int64_t received_unix_ms;
    uint32_t count;  /* deliveries that follow */
    uint32_t fields; /* for wire_found_end; not sent */
};

void wire_answer_begin(struct wire_out *out, uint64_t request, uint32_t count);
void wire_found_put(struct wire_out *out, const struct wire_found *found);
void wire_delivery_put(struct wire_out *out, const struct wire_delivery *delivery);
void wire_attempt_put(struct wire_out *out, const struct wire_attempt *attempt);

/* Reading: found_get, then for each of its deliveries: delivery_get, attempt_get for each attempt,
 * delivery_end; then found_end. The ends pass over what a newer minor version has added. */
uint32_t wire_answer_open(struct wire_in *in);
bool wire_found_get(struct wire_in *in, struct wire_found *found);
bool wire_found_end(struct wire_in *in, const struct wire_found *found);
bool wire_delivery_get(struct wire_in *in, struct wire_delivery *delivery);
bool wire_delivery_end(struct wire_in *in, const struct wire_delivery *delivery);
bool wire_attempt_get(struct wire_in *in, struct wire_attempt *attempt);

struct wire_watching {
    uint8_t status;
    struct wire_text text;
    uint32_t lease_ms; /* granted */
};

void wire_watching_encode(struct wire_out *out, uint64_t request, uint8_t status, const char *text,
                          uint32_t lease_ms);
err_t wire_watching_decode(struct wire_in *in, const struct wire_head *head,
                           struct wire_watching *watching, struct why *why);

struct wire_event {
    struct wire_text biz_id;
    uint64_t position;
    struct wire_text subscription;
    uint8_t state; /* enum wire_state, never PENDING */
    uint32_t turn;
    int64_t at_unix_ms;
};

struct wire_ids_out wire_events_begin(struct wire_out *out);
void wire_event_add(struct wire_ids_out *self, const struct wire_event *event);
bool wire_event_get(struct wire_in *in, struct wire_event *event);

struct wire_cancel {
    struct wire_text biz_id;
    struct wire_text subscription; /* size 0: all */
    struct wire_text by;
    struct wire_text reason;
};

struct wire_cancelled {
    struct wire_text subscription;
    uint8_t status;
    struct wire_text text;
};

void wire_cancel_encode(struct wire_out *out, uint64_t request, const struct wire_cancel *cancel);
err_t wire_cancel_decode(struct wire_in *in, const struct wire_head *head,
                         struct wire_cancel *cancel, struct why *why);
struct wire_ids_out wire_cancelling_begin(struct wire_out *out, uint64_t request);
void wire_cancelled_add(struct wire_ids_out *self, const struct wire_cancelled *cancelled);
bool wire_cancelled_get(struct wire_in *in, struct wire_cancelled *cancelled);

#endif
