/*
 * The sentence that goes with an error: what was wrong, where, and which limit. The layer that
 * detects the fault writes it, the layer that decides logs or answers it.
 */
#ifndef HERALD_BASE_WHY_H
#define HERALD_BASE_WHY_H

#include "base/err.h"

#define WHY_TEXT_SIZE 384

struct why {
    char text[WHY_TEXT_SIZE]; /* always terminated; cut where it is too long */
};

/* Write the sentence (printf form) and return `err`, so that a fault is one return statement.
 * why may be NULL: then nobody is interested in the sentence. */
err_t why_set(struct why *why, err_t err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
