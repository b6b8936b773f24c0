#include "client/client_monitor.h"

#include "base/check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

/* A signal that comes meanwhile ends each of the two with EINTR. */
static bool
begin(void *socket, const char *address, int events)
{
    int rc;
    do {
        rc = zmq_socket_monitor(socket, address, events);
    } while (rc != 0 && errno == EINTR);
    return rc == 0;
}

static void
listen_to(void *monitor, const char *address)
{
    int none = 0;
    int rc;
    CHECK(zmq_setsockopt(monitor, ZMQ_LINGER, &none, sizeof none) == 0);
    do {
        rc = zmq_connect(monitor, address);
    } while (rc != 0 && errno == EINTR);
    CHECK(rc == 0);
}

struct wire_inlet
client_monitor_open(void *context, void *socket, int events)
{
    char address[64];
    (void)snprintf(address, sizeof address, "inproc://monitor-%p", socket); /* fits */
    if (!begin(socket, address, events)) {
        return wire_inlet_of(NULL);
    }
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    if (monitor == NULL) {
        CHECK(errno == EMFILE || errno == ENFILE);
        (void)zmq_socket_monitor(socket, NULL, 0); /* ends it; nothing to be done otherwise */
        return wire_inlet_of(NULL);
    }
    listen_to(monitor, address);
    return wire_inlet_of(monitor);
}

void
client_monitor_close(struct wire_inlet *monitor, void *socket)
{
    if (monitor->socket != NULL) {
        (void)zmq_socket_monitor(socket, NULL, 0); /* ends it; nothing to be done otherwise */
        wire_inlet_close(monitor);
    }
}

/* A message of two parts: a number and a value, as this machine writes them, and the address. */
int
client_monitor_next(struct wire_inlet *monitor)
{
    if (!monitor->holds) {
        return 0;
    }
    zmq_msg_t part;
    uint16_t event = 0;
    CHECK(zmq_msg_init(&part) == 0);
    if (zmq_msg_recv(&part, monitor->socket, ZMQ_DONTWAIT) >= 0) {
        if (zmq_msg_size(&part) >= sizeof event) {
            memcpy(&event, zmq_msg_data(&part), sizeof event);
        }
        while (zmq_msg_more(&part) != 0 &&
               zmq_msg_recv(&part, monitor->socket, ZMQ_DONTWAIT) >= 0) {
        }
    } else {
        monitor->holds = errno == EINTR;
    }
    CHECK(zmq_msg_close(&part) == 0);
    return event;
}
