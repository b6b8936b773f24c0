/* A case as JSON, and the names of what is ordered for one. */
#ifndef HERALDCTL_CASE_PRINT_H
#define HERALDCTL_CASE_PRINT_H

#include "wire/wire_case.h"

#include <jansson.h>

/* Not ended, nor replayed: a person decides. Only then `fenced` says something. */
bool case_is_open(const struct wire_case *found);
json_t *case_json(const struct wire_case *found); /* the caller's */
const char *case_order_name(uint8_t order);       /* "-" for none; static */

#endif
