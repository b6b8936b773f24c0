/*
 * Writes a msgpack message into memory that grows by doubling, up to LIMIT_WIRE_BYTES; more is our
 * own bug (CHECK): whoever gathers a batch asks wire_out_size first. The finished body is handed
 * over without a copy.
 */
#ifndef HERALD_WIRE_WIRE_OUT_H
#define HERALD_WIRE_WIRE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one gathers ends at LIMIT_FRAME_BYTES; the last item may start just before it. */
#define LIMIT_WIRE_BYTES (2U * 1024 * 1024)

struct wire_out {
    uint8_t *data; /* owned, from mem_alloc */
    size_t size;
    size_t capacity;
};

void wire_out_init(struct wire_out *out, size_t expected);
void wire_out_fini(struct wire_out *out);
uint8_t *wire_out_take(struct wire_out *out, size_t *size); /* the caller's now; out is empty */
size_t wire_out_size(const struct wire_out *out);

void wire_out_array(struct wire_out *out, uint32_t count);
void wire_out_uint(struct wire_out *out, uint64_t value);
void wire_out_bool(struct wire_out *out, bool value);
void wire_out_nil(struct wire_out *out);
void wire_out_text(struct wire_out *out, const char *data, size_t size);
void wire_out_string(struct wire_out *out, const char *text); /* terminated; NULL: nil */
void wire_out_bin(struct wire_out *out, const void *data, size_t size);
void wire_out_raw(struct wire_out *out, const void *data, size_t size); /* encoded already */

/* An array whose count is not known yet: five bytes, filled in by wire_out_close. */
size_t wire_out_open(struct wire_out *out);
void wire_out_close(struct wire_out *out, size_t at, uint32_t count);

#endif
