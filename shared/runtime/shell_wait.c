#include "runtime/shell_private.h"

#include "base/check.h"

#include <poll.h>
#include <zmq.h>

static bool
has_input(void *socket)
{
    int events = 0;
    size_t size = sizeof events;
    CHECK(zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0);
    return (events & ZMQ_POLLIN) != 0;
}

static int
descriptor(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    CHECK(zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0);
    return fd;
}

void
shell_wait(shell_t *self, bool front, long wait_ms)
{
    void *const sockets[SHELL_INLETS] = {
        [SHELL_FRONT] = front ? self->front : NULL,
        [SHELL_WAKE] = self->wake,
        [SHELL_OUTCOME] = self->outcome,
    };
    struct pollfd items[SHELL_INLETS + 1];
    for (int i = 0; i < SHELL_INLETS; i++) {
        items[i] = (struct pollfd){.fd = -1, .events = POLLIN}; /* poll passes -1 over */
        if (sockets[i] != NULL) {
            items[i].fd = descriptor(sockets[i]);
            self->holds[i] = self->holds[i] && has_input(sockets[i]);
            wait_ms = self->holds[i] ? 0 : wait_ms;
        }
    }
    items[SHELL_INLETS] = (struct pollfd){.fd = log_fd(self->log), .events = POLLIN};
    if (poll(items, SHELL_INLETS + 1, (int)wait_ms) <= 0) {
        return; /* nothing, or a signal: look again */
    }
    for (int i = 0; i < SHELL_INLETS; i++) {
        self->holds[i] = self->holds[i] || items[i].revents != 0;
    }
}
