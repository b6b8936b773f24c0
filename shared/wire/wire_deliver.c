#include "wire/wire_deliver.h"

#include "wire/wire_submit.h"

#include <string.h>

#define ITEM_FIELDS 10
#define OUTCOME_FIELDS 5
#define JOB_FIELDS 3

struct wire_deliver_out
wire_deliver_begin(struct wire_out *out, const struct wire_deliver *head)
{
    wire_message_begin(out, WIRE_DELIVER, 0, 8);
    wire_out_uint(out, head->log);
    wire_out_uint(out, head->run);
    wire_out_text(out, head->group.data, head->group.size);
    wire_out_uint(out, head->first_token);
    return (struct wire_deliver_out){.out = out, .at = wire_out_open(out)};
}

/* Everything of an item before its notification, at most. */
#define ITEM_HEAD_BYTES (1 + 7 * WIRE_UINT_MAX + 1 + 2 + WIRE_HASH_BYTES)

/* Done for every delivery: one look at the room, then plain stores. */
void
wire_deliver_add(struct wire_deliver_out *self, const struct wire_item *item)
{
    const struct wire_bytes *notification = &item->notification;
    uint8_t *at = wire_out_claim(self->out, ITEM_HEAD_BYTES + notification->size);
    *at++ = 0x90U | ITEM_FIELDS;
    at = wire_out_form_uint(at, item->position);
    at = wire_out_form_uint(at, item->subscription);
    at = wire_out_form_uint(at, item->turn);
    at = wire_out_form_uint(at, item->attempt);
    at = wire_out_form_uint(at, item->attempts_limit);
    at = wire_out_form_uint(at, (uint64_t)item->first_sent_unix_ms);
    at = wire_out_form_uint(at, item->lease_ms);
    *at++ = item->alone ? 0xc3 : 0xc2;
    *at++ = 0xc4; /* binary, its length in one byte */
    *at++ = WIRE_HASH_BYTES;
    memcpy(at, item->hash, WIRE_HASH_BYTES);
    at += WIRE_HASH_BYTES;
    if (notification->size > 0) {
        memcpy(at, notification->data, notification->size);
    }
    wire_out_claimed(self->out, at + notification->size);
    self->count++;
}

void
wire_deliver_end(struct wire_deliver_out *self)
{
    wire_out_close(self->out, self->at, self->count);
}

bool
wire_deliver_open(struct wire_in *in, struct wire_deliver *head)
{
    head->log = (uint8_t)wire_in_uint(in, "log", LIMIT_PEER_LOGS - 1);
    head->run = wire_in_uint(in, "run", UINT64_MAX);
    head->group = wire_in_text(in, "group", 1, LIMIT_NAME_BYTES);
    head->first_token = wire_in_uint(in, "first_token", UINT64_MAX - LIMIT_FRAME_NOTIFICATIONS);
    head->count = wire_in_array(in, "items", 1, LIMIT_FRAME_NOTIFICATIONS);
    return !in->failed;
}

/* All before the notification; how many fields it has. */
static uint32_t
item_head(struct wire_in *in, struct wire_item *item)
{
    uint32_t fields = wire_in_array(in, "item", ITEM_FIELDS, WIRE_FIELDS_MAX);
    item->position = wire_in_uint(in, "position", UINT64_MAX);
    item->subscription = (uint16_t)wire_in_uint(in, "subscription", LIMIT_SUBSCRIPTIONS);
    item->turn = (uint32_t)wire_in_uint(in, "turn", UINT32_MAX);
    item->attempt = (uint16_t)wire_in_uint(in, "attempt", UINT16_MAX);
    item->attempts_limit = (uint16_t)wire_in_uint(in, "attempts_limit", UINT16_MAX);
    item->first_sent_unix_ms = (int64_t)wire_in_uint(in, "first_sent", INT64_MAX);
    item->lease_ms = (uint32_t)wire_in_uint(in, "lease", UINT32_MAX);
    item->alone = wire_in_bool(in, "alone");
    item->hash = wire_in_bin(in, "hash", WIRE_HASH_BYTES, WIRE_HASH_BYTES).data;
    return fields;
}

bool
wire_item_next(struct wire_in *in, struct wire_item *item)
{
    uint32_t fields = item_head(in, item);
    item->notification = wire_in_skip(in, "notification");
    wire_in_rest(in, fields, ITEM_FIELDS);
    return !in->failed;
}

bool
wire_item_open(struct wire_in *in, struct wire_item *item, struct wire_notification *notification,
               bool *sound)
{
    uint32_t fields = item_head(in, item);
    *sound = wire_submit_next(in, &item->notification, notification);
    wire_in_rest(in, fields, ITEM_FIELDS);
    return !in->failed;
}

static struct wire_outcomes_out
outcomes_begin(struct wire_out *out, enum wire_type type, const struct wire_outcomes *head)
{
    wire_message_begin(out, type, 0, 7);
    wire_out_uint(out, head->run);
    wire_out_text(out, head->receiver.data, head->receiver.size);
    wire_out_uint(out, head->lane);
    return (struct wire_outcomes_out){.out = out, .at = wire_out_open(out)};
}

struct wire_outcomes_out
wire_outcomes_begin(struct wire_out *out, const struct wire_outcomes *head)
{
    return outcomes_begin(out, WIRE_OUTCOME, head);
}

struct wire_outcomes_out
wire_results_of_jobs(struct wire_out *out, const struct wire_outcomes *head)
{
    struct wire_outcomes_out results = outcomes_begin(out, WIRE_RESULT, head);
    results.single = true;
    return results;
}

static void
outcomes_flush(struct wire_outcomes_out *self)
{
    const struct wire_outcome *run = &self->run;
    if (run->count == 0) {
        return;
    }
    wire_out_array(self->out, OUTCOME_FIELDS);
    wire_out_uint(self->out, run->first_token);
    wire_out_uint(self->out, run->count);
    wire_out_uint(self->out, run->outcome);
    wire_out_uint(self->out, run->not_before_ms);
    wire_out_note(self->out, run->reason.data, run->reason.size, LIMIT_REASON_BYTES);
    self->count++;
    self->run.count = 0;
}

void
wire_outcomes_add(struct wire_outcomes_out *self, const struct wire_outcome *outcome)
{
    struct wire_outcome *run = &self->run;
    bool plain = outcome->reason.size == 0 && outcome->not_before_ms == 0;
    if (run->count > 0 && plain && !self->single && run->outcome == outcome->outcome &&
        run->first_token + run->count == outcome->first_token) {
        run->count += outcome->count;
        return;
    }
    outcomes_flush(self);
    *run = *outcome;
    if (!plain) {
        outcomes_flush(self); /* the reason lives only during this call */
    }
}

void
wire_outcomes_end(struct wire_outcomes_out *self)
{
    outcomes_flush(self);
    wire_out_close(self->out, self->at, self->count);
}

bool
wire_outcomes_open(struct wire_in *in, struct wire_outcomes *head)
{
    head->run = wire_in_uint(in, "run", UINT64_MAX);
    head->receiver = wire_in_text(in, "receiver", 1, LIMIT_NAME_BYTES);
    head->lane = (uint32_t)wire_in_uint(in, "lane", UINT32_MAX);
    head->count = wire_in_array(in, "outcomes", 0, LIMIT_FRAME_NOTIFICATIONS);
    return !in->failed;
}

bool
wire_outcome_next(struct wire_in *in, struct wire_outcome *outcome)
{
    uint32_t fields = wire_in_array(in, "outcome", OUTCOME_FIELDS, WIRE_FIELDS_MAX);
    *outcome = (struct wire_outcome){0};
    outcome->first_token = wire_in_uint(in, "first_token", UINT64_MAX);
    outcome->count = (uint32_t)wire_in_uint(in, "count", LIMIT_FRAME_NOTIFICATIONS);
    outcome->outcome = (uint8_t)wire_in_uint(in, "outcome", UINT8_MAX);
    outcome->not_before_ms = wire_in_uint(in, "not_before_ms", LIMIT_POLICY_DELAY_MS);
    outcome->reason = wire_in_optional(in, "reason", LIMIT_REASON_BYTES);
    wire_in_rest(in, fields, OUTCOME_FIELDS);
    if (!in->failed && (outcome->outcome == 0 || outcome->outcome >= WIRE_OUTCOME_CODE_COUNT)) {
        /* Greater ones are Herald's own findings: a receiver must not put them on record. */
        wire_in_fault(in, "outcome", "%u, must be 1 to %d", outcome->outcome,
                      WIRE_OUTCOME_CODE_COUNT - 1);
    }
    if (!in->failed && outcome->count == 0) {
        wire_in_fault(in, "count", "must be at least 1");
    }
    if (!in->failed && outcome->first_token > UINT64_MAX - outcome->count) {
        wire_in_fault(in, "first_token", "the run of tokens overflows");
    }
    return !in->failed;
}

struct wire_deliver_out
wire_jobs_begin(struct wire_out *out, const struct wire_jobs *head)
{
    wire_message_begin(out, WIRE_JOB, 0, 6);
    wire_out_uint(out, head->run);
    wire_out_text(out, head->group.data, head->group.size);
    return (struct wire_deliver_out){.out = out, .at = wire_out_open(out)};
}

void
wire_jobs_add(struct wire_deliver_out *self, const struct wire_job *job)
{
    wire_out_array(self->out, JOB_FIELDS);
    wire_out_uint(self->out, job->token);
    wire_out_uint(self->out, job->action);
    wire_deliver_add(self, &job->item); /* counts */
}

void
wire_jobs_end(struct wire_deliver_out *self)
{
    wire_deliver_end(self);
}

bool
wire_jobs_open(struct wire_in *in, struct wire_jobs *head)
{
    head->run = wire_in_uint(in, "run", UINT64_MAX);
    head->group = wire_in_text(in, "group", 1, LIMIT_NAME_BYTES);
    head->count = wire_in_array(in, "jobs", 1, LIMIT_FRAME_NOTIFICATIONS);
    return !in->failed;
}

bool
wire_job_next(struct wire_in *in, struct wire_job *job)
{
    uint32_t fields = wire_in_array(in, "job", JOB_FIELDS, WIRE_FIELDS_MAX);
    job->token = wire_in_uint(in, "token", UINT64_MAX);
    job->action = (uint8_t)wire_in_uint(in, "action", UINT8_MAX);
    (void)wire_item_next(in, &job->item); /* a fault stays */
    wire_in_rest(in, fields, JOB_FIELDS);
    return !in->failed;
}
