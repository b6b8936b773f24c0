/*
 * Connecting, with or without CURVE: both ends have keys, or neither has.
 */
#ifndef HERALD_CLIENT_CLIENT_DIAL_H
#define HERALD_CLIENT_CLIENT_DIAL_H

#include "seal/seal_key.h"
#include "wire/wire_in.h"

/*
 * secret  ours; NULL: we have no keys
 * key     of the server at the endpoint, 32 bytes, or none
 *
 * ERR_DENIED   one of the two is missing: it is not dialled in the clear, nor in vain
 * ERR_INVALID  not an endpoint
 */
err_t client_dial(void *socket, const char *endpoint, const seal_secret_t *secret,
                  struct wire_bytes key, struct why *why);

#endif
