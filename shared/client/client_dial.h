/*
 * Connecting, with or without CURVE: both ends have keys, or neither has.
 */
#ifndef HERALD_CLIENT_CLIENT_DIAL_H
#define HERALD_CLIENT_CLIENT_DIAL_H

#include "seal/seal_key.h"
#include "wire/wire_in.h"

#include <stdbool.h>

/*
 * secret  ours; NULL: we have no keys
 * key     of the server at the endpoint, 32 bytes, or none
 *
 * ERR_DENIED   one of the two is missing: it is not dialled in the clear, nor in vain
 * ERR_IO       not an endpoint
 */
err_t client_dial(void *socket, const char *endpoint, const seal_secret_t *secret,
                  struct wire_bytes key, struct why *why);

/* Whether both ends have keys, or neither has. ERR_DENIED. */
err_t client_dial_check(const char *endpoint, bool has_keys, bool knows_server, struct why *why);

#endif
