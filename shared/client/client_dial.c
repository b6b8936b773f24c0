#include "client/client_dial.h"

#include "seal/seal_socket.h"
#include "wire/wire_socket.h"

err_t
client_dial_check(const char *endpoint, bool has_keys, bool knows_server, struct why *why)
{
    if (!has_keys && knows_server) {
        return why_set(why, ERR_DENIED, "%s has CURVE, and no keys are given", endpoint);
    }
    if (has_keys && !knows_server) {
        return why_set(why, ERR_DENIED, "the public key of the server at %s is not known",
                       endpoint);
    }
    return ERR_OK;
}

err_t
client_dial(void *socket, const char *endpoint, const seal_secret_t *secret, struct wire_bytes key,
            struct why *why)
{
    bool knows_server = secret == NULL ? key.size > 0 : key.size == SEAL_KEY_BYTES;
    err_t rc = client_dial_check(endpoint, secret != NULL, knows_server, why);
    if (rc == ERR_OK && secret != NULL) {
        rc = seal_socket_connect(socket, secret, key.data, why);
    }
    return rc == ERR_OK ? wire_socket_connect(socket, endpoint, why) : rc;
}
