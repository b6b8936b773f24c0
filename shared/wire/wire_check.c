#include "wire/wire_check.h"

#include "base/check.h"
#include "base/limits.h"

#define LINE_BYTES 64
#define AHEAD_BYTES 2048 /* several notifications; a 16th of the nearest cache */

#define STRINGIFY(value) #value
#define DEPTH_TEXT(value) "nested deeper than " STRINGIFY(value)

enum shape_kind {
    SHAPE_NEVER = 0, /* ext, and the byte that is not used */
    SHAPE_FIXED,     /* `width` bytes follow */
    SHAPE_SPAN,      /* a length of `width` bytes, then so many bytes */
    SHAPE_ARRAY,     /* a count of `width` bytes, then so many values */
    SHAPE_MAP,       /* the same, twice as many values */
};

struct shape {
    uint8_t kind;
    uint8_t width;
};

/* What follows the head bytes 0xc0 to 0xdf. */
static const struct shape shapes[32] = {
    [0x00] = {SHAPE_FIXED, 0},                                                       /* nil */
    [0x02] = {SHAPE_FIXED, 0},                                                       /* false */
    [0x03] = {SHAPE_FIXED, 0},                                                       /* true */
    [0x04] = {SHAPE_SPAN, 1},                                                        /* bin */
    [0x05] = {SHAPE_SPAN, 2},  [0x06] = {SHAPE_SPAN, 4},  [0x0a] = {SHAPE_FIXED, 4}, /* float */
    [0x0b] = {SHAPE_FIXED, 8}, [0x0c] = {SHAPE_FIXED, 1},                            /* uint */
    [0x0d] = {SHAPE_FIXED, 2}, [0x0e] = {SHAPE_FIXED, 4}, [0x0f] = {SHAPE_FIXED, 8},
    [0x10] = {SHAPE_FIXED, 1}, /* int */
    [0x11] = {SHAPE_FIXED, 2}, [0x12] = {SHAPE_FIXED, 4}, [0x13] = {SHAPE_FIXED, 8},
    [0x19] = {SHAPE_SPAN, 1}, /* str */
    [0x1a] = {SHAPE_SPAN, 2},  [0x1b] = {SHAPE_SPAN, 4},  [0x1c] = {SHAPE_ARRAY, 2},
    [0x1d] = {SHAPE_ARRAY, 4}, [0x1e] = {SHAPE_MAP, 2},   [0x1f] = {SHAPE_MAP, 4},
};

/* The bytes and values that belong to one head. */
struct extent {
    uint64_t byte_count;
    uint64_t inside; /* values */
    bool map;
};

/* Read the length behind heads 0xc0 to 0xdf; returns where the contents begin, or NULL. */
static const uint8_t *
measure_wide(uint8_t head, const uint8_t *at, const uint8_t *end, struct extent *extent)
{
    struct shape shape = shapes[head & 0x1fU];
    if (shape.kind == SHAPE_FIXED) {
        extent->byte_count = shape.width;
        return at;
    }
    if ((size_t)(end - at) < shape.width) {
        return NULL;
    }
    uint64_t count = 0;
    for (unsigned i = 0; i < shape.width; i++) {
        count = count << 8 | *at++;
    }
    if (shape.kind == SHAPE_SPAN) {
        extent->byte_count = count;
    } else {
        extent->map = shape.kind == SHAPE_MAP;
        extent->inside = extent->map ? 2 * count : count;
    }
    return at;
}

static const uint8_t *
measure(uint8_t head, const uint8_t *at, const uint8_t *end, struct extent *extent)
{
    CHECK(head >= 0x80U && head < 0xe0U); /* small integers need no look */
    if (head >= 0xc0U) {
        return measure_wide(head, at, end, extent);
    }
    if (head >= 0xa0U) { /* short text */
        extent->byte_count = head & 0x1fU;
    } else if (head >= 0x90U) {
        extent->inside = head & 0x0fU;
    } else {
        extent->map = true;
        extent->inside = 2 * (uint64_t)(head & 0x0fU);
    }
    return at;
}

static const uint8_t *
refuse(struct wire_check_seen *seen, const char *fault)
{
    seen->fault = fault;
    return NULL;
}

/* One head with all that belongs to it, but for the values inside: those are left. */
static const uint8_t *
check_head(const uint8_t *at, const uint8_t *end, struct wire_check_seen *seen, uint64_t *inside)
{
    struct extent extent = {0};
    uint8_t head = *at++;
    if (head >= 0xc0U && shapes[head & 0x1fU].kind == SHAPE_NEVER) {
        return refuse(seen, "ext types and the byte 0xc1 are not used here");
    }
    at = measure(head, at, end, &extent);
    if (at == NULL) {
        return refuse(seen, "the message ends in the middle");
    }
    /* Each value inside takes at least one byte, so a count is believed up to that only. */
    if (extent.byte_count > (uint64_t)(end - at) || extent.inside > (uint64_t)(end - at)) {
        return refuse(seen, "its length exceeds the message");
    }
    seen->map = seen->map || extent.map;
    *inside = extent.inside;
    return at + extent.byte_count;
}

/* Nearly all values are numbers and short texts: how many bytes follow the head byte. T: that takes
 * a look at the table above. */
#define T TAKES_A_LOOK
#define TAKES_A_LOOK 255
/* clang-format off */
static const uint8_t follow[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x00 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x10 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x20 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x30 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x40 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x50 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x60 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x70 */
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, /* 0x80 */
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, /* 0x90 */
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, /* 0xa0 */
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, /* 0xb0 */
    0, T, 0, 0, T, T, T, T, T, T, 4, 8, 1, 2, 4, 8, /* 0xc0 */
    1, 2, 4, 8, T, T, T, T, T, T, T, T, T, T, T, T, /* 0xd0 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0xe0 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0xf0 */
};
/* clang-format on */
#undef T

/* What another thread has received lies in the caches of its processor, and the next value behind a
 * payload is further away than ours guesses. So the bytes that come are asked for, payloads too,
 * which are copied soon. `fetched` and the result: bytes behind `at` that need not be asked for. */
static size_t
fetch_ahead(const uint8_t *at, size_t left, size_t fetched)
{
    for (; fetched < left && fetched < AHEAD_BYTES; fetched += LINE_BYTES) {
        __builtin_prefetch(at + fetched);
    }
    return fetched;
}

/* `fresh`: as a rule nobody has read these bytes yet. */
static inline const uint8_t *
walk(const uint8_t *at, const uint8_t *end, struct wire_check_seen *seen, bool fresh)
{
    *seen = (struct wire_check_seen){0};
    uint64_t outside[LIMIT_MSGPACK_DEPTH]; /* values that are left around the innermost array */
    uint64_t left = 1;
    unsigned depth = 0;
    const uint8_t *looked = at;
    size_t fetched = 0; /* bytes behind `looked` */
    for (;;) {
        while (left == 0) {
            if (depth == 0) {
                return at;
            }
            left = outside[--depth];
        }
        left--;
        if (at == end) {
            return refuse(seen, "the message ends in the middle");
        }
        seen->item_count++;
        uint8_t step = follow[*at];
        if (step != TAKES_A_LOOK && step < end - at) {
            at += 1 + step;
            continue;
        }
        uint64_t inside = 0;
        at = check_head(at, end, seen, &inside);
        if (at == NULL) {
            return NULL;
        }
        if (fresh) {
            size_t passed = (size_t)(at - looked);
            fetched = fetch_ahead(at, (size_t)(end - at), fetched > passed ? fetched - passed : 0);
            looked = at;
        }
        if (inside > 0 && depth == LIMIT_MSGPACK_DEPTH) {
            return refuse(seen, DEPTH_TEXT(LIMIT_MSGPACK_DEPTH));
        }
        if (inside > 0) {
            outside[depth++] = left;
            left = inside;
        }
    }
}

const uint8_t *
wire_check_value(const uint8_t *at, const uint8_t *end, struct wire_check_seen *seen)
{
    return walk(at, end, seen, false);
}

err_t
wire_check(const void *frame, size_t size, struct why *why)
{
    const uint8_t *start = frame;
    if (size > LIMIT_FRAME_BYTES) {
        return why_set(why, ERR_INVALID, "message: %zu bytes, at most %d", size, LIMIT_FRAME_BYTES);
    }
    struct wire_check_seen seen;
    const uint8_t *end = size == 0 ? NULL : walk(start, start + size, &seen, true);
    if (end == NULL) {
        return why_set(why, ERR_INVALID, "message: %s", size == 0 ? "empty" : seen.fault);
    }
    if (end != start + size) {
        return why_set(why, ERR_INVALID, "message: %zu bytes follow its end",
                       size - (size_t)(end - start));
    }
    return ERR_OK;
}
