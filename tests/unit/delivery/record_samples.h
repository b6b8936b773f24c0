/*
 * Examples of every record body: what the golden file holds, and what the tests cut and extend.
 */
#ifndef HERALD_TESTS_UNIT_RECORD_SAMPLES_H
#define HERALD_TESTS_UNIT_RECORD_SAMPLES_H

#include "delivery/record_codec.h"

#include <stdio.h>

struct record_sample {
    const char *name;
    uint8_t kind; /* enum record_kind; says which of the following it is */
    union {
        struct record_notification notification;
        struct record_event event;
        struct record_custody custody;
        struct record_case opened;
        struct record_subscription subscription;
        struct record_group group;
        struct record_position position;
    };
};

extern const struct record_sample record_samples[];
extern const size_t record_samples_count;

/* The body; memory that the caller frees. */
uint8_t *record_sample_encode(const struct record_sample *sample, size_t *size);

/* Decode a body of the sample's kind into `to`. */
err_t record_sample_decode(const struct record_sample *sample, const uint8_t *body, size_t size,
                           struct record_sample *to);

/* All fields in words, one a line, in the order of the bytes; texts quoted. */
void record_sample_print(FILE *to, const struct record_sample *sample);

#endif
