#include "runtime/shell_private.h"

#include "base/check.h"

#include <errno.h>
#include <poll.h>
#include <zmq.h>

/* Or may have: a signal came in between. */
static bool
has_input(void *socket)
{
    int events = 0;
    size_t size = sizeof events;
    if (zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) != 0) {
        CHECK(errno == EINTR);
        return true;
    }
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

static void *
socket_of(const shell_t *self, int inlet)
{
    void *const sockets[SHELL_INLETS] = {
        [SHELL_FRONT] = self->front,
        [SHELL_WAKE] = self->wake,
        [SHELL_OUTCOME] = self->outcome,
    };
    return sockets[inlet];
}

void
shell_ask_all(shell_t *self)
{
    for (int i = 0; i < SHELL_INLETS; i++) {
        self->holds[i] = socket_of(self, i) != NULL;
    }
}

void
shell_wait(shell_t *self, bool front, long wait_ms)
{
    struct pollfd items[SHELL_INLETS + 1];
    for (int i = 0; i < SHELL_INLETS; i++) {
        void *socket = i == SHELL_FRONT && !front ? NULL : socket_of(self, i);
        items[i] = (struct pollfd){.fd = -1, .events = POLLIN}; /* poll passes -1 over */
        if (socket != NULL) {
            items[i].fd = descriptor(socket);
            self->holds[i] = self->holds[i] && has_input(socket);
            wait_ms = self->holds[i] ? 0 : wait_ms;
        }
    }
    items[SHELL_INLETS] = (struct pollfd){.fd = log_fd(self->log), .events = POLLIN};
    int count = poll(items, SHELL_INLETS + 1, (int)wait_ms); /* below 0: a signal, look again */
    for (int i = 0; count > 0 && i < SHELL_INLETS; i++) {
        self->holds[i] = self->holds[i] || items[i].revents != 0;
    }
    self->synced = count > 0 && items[SHELL_INLETS].revents != 0;
    if (count == 0 && wait_ms > 0) {
        shell_ask_all(self);
    }
}
