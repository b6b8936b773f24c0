/*
 * The ZeroMQ context that all clients of a process share: one thread for their sockets, however
 * many there are.
 *
 * Made with the first that holds it, gone with the last. Any thread. After fork the child has one
 * of its own; what it inherited is its parent's, and is left alone. No other thread may be in these
 * functions while a process forks.
 */
#ifndef HERALD_CLIENT_CLIENT_CONTEXT_H
#define HERALD_CLIENT_CLIENT_CONTEXT_H

void *client_context_hold(void);
/* Gives back what client_context_hold returned, once all its sockets are closed. The last one waits
 * as long as their messages may linger. */
void client_context_release(void **context_p);

#endif
