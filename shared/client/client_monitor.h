/*
 * ZeroMQ connects again by itself, and says so here only.
 *
 * One thread: the socket's.
 */
#ifndef HERALD_CLIENT_CLIENT_MONITOR_H
#define HERALD_CLIENT_CLIENT_MONITOR_H

/* Before the socket is connected. events: ZMQ_EVENT_... to be told. Returns a socket that can be
 * polled. */
void *client_monitor_open(void *context, void *socket, int events);
/* Before the socket itself is closed. */
void client_monitor_close(void **monitor_p, void *socket);

int client_monitor_next(void *monitor); /* the next event; 0: none yet */

#endif
