/*
 * ZeroMQ contexts. All clients of a process share one: one thread for their sockets, however many
 * there are. A consumer has one of its own.
 *
 * The shared one is made with the first that holds it, gone with the last. Any thread. After fork
 * the child has one of its own; what it inherited is its parent's, and is left alone. No other
 * thread may be in these functions while a process forks.
 */
#ifndef HERALD_CLIENT_CLIENT_CONTEXT_H
#define HERALD_CLIENT_CLIENT_CONTEXT_H

#include "base/why.h"

/*
 * *context_p must be NULL. A context that is made here is started too.
 *
 * descriptors  that whoever calls takes right after this, one a socket
 *
 * ERR_FULL  no room for it (client_room.h); *context_p stays NULL
 */
err_t client_context_hold(void **context_p, unsigned descriptors, struct why *why);
/* Gives back what client_context_hold gave, once all its sockets are closed; NULL: nothing. The
 * last one waits as long as their messages may linger. */
void client_context_release(void **context_p);

/* The same with one that nobody shares. */
err_t client_context_new(void **context_p, unsigned descriptors, struct why *why);
void client_context_destroy(void **context_p);

#endif
