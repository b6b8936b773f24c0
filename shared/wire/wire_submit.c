#include "wire/wire_submit.h"

#define NOTIFICATION_FIELDS 6
#define RESULT_FIELDS 5

/* One look at the room, then plain stores: a client does it for each that it submits. */
void
wire_notification_encode(struct wire_out *out, const struct wire_notification *notification)
{
    const struct wire_text *policy = &notification->policy;
    size_t most = 1 + 4 * WIRE_HEAD_MAX + 2 * WIRE_UINT_MAX + notification->topic.size +
                  notification->biz_id.size + notification->payload.size + policy->size;
    uint8_t *at = wire_out_claim(out, most);
    *at++ = 0x90U | NOTIFICATION_FIELDS;
    at = wire_out_form_text(at, notification->topic.data, notification->topic.size);
    at = wire_out_form_text(at, notification->biz_id.data, notification->biz_id.size);
    at = wire_out_form_bin(at, notification->payload.data, notification->payload.size);
    at = wire_out_form_uint(at, notification->version);
    if (policy->size > 0) {
        at = wire_out_form_text(at, policy->data, policy->size);
    } else {
        *at++ = 0xc0; /* nil */
    }
    at = wire_out_form_uint(at, (uint64_t)notification->deadline_unix_ms);
    wire_out_claimed(out, at);
}

static void
notification_fields(struct wire_in *in, struct wire_notification *notification)
{
    uint32_t fields =
        wire_in_array(in, "notification", NOTIFICATION_FIELDS, LIMIT_NOTIFICATION_ITEMS);
    notification->topic = wire_in_text(in, "topic", 1, LIMIT_TOPIC_BYTES);
    notification->biz_id = wire_in_text(in, "biz_id", 1, LIMIT_BIZ_ID_BYTES);
    notification->payload = wire_in_bin(in, "payload", 0, LIMIT_PAYLOAD_BYTES);
    notification->version = wire_in_uint(in, "version", INT64_MAX);
    notification->policy = wire_in_optional(in, "policy", WIRE_POLICY_BYTES);
    notification->deadline_unix_ms = (int64_t)wire_in_uint(in, "deadline", INT64_MAX);
    wire_in_rest(in, fields, NOTIFICATION_FIELDS);
}

err_t
wire_notification_decode(const void *encoded, size_t size, struct wire_notification *notification,
                         struct why *why)
{
    struct wire_in in;
    wire_in_init(&in, encoded, size);
    if (size > LIMIT_NOTIFICATION_BYTES) {
        wire_in_fault(&in, "notification", "%zu bytes, at most %d", size, LIMIT_NOTIFICATION_BYTES);
    }
    notification_fields(&in, notification);
    return wire_in_end(&in, why);
}

/*
 * Pass over one value of a notification: an array's header, a text, binary, an integer or nil.
 * Returns its first content byte, NULL when it does not fit; *next is behind it.
 */
static const uint8_t *
peek_value(const uint8_t *at, const uint8_t *end, const uint8_t **next)
{
    static const uint8_t widths[] = {
        /* 0xc4 */ 1, 2, 4, 0, 0, 0, 0, 0,
        /* 0xcc */ 1, 2, 4, 8, 1, 2, 4, 8,
        /* 0xd4 */ 0, 0, 0, 0, 0,
        /* 0xd9 */ 1, 2, 4,
        /* 0xdc */ 2, 4,
    };
    if (at >= end) {
        return NULL;
    }
    uint8_t first = *at++;
    size_t content = (first & 0xe0U) == 0xa0U ? first & 0x1fU : 0;
    if (first >= 0xc4U && first <= 0xddU) {
        size_t width = widths[first - 0xc4U];
        if ((size_t)(end - at) < width) {
            return NULL;
        }
        bool counted = first <= 0xc6U || (first >= 0xd9U && first <= 0xdbU);
        for (size_t i = 0; counted && i < width; i++) {
            content = content << 8 | at[i];
        }
        at += width;
    }
    if ((size_t)(end - at) < content) {
        return NULL;
    }
    *next = at + content;
    return at;
}

/* Whether this integer is another than 0, in whichever of its encodings: some peers write a 0 in
 * nine bytes. */
static bool
peek_not_zero(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *next = end;
    if (peek_value(at, end, &next) == NULL) {
        return false;
    }
    bool other = next == at + 1 && *at != 0;
    for (at++; at < next; at++) {
        other = other || *at != 0;
    }
    return other;
}

struct wire_peek
wire_notification_peek(const void *encoded, size_t size)
{
    struct wire_peek peek = {.has_policy = false};
    const uint8_t *end = (const uint8_t *)encoded + size;
    const uint8_t *next = encoded;
    const uint8_t *biz_id = NULL;
    if (peek_value(next, end, &next) == NULL || peek_value(next, end, &next) == NULL ||
        (biz_id = peek_value(next, end, &next)) == NULL) { /* array, topic, biz_id */
        return peek;
    }
    size_t biz_id_size = (size_t)(next - biz_id);
    if (peek_value(next, end, &next) == NULL || peek_value(next, end, &next) == NULL ||
        next >= end) { /* payload, version */
        return peek;
    }
    peek.biz_id = (struct wire_text){.data = (const char *)biz_id, .size = biz_id_size};
    const uint8_t *policy = peek_value(next, end, &next);
    peek.has_policy = policy != NULL && next > policy;
    peek.has_deadline = policy != NULL && peek_not_zero(next, end);
    return peek;
}

uint32_t
wire_submit_open(struct wire_in *in)
{
    return wire_in_array(in, "notifications", 1, LIMIT_FRAME_NOTIFICATIONS);
}

bool
wire_submit_next(struct wire_in *in, struct wire_bytes *encoded,
                 struct wire_notification *notification)
{
    struct wire_in one;
    const uint8_t *start = in->next;
    wire_in_init(&one, start, (size_t)(in->end - start));
    notification_fields(&one, notification);
    size_t size = (size_t)(one.next - start);
    if (in->failed || one.failed || size > LIMIT_NOTIFICATION_BYTES) {
        *encoded = wire_in_skip(in, "notification");
        return false;
    }
    in->next = one.next;
    *encoded = (struct wire_bytes){.data = start, .size = size};
    return true;
}

struct wire_submit_out
wire_submit_begin(struct wire_out *out, uint64_t request)
{
    wire_message_begin(out, WIRE_SUBMIT, request, 4);
    return (struct wire_submit_out){.out = out, .at = wire_out_open(out)};
}

void
wire_submit_add(struct wire_submit_out *self, const struct wire_notification *notification)
{
    wire_notification_encode(self->out, notification);
    self->count++;
}

void
wire_submit_end(struct wire_submit_out *self)
{
    wire_out_close(self->out, self->at, self->count);
}

struct wire_results_out
wire_results_begin(struct wire_out *out, uint64_t request)
{
    wire_message_begin(out, WIRE_SUBMITTED, request, 4);
    return (struct wire_results_out){.out = out, .at = wire_out_open(out)};
}

static void
results_flush(struct wire_results_out *self)
{
    const struct wire_result *run = &self->run;
    if (run->count == 0) {
        return;
    }
    wire_out_array(self->out, RESULT_FIELDS);
    wire_out_uint(self->out, run->status);
    wire_out_uint(self->out, run->count);
    wire_out_uint(self->out, run->position);
    wire_out_note(self->out, run->field.data, run->field.size, LIMIT_NAME_BYTES);
    wire_out_note(self->out, run->text.data, run->text.size, WIRE_TEXT_BYTES);
    self->count++;
    self->run.count = 0;
}

void
wire_results_add(struct wire_results_out *self, const struct wire_result *result)
{
    struct wire_result *run = &self->run;
    bool plain = result->text.size == 0 && result->field.size == 0;
    bool follows =
        result->position == 0 ? run->position == 0 : run->position + run->count == result->position;
    if (run->count > 0 && plain && run->status == result->status && follows) {
        run->count += result->count;
        return;
    }
    results_flush(self);
    *run = *result;
    if (!plain) {
        results_flush(self); /* the text lives only during this call */
    }
}

void
wire_results_accept(struct wire_results_out *self, uint64_t position)
{
    struct wire_result *run = &self->run;
    if (run->count > 0 && run->status == WIRE_ACCEPTED && run->position + run->count == position) {
        run->count++;
    } else {
        struct wire_result result = {.status = WIRE_ACCEPTED, .count = 1, .position = position};
        wire_results_add(self, &result);
    }
}

void
wire_results_end(struct wire_results_out *self)
{
    results_flush(self);
    wire_out_close(self->out, self->at, self->count);
}

uint32_t
wire_results_open(struct wire_in *in)
{
    return wire_in_array(in, "results", 1, LIMIT_FRAME_NOTIFICATIONS);
}

bool
wire_results_next(struct wire_in *in, struct wire_result *result)
{
    uint32_t fields = wire_in_array(in, "result", RESULT_FIELDS, WIRE_FIELDS_MAX);
    *result = (struct wire_result){0};
    result->status = (uint8_t)wire_in_uint(in, "status", UINT8_MAX);
    result->count = (uint32_t)wire_in_uint(in, "count", LIMIT_FRAME_NOTIFICATIONS);
    result->position = wire_in_uint(in, "position", UINT64_MAX);
    result->field = wire_in_optional(in, "field", LIMIT_NAME_BYTES);
    result->text = wire_in_optional(in, "text", WIRE_TEXT_BYTES);
    wire_in_rest(in, fields, RESULT_FIELDS);
    if (!in->failed && result->count == 0) {
        wire_in_fault(in, "count", "must be at least 1");
    }
    return !in->failed;
}
