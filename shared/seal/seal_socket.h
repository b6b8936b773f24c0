/*
 * The options that put CURVE on a socket. Set before it is bound or connected, and read back.
 *
 * ERR_UNSUPPORTED: this libzmq does not do it.
 */
#ifndef HERALD_SEAL_SEAL_SOCKET_H
#define HERALD_SEAL_SEAL_SOCKET_H

#include "seal/seal_key.h"

/* A server, each connection of which the ZAP handler decides, in this domain. */
err_t seal_socket_serve(void *socket, const seal_secret_t *secret, const char *domain,
                        struct why *why);

/* A client of the server that has this key. */
err_t seal_socket_connect(void *socket, const seal_secret_t *secret,
                          const uint8_t server_key[SEAL_KEY_BYTES], struct why *why);

#endif
