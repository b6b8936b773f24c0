/*
 * The settings of all services, so that each of them can tell a variable of the environment that is
 * another one's from one that is nobody's.
 */
#ifndef HERALD_SERVICE_TABLES_H
#define HERALD_SERVICE_TABLES_H

#include "runtime/settings.h"

extern const struct setting *const service_tables[]; /* a NULL behind the last */

#endif
