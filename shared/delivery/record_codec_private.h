/*
 * What the records' encoders and decoders share. Inline: a service that recovers decodes millions.
 *
 * A getter that meets what makes no sense marks `in` as failed, answers zero, and the decoder says
 * so once, at its end.
 */
#ifndef HERALD_DELIVERY_RECORD_CODEC_PRIVATE_H
#define HERALD_DELIVERY_RECORD_CODEC_PRIVATE_H

#include "base/bytes.h"
#include "delivery/record_terms.h"

static inline void
codec_put_text(struct bytes_out *out, struct record_text text)
{
    bytes_out_varint(out, text.size);
    bytes_out_span(out, text.data, text.size);
}

static inline struct record_text
codec_get_text(struct bytes_in *in, size_t limit)
{
    uint64_t size = bytes_in_varint(in);
    if (size > limit) {
        in->failed = true;
    }
    const uint8_t *data = bytes_in_span(in, size);
    return data == NULL ? (struct record_text){0}
                        : (struct record_text){.data = (const char *)data, .size = (size_t)size};
}

static inline void
codec_put_key(struct bytes_out *out, struct delivery_key key)
{
    bytes_out_varint(out, key.position);
    bytes_out_varint(out, key.subscription);
}

static inline uint64_t
codec_get_number(struct bytes_in *in, uint64_t max)
{
    uint64_t value = bytes_in_varint(in);
    if (value > max) {
        in->failed = true;
        return 0;
    }
    return value;
}

static inline struct delivery_key
codec_get_key(struct bytes_in *in)
{
    struct delivery_key key = {.position = bytes_in_varint(in)};
    key.subscription = (uint16_t)codec_get_number(in, LIMIT_SUBSCRIPTIONS);
    if (key.position == 0 || key.subscription == 0) {
        in->failed = true;
    }
    return key;
}

static inline err_t
codec_finish(const struct bytes_in *in, const char *what, struct why *why)
{
    return in->failed ? why_set(why, ERR_CORRUPT, "a %s record that makes no sense", what) : ERR_OK;
}

#endif
