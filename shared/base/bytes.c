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

uint64_t
bytes_in_varint_long(struct bytes_in *in)
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

void
bytes_out_varint(struct bytes_out *out, uint64_t value)
{
    if ((size_t)(out->end - out->next) >= BYTES_VARINT_MAX) {
        out->next += bytes_put_varint(out->next, value);
        return;
    }
    uint8_t form[BYTES_VARINT_MAX];
    size_t used = bytes_put_varint(form, value);
    memcpy(bytes_out_take(out, used), form, used);
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
