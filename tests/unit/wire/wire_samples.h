/*
 * One example of every message, as its encoder writes it; some have more, for their variants.
 */
#ifndef HERALD_TESTS_WIRE_SAMPLES_H
#define HERALD_TESTS_WIRE_SAMPLES_H

#include "wire/wire_out.h"
#include "wire/wire_submit.h"

#include <stddef.h>

struct wire_sample {
    const char *name;
    void (*encode)(struct wire_out *out);
};

extern const struct wire_sample wire_samples[];
extern const size_t wire_samples_count;

/* The notification that the examples carry. */
struct wire_notification wire_samples_paid(void);

/* The message as its bytes; the caller frees it with mem_free. */
uint8_t *wire_samples_bytes(const struct wire_sample *sample, size_t *size);

#endif
