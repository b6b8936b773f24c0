#include "wire/wire_query.h"

#define FOUND_FIELDS 7
#define DELIVERY_FIELDS 11
#define ATTEMPT_FIELDS 6
#define EVENT_FIELDS 6
#define CANCELLED_FIELDS 3

const char *
wire_state_name(unsigned state)
{
    static const char *const names[WIRE_STATE_COUNT] = {"PENDING",   "DONE",     "UNDONE",
                                                        "CANCELLED", "RESOLVED", "CASE"};
    return state < WIRE_STATE_COUNT ? names[state] : "?";
}

const char *
wire_custodian_name(unsigned log)
{
    static const char *const names[] = {"producer", "retry-scheduler", "compensator"};
    return log < 3 ? names[log] : "?";
}

const char *
wire_outcome_name(unsigned outcome)
{
    static const char *const names[] = {
        [1] = "DONE",      [2] = "DUPLICATE",      [3] = "RETRY",     [4] = "REJECT",
        [5] = "WORKING",   [6] = "NOT_STARTED",    [7] = "FENCED",    [8] = "DOWN",
        [9] = "UNDONE",    [16] = "LEASE_EXPIRED", [17] = "DEADLINE", [18] = "CANCEL_ASKED",
        [19] = "REPLAYED", [20] = "LOST",
    };
    if (outcome >= WIRE_OUTCOME_END) {
        return wire_state_name(outcome - WIRE_OUTCOME_END);
    }
    bool known = outcome < sizeof names / sizeof names[0] && names[outcome] != NULL;
    return known ? names[outcome] : "?";
}

struct wire_ids_out
wire_query_begin(struct wire_out *out, uint64_t request)
{
    wire_message_begin(out, WIRE_QUERY, request, 4);
    return (struct wire_ids_out){.out = out, .at = wire_out_open(out)};
}

struct wire_ids_out
wire_watch_begin(struct wire_out *out, uint64_t request, uint32_t lease_ms)
{
    wire_message_begin(out, WIRE_WATCH, request, 5);
    wire_out_uint(out, lease_ms);
    return (struct wire_ids_out){.out = out, .at = wire_out_open(out)};
}

void
wire_ids_add(struct wire_ids_out *self, const char *biz_id, size_t size)
{
    wire_out_text(self->out, biz_id, size);
    self->count++;
}

void
wire_ids_end(struct wire_ids_out *self)
{
    wire_out_close(self->out, self->at, self->count);
}

uint32_t
wire_ids_open(struct wire_in *in, uint32_t max)
{
    return wire_in_array(in, "biz_ids", 1, max);
}

struct wire_text
wire_ids_next(struct wire_in *in)
{
    return wire_in_text(in, "biz_id", 1, LIMIT_BIZ_ID_BYTES);
}

void
wire_answer_begin(struct wire_out *out, uint64_t request, uint32_t count)
{
    wire_message_begin(out, WIRE_ANSWER, request, 4);
    wire_out_array(out, count);
}

void
wire_found_put(struct wire_out *out, const struct wire_found *found)
{
    wire_out_array(out, FOUND_FIELDS);
    wire_out_uint(out, found->status);
    wire_out_text(out, found->biz_id.data, found->biz_id.size);
    wire_out_optional(out, found->topic.data, found->topic.size);
    wire_out_uint(out, found->version);
    wire_out_uint(out, found->position);
    wire_out_uint(out, (uint64_t)found->received_unix_ms);
    wire_out_array(out, found->count);
}

void
wire_delivery_put(struct wire_out *out, const struct wire_delivery *delivery)
{
    wire_out_array(out, DELIVERY_FIELDS);
    wire_out_text(out, delivery->subscription.data, delivery->subscription.size);
    wire_out_text(out, delivery->group.data, delivery->group.size);
    wire_out_uint(out, delivery->state);
    wire_out_uint(out, delivery->custodian);
    wire_out_uint(out, delivery->turn);
    wire_out_uint(out, delivery->attempts);
    wire_out_uint(out, delivery->attempts_limit);
    wire_out_uint(out, (uint64_t)delivery->due_unix_ms);
    wire_out_bool(out, delivery->cancel_asked);
    wire_out_uint(out, delivery->left_out);
    wire_out_array(out, delivery->count);
}

void
wire_attempt_put(struct wire_out *out, const struct wire_attempt *attempt)
{
    wire_out_array(out, ATTEMPT_FIELDS);
    wire_out_uint(out, attempt->number);
    wire_out_uint(out, attempt->turn);
    wire_out_uint(out, attempt->custodian);
    wire_out_uint(out, (uint64_t)attempt->at_unix_ms);
    wire_out_uint(out, attempt->outcome);
    wire_out_note(out, attempt->reason.data, attempt->reason.size, LIMIT_REASON_BYTES);
}

uint32_t
wire_answer_open(struct wire_in *in)
{
    return wire_in_array(in, "answers", 1, WIRE_QUERY_MAX);
}

bool
wire_found_get(struct wire_in *in, struct wire_found *found)
{
    *found = (struct wire_found){0};
    found->fields = wire_in_array(in, "answer", FOUND_FIELDS, WIRE_FIELDS_MAX);
    found->status = (uint8_t)wire_in_uint(in, "status", UINT8_MAX);
    found->biz_id = wire_in_text(in, "biz_id", 1, LIMIT_BIZ_ID_BYTES);
    found->topic = wire_in_optional(in, "topic", LIMIT_TOPIC_BYTES);
    found->version = wire_in_uint(in, "version", UINT64_MAX);
    found->position = wire_in_uint(in, "position", UINT64_MAX);
    found->received_unix_ms = (int64_t)wire_in_uint(in, "received", INT64_MAX);
    found->count = wire_in_array(in, "deliveries", 0, LIMIT_SUBSCRIPTIONS);
    return !in->failed;
}

bool
wire_delivery_get(struct wire_in *in, struct wire_delivery *delivery)
{
    *delivery = (struct wire_delivery){0};
    delivery->fields = wire_in_array(in, "delivery", DELIVERY_FIELDS, WIRE_FIELDS_MAX);
    delivery->subscription = wire_in_text(in, "subscription", 1, LIMIT_NAME_BYTES);
    delivery->group = wire_in_text(in, "group", 1, LIMIT_NAME_BYTES);
    delivery->state = (uint8_t)wire_in_uint(in, "state", UINT8_MAX);
    delivery->custodian = (uint8_t)wire_in_uint(in, "custodian", UINT8_MAX);
    delivery->turn = (uint32_t)wire_in_uint(in, "turn", UINT32_MAX);
    delivery->attempts = (uint16_t)wire_in_uint(in, "attempts", UINT16_MAX);
    delivery->attempts_limit = (uint16_t)wire_in_uint(in, "attempts_limit", UINT16_MAX);
    delivery->due_unix_ms = (int64_t)wire_in_uint(in, "due", INT64_MAX);
    delivery->cancel_asked = wire_in_bool(in, "cancel_asked");
    delivery->left_out = (uint32_t)wire_in_uint(in, "left_out", UINT32_MAX);
    delivery->count = wire_in_array(in, "attempts", 0, WIRE_HISTORY_MAX);
    return !in->failed;
}

bool
wire_found_end(struct wire_in *in, const struct wire_found *found)
{
    wire_in_rest(in, found->fields, FOUND_FIELDS);
    return !in->failed;
}

bool
wire_delivery_end(struct wire_in *in, const struct wire_delivery *delivery)
{
    wire_in_rest(in, delivery->fields, DELIVERY_FIELDS);
    return !in->failed;
}

bool
wire_attempt_get(struct wire_in *in, struct wire_attempt *attempt)
{
    *attempt = (struct wire_attempt){0};
    uint32_t fields = wire_in_array(in, "attempt", ATTEMPT_FIELDS, WIRE_FIELDS_MAX);
    attempt->number = (uint16_t)wire_in_uint(in, "number", UINT16_MAX);
    attempt->turn = (uint32_t)wire_in_uint(in, "turn", UINT32_MAX);
    attempt->custodian = (uint8_t)wire_in_uint(in, "custodian", UINT8_MAX);
    attempt->at_unix_ms = (int64_t)wire_in_uint(in, "at", INT64_MAX);
    attempt->outcome = (uint8_t)wire_in_uint(in, "outcome", UINT8_MAX);
    attempt->reason = wire_in_optional(in, "reason", LIMIT_REASON_BYTES);
    wire_in_rest(in, fields, ATTEMPT_FIELDS);
    return !in->failed;
}

void
wire_watching_encode(struct wire_out *out, uint64_t request, uint8_t status, const char *text,
                     uint32_t lease_ms)
{
    wire_message_begin(out, WIRE_WATCHING, request, 6);
    wire_out_uint(out, status);
    wire_message_note(out, text);
    wire_out_uint(out, lease_ms);
}

err_t
wire_watching_decode(struct wire_in *in, const struct wire_head *head,
                     struct wire_watching *watching, struct why *why)
{
    watching->status = (uint8_t)wire_in_uint(in, "status", UINT8_MAX);
    watching->text = wire_in_optional(in, "text", WIRE_TEXT_BYTES);
    watching->lease_ms = (uint32_t)wire_in_uint(in, "lease", UINT32_MAX);
    return wire_message_end(in, head, 6, why);
}

struct wire_ids_out
wire_events_begin(struct wire_out *out)
{
    wire_message_begin(out, WIRE_EVENT, 0, 4);
    return (struct wire_ids_out){.out = out, .at = wire_out_open(out)};
}

void
wire_event_add(struct wire_ids_out *self, const struct wire_event *event)
{
    struct wire_out *out = self->out;
    wire_out_array(out, EVENT_FIELDS);
    wire_out_text(out, event->biz_id.data, event->biz_id.size);
    wire_out_uint(out, event->position);
    wire_out_text(out, event->subscription.data, event->subscription.size);
    wire_out_uint(out, event->state);
    wire_out_uint(out, event->turn);
    wire_out_uint(out, (uint64_t)event->at_unix_ms);
    self->count++;
}

bool
wire_event_get(struct wire_in *in, struct wire_event *event)
{
    *event = (struct wire_event){0};
    uint32_t fields = wire_in_array(in, "event", EVENT_FIELDS, WIRE_FIELDS_MAX);
    event->biz_id = wire_in_text(in, "biz_id", 1, LIMIT_BIZ_ID_BYTES);
    event->position = wire_in_uint(in, "position", UINT64_MAX);
    event->subscription = wire_in_text(in, "subscription", 1, LIMIT_NAME_BYTES);
    event->state = (uint8_t)wire_in_uint(in, "state", UINT8_MAX);
    event->turn = (uint32_t)wire_in_uint(in, "turn", UINT32_MAX);
    event->at_unix_ms = (int64_t)wire_in_uint(in, "at", INT64_MAX);
    wire_in_rest(in, fields, EVENT_FIELDS);
    return !in->failed;
}

void
wire_cancel_encode(struct wire_out *out, uint64_t request, const struct wire_cancel *cancel)
{
    wire_message_begin(out, WIRE_CANCEL, request, 7);
    wire_out_text(out, cancel->biz_id.data, cancel->biz_id.size);
    wire_out_optional(out, cancel->subscription.data, cancel->subscription.size);
    wire_out_text(out, cancel->by.data, cancel->by.size);
    wire_out_note(out, cancel->reason.data, cancel->reason.size, LIMIT_REASON_BYTES);
}

err_t
wire_cancel_decode(struct wire_in *in, const struct wire_head *head, struct wire_cancel *cancel,
                   struct why *why)
{
    cancel->biz_id = wire_in_text(in, "biz_id", 1, LIMIT_BIZ_ID_BYTES);
    cancel->subscription = wire_in_optional(in, "subscription", LIMIT_NAME_BYTES);
    cancel->by = wire_in_text(in, "by", 1, LIMIT_NAME_BYTES);
    cancel->reason = wire_in_optional(in, "reason", LIMIT_REASON_BYTES);
    return wire_message_end(in, head, 7, why);
}

struct wire_ids_out
wire_cancelling_begin(struct wire_out *out, uint64_t request)
{
    wire_message_begin(out, WIRE_CANCELLING, request, 4);
    return (struct wire_ids_out){.out = out, .at = wire_out_open(out)};
}

void
wire_cancelled_add(struct wire_ids_out *self, const struct wire_cancelled *cancelled)
{
    wire_out_array(self->out, CANCELLED_FIELDS);
    wire_out_optional(self->out, cancelled->subscription.data, cancelled->subscription.size);
    wire_out_uint(self->out, cancelled->status);
    wire_out_note(self->out, cancelled->text.data, cancelled->text.size, WIRE_TEXT_BYTES);
    self->count++;
}

bool
wire_cancelled_get(struct wire_in *in, struct wire_cancelled *cancelled)
{
    uint32_t fields = wire_in_array(in, "cancelled", CANCELLED_FIELDS, WIRE_FIELDS_MAX);
    cancelled->subscription = wire_in_optional(in, "subscription", LIMIT_NAME_BYTES);
    cancelled->status = (uint8_t)wire_in_uint(in, "status", UINT8_MAX);
    cancelled->text = wire_in_optional(in, "text", WIRE_TEXT_BYTES);
    wire_in_rest(in, fields, CANCELLED_FIELDS);
    return !in->failed;
}
