/* The data directory of the services: its parts, and making them. */
#ifndef HERALD_RUNTIME_SERVICE_DATA_H
#define HERALD_RUNTIME_SERVICE_DATA_H

#include "base/why.h"

#define SERVICE_DATA_BYTES 4096

/* The journal's directory in this one. ERR_INVALID: too long. */
err_t service_data_journal(const char *data, char path[SERVICE_DATA_BYTES], struct why *why);

/* Have the directory and its parts there. ERR_INVALID, ERR_DENIED, ERR_IO. */
err_t service_data_make(const char *data, struct why *why);

#endif
