/*
 * Keys for a whole Herald: a directory for each holder, with exactly what it needs and may see.
 */
#ifndef HERALDCTL_KEYGEN_H
#define HERALDCTL_KEYGEN_H

#include "base/why.h"

#include <stdio.h>

/*
 * Make DIRECTORY/producer and so on, with what is missing in each; what is there stays. What was
 * made or kept is said on `out`, what does not fit together any more on `warnings`.
 *
 * ERR_DENIED, ERR_INVALID, ERR_IO  why names the file; what was made until then stays, and doing it
 *                                  again goes on
 */
err_t keygen_make(const char *directory, FILE *out, FILE *warnings, struct why *why);

#endif
