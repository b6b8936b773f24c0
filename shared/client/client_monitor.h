/*
 * ZeroMQ connects again by itself, and says so here only.
 *
 * One thread: the socket's.
 */
#ifndef HERALD_CLIENT_CLIENT_MONITOR_H
#define HERALD_CLIENT_CLIENT_MONITOR_H

#include "wire/wire_inlet.h"

#define CLIENT_MONITOR_DESCRIPTORS 2 /* that it takes */

/* Before the socket is connected. events: ZMQ_EVENT_... to be told. Without a socket if no
 * descriptor is left; the monitored one is as it was then. */
struct wire_inlet client_monitor_open(void *context, void *socket, int events);
/* Before the socket itself is closed. */
void client_monitor_close(struct wire_inlet *monitor, void *socket);

int client_monitor_next(struct wire_inlet *monitor); /* the next event; 0: none yet */

#endif
