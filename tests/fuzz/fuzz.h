/*
 * What every fuzz target is: one function that takes any bytes and breaks a CHECK when a promise is
 * broken. With libFuzzer it is driven by coverage; otherwise fuzz_plain.c runs the corpus and
 * mutations of it that follow from a seed.
 */
#ifndef HERALD_TESTS_FUZZ_H
#define HERALD_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes an input apart; behind its end everything is zero or empty. */
struct fuzz_in {
    const uint8_t *next;
    size_t left;
};

static inline uint8_t
fuzz_in_byte(struct fuzz_in *in)
{
    if (in->left == 0) {
        return 0;
    }
    in->left--;
    return *in->next++;
}

static inline uint32_t
fuzz_in_u16(struct fuzz_in *in)
{
    uint32_t low = fuzz_in_byte(in);
    return low | (uint32_t)fuzz_in_byte(in) << 8;
}

/* Up to `wanted` bytes; *size: how many there are. */
static inline const uint8_t *
fuzz_in_span(struct fuzz_in *in, size_t wanted, size_t *size)
{
    const uint8_t *start = in->next;
    *size = wanted < in->left ? wanted : in->left;
    if (*size > 0) {
        in->next += *size;
        in->left -= *size;
    }
    return start;
}

#endif
