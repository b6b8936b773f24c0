/*
 * A message as readable text, made by msgpack-c and so by other code than Herald's own reader:
 * [1, 2, "text", h'00ff', nil, true].
 */
#ifndef HERALD_TESTS_WIRE_PRINT_H
#define HERALD_TESTS_WIRE_PRINT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* 0 when `bytes` are exactly one value. */
int wire_print(FILE *to, const uint8_t *bytes, size_t size);

#endif
