/*
 * Where an advertised endpoint is: a host of `*` is the one that was dialled to hear of it.
 */
#ifndef HERALD_CLIENT_CLIENT_HOST_H
#define HERALD_CLIENT_CLIENT_HOST_H

#include "base/limits.h"
#include "base/why.h"
#include "wire/wire_in.h"

/*
 * endpoint  as advertised; `tcp://` + `*:port` takes the dialled tcp host, or the loopback address
 *           when something else than tcp was dialled, which is always on this machine
 *
 * ERR_INVALID  empty, or over LIMIT_ENDPOINT_BYTES once the host is filled in
 */
err_t client_host_fill(const char *dialled, struct wire_text endpoint,
                       char filled[LIMIT_ENDPOINT_BYTES + 1], struct why *why);

#endif
