/*
 * The one bounded check that every message from outside passes before anything in it is read.
 *
 * Lengths and counts are compared with what is left, nesting goes to LIMIT_MSGPACK_DEPTH, ext types
 * and the unused byte 0xc1 are refused, and the bytes end exactly where the value does. So behind
 * it nothing has to be believed: five bytes can make a general decoder reserve 8 GiB.
 *
 * Nothing is allocated and nothing recurses. Source of the format: github.com/msgpack/msgpack,
 * spec.md.
 */
#ifndef HERALD_WIRE_WIRE_CHECK_H
#define HERALD_WIRE_WIRE_CHECK_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `frame` is exactly one msgpack value. ERR_INVALID: why says what is wrong. */
err_t wire_check(const void *frame, size_t size, struct why *why);

struct wire_check_seen {
    uint64_t item_count;
    bool map;          /* a map is among them */
    const char *fault; /* static text, when the value is refused */
};

/* Pass over the one value at `at`; returns where the next begins, NULL with seen->fault otherwise.
 */
const uint8_t *wire_check_value(const uint8_t *at, const uint8_t *end,
                                struct wire_check_seen *seen);

#endif
