#include "wire/wire_inlet.h"

#include "base/check.h"

#include <errno.h>

struct wire_inlet
wire_inlet_of(void *socket)
{
    return (struct wire_inlet){.socket = socket, .holds = socket != NULL};
}

void
wire_inlet_close(struct wire_inlet *inlet)
{
    wire_socket_close(&inlet->socket);
    *inlet = (struct wire_inlet){.socket = NULL};
}

err_t
wire_inlet_receive(struct wire_inlet *inlet, zmq_msg_t *message)
{
    if (!inlet->holds) {
        return ERR_AGAIN;
    }
    err_t rc = wire_socket_receive(inlet->socket, message);
    inlet->holds = rc != ERR_AGAIN;
    return rc;
}

/* Or may have: a signal came in between. */
static bool
has_news(const struct wire_inlet *inlet)
{
    int events = 0;
    size_t size = sizeof events;
    if (zmq_getsockopt(inlet->socket, ZMQ_EVENTS, &events, &size) != 0) {
        CHECK(errno == EINTR);
        return true;
    }
    return (events & (inlet->sends ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN)) != 0;
}

static int
descriptor(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    CHECK(zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0);
    return fd;
}

bool
wire_inlets_wait(struct wire_inlet *const *inlets, size_t count, struct pollfd *own, long wait_ms)
{
    struct pollfd items[WIRE_INLETS_MAX + 1];
    CHECK(count <= WIRE_INLETS_MAX && wait_ms >= 0);
    for (size_t i = 0; i < count; i++) {
        struct wire_inlet *inlet = inlets[i];
        items[i] = (struct pollfd){.fd = -1, .events = POLLIN}; /* poll passes -1 over */
        if (inlet != NULL && inlet->socket != NULL) {
            items[i].fd = descriptor(inlet->socket);
            inlet->holds = (inlet->holds || inlet->sends) && has_news(inlet);
            wait_ms = inlet->holds ? 0 : wait_ms;
        }
    }
    items[count] = own == NULL ? (struct pollfd){.fd = -1} : *own;
    int ready = poll(items, count + 1, (int)wait_ms);
    bool silent = ready == 0 && wait_ms > 0;
    for (size_t i = 0; ready >= 0 && i < count; i++) {
        if (items[i].fd != -1) {
            inlets[i]->holds = inlets[i]->holds || silent || items[i].revents != 0;
        }
    }
    if (own != NULL) {
        own->revents = ready > 0 ? items[count].revents : 0;
    }
    return ready >= 0;
}
