/*
 * ZeroMQ sockets with every option that matters set on purpose (docs/PROTOCOL.md, "Sockets"), and
 * one-frame messages on them. Each socket belongs to one thread.
 */
#ifndef HERALD_WIRE_WIRE_SOCKET_H
#define HERALD_WIRE_WIRE_SOCKET_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#define WIRE_ROUTE_MAX 32 /* bytes of a routing id that is answered */

enum wire_socket_kind {
    WIRE_SOCKET_FRONT,  /* ROUTER, bound */
    WIRE_SOCKET_CLIENT, /* DEALER, connected */
    WIRE_SOCKET_PUSH,
    WIRE_SOCKET_PULL,
};

/*
 * A socket that is neither bound nor connected yet.
 *
 * linger_ms  how long closing waits for what is still to be sent: 0 in services
 * high_water messages a peer, each way; at least 1; a front door sends up to four times as many
 *
 * No descriptor left, or as many sockets as the context may have, ends the process; with `try` it
 * gives NULL, and errno says which.
 */
void *wire_socket_new(void *context, enum wire_socket_kind kind, int linger_ms, int high_water);
void *wire_socket_try_new(void *context, enum wire_socket_kind kind, int linger_ms, int high_water);
void wire_socket_close(void **socket_p);
/* zmq_ctx_term, once all sockets are closed; a signal does not end it. */
void wire_socket_end_context(void *context);

/* Bind to each endpoint of a list with spaces in between. The errors of wire_endpoint_check_bind,
 * with nothing bound; it is open while `insecure` is false and the socket is no CURVE server.
 * ERR_IO: why names the one that could not be bound; those before it are. */
err_t wire_socket_bind(void *socket, const char *endpoints, bool insecure, struct why *why);
err_t wire_socket_connect(void *socket, const char *endpoint, struct why *why); /* ERR_IO */

/* What the socket was bound to last, with the port that was chosen. */
err_t wire_socket_endpoint(void *socket, char *text, size_t size);

/* Send a body that was allocated with mem_alloc, without a copy; consumed in every case.
 * ERR_AGAIN: not sent, the peer's queue is full or there is none. ERR_NOT_FOUND: unknown route. */
err_t wire_socket_send(void *socket, uint8_t *body, size_t size);
err_t wire_socket_send_to(void *socket, const uint8_t *route, size_t route_size, uint8_t *body,
                          size_t size);
/* The same, but on ERR_AGAIN the body stays the caller's. */
err_t wire_socket_offer(void *socket, uint8_t **body_p, size_t size);

/*
 * Receive one body without waiting; message was initialised by zmq_msg_init. More frames than one
 * are dropped: then size is 0.
 *
 * ERR_AGAIN  nothing there
 */
err_t wire_socket_receive(void *socket, zmq_msg_t *message);
/* On a ROUTER: the route too. ERR_INVALID: a message of another form was dropped. */
err_t wire_socket_receive_from(void *socket, uint8_t route[WIRE_ROUTE_MAX], size_t *route_size,
                               zmq_msg_t *message);

#endif
