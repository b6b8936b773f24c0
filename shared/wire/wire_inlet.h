/*
 * Sockets that are received from, slept on by their descriptors.
 *
 * Source: zmq_getsockopt(3), ZMQ_FD. The descriptor tells of news only, and an operation on the
 * socket may take them in silence: so a socket that was used since it was read to its end is asked
 * before the sleep, and no other. zmq_poll asks each of them twice, and each question is two system
 * calls: with one notification at a time these were half of all.
 *
 * One thread: the sockets' owner.
 */
#ifndef HERALD_WIRE_WIRE_INLET_H
#define HERALD_WIRE_WIRE_INLET_H

#include "wire/wire_socket.h"

#include <poll.h>

#define WIRE_INLETS_MAX 16

struct wire_inlet {
    void *socket; /* NULL: none */
    /* It may hold a message: it was not read to its end since it had one, or since it was used.
     * Whoever sends on the socket, connects it, asks for ZMQ_EVENTS or polls it sets this. */
    bool holds;
    bool sends; /* something waits to be sent on it: that it can be is heard as well */
};

/* A new socket, which nobody has asked yet; NULL: none. */
struct wire_inlet wire_inlet_of(void *socket);
void wire_inlet_close(struct wire_inlet *inlet); /* and its socket */

/* As wire_socket_receive, but where nothing can be it is not asked: ERR_AGAIN. */
err_t wire_inlet_receive(struct wire_inlet *inlet, zmq_msg_t *message);

/*
 * Sleep until one of them may hold a message, or can send, or `own` is ready, at most wait_ms (0:
 * look only), and note in each whether it may. When nothing was heard all are asked the next time,
 * so that nothing is missed for longer than a sleep.
 *
 * inlets  at most WIRE_INLETS_MAX; NULL, and one without a socket: passed over
 * own     a descriptor of another kind; NULL: none; its revents are set
 *
 * False: a signal ended it, or the system is short of memory; what was noted stands.
 */
bool wire_inlets_wait(struct wire_inlet *const *inlets, size_t count, struct pollfd *own,
                      long wait_ms);

#endif
