#include "base/bytes.h"

#include "base/check.h"

#include <string.h>

struct bytes_in
bytes_in_over(const void *data, size_t size)
{
    const uint8_t *start = data;
    return (struct bytes_in){.next = start, .end = start + size, .failed = false};
}

uint16_t
bytes_in_u16(struct bytes_in *in)
{
    const uint8_t *span = bytes_in_span(in, 2);
    return span == NULL ? 0 : bytes_get_u16(span);
}

uint32_t
bytes_in_u32(struct bytes_in *in)
{
    const uint8_t *span = bytes_in_span(in, 4);
    return span == NULL ? 0 : bytes_get_u32(span);
}

uint64_t
bytes_in_u64(struct bytes_in *in)
{
    const uint8_t *span = bytes_in_span(in, 8);
    return span == NULL ? 0 : bytes_get_u64(span);
}

/* One byte after the other: near the end, and where there are more than eight. */
static uint64_t
varint_by_bytes(struct bytes_in *in)
{
    const uint8_t *at = in->next;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !in->failed && at < in->end; shift += 7) {
        uint8_t byte = *at++;
        uint64_t bits = byte & 0x7fU;
        if ((bits << shift) >> shift != bits || (byte == 0 && shift > 0)) {
            break; /* more than 64 bits, or a longer form than needed */
        }
        value |= bits << shift;
        if ((byte & 0x80U) == 0) {
            in->next = at;
            return value;
        }
    }
    in->failed = true;
    return 0;
}

/* Eight bytes at once: the first without its highest bit is the last one, and what the others' bits
 * leave between them is closed in three steps, of neighbours, of pairs and of fours. */
uint64_t
bytes_in_varint_long(struct bytes_in *in)
{
    if (in->failed || in->end - in->next < 8) {
        return varint_by_bytes(in);
    }
    uint64_t word = bytes_get_u64(in->next);
    uint64_t ends = ~word & UINT64_C(0x8080808080808080);
    if (ends == 0) {
        return varint_by_bytes(in);
    }
    size_t used = (size_t)__builtin_ctzll(ends) / 8 + 1;
    word &= ends ^ (ends - 1); /* up to the last byte */
    if (used > 1 && word >> (used - 1) * 8 == 0) {
        in->failed = true; /* a longer form than needed */
        return 0;
    }
    word = (word & UINT64_C(0x007f007f007f007f)) | (word & UINT64_C(0x7f007f007f007f00)) >> 1;
    word = (word & UINT64_C(0x00003fff00003fff)) | (word & UINT64_C(0x3fff00003fff0000)) >> 2;
    word = (word & UINT64_C(0x000000000fffffff)) | (word & UINT64_C(0x0fffffff00000000)) >> 4;
    in->next += used;
    return word;
}

size_t
bytes_in_left(const struct bytes_in *in)
{
    return in->failed ? 0 : (size_t)(in->end - in->next);
}

bool
bytes_in_done(const struct bytes_in *in)
{
    return !in->failed && in->next == in->end;
}

struct bytes_out
bytes_out_over(void *data, size_t size)
{
    uint8_t *start = data;
    return (struct bytes_out){.start = start, .next = start, .end = start + size};
}

static uint8_t *
bytes_out_take(struct bytes_out *out, size_t size)
{
    CHECK(size <= (size_t)(out->end - out->next));
    uint8_t *at = out->next;
    out->next += size;
    return at;
}

void
bytes_out_u8(struct bytes_out *out, uint8_t value)
{
    bytes_out_take(out, 1)[0] = value;
}

void
bytes_out_u16(struct bytes_out *out, uint16_t value)
{
    bytes_put_u16(bytes_out_take(out, 2), value);
}

void
bytes_out_u32(struct bytes_out *out, uint32_t value)
{
    bytes_put_u32(bytes_out_take(out, 4), value);
}

void
bytes_out_u64(struct bytes_out *out, uint64_t value)
{
    bytes_put_u64(bytes_out_take(out, 8), value);
}

/* Apart, since an array costs the common case a guard. */
static __attribute__((noinline)) void
put_by_bytes(struct bytes_out *out, uint64_t value)
{
    uint8_t form[BYTES_VARINT_MAX];
    size_t used = bytes_put_varint(form, value);
    memcpy(bytes_out_take(out, used), form, used);
}

/* The way back of bytes_in_varint_long, where eight bytes are enough and may be written. */
void
bytes_out_varint_long(struct bytes_out *out, uint64_t value)
{
    size_t used = bytes_varint_size(value);
    if (used <= 8 && out->end - out->next >= 8) {
        uint64_t word = (value & UINT64_C(0x0fffffff)) | (value >> 28) << 32;
        word = (word & UINT64_C(0x00003fff00003fff)) | (word & UINT64_C(0x0fffc0000fffc000)) << 2;
        word = (word & UINT64_C(0x007f007f007f007f)) | (word & UINT64_C(0x3f803f803f803f80)) << 1;
        uint64_t more = UINT64_C(0x0080808080808080) >> (8 - used) * 8;
        bytes_put_u64(out->next, word | more);
        out->next += used;
        return;
    }
    put_by_bytes(out, value);
}

void
bytes_out_span(struct bytes_out *out, const void *data, size_t size)
{
    if (size > 0) {
        memcpy(bytes_out_take(out, size), data, size);
    }
}

size_t
bytes_out_used(const struct bytes_out *out)
{
    return (size_t)(out->next - out->start);
}
