#include "wire/wire_out.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"
#include "wire/wire_in.h"

#include <string.h>

#define ITEM_OVERHEAD 256 /* heads, numbers and hash around the variable parts of one item */

void
wire_out_init(struct wire_out *out, size_t expected)
{
    out->capacity = expected < 64 ? 64 : expected;
    out->data = mem_alloc(out->capacity);
    out->size = 0;
}

void
wire_out_fini(struct wire_out *out)
{
    mem_free(out->data);
    *out = (struct wire_out){0};
}

uint8_t *
wire_out_take(struct wire_out *out, size_t *size)
{
    uint8_t *data = out->data;
    *size = out->size;
    *out = (struct wire_out){0};
    return data;
}

size_t
wire_out_size(const struct wire_out *out)
{
    return out->size;
}

bool
wire_out_has_room(const struct wire_out *out, size_t size)
{
    return out->size + size + ITEM_OVERHEAD <= LIMIT_FRAME_BYTES;
}

uint8_t *
wire_out_claim(struct wire_out *out, size_t size)
{
    CHECK(size <= LIMIT_WIRE_BYTES && out->size <= LIMIT_WIRE_BYTES - size);
    if (out->size + size > out->capacity) {
        size_t capacity = out->capacity == 0 ? 64 : out->capacity;
        while (capacity < out->size + size) {
            capacity *= 2;
        }
        out->data = mem_resize(out->data, capacity);
        out->capacity = capacity;
    }
    return out->data + out->size;
}

static uint8_t *
wire_out_room(struct wire_out *out, size_t size)
{
    uint8_t *at = wire_out_claim(out, size);
    out->size += size;
    return at;
}

/* A head and `size` bytes of `value`; returns what is behind them. */
static uint8_t *
form_head(uint8_t *to, uint8_t head, uint64_t value, size_t size)
{
    *to++ = head;
    for (size_t i = size; i > 0; i--) {
        *to++ = (uint8_t)(value >> (8 * (i - 1)));
    }
    return to;
}

static uint8_t *
form_raw(uint8_t *to, const void *data, size_t size)
{
    if (size > 0) {
        memcpy(to, data, size);
    }
    return to + size;
}

static void
put_head(struct wire_out *out, uint8_t head, uint64_t value, size_t size)
{
    (void)form_head(wire_out_room(out, size + 1), head, value, size); /* just as long */
}

void
wire_out_array(struct wire_out *out, uint32_t count)
{
    if (count < 16) {
        put_head(out, (uint8_t)(0x90U | count), 0, 0);
    } else if (count <= UINT16_MAX) {
        put_head(out, 0xdc, count, 2);
    } else {
        put_head(out, 0xdd, count, 4);
    }
}

size_t
wire_out_open(struct wire_out *out)
{
    put_head(out, 0xdd, 0, 4);
    return out->size - 4;
}

void
wire_out_close(struct wire_out *out, size_t at, uint32_t count)
{
    for (size_t i = 0; i < 4; i++) {
        out->data[at + i] = (uint8_t)(count >> (8 * (3 - i)));
    }
}

void
wire_out_uint(struct wire_out *out, uint64_t value)
{
    wire_out_claimed(out, wire_out_form_uint(wire_out_claim(out, WIRE_UINT_MAX), value));
}

void
wire_out_bool(struct wire_out *out, bool value)
{
    put_head(out, value ? 0xc3 : 0xc2, 0, 0);
}

void
wire_out_nil(struct wire_out *out)
{
    put_head(out, 0xc0, 0, 0);
}

uint8_t *
wire_out_form_text(uint8_t *to, const char *data, size_t size)
{
    CHECK(size <= UINT16_MAX);
    if (size < 32) {
        to = form_head(to, (uint8_t)(0xa0U | size), 0, 0);
    } else if (size <= UINT8_MAX) {
        to = form_head(to, 0xd9, size, 1);
    } else {
        to = form_head(to, 0xda, size, 2);
    }
    return form_raw(to, data, size);
}

void
wire_out_text(struct wire_out *out, const char *data, size_t size)
{
    CHECK(size <= UINT16_MAX); /* before it is added to */
    uint8_t *at = wire_out_claim(out, WIRE_HEAD_MAX + size);
    wire_out_claimed(out, wire_out_form_text(at, data, size));
}

void
wire_out_string(struct wire_out *out, const char *text)
{
    if (text == NULL) {
        wire_out_nil(out);
    } else {
        wire_out_text(out, text, strlen(text));
    }
}

uint8_t *
wire_out_form_bin(uint8_t *to, const void *data, size_t size)
{
    CHECK(size <= LIMIT_WIRE_BYTES);
    if (size <= UINT8_MAX) {
        to = form_head(to, 0xc4, size, 1);
    } else if (size <= UINT16_MAX) {
        to = form_head(to, 0xc5, size, 2);
    } else {
        to = form_head(to, 0xc6, size, 4);
    }
    return form_raw(to, data, size);
}

void
wire_out_bin(struct wire_out *out, const void *data, size_t size)
{
    CHECK(size <= LIMIT_WIRE_BYTES); /* before it is added to */
    uint8_t *at = wire_out_claim(out, WIRE_HEAD_MAX + size);
    wire_out_claimed(out, wire_out_form_bin(at, data, size));
}

void
wire_out_note(struct wire_out *out, const char *data, size_t size, size_t max)
{
    size_t fits = size == 0 ? 0 : wire_in_utf8_prefix(data, size < max ? size : max);
    wire_out_optional(out, data, fits);
}

void
wire_out_optional(struct wire_out *out, const char *data, size_t size)
{
    if (size == 0) {
        wire_out_nil(out);
    } else {
        wire_out_text(out, data, size);
    }
}

void
wire_out_optional_bin(struct wire_out *out, const void *data, size_t size)
{
    if (size == 0) {
        wire_out_nil(out);
    } else {
        wire_out_bin(out, data, size);
    }
}

void
wire_out_raw(struct wire_out *out, const void *data, size_t size)
{
    if (size > 0) {
        memcpy(wire_out_room(out, size), data, size);
    }
}
