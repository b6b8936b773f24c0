/*
 * Reads a msgpack message field by field, in place, without allocation.
 *
 * Bytes from a peer are never believed: a length is compared with what is left before it is used,
 * integers that are negative, over their limit or floats are refused, text must be UTF-8 without
 * control characters. After the first fault every further field reads as zero; the reader keeps the
 * sentence that names the field and its limit, and is asked once, at the end.
 */
#ifndef HERALD_WIRE_WIRE_IN_H
#define HERALD_WIRE_WIRE_IN_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_text {
    const char *data; /* borrowed from the frame, not terminated */
    size_t size;
};

struct wire_bytes {
    const uint8_t *data; /* borrowed from the frame */
    size_t size;
};

struct wire_in {
    const uint8_t *next; /* borrowed from the frame */
    const uint8_t *end;
    bool failed;
    struct why why; /* the first fault's sentence */
};

void wire_in_init(struct wire_in *in, const void *frame, size_t size);

/* An array of min to max elements; returns how many (0 after a fault). Elements beyond those that
 * this version knows are a newer minor version's: pass what was read to wire_in_rest, which goes
 * over at most LIMIT_NOTIFICATION_ITEMS items in them and refuses maps. */
uint32_t wire_in_array(struct wire_in *in, const char *field, uint32_t min, uint32_t max);
void wire_in_rest(struct wire_in *in, uint32_t count, uint32_t known);

uint64_t wire_in_uint(struct wire_in *in, const char *field, uint64_t max);
bool wire_in_bool(struct wire_in *in, const char *field);
struct wire_text wire_in_text(struct wire_in *in, const char *field, size_t min, size_t max);
struct wire_bytes wire_in_bin(struct wire_in *in, const char *field, size_t min, size_t max);

/* True when the next value is nil, which is then consumed. */
bool wire_in_nil(struct wire_in *in);

/* nil, which reads as size 0, or a text of at most `max` bytes, or binary of exactly `size`. */
struct wire_text wire_in_optional(struct wire_in *in, const char *field, size_t max);
struct wire_bytes wire_in_optional_bin(struct wire_in *in, const char *field, size_t size);

/* Pass over one value of any kind, and return its bytes. */
struct wire_bytes wire_in_skip(struct wire_in *in, const char *field);

/* Set the first fault; later ones are ignored. */
void wire_in_fault(struct wire_in *in, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ERR_INVALID with the sentence when anything was wrong or bytes are left over. */
err_t wire_in_end(struct wire_in *in, struct why *why);

/* Whether the bytes are UTF-8 (shortest forms, no surrogates) without control characters. */
bool wire_in_utf8(const char *data, size_t size);
size_t wire_in_utf8_prefix(const char *data, size_t size); /* how many bytes of it are */

#endif
