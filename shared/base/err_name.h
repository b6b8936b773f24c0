/* The names of the codes in base/err.h, for logs and people. */
#ifndef HERALD_BASE_ERR_NAME_H
#define HERALD_BASE_ERR_NAME_H

#include "base/err.h"

/* As in "ERR_CORRUPT". Static storage; "ERR_?" for a number not listed. */
const char *err_name(err_t err);

#endif
