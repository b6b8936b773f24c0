/*
 * Stored integers, one field at a time: little-endian fixed widths and LEB128 variable lengths
 * (7 bits a byte, least significant first, at most 10 bytes; the shortest form only).
 *
 * A bytes_in never reads past its end: after the first field that does not fit `failed` stays set
 * and every further field reads as 0, so a decoder reads all its fields and asks once, with
 * bytes_in_done, whether all were there and nothing was left over.
 */
#ifndef HERALD_BASE_BYTES_H
#define HERALD_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BYTES_VARINT_MAX 10

static inline void
bytes_put_u16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static inline void
bytes_put_u32(uint8_t *to, uint32_t value)
{
    bytes_put_u16(to, (uint16_t)value);
    bytes_put_u16(to + 2, (uint16_t)(value >> 16));
}

static inline void
bytes_put_u64(uint8_t *to, uint64_t value)
{
    bytes_put_u32(to, (uint32_t)value);
    bytes_put_u32(to + 4, (uint32_t)(value >> 32));
}

static inline uint16_t
bytes_get_u16(const uint8_t *from)
{
    return (uint16_t)(from[0] | ((unsigned)from[1] << 8));
}

static inline uint32_t
bytes_get_u32(const uint8_t *from)
{
    return (uint32_t)bytes_get_u16(from) | ((uint32_t)bytes_get_u16(from + 2) << 16);
}

static inline uint64_t
bytes_get_u64(const uint8_t *from)
{
    return (uint64_t)bytes_get_u32(from) | ((uint64_t)bytes_get_u32(from + 4) << 32);
}

/* How many bytes LEB128 takes, 1 to BYTES_VARINT_MAX. */
static inline size_t
bytes_varint_size(uint64_t value)
{
    return (70U - (unsigned)__builtin_clzll(value | 1)) / 7;
}

/* Write LEB128 and return the number of bytes, 1 to BYTES_VARINT_MAX. */
static inline size_t
bytes_put_varint(uint8_t *to, uint64_t value)
{
    size_t used = 0;
    while (value >= 0x80) {
        to[used++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    to[used++] = (uint8_t)value;
    return used;
}

/* A reader over memory that it does not own. */
struct bytes_in {
    const uint8_t *next; /* borrowed from the caller */
    const uint8_t *end;
    bool failed;
};

struct bytes_in bytes_in_over(const void *data, size_t size);
uint16_t bytes_in_u16(struct bytes_in *in);
uint32_t bytes_in_u32(struct bytes_in *in);
uint64_t bytes_in_u64(struct bytes_in *in);
uint64_t bytes_in_varint_long(struct bytes_in *in); /* of any length */
size_t bytes_in_left(const struct bytes_in *in);
bool bytes_in_done(const struct bytes_in *in); /* nothing failed, nothing is left */

/* NULL when it does not fit. */
static inline const uint8_t *
bytes_in_span(struct bytes_in *in, uint64_t size)
{
    if (in->failed || size > (uint64_t)(in->end - in->next)) {
        in->failed = true;
        return NULL;
    }
    const uint8_t *span = in->next;
    in->next += size;
    return span;
}

static inline uint8_t
bytes_in_u8(struct bytes_in *in)
{
    const uint8_t *span = bytes_in_span(in, 1);
    return span == NULL ? 0 : span[0];
}

/* Refuses over-long and over-range forms. */
static inline uint64_t
bytes_in_varint(struct bytes_in *in)
{
    return !in->failed && in->next < in->end && *in->next < 0x80 ? *in->next++
                                                                 : bytes_in_varint_long(in);
}

/* A writer into memory of a fixed size; writing past the end is our own bug (CHECK). Up to
 * seven bytes behind the last field, before the end, may be written over. */
struct bytes_out {
    uint8_t *start; /* borrowed from the caller */
    uint8_t *next;
    uint8_t *end;
};

struct bytes_out bytes_out_over(void *data, size_t size);
void bytes_out_u8(struct bytes_out *out, uint8_t value);
void bytes_out_u16(struct bytes_out *out, uint16_t value);
void bytes_out_u32(struct bytes_out *out, uint32_t value);
void bytes_out_u64(struct bytes_out *out, uint64_t value);
void bytes_out_varint_long(struct bytes_out *out, uint64_t value); /* of any length */
void bytes_out_span(struct bytes_out *out, const void *data, size_t size);
size_t bytes_out_used(const struct bytes_out *out);

static inline void
bytes_out_varint(struct bytes_out *out, uint64_t value)
{
    if (value < 0x80 && out->next < out->end) {
        *out->next++ = (uint8_t)value;
    } else {
        bytes_out_varint_long(out, value);
    }
}

#endif
