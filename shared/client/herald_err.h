/* The codes that the calls of this library return, by name; what they say is in base/err.h. */
#ifndef HERALD_ERR_H
#define HERALD_ERR_H

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As in "ERR_TIMEOUT". Static storage; "ERR_?" for a number not listed. Any thread. */
const char *herald_err_name(err_t err);

#ifdef __cplusplus
}
#endif

#endif
