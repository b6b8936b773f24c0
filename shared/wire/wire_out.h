/*
 * Writes a msgpack message into memory that grows by doubling, up to LIMIT_WIRE_BYTES; more is our
 * own bug (CHECK): whoever gathers a batch asks wire_out_has_room first. The finished body is
 * handed over without a copy.
 */
#ifndef HERALD_WIRE_WIRE_OUT_H
#define HERALD_WIRE_WIRE_OUT_H

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
