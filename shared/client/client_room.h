/*
 * Whether there is room for a ZeroMQ context. libzmq ends the process when it gets no descriptor
 * for epoll or no thread while a context starts (epoll.cpp, thread.cpp: errno_assert,
 * posix_assert), so that both are tried first, and given back.
 *
 * What another thread of the process takes between the trial and the start is not seen.
 */
#ifndef HERALD_CLIENT_CLIENT_ROOM_H
#define HERALD_CLIENT_CLIENT_ROOM_H

#include "base/why.h"

#define CLIENT_ROOM_MAX 32 /* descriptors tried at once */

/* Try so many descriptors, and as many threads as a context has. ERR_FULL: why names what there is
 * not enough of. */
err_t client_room_check(unsigned descriptors, struct why *why);

#endif
