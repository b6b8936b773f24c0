#include "client/client_monitor.h"

#include "base/check.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

struct wire_inlet
client_monitor_open(void *context, void *socket, int events)
{
    char address[64];
    (void)snprintf(address, sizeof address, "inproc://monitor-%p", socket); /* fits */
    CHECK(zmq_socket_monitor(socket, address, events) == 0);
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    int none = 0;
    CHECK(monitor != NULL);
    CHECK(zmq_setsockopt(monitor, ZMQ_LINGER, &none, sizeof none) == 0);
    CHECK(zmq_connect(monitor, address) == 0);
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
