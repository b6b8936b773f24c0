/*
 * Decodes any message with the readers of shared/wire, all lists included, and encodes what it has
 * read again. So one call shows of every message that it can be read, and the bytes show what the
 * reader has understood.
 */
#ifndef HERALD_TESTS_WIRE_ECHO_H
#define HERALD_TESTS_WIRE_ECHO_H

#include "base/why.h"
#include "wire/wire_out.h"

#include <stddef.h>

/* Append the message to `out`. ERR_INVALID, ERR_UNSUPPORTED: why says so; `out` is then void. */
err_t wire_echo(const void *frame, size_t size, struct wire_out *out, struct why *why);

#endif
