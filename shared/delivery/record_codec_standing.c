/* The records of record_standing.h; their form is drawn in record_codec.c. */
#include "delivery/record_codec.h"

#include "delivery/record_codec_private.h"

#include <string.h>

size_t
record_subscription_encode(const struct record_subscription *record, uint8_t *to)
{
    struct bytes_out out = bytes_out_over(to, RECORD_SUBSCRIPTION_MAX);
    bytes_out_varint(&out, record->id);
    bytes_out_u8(&out, record->active ? 1 : 0);
    bytes_out_u8(&out, record->compensation);
    bytes_out_varint(&out, record->lease_ms);
    bytes_out_varint(&out, record->lease_limit_ms);
    codec_put_text(&out, record->name);
    codec_put_text(&out, record->pattern);
    codec_put_text(&out, record->group);
    codec_put_text(&out, record->policy);
    return bytes_out_used(&out);
}

err_t
record_subscription_decode(const uint8_t *body, size_t size, struct record_subscription *record,
                           struct why *why)
{
    struct bytes_in in = bytes_in_over(body, size);
    record->id = (uint16_t)codec_get_number(&in, LIMIT_SUBSCRIPTIONS);
    record->active = bytes_in_u8(&in) != 0;
    record->compensation = bytes_in_u8(&in);
    record->lease_ms = (uint32_t)codec_get_number(&in, UINT32_MAX);
    record->lease_limit_ms = (uint32_t)codec_get_number(&in, UINT32_MAX);
    record->name = codec_get_text(&in, LIMIT_NAME_BYTES);
    record->pattern = codec_get_text(&in, 512);
    record->group = codec_get_text(&in, LIMIT_NAME_BYTES);
    record->policy = codec_get_text(&in, 512);
    in.failed = in.failed || record->id == 0;
    return codec_finish(&in, "SUBSCRIPTION", why);
}

size_t
record_group_encode(const struct record_group *record, uint8_t *to)
{
    struct bytes_out out = bytes_out_over(to, RECORD_GROUP_MAX);
    bytes_out_u8(&out, (uint8_t)((record->can_fence ? 1 : 0) | (record->can_undo ? 2 : 0)));
    bytes_out_span(&out, record->identity, 16);
    codec_put_text(&out, record->name);
    codec_put_text(&out, record->by);
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
    record->name = codec_get_text(&in, LIMIT_NAME_BYTES);
    record->by = codec_get_text(&in, LIMIT_NAME_BYTES);
    return codec_finish(&in, "GROUP", why);
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
    return codec_finish(&in, "POSITION", why);
}
