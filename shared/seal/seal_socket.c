#include "seal/seal_socket.h"

#include <stdbool.h>
#include <string.h>
#include <zmq.h>

/* In the header for drafts only; Debian's libzmq has it. Without it an empty answer of the handler,
 * or none, would let a peer in. */
#define SEAL_ZMQ_ZAP_ENFORCE_DOMAIN 93

err_t
seal_socket_serve(void *socket, const seal_secret_t *secret, const char *domain, struct why *why)
{
    int one = 1;
    int server = 0;
    int enforced = 0;
    int mechanism = -1;
    char said[64] = "";
    size_t int_size = sizeof one;
    size_t said_size = sizeof said;
    bool good = zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &one, sizeof one) == 0 &&
                zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, seal_secret_bytes(secret),
                               SEAL_KEY_BYTES) == 0 &&
                zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) == 0 &&
                zmq_setsockopt(socket, SEAL_ZMQ_ZAP_ENFORCE_DOMAIN, &one, sizeof one) == 0;
    good = good && zmq_getsockopt(socket, ZMQ_CURVE_SERVER, &server, &int_size) == 0 &&
           zmq_getsockopt(socket, ZMQ_MECHANISM, &mechanism, &int_size) == 0 &&
           zmq_getsockopt(socket, SEAL_ZMQ_ZAP_ENFORCE_DOMAIN, &enforced, &int_size) == 0 &&
           zmq_getsockopt(socket, ZMQ_ZAP_DOMAIN, said, &said_size) == 0;
    good =
        good && server == 1 && enforced == 1 && mechanism == ZMQ_CURVE && strcmp(said, domain) == 0;
    return good ? ERR_OK
                : why_set(why, ERR_UNSUPPORTED,
                          "this libzmq does not take CURVE with an enforced ZAP domain");
}

err_t
seal_socket_connect(void *socket, const seal_secret_t *secret,
                    const uint8_t server_key[SEAL_KEY_BYTES], struct why *why)
{
    int mechanism = -1;
    size_t size = sizeof mechanism;
    bool good =
        zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_key, SEAL_KEY_BYTES) == 0 &&
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, seal_secret_public(secret), SEAL_KEY_BYTES) ==
            0 &&
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, seal_secret_bytes(secret), SEAL_KEY_BYTES) ==
            0 &&
        zmq_getsockopt(socket, ZMQ_MECHANISM, &mechanism, &size) == 0 && mechanism == ZMQ_CURVE;
    return good ? ERR_OK : why_set(why, ERR_UNSUPPORTED, "this libzmq has no CURVE");
}
