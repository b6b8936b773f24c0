#include "wire/wire_in.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "wire/wire_check.h"
#include "wire/wire_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FIELD_NIL 0xc0U

void
wire_in_init(struct wire_in *in, const void *frame, size_t size)
{
    in->next = frame;
    in->end = size == 0 ? in->next : in->next + size;
    in->failed = false;
    in->why.text[0] = '\0';
}

void
wire_in_fault(struct wire_in *in, const char *field, const char *format, ...)
{
    if (in->failed) {
        return;
    }
    in->failed = true;
    int used = snprintf(in->why.text, sizeof in->why.text, "%s: ", field);
    va_list args;
    va_start(args, format);
    if ((size_t)used < sizeof in->why.text) {
        (void)vsnprintf(in->why.text + used, sizeof in->why.text - (size_t)used, format, args);
    }
    va_end(args);
}

/* A big-endian integer of 1, 2, 4 or 8 bytes; eight are read. */
static inline uint64_t
be(const uint8_t *at, size_t size)
{
    return __builtin_bswap64(bytes_get_u64(at)) >> (sizeof(uint64_t) - size) * 8;
}

/* The same with fewer behind it too; 0 after a fault. */
static uint64_t
take_be(struct wire_in *in, const char *field, size_t size)
{
    size_t left = (size_t)(in->end - in->next);
    if (in->failed || left < size) {
        wire_in_fault(in, field, "the message ends in the middle");
        return 0;
    }
    uint64_t value = 0;
    if (left >= sizeof value) {
        value = be(in->next, size);
    } else {
        for (size_t i = 0; i < size; i++) {
            value = value << 8 | in->next[i];
        }
    }
    in->next += size;
    return value;
}

static uint8_t
take_head(struct wire_in *in, const char *field)
{
    if (!in->failed && in->next < in->end) {
        return *in->next++;
    }
    return (uint8_t)take_be(in, field, 1); /* says why not */
}

static const uint8_t *
take_span(struct wire_in *in, const char *field, uint64_t size)
{
    if (in->failed || size > (uint64_t)(in->end - in->next)) {
        wire_in_fault(in, field, "its length exceeds the message");
        return NULL;
    }
    const uint8_t *span = in->next;
    in->next += size;
    return span;
}

uint32_t
wire_in_array(struct wire_in *in, const char *field, uint32_t min, uint32_t max)
{
    uint8_t head = take_head(in, field);
    uint64_t count = 0;
    if ((head & 0xf0U) == 0x90U) {
        count = head & 0x0fU;
    } else if (head == 0xdcU) {
        count = take_be(in, field, 2);
    } else if (head == 0xddU) {
        count = take_be(in, field, 4);
    } else {
        wire_in_fault(in, field, "must be an array");
    }
    if (!in->failed && count > (uint64_t)(in->end - in->next)) {
        wire_in_fault(in, field, "its length exceeds the message");
    }
    if (!in->failed && (count < min || count > max)) {
        wire_in_fault(in, field, "%llu elements, must be %u to %u", (unsigned long long)count, min,
                      max);
    }
    return in->failed ? 0 : (uint32_t)count;
}

void
wire_in_rest(struct wire_in *in, uint32_t count, uint32_t known)
{
    static const char field[] = "a field of a newer version";
    uint64_t item_count = 0;
    for (uint32_t i = known; i < count && !in->failed; i++) {
        struct wire_check_seen seen;
        const uint8_t *next = wire_check_value(in->next, in->end, &seen);
        item_count += seen.item_count;
        if (next == NULL) {
            wire_in_fault(in, field, "%s", seen.fault);
        } else if (seen.map) {
            wire_in_fault(in, field, "maps are not used here");
        } else if (item_count > LIMIT_NOTIFICATION_ITEMS) {
            wire_in_fault(in, field, "over %d items", LIMIT_NOTIFICATION_ITEMS);
        } else {
            in->next = next;
        }
    }
}

/* Of any form, anywhere. */
static uint64_t
take_uint(struct wire_in *in, const char *field, uint64_t max)
{
    uint8_t head = take_head(in, field);
    uint64_t value = 0;
    if (head < 0x80U) {
        value = head;
    } else if (head >= 0xccU && head <= 0xcfU) {
        value = take_be(in, field, (size_t)1 << (head - 0xccU));
    } else if (head >= 0xd0U && head <= 0xd3U) {
        /* A signed form of a value that is not negative: some encoders write these. */
        size_t size = (size_t)1 << (head - 0xd0U);
        value = take_be(in, field, size);
        if (value >> (size * 8 - 1) != 0) {
            wire_in_fault(in, field, "must not be negative");
        }
    } else if (head >= 0xe0U) {
        wire_in_fault(in, field, "must not be negative");
    } else {
        wire_in_fault(in, field, "must be an integer");
    }
    if (!in->failed && value > max) {
        wire_in_fault(in, field, "%llu is over %llu", (unsigned long long)value,
                      (unsigned long long)max);
    }
    return in->failed ? 0 : value;
}

/* Nearly all are unsigned, within their limit, and not the last bytes of a frame. */
uint64_t
wire_in_uint(struct wire_in *in, const char *field, uint64_t max)
{
    if (!in->failed && in->end - in->next >= WIRE_UINT_MAX) {
        unsigned head = *in->next;
        unsigned size = head >= 0xccU && head <= 0xcfU ? 1U << (head - 0xccU) : 0;
        uint64_t value = size == 0 ? head : be(in->next + 1, size);
        if ((size > 0 || head < 0x80U) && value <= max) {
            in->next += 1 + size;
            return value;
        }
    }
    return take_uint(in, field, max);
}

bool
wire_in_bool(struct wire_in *in, const char *field)
{
    uint8_t head = take_head(in, field);
    if (head != 0xc2U && head != 0xc3U) {
        wire_in_fault(in, field, "must be true or false");
    }
    return !in->failed && head == 0xc3U;
}

/* How many bytes the character at `at` has; 0 when it is no character of a text. */
static size_t
utf8_size(const unsigned char *at, const unsigned char *end)
{
    if (*at < 0x80U) {
        return *at < 0x20U || *at == 0x7fU ? 0 : 1;
    }
    size_t need = *at >= 0xf0U ? 4 : *at >= 0xe0U ? 3 : 2;
    if (*at < 0xc2U || *at > 0xf4U || (size_t)(end - at) < need) {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if ((at[i] & 0xc0U) != 0x80U) {
            return 0;
        }
    }
    bool longer_than_needed =
        (at[0] == 0xe0U && at[1] < 0xa0U) || (at[0] == 0xf0U && at[1] < 0x90U);
    bool surrogate = at[0] == 0xedU && at[1] > 0x9fU;
    bool beyond_unicode = at[0] == 0xf4U && at[1] > 0x8fU;
    bool control = at[0] == 0xc2U && at[1] < 0xa0U; /* C1: terminals obey these too */
    return longer_than_needed || surrogate || beyond_unicode || control ? 0 : need;
}

/* Eight bytes at once: all of them printable ASCII? A byte is not when its highest bit is set, when
 * it is below 0x20 (taking 0x20 borrows), or when it is 0x7f (xor with it leaves 0, and taking 1
 * borrows). A borrow can also reach the byte above one that is not; then the answer is no already.
 */
static bool
is_plain_ascii(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t deleted = word ^ (ones * 0x7f);
    return ((word | (word - ones * 0x20) | (deleted - ones)) & (ones * 0x80)) == 0;
}

size_t
wire_in_utf8_prefix(const char *data, size_t size)
{
    const unsigned char *start = (const unsigned char *)data;
    const unsigned char *end = start + size;
    const unsigned char *at = start;
    uint64_t word = 0;
    while ((size_t)(end - at) >= sizeof word) {
        memcpy(&word, at, sizeof word);
        if (!is_plain_ascii(word)) {
            break;
        }
        at += sizeof word;
    }
    if (at > start && at < end &&
        (size_t)(end - at) < sizeof word) { /* the last eight, some of them again */
        memcpy(&word, end - sizeof word, sizeof word);
        if (is_plain_ascii(word)) {
            return size;
        }
    }
    while (at < end) {
        size_t step = utf8_size(at, end);
        if (step == 0) {
            break;
        }
        at += step;
    }
    return (size_t)(at - start);
}

bool
wire_in_utf8(const char *data, size_t size)
{
    return wire_in_utf8_prefix(data, size) == size;
}

static void
check_size(struct wire_in *in, const char *field, uint64_t size, size_t min, size_t max)
{
    if (!in->failed && (size < min || size > max)) {
        wire_in_fault(in, field, "%llu bytes, must be %zu to %zu", (unsigned long long)size, min,
                      max);
    }
}

struct wire_text
wire_in_text(struct wire_in *in, const char *field, size_t min, size_t max)
{
    uint8_t head = take_head(in, field);
    uint64_t size = 0;
    if ((head & 0xe0U) == 0xa0U) {
        size = head & 0x1fU;
    } else if (head >= 0xd9U && head <= 0xdbU) {
        size = take_be(in, field, (size_t)1 << (head - 0xd9U));
    } else {
        wire_in_fault(in, field, "must be a text");
    }
    const uint8_t *span = take_span(in, field, size);
    check_size(in, field, size, min, max);
    if (!in->failed && !wire_in_utf8((const char *)span, (size_t)size)) {
        wire_in_fault(in, field, "must be UTF-8 without control characters");
    }
    return in->failed ? (struct wire_text){0}
                      : (struct wire_text){.data = (const char *)span, .size = (size_t)size};
}

struct wire_bytes
wire_in_bin(struct wire_in *in, const char *field, size_t min, size_t max)
{
    uint8_t head = take_head(in, field);
    uint64_t size = 0;
    if (head >= 0xc4U && head <= 0xc6U) {
        size = take_be(in, field, (size_t)1 << (head - 0xc4U));
    } else {
        wire_in_fault(in, field, "must be binary");
    }
    const uint8_t *span = take_span(in, field, size);
    check_size(in, field, size, min, max);
    return in->failed ? (struct wire_bytes){0}
                      : (struct wire_bytes){.data = span, .size = (size_t)size};
}

bool
wire_in_nil(struct wire_in *in)
{
    if (!in->failed && in->next < in->end && *in->next == FIELD_NIL) {
        in->next++;
        return true;
    }
    return false;
}

struct wire_text
wire_in_optional(struct wire_in *in, const char *field, size_t max)
{
    return wire_in_nil(in) ? (struct wire_text){0} : wire_in_text(in, field, 0, max);
}

struct wire_bytes
wire_in_optional_bin(struct wire_in *in, const char *field, size_t size)
{
    return wire_in_nil(in) ? (struct wire_bytes){0} : wire_in_bin(in, field, size, size);
}

struct wire_bytes
wire_in_skip(struct wire_in *in, const char *field)
{
    if (in->failed) {
        return (struct wire_bytes){0};
    }
    const uint8_t *start = in->next;
    struct wire_check_seen seen;
    const uint8_t *next = wire_check_value(start, in->end, &seen);
    if (next == NULL) {
        wire_in_fault(in, field, "%s", seen.fault);
        return (struct wire_bytes){0};
    }
    in->next = next;
    return (struct wire_bytes){.data = start, .size = (size_t)(next - start)};
}

err_t
wire_in_end(struct wire_in *in, struct why *why)
{
    if (!in->failed && in->next != in->end) {
        wire_in_fault(in, "message", "%zu bytes follow its end", (size_t)(in->end - in->next));
    }
    if (!in->failed) {
        return ERR_OK;
    }
    return why_set(why, ERR_INVALID, "%s", in->why.text);
}
