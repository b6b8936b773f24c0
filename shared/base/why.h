/*
 * Writing the sentence of base/why_text.h.
 */
#ifndef HERALD_BASE_WHY_H
#define HERALD_BASE_WHY_H

#include "base/why_text.h"

/* Write the sentence (printf form) and return `err`, so that a fault is one return statement.
 * why may be NULL: then nobody is interested in the sentence. */
err_t why_set(struct why *why, err_t err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
