/*
 * SUBMIT [.., [notification...]] and SUBMITTED [.., [result...]].
 *
 * notification  [topic text, biz_id text, payload binary, version, policy nil or text,
 *                deadline_unix_ms]; its bytes are journalled and delivered as they came
 * result        [status, count, first_position, field nil or text, text nil or text]: `count`
 *               consecutive notifications of the frame with the same status and consecutive
 *               positions
 *
 * A malformed notification spoils no other as long as its msgpack structure is intact.
 */
#ifndef HERALD_WIRE_WIRE_SUBMIT_H
#define HERALD_WIRE_WIRE_SUBMIT_H

#include "wire/wire_message.h"

#define WIRE_POLICY_BYTES 512

struct wire_notification {
    struct wire_text topic;
    struct wire_text biz_id;
    struct wire_bytes payload;
    uint64_t version;
    struct wire_text policy;  /* size 0: the subscription's */
    int64_t deadline_unix_ms; /* 0: none */
};

void wire_notification_encode(struct wire_out *out, const struct wire_notification *notification);

/* `encoded` is exactly one notification. ERR_INVALID: why names the field and the limit. */
err_t wire_notification_decode(const void *encoded, size_t size,
                               struct wire_notification *notification, struct why *why);

/* A quick look at a notification that was decoded before, in this process or an earlier one: what
 * it says is not checked again, but for bounds. */
struct wire_peek {
    struct wire_text biz_id; /* size 0: it makes no sense */
    bool has_policy;         /* of its own */
    bool has_deadline;
};
struct wire_peek wire_notification_peek(const void *encoded, size_t size);

/* Reading a SUBMIT: open with wire_message_open, or reopen, then: */
uint32_t wire_submit_open(struct wire_in *in); /* how many notifications; 0 after a fault */
/* The next one: its bytes, and what they say. False: they are no notification, which then means
 * nothing; wire_notification_decode says why, and the next one can be read. wire_message_open
 * has checked the whole frame, so encoded->data is NULL only after an earlier fault. */
bool wire_submit_next(struct wire_in *in, struct wire_bytes *encoded,
                      struct wire_notification *notification);

/* Writing one: begin, add up to LIMIT_FRAME_NOTIFICATIONS, end. */
struct wire_submit_out {
    struct wire_out *out; /* borrowed */
    size_t at;
    uint32_t count;
};

struct wire_submit_out wire_submit_begin(struct wire_out *out, uint64_t request);
void wire_submit_add(struct wire_submit_out *self, const struct wire_notification *notification);
void wire_submit_end(struct wire_submit_out *self);

struct wire_result {
    uint8_t status; /* enum wire_status */
    uint32_t count;
    uint64_t position; /* of the first; 0: none */
    struct wire_text field;
    struct wire_text text;
};

struct wire_results_out {
    struct wire_out *out; /* borrowed */
    size_t at;
    uint32_t count;         /* runs written */
    struct wire_result run; /* the one that grows; count 0: none */
};

struct wire_results_out wire_results_begin(struct wire_out *out, uint64_t request);
/* Joins the run before where it can; a result with a text is a run of its own. Texts are copied at
 * once. */
void wire_results_add(struct wire_results_out *self, const struct wire_result *result);
/* The same for one that was accepted, as most are. */
void wire_results_accept(struct wire_results_out *self, uint64_t position);
void wire_results_end(struct wire_results_out *self);

uint32_t wire_results_open(struct wire_in *in);
bool wire_results_next(struct wire_in *in, struct wire_result *result); /* false after a fault */

#endif
