/*
 * All integers are LEB128 (v) unless a width is given.
 *
 *   key           position v, subscription v
 *   text          bytes v, UTF-8
 *   NOTIFICATION  received_unix_ms v, hash 16 bytes, count u8, subscription v..., the notification
 *   event         key, turn v, flags u8, what u8, attempt v, at_unix_ms v, then as flags say:
 *                 1 due_unix_ms v; 2 unburnt v; 4 by text; 8 reason text; 16 previous v;
 *                 64 custodian u8; 128 more v; 32 says unfenced. `what` is the outcome (DONE,
 *                 EVIDENCE, FAILED, FENCED), the end (ENDED, CLOSED) or the order (ORDER)
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

#include "base/check.h"
#include "delivery/record_codec_private.h"

#include <assert.h>
#include <string.h>

#define FLAG_DUE 1U
#define FLAG_UNBURNT 2U
#define FLAG_BY 4U
#define FLAG_REASON 8U
#define FLAG_PREVIOUS 16U
#define FLAG_UNFENCED 32U
#define FLAG_CUSTODIAN 64U
#define FLAG_MORE 128U

size_t
record_notification_size(const struct record_notification *record)
{
    static_assert(LIMIT_SUBSCRIPTIONS < 0x80, "an id is a varint of one byte");
    return bytes_varint_size((uint64_t)record->received_unix_ms) + 16 + 1 +
           record->subscription_count + record->encoded_size;
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
        bytes_out_u8(&out, (uint8_t)record->subscriptions[i]);
    }
    bytes_out_span(&out, record->encoded, record->encoded_size);
    return bytes_out_used(&out);
}

err_t
record_notification_decode(const uint8_t *body, size_t size, struct record_notification *record,
                           struct why *why)
{
    struct bytes_in in = bytes_in_over(body, size);
    record->received_unix_ms = (int64_t)codec_get_number(&in, INT64_MAX);
    const uint8_t *hash = bytes_in_span(&in, 16);
    if (hash != NULL) {
        memcpy(record->hash, hash, 16);
    }
    record->subscription_count = bytes_in_u8(&in);
    if (record->subscription_count == 0 || record->subscription_count > LIMIT_SUBSCRIPTIONS) {
        in.failed = true;
    }
    for (unsigned i = 0; i < record->subscription_count && !in.failed; i++) {
        record->subscriptions[i] = (uint16_t)codec_get_number(&in, LIMIT_SUBSCRIPTIONS);
        in.failed = in.failed || record->subscriptions[i] == 0;
    }
    record->encoded_size = bytes_in_left(&in);
    in.failed = in.failed || record->encoded_size > LIMIT_NOTIFICATION_BYTES;
    record->encoded = bytes_in_span(&in, record->encoded_size);
    return codec_finish(&in, "NOTIFICATION", why);
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
    CHECK(record->by.size <= LIMIT_NAME_BYTES && record->reason.size <= LIMIT_REASON_BYTES &&
          record->more < RECORD_RUN_MAX && (record->more == 0 || record->kind == RECORD_DONE));
    unsigned flags =
        (record->due_unix_ms != 0 ? FLAG_DUE : 0) | (record->unburnt != 0 ? FLAG_UNBURNT : 0) |
        (record->by.size != 0 ? FLAG_BY : 0) | (record->reason.size != 0 ? FLAG_REASON : 0) |
        (record->previous != 0 ? FLAG_PREVIOUS : 0) | (record->unfenced ? FLAG_UNFENCED : 0) |
        (record->custodian != 0 ? FLAG_CUSTODIAN : 0) | (record->more != 0 ? FLAG_MORE : 0);
    struct bytes_out out = bytes_out_over(to, RECORD_EVENT_MAX);
    codec_put_key(&out, record->key);
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
        codec_put_text(&out, record->by);
    }
    if ((flags & FLAG_REASON) != 0) {
        codec_put_text(&out, record->reason);
    }
    if ((flags & FLAG_PREVIOUS) != 0) {
        bytes_out_varint(&out, record->previous);
    }
    if ((flags & FLAG_CUSTODIAN) != 0) {
        bytes_out_u8(&out, (uint8_t)(record->custodian - 1));
    }
    if ((flags & FLAG_MORE) != 0) {
        bytes_out_varint(&out, record->more);
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
    *record = (struct record_event){.kind = kind, .key = codec_get_key(&in)};
    record->turn = (uint32_t)codec_get_number(&in, UINT32_MAX);
    unsigned flags = bytes_in_u8(&in);
    event_set_what(record, bytes_in_u8(&in), &in);
    record->attempt = (uint16_t)codec_get_number(&in, UINT16_MAX);
    record->at_unix_ms = (int64_t)codec_get_number(&in, INT64_MAX);
    if ((flags & FLAG_DUE) != 0) {
        record->due_unix_ms = (int64_t)codec_get_number(&in, INT64_MAX);
    }
    if ((flags & FLAG_UNBURNT) != 0) {
        record->unburnt = (uint16_t)codec_get_number(&in, UINT16_MAX);
    }
    if ((flags & FLAG_BY) != 0) {
        record->by = codec_get_text(&in, LIMIT_NAME_BYTES);
    }
    if ((flags & FLAG_REASON) != 0) {
        record->reason = codec_get_text(&in, LIMIT_REASON_BYTES);
    }
    if ((flags & FLAG_PREVIOUS) != 0) {
        record->previous = bytes_in_varint(&in);
    }
    if ((flags & FLAG_CUSTODIAN) != 0) {
        uint8_t custodian = bytes_in_u8(&in);
        in.failed = in.failed || custodian >= LOG_ID_COUNT;
        record->custodian = (uint8_t)(custodian + 1);
    }
    if ((flags & FLAG_MORE) != 0) {
        record->more = (uint32_t)codec_get_number(&in, RECORD_RUN_MAX - 1);
        in.failed = in.failed || kind != RECORD_DONE;
    }
    record->unfenced = (flags & FLAG_UNFENCED) != 0;
    return codec_finish(&in, "delivery's", why);
}

size_t
record_custody_encode(const struct record_custody *record, uint8_t *to)
{
    CHECK(record->reason.size <= LIMIT_REASON_BYTES);
    struct bytes_out out = bytes_out_over(to, RECORD_CUSTODY_MAX);
    codec_put_key(&out, record->key);
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
    codec_put_text(&out, record->reason);
    if (record->given != 0) {
        bytes_out_varint(&out, record->given);
        bytes_out_u8(&out, record->given_by);
    }
    return bytes_out_used(&out);
}

static void
custody_in(struct bytes_in *in, struct record_custody *record)
{
    *record = (struct record_custody){.key = codec_get_key(in)};
    record->turn = (uint32_t)codec_get_number(in, UINT32_MAX);
    record->to = bytes_in_u8(in);
    record->cause = bytes_in_u8(in);
    unsigned flags = bytes_in_u8(in);
    record->sent = (flags & 1) != 0;
    record->alone = (flags & 2) != 0;
    record->attempts = (uint16_t)codec_get_number(in, UINT16_MAX);
    record->unburnt = (uint16_t)codec_get_number(in, UINT16_MAX);
    record->at_unix_ms = (int64_t)codec_get_number(in, INT64_MAX);
    record->due_unix_ms = (int64_t)codec_get_number(in, INT64_MAX);
    record->first_sent_unix_ms = (int64_t)codec_get_number(in, INT64_MAX);
    record->previous = bytes_in_varint(in);
    record->reason = codec_get_text(in, LIMIT_REASON_BYTES);
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
    return codec_finish(&in, "custody", why);
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
    *key = codec_get_key(&in);
    return !in.failed;
}
