#include "client/client_dial.h"

#include "seal/seal_socket.h"
#include "wire/wire_socket.h"

err_t
client_dial(void *socket, const char *endpoint, const seal_secret_t *secret, struct wire_bytes key,
            struct why *why)
{
    if (secret == NULL && key.size > 0) {
        return why_set(why, ERR_DENIED, "%s has CURVE, and no keys are given", endpoint);
    }
    if (secret != NULL && key.size != SEAL_KEY_BYTES) {
        return why_set(why, ERR_DENIED, "the public key of the server at %s is not known",
                       endpoint);
    }
    err_t rc = secret == NULL ? ERR_OK : seal_socket_connect(socket, secret, key.data, why);
    return rc == ERR_OK ? wire_socket_connect(socket, endpoint, why) : rc;
}
