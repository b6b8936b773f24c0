/*
 * How many connections a process takes. libzmq has no limit of its own, and when a listener on a
 * local socket meets EMFILE it ends the process; so the last descriptors are kept from it, for the
 * journal, its next segment and recovery.
 *
 * libzmq calls accept4, and the program's own accept4 stands in its place: while all descriptors
 * below the reserve are in use, a new connection is closed at once.
 */
#ifndef HERALD_RUNTIME_ACCEPT_GUARD_H
#define HERALD_RUNTIME_ACCEPT_GUARD_H

#include <stdint.h>

/* Raise the limit of descriptors as far as it may be raised, for so many connections and what the
 * process opens itself. Before the first socket. */
void accept_guard_open(int64_t connections_max);

/* Connections that were refused since the start. From any thread. */
uint64_t accept_guard_refused(void);

#endif
