/*
 * Endpoints as settings name them, looked at without a socket: libzmq says what it thinks of one by
 * binding or connecting only, and a setting shall be refused before anything has begun.
 */
#ifndef HERALD_WIRE_WIRE_ENDPOINT_H
#define HERALD_WIRE_WIRE_ENDPOINT_H

#include "base/limits.h"
#include "base/why.h"

#include <stdbool.h>

#define WIRE_ENDPOINT_IPC_BYTES 107 /* of an ipc path: the system's */

/* The next endpoint of a list with spaces in between, cut off its front. ERR_NOT_FOUND: there is
 * none. ERR_INVALID: longer than LIMIT_ENDPOINT_BYTES. */
err_t wire_endpoint_next(const char **list, char endpoint[LIMIT_ENDPOINT_BYTES + 1],
                         struct why *why);

/*
 * Whether all endpoints of a list can be bound, as far as their texts tell.
 *
 * open  whoever reaches the socket may use it: without CURVE, and the settings do not say that this
 *       is meant
 *
 * ERR_INVALID  not tcp://HOST:PORT, ipc://PATH or inproc://NAME, or too long
 * ERR_DENIED   it reaches beyond this machine, and is open
 */
err_t wire_endpoint_check_bind(const char *endpoints, bool open, struct why *why);

/* Whether one endpoint can be connected to, as far as its text tells. ERR_INVALID. */
err_t wire_endpoint_check_connect(const char *endpoint, struct why *why);

#endif
