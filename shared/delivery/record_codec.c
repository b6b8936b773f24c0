/*
 * All integers are LEB128 (v) unless a width is given.
 *
 *   key           position v, subscription v
 *   text          bytes v, UTF-8
 *   NOTIFICATION  received_unix_ms v, hash 16 bytes, count u8, subscription v..., the notification
 *   event         key, turn v, flags u8, what u8, attempt v, at_unix_ms v, then as flags say:
 *                 1 due_unix_ms v; 2 unburnt v; 4 by text; 8 reason text; 16 previous v;
 *                 32 says unfenced. `what` is the outcome (DONE, EVIDENCE, FAILED, FENCED), the end
 *                 (ENDED, CLOSED) or the order (ORDER)
 *   custody       key, turn v, to u8, cause u8, flags u8 (1 sent, 2 alone, 4 given), attempts v,
 *                 unburnt v, at_unix_ms v, due_unix_ms v, first_sent_unix_ms v, previous v,
 *                 reason text, then, when flags say so: given v, given_by u8
 *   CASE          flags u8 (1 fenced, 2 undo unanswered), bytes v of the custody, custody,
 *                 NOTIFICATION
 *   SUBSCRIPTION  id v, active u8, compensation u8, lease_ms v, lease_limit_ms v, name text,
 *                 pattern text, group text, policy text
 *   GROUP         flags u8 (1 can fence, 2 can undo), identity 16 bytes, name text, by text
 *   POSITION      3 times: position v, identity 16 bytes
 *
 * Bytes behind these fields are a newer minor version's and are passed over (but for NOTIFICATION,
 * whose last field is the rest).
 */
#include "delivery/record_codec.h"

#include "base/bytes.h"
#include "base/check.h"

#include <string.h>

#define FLAG_DUE 1U
#define FLAG_UNBURNT 2U
#define FLAG_BY 4U
#define FLAG_REASON 8U
#define FLAG_PREVIOUS 16U
#define FLAG_UNFENCED 32U

static void
put_text(struct bytes_out *out, struct record_text text)
{
    bytes_out_varint(out, text.size);
    bytes_out_span(out, text.data, text.size);
}

static struct record_text
get_text(struct bytes_in *in, size_t limit)
{
    uint64_t size = bytes_in_varint(in);
    if (size > limit) {
        in->failed = true;
    }
    const uint8_t *data = bytes_in_span(in, size);
    return data == NULL ? (struct record_text){0}
                        : (struct record_text){.data = (const char *)data, .size = (size_t)size};
}

static void
put_key(struct bytes_out *out, struct delivery_key key)
{
    bytes_out_varint(out, key.position);
    bytes_out_varint(out, key.subscription);
}

static uint64_t
get_number(struct bytes_in *in, uint64_t max)
{
    uint64_t value = bytes_in_varint(in);
    if (value > max) {
        in->failed = true;
        return 0;
    }
    return value;
}

static struct delivery_key
get_key(struct bytes_in *in)
{
    struct delivery_key key = {.position = bytes_in_varint(in)};
    key.subscription = (uint16_t)get_number(in, LIMIT_SUBSCRIPTIONS);
    if (key.position == 0 || key.subscription == 0) {
        in->failed = true;
    }
    return key;
}

static err_t
finish(const struct bytes_in *in, const char *what, struct why *why)
{
    return in->failed ? why_set(why, ERR_CORRUPT, "a %s record that makes no sense", what) : ERR_OK;
}

size_t
record_notification_size(const struct record_notification *record)
{
    uint8_t form[BYTES_VARINT_MAX];
    size_t size = bytes_put_varint(form, (uint64_t)record->received_unix_ms) + 16 + 1;
    for (unsigned i = 0; i < record->subscription_count; i++) {
        size += bytes_put_varint(form, record->subscriptions[i]);
    }
    return size + record->encoded_size;
}

size_t
record_notification_encode(const struct record_notification *record, uint8_t *to)
{
    CHECK(record->subscription_count > 0 && record->subscription_count <= LIMIT_SUBSCRIPTIONS);
    struct bytes_out out = bytes_out_over(to, record_notification_size(record));
    bytes_out_varint(&out, (uint64_t)record->received_unix_ms);
    bytes_out_span(&out, record->hash, 16);
    bytes_out_u8(&out, record->subscription_count);
    for (unsigned i = 0; i < record->subscription_count; i++) {
        bytes_out_varint(&out, record->subscriptions[i]);
    }
    bytes_out_span(&out, record->encoded, record->encoded_size);
    return bytes_out_used(&out);
}

err_t
record_notification_decode(const uint8_t *body, size_t size, struct record_notification *record,
                           struct why *why)
{
    struct bytes_in in = bytes_in_over(body, size);
    record->received_unix_ms = (int64_t)get_number(&in, INT64_MAX);
    const uint8_t *hash = bytes_in_span(&in, 16);
    if (hash != NULL) {
        memcpy(record->hash, hash, 16);
    }
    record->subscription_count = bytes_in_u8(&in);
    if (record->subscription_count == 0 || record->subscription_count > LIMIT_SUBSCRIPTIONS) {
        in.failed = true;
    }
    for (unsigned i = 0; i < record->subscription_count && !in.failed; i++) {
        record->subscriptions[i] = (uint16_t)get_number(&in, LIMIT_SUBSCRIPTIONS);
    }
    record->encoded_size = bytes_in_left(&in);
    record->encoded = bytes_in_span(&in, record->encoded_size);
    return finish(&in, "NOTIFICATION", why);
}

static uint8_t
event_what(const struct record_event *record)
{
    switch (record->kind) {
    case RECORD_ENDED:
    case RECORD_CLOSED:
        return record->end;
    case RECORD_ORDER:
        return record->order;
    default:
        return record->outcome;
    }
}

size_t
record_event_encode(const struct record_event *record, uint8_t *to)
{
    CHECK(record->by.size <= LIMIT_NAME_BYTES && record->reason.size <= LIMIT_REASON_BYTES);
    unsigned flags =
        (record->due_unix_ms != 0 ? FLAG_DUE : 0) | (record->unburnt != 0 ? FLAG_UNBURNT : 0) |
        (record->by.size != 0 ? FLAG_BY : 0) | (record->reason.size != 0 ? FLAG_REASON : 0) |
        (record->previous != 0 ? FLAG_PREVIOUS : 0) | (record->unfenced ? FLAG_UNFENCED : 0);
    struct bytes_out out = bytes_out_over(to, RECORD_EVENT_MAX);
    put_key(&out, record->key);
    bytes_out_varint(&out, record->turn);
    bytes_out_u8(&out, (uint8_t)flags);
    bytes_out_u8(&out, event_what(record));
    bytes_out_varint(&out, record->attempt);
    bytes_out_varint(&out, (uint64_t)record->at_unix_ms);
    if ((flags & FLAG_DUE) != 0) {
        bytes_out_varint(&out, (uint64_t)record->due_unix_ms);
    }
    if ((flags & FLAG_UNBURNT) != 0) {
        bytes_out_varint(&out, record->unburnt);
    }
    if ((flags & FLAG_BY) != 0) {
        put_text(&out, record->by);
    }
    if ((flags & FLAG_REASON) != 0) {
        put_text(&out, record->reason);
    }
    if ((flags & FLAG_PREVIOUS) != 0) {
        bytes_out_varint(&out, record->previous);
    }
    return bytes_out_used(&out);
}

static void
event_set_what(struct record_event *record, uint8_t what, struct bytes_in *in)
{
    switch (record->kind) {
    case RECORD_ENDED:
    case RECORD_CLOSED:
        record->end = what;
        in->failed = in->failed || what == END_NONE || what >= END_COUNT;
        break;
    case RECORD_ORDER:
        record->order = what;
        in->failed = in->failed || what == 0 || what >= ORDER_COUNT;
        break;
    default:
        record->outcome = what;
        break;
    }
}

err_t
record_event_decode(uint8_t kind, const uint8_t *body, size_t size, struct record_event *record,
                    struct why *why)
{
    struct bytes_in in = bytes_in_over(body, size);
    *record = (struct record_event){.kind = kind, .key = get_key(&in)};
    record->turn = (uint32_t)get_number(&in, UINT32_MAX);
    unsigned flags = bytes_in_u8(&in);
    event_set_what(record, bytes_in_u8(&in), &in);
    record->attempt = (uint16_t)get_number(&in, UINT16_MAX);
    record->at_unix_ms = (int64_t)get_number(&in, INT64_MAX);
    if ((flags & FLAG_DUE) != 0) {
        record->due_unix_ms = (int64_t)get_number(&in, INT64_MAX);
    }
    if ((flags & FLAG_UNBURNT) != 0) {
        record->unburnt = (uint16_t)get_number(&in, UINT16_MAX);
    }
    if ((flags & FLAG_BY) != 0) {
        record->by = get_text(&in, LIMIT_NAME_BYTES);
    }
    if ((flags & FLAG_REASON) != 0) {
        record->reason = get_text(&in, LIMIT_REASON_BYTES);
    }
    if ((flags & FLAG_PREVIOUS) != 0) {
        record->previous = bytes_in_varint(&in);
    }
    record->unfenced = (flags & FLAG_UNFENCED) != 0;
    return finish(&in, "delivery's", why);
}

size_t
record_custody_encode(const struct record_custody *record, uint8_t *to)
{
    CHECK(record->reason.size <= LIMIT_REASON_BYTES);
    struct bytes_out out = bytes_out_over(to, RECORD_CUSTODY_MAX);
    put_key(&out, record->key);
    bytes_out_varint(&out, record->turn);
    bytes_out_u8(&out, record->to);
    bytes_out_u8(&out, record->cause);
    bytes_out_u8(&out, (uint8_t)((record->sent ? 1 : 0) | (record->alone ? 2 : 0) |
                                 (record->given != 0 ? 4 : 0)));
    bytes_out_varint(&out, record->attempts);
    bytes_out_varint(&out, record->unburnt);
    bytes_out_varint(&out, (uint64_t)record->at_unix_ms);
    bytes_out_varint(&out, (uint64_t)record->due_unix_ms);
    bytes_out_varint(&out, (uint64_t)record->first_sent_unix_ms);
    bytes_out_varint(&out, record->previous);
    put_text(&out, record->reason);
    if (record->given != 0) {
        bytes_out_varint(&out, record->given);
        bytes_out_u8(&out, record->given_by);
    }
    return bytes_out_used(&out);
}

static void
custody_in(struct bytes_in *in, struct record_custody *record)
{
    *record = (struct record_custody){.key = get_key(in)};
    record->turn = (uint32_t)get_number(in, UINT32_MAX);
    record->to = bytes_in_u8(in);
    record->cause = bytes_in_u8(in);
    unsigned flags = bytes_in_u8(in);
    record->sent = (flags & 1) != 0;
    record->alone = (flags & 2) != 0;
    record->attempts = (uint16_t)get_number(in, UINT16_MAX);
    record->unburnt = (uint16_t)get_number(in, UINT16_MAX);
    record->at_unix_ms = (int64_t)get_number(in, INT64_MAX);
    record->due_unix_ms = (int64_t)get_number(in, INT64_MAX);
    record->first_sent_unix_ms = (int64_t)get_number(in, INT64_MAX);
    record->previous = bytes_in_varint(in);
    record->reason = get_text(in, LIMIT_REASON_BYTES);
    if ((flags & 4) != 0) {
        record->given = bytes_in_varint(in);
        record->given_by = bytes_in_u8(in);
    }
    if (record->to >= LOG_ID_COUNT || record->given_by >= LOG_ID_COUNT || record->turn == 0) {
        in->failed = true;
    }
}

err_t
record_custody_decode(const uint8_t *body, size_t size, struct record_custody *record,
                      struct why *why)
{
    struct bytes_in in = bytes_in_over(body, size);
    custody_in(&in, record);
    return finish(&in, "custody", why);
}

size_t
record_case_encode(const struct record_case *record, uint8_t *to)
{
    uint8_t custody[RECORD_CUSTODY_MAX];
    size_t custody_size = record_custody_encode(&record->custody, custody);
    struct bytes_out out = bytes_out_over(to, RECORD_CASE_MAX);
    bytes_out_u8(&out, (uint8_t)((record->fenced ? 1 : 0) | (record->undo_unanswered ? 2 : 0)));
    bytes_out_varint(&out, custody_size);
    bytes_out_span(&out, custody, custody_size);
    size_t used = bytes_out_used(&out);
    return used + record_notification_encode(&record->notification, to + used);
}

err_t
record_case_decode(const uint8_t *body, size_t size, struct record_case *record, struct why *why)
{
    struct bytes_in in = bytes_in_over(body, size);
    unsigned flags = bytes_in_u8(&in);
    record->fenced = (flags & 1) != 0;
    record->undo_unanswered = (flags & 2) != 0;
    uint64_t custody_size = bytes_in_varint(&in);
    const uint8_t *custody = bytes_in_span(&in, custody_size);
    if (custody == NULL) {
        return why_set(why, ERR_CORRUPT, "a CASE record that makes no sense");
    }
    err_t rc = record_custody_decode(custody, (size_t)custody_size, &record->custody, why);
    size_t left = bytes_in_left(&in);
    return rc != ERR_OK ? rc
                        : record_notification_decode(bytes_in_span(&in, left), left,
                                                     &record->notification, why);
}

size_t
record_subscription_encode(const struct record_subscription *record, uint8_t *to)
{
    struct bytes_out out = bytes_out_over(to, RECORD_SUBSCRIPTION_MAX);
    bytes_out_varint(&out, record->id);
    bytes_out_u8(&out, record->active ? 1 : 0);
    bytes_out_u8(&out, record->compensation);
    bytes_out_varint(&out, record->lease_ms);
    bytes_out_varint(&out, record->lease_limit_ms);
    put_text(&out, record->name);
    put_text(&out, record->pattern);
    put_text(&out, record->group);
    put_text(&out, record->policy);
    return bytes_out_used(&out);
}

err_t
record_subscription_decode(const uint8_t *body, size_t size, struct record_subscription *record,
                           struct why *why)
{
    struct bytes_in in = bytes_in_over(body, size);
    record->id = (uint16_t)get_number(&in, LIMIT_SUBSCRIPTIONS);
    record->active = bytes_in_u8(&in) != 0;
    record->compensation = bytes_in_u8(&in);
    record->lease_ms = (uint32_t)get_number(&in, UINT32_MAX);
    record->lease_limit_ms = (uint32_t)get_number(&in, UINT32_MAX);
    record->name = get_text(&in, LIMIT_NAME_BYTES);
    record->pattern = get_text(&in, 512);
    record->group = get_text(&in, LIMIT_NAME_BYTES);
    record->policy = get_text(&in, 512);
    in.failed = in.failed || record->id == 0;
    return finish(&in, "SUBSCRIPTION", why);
}

size_t
record_group_encode(const struct record_group *record, uint8_t *to)
{
    struct bytes_out out = bytes_out_over(to, RECORD_GROUP_MAX);
    bytes_out_u8(&out, (uint8_t)((record->can_fence ? 1 : 0) | (record->can_undo ? 2 : 0)));
    bytes_out_span(&out, record->identity, 16);
    put_text(&out, record->name);
    put_text(&out, record->by);
    return bytes_out_used(&out);
}

err_t
record_group_decode(const uint8_t *body, size_t size, struct record_group *record, struct why *why)
{
    struct bytes_in in = bytes_in_over(body, size);
    unsigned flags = bytes_in_u8(&in);
    record->can_fence = (flags & 1) != 0;
    record->can_undo = (flags & 2) != 0;
    const uint8_t *identity = bytes_in_span(&in, 16);
    if (identity != NULL) {
        memcpy(record->identity, identity, 16);
    }
    record->name = get_text(&in, LIMIT_NAME_BYTES);
    record->by = get_text(&in, LIMIT_NAME_BYTES);
    return finish(&in, "GROUP", why);
}

size_t
record_position_encode(const struct record_position *record, uint8_t *to)
{
    struct bytes_out out = bytes_out_over(to, RECORD_POSITION_MAX);
    for (int i = 0; i < LOG_ID_COUNT; i++) {
        bytes_out_varint(&out, record->logs[i].position);
        bytes_out_span(&out, record->logs[i].identity, 16);
    }
    return bytes_out_used(&out);
}

err_t
record_position_decode(const uint8_t *body, size_t size, struct record_position *record,
                       struct why *why)
{
    struct bytes_in in = bytes_in_over(body, size);
    for (int i = 0; i < LOG_ID_COUNT; i++) {
        record->logs[i].position = bytes_in_varint(&in);
        const uint8_t *identity = bytes_in_span(&in, 16);
        if (identity != NULL) {
            memcpy(record->logs[i].identity, identity, 16);
        }
    }
    return finish(&in, "POSITION", why);
}

bool
record_key(uint8_t kind, const uint8_t *body, size_t size, struct delivery_key *key)
{
    struct bytes_in in = bytes_in_over(body, size);
    switch (kind) {
    case RECORD_CASE:
        (void)bytes_in_u8(&in);     /* flags */
        (void)bytes_in_varint(&in); /* bytes of the custody, which begins with the key */
        break;
    case RECORD_DONE:
    case RECORD_EVIDENCE:
    case RECORD_FAILED:
    case RECORD_MOVED:
    case RECORD_TAKEN:
    case RECORD_ENDED:
    case RECORD_CLOSED:
    case RECORD_ORDER:
    case RECORD_FENCED:
        break;
    default:
        return false;
    }
    *key = get_key(&in);
    return !in.failed;
}
