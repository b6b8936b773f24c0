/*
 * Writes a msgpack message into memory that grows by doubling, up to LIMIT_WIRE_BYTES; more is our
 * own bug (CHECK): whoever gathers a batch asks wire_out_has_room first. The finished body is
 * handed over without a copy.
 */
#ifndef HERALD_WIRE_WIRE_OUT_H
#define HERALD_WIRE_WIRE_OUT_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT_WIRE_BYTES (2U * 1024 * 1024) /* never reached by who keeps to LIMIT_FRAME_BYTES */

struct wire_out {
    uint8_t *data; /* owned, from mem_alloc */
    size_t size;
    size_t capacity;
};

void wire_out_init(struct wire_out *out, size_t expected);
void wire_out_fini(struct wire_out *out);
uint8_t *wire_out_take(struct wire_out *out, size_t *size); /* the caller's now; out is empty */
size_t wire_out_size(const struct wire_out *out);

/* Whether an item whose variable parts (notification, texts) have `size` bytes still fits a frame
 * that receivers take. A single item always fits an empty frame. */
bool wire_out_has_room(const struct wire_out *out, size_t size);

/* For what is written often: room for at most `size` bytes, and how many of them were used. */
uint8_t *wire_out_claim(struct wire_out *out, size_t size);
static inline void
wire_out_claimed(struct wire_out *out, const uint8_t *end)
{
    out->size = (size_t)(end - out->data);
}

#define WIRE_UINT_MAX 9
/* An unsigned integer in its shortest form; returns what is behind it. Of WIRE_UINT_MAX bytes all
 * may be written over. */
static inline uint8_t *
wire_out_form_uint(uint8_t *to, uint64_t value)
{
    if (value < 0x80) {
        *to = (uint8_t)value;
        return to + 1;
    }
    unsigned step = value <= UINT8_MAX ? 0 : value <= UINT16_MAX ? 1 : value <= UINT32_MAX ? 2 : 3;
    unsigned size = 1U << step;
    *to++ = (uint8_t)(0xccU + step);
    bytes_put_u64(to, __builtin_bswap64(value << (64 - 8 * size))); /* big-endian, from its top */
    return to + size;
}

#define WIRE_HEAD_MAX 5
/* A text (at most 65,535 bytes) or binary; takes up to WIRE_HEAD_MAX bytes more than its size. */
uint8_t *wire_out_form_text(uint8_t *to, const char *data, size_t size);
uint8_t *wire_out_form_bin(uint8_t *to, const void *data, size_t size);

void wire_out_array(struct wire_out *out, uint32_t count);
void wire_out_uint(struct wire_out *out, uint64_t value);
void wire_out_bool(struct wire_out *out, bool value);
void wire_out_nil(struct wire_out *out);
void wire_out_text(struct wire_out *out, const char *data, size_t size);
void wire_out_string(struct wire_out *out, const char *text); /* terminated; NULL: nil */
void wire_out_bin(struct wire_out *out, const void *data, size_t size);
void wire_out_raw(struct wire_out *out, const void *data, size_t size); /* encoded already */

/* Free text that a peer must be able to read: nil when it is empty; otherwise cut before the first
 * byte that is not UTF-8 or is a control character, and to at most `max` bytes, whole characters.
 */
void wire_out_note(struct wire_out *out, const char *data, size_t size, size_t max);
/* nil when size is 0. */
void wire_out_optional(struct wire_out *out, const char *data, size_t size);
void wire_out_optional_bin(struct wire_out *out, const void *data, size_t size);

/* An array whose count is not known yet: five bytes, filled in by wire_out_close. */
size_t wire_out_open(struct wire_out *out);
void wire_out_close(struct wire_out *out, size_t at, uint32_t count);

#endif
