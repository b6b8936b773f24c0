#include "wire/wire_socket.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"
#include "wire/wire_endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What was set is read back: a library that ignores it is not one to serve with. */
static void
set_int(void *socket, int option, int value)
{
    int said = -1;
    size_t size = sizeof said;
    CHECK(zmq_setsockopt(socket, option, &value, sizeof value) == 0);
    CHECK(zmq_getsockopt(socket, option, &said, &size) == 0 && said == value);
}

/* libzmq does not tell these. */
static void
set_untold(void *socket, int option, int value)
{
    CHECK(zmq_setsockopt(socket, option, &value, sizeof value) == 0);
}

void *
wire_socket_try_new(void *context, enum wire_socket_kind kind, int linger_ms, int high_water)
{
    static const int types[] = {
        [WIRE_SOCKET_FRONT] = ZMQ_ROUTER,
        [WIRE_SOCKET_CLIENT] = ZMQ_DEALER,
        [WIRE_SOCKET_PUSH] = ZMQ_PUSH,
        [WIRE_SOCKET_PULL] = ZMQ_PULL,
    };
    CHECK(high_water > 0);
    void *socket = zmq_socket(context, types[kind]);
    if (socket == NULL) {
        CHECK(errno == EMFILE || errno == ENFILE);
        return NULL;
    }
    int64_t largest = LIMIT_FRAME_BYTES + 64; /* 33 bytes are CURVE's */
    int64_t said = 0;
    size_t size = sizeof said;
    CHECK(zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0);
    CHECK(zmq_getsockopt(socket, ZMQ_MAXMSGSIZE, &said, &size) == 0 && said == largest);
    set_int(socket, ZMQ_SNDHWM, high_water);
    set_int(socket, ZMQ_RCVHWM, high_water);
    set_int(socket, ZMQ_LINGER, linger_ms);
    /* Never libzmq's own heartbeats: when one falls due on a connection whose peer has gone while
     * its queue was full, libzmq ends the whole process (zeromq/libzmq issues 3937 and 4364), so
     * that any client could. PING and PONG watch over sessions, keepalive over what is idle. */
    set_int(socket, ZMQ_HEARTBEAT_IVL, 0);
    set_int(socket, ZMQ_HANDSHAKE_IVL, 3000);
    set_int(socket, ZMQ_TCP_KEEPALIVE, 1);
    set_int(socket, ZMQ_TCP_KEEPALIVE_IDLE, 6);
    set_int(socket, ZMQ_TCP_KEEPALIVE_INTVL, 3);
    set_int(socket, ZMQ_TCP_KEEPALIVE_CNT, 3);
    set_int(socket, ZMQ_TCP_MAXRT, 15000);
    set_int(socket, ZMQ_RECONNECT_IVL, 100);
    set_int(socket, ZMQ_RECONNECT_IVL_MAX, 2000);
    set_int(socket, ZMQ_CONNECT_TIMEOUT, 2000);
    set_int(socket, ZMQ_BACKLOG, 1024);
    if (kind == WIRE_SOCKET_FRONT) {
        /* After a slow sync the answers to all that was taken leave at once, and ZeroMQ learns only
         * in steps of half the mark what a peer has been sent: with the same mark both ways, some
         * of them would be dropped although the peer reads. */
        set_int(socket, ZMQ_SNDHWM, 4 * high_water);
        set_untold(socket, ZMQ_ROUTER_MANDATORY, 1);
        set_untold(socket, ZMQ_ROUTER_HANDOVER, 0);
    } else {
        set_int(socket, ZMQ_IMMEDIATE, 1);
    }
    return socket;
}

void *
wire_socket_new(void *context, enum wire_socket_kind kind, int linger_ms, int high_water)
{
    void *socket = wire_socket_try_new(context, kind, linger_ms, high_water);
    CHECK(socket != NULL);
    return socket;
}

void
wire_socket_close(void **socket_p)
{
    if (*socket_p != NULL) {
        CHECK(zmq_close(*socket_p) == 0);
        *socket_p = NULL;
    }
}

void
wire_socket_end_context(void *context)
{
    while (zmq_ctx_term(context) != 0) {
        CHECK(errno == EINTR);
    }
}

/* A CURVE server: whom it lets in is the ZAP handler's. */
static bool
has_curve(void *socket)
{
    int server = 0;
    size_t size = sizeof server;
    return zmq_getsockopt(socket, ZMQ_CURVE_SERVER, &server, &size) == 0 && server == 1;
}

err_t
wire_socket_bind(void *socket, const char *endpoints, bool insecure, struct why *why)
{
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    err_t rc = wire_endpoint_check_bind(endpoints, !insecure && !has_curve(socket), why);
    while (rc == ERR_OK && (rc = wire_endpoint_next(&endpoints, endpoint, why)) == ERR_OK) {
        if (zmq_bind(socket, endpoint) != 0) {
            rc = why_set(why, ERR_IO, "cannot bind %s: %s", endpoint, zmq_strerror(errno));
        }
    }
    return rc == ERR_NOT_FOUND ? ERR_OK : rc; /* the list's end */
}

err_t
wire_socket_connect(void *socket, const char *endpoint, struct why *why)
{
    int rc;
    do {
        rc = zmq_connect(socket, endpoint);
    } while (rc != 0 && errno == EINTR); /* a signal, before anything was done */
    return rc == 0
               ? ERR_OK
               : why_set(why, ERR_IO, "cannot connect to %s: %s", endpoint, zmq_strerror(errno));
}

err_t
wire_socket_endpoint(void *socket, char *text, size_t size)
{
    return zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, text, &size) == 0 ? ERR_OK : ERR_IO;
}

static void
body_free(void *body, void *hint)
{
    (void)hint; /* not used: mem_free needs the address only */
    mem_free(body);
}

err_t
wire_socket_offer(void *socket, uint8_t **body_p, size_t size)
{
    zmq_msg_t message;
    CHECK(zmq_msg_init_data(&message, *body_p, size, body_free, NULL) == 0);
    if (zmq_msg_send(&message, socket, ZMQ_DONTWAIT) >= 0) {
        *body_p = NULL;
        return ERR_OK;
    }
    CHECK(errno == EAGAIN || errno == EINTR || errno == EHOSTUNREACH || errno == ETERM);
    /* Closing the message would free the body: what is sent instead is a copy, and libzmq keeps
     * none of a message that it refused. */
    uint8_t *copy = mem_copy(*body_p, size);
    (void)zmq_msg_close(&message); /* frees the original */
    *body_p = copy;
    return ERR_AGAIN;
}

err_t
wire_socket_send(void *socket, uint8_t *body, size_t size)
{
    err_t rc = wire_socket_offer(socket, &body, size);
    mem_free(body);
    return rc;
}

err_t
wire_socket_send_to(void *socket, const uint8_t *route, size_t route_size, uint8_t *body,
                    size_t size)
{
    /* After a failed address frame the body would be taken as an address: stop. */
    if (zmq_send(socket, route, route_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        mem_free(body);
        return errno == EAGAIN ? ERR_AGAIN : ERR_NOT_FOUND;
    }
    return wire_socket_send(socket, body, size);
}

/* Frames behind the expected ones belong to a message of another form. */
static bool
drop_rest(void *socket, zmq_msg_t *message)
{
    bool more = zmq_msg_more(message) != 0;
    bool any = more;
    while (more && zmq_msg_recv(message, socket, ZMQ_DONTWAIT) >= 0) {
        more = zmq_msg_more(message) != 0;
    }
    return any;
}

/* A signal does not end it: libzmq may have taken the news of a message before it came. */
static int
receive(void *socket, zmq_msg_t *message)
{
    int size;
    do {
        size = zmq_msg_recv(message, socket, ZMQ_DONTWAIT);
        /* UNREACHED: by a signal at the right moment only; test_wire_inlet.c sends 2,000. */
    } while (size < 0 && errno == EINTR);
    return size;
}

err_t
wire_socket_receive(void *socket, zmq_msg_t *message)
{
    if (receive(socket, message) < 0) {
        return ERR_AGAIN;
    }
    return drop_rest(socket, message) ? ERR_INVALID : ERR_OK;
}

err_t
wire_socket_receive_from(void *socket, uint8_t route[WIRE_ROUTE_MAX], size_t *route_size,
                         zmq_msg_t *message)
{
    int size = receive(socket, message);
    if (size < 0) {
        return ERR_AGAIN;
    }
    bool fits = (size_t)size <= WIRE_ROUTE_MAX;
    if (fits) {
        memcpy(route, zmq_msg_data(message), (size_t)size);
        *route_size = (size_t)size;
    }
    if (zmq_msg_more(message) == 0 || receive(socket, message) < 0) {
        return ERR_INVALID;
    }
    return drop_rest(socket, message) || !fits ? ERR_INVALID : ERR_OK;
}
