#include "runtime/accept_guard.h"

#include "base/check.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a service opens for itself: sockets that listen, their eventfds, libraries. */
#define OWN 256

/* The files that it opens while it runs: a segment, its successor, a spare, some that are read, and
 * SQLite's. Kept free below the limit, whatever that is. */
#define RESERVE 32

static atomic_uint_fast64_t refused;
static atomic_int highest = INT_MAX; /* descriptors from here on are for files only */

void
accept_guard_open(int64_t connections_max)
{
    CHECK(connections_max > 0 && connections_max < INT_MAX - OWN - RESERVE);
    struct rlimit limit;
    rlim_t wanted = (rlim_t)connections_max + OWN + RESERVE;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* else fewer connections are taken */
    }
    atomic_store(&highest, (int)connections_max + OWN);
}

uint64_t
accept_guard_refused(void)
{
    return atomic_load(&refused);
}

/* The limit may be changed from outside, so it is asked for each time; a connection costs a hundred
 * times more. */
static int
first_kept(void)
{
    struct rlimit limit;
    int most = atomic_load(&highest);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)most + RESERVE) {
        return limit.rlim_cur > RESERVE ? (int)limit.rlim_cur - RESERVE : 0;
    }
    return most;
}

/* glibc declares it with a type of its own, and only for _GNU_SOURCE. */
int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags);

/* Descriptors are given out lowest first: one that is high says that all below it are in use. */
int
accept4(int listener, struct sockaddr *address, socklen_t *size, int flags)
{
    long accepted = syscall(SYS_accept4, listener, address, size, flags);
    if (accepted >= 0 && accepted >= first_kept()) {
        (void)close((int)accepted); /* nothing was sent or read */
        accepted = -1;
        errno = EMFILE;
    }
    if (accepted < 0 && errno == EMFILE) {
        (void)atomic_fetch_add(&refused, 1);
        errno = ECONNABORTED; /* to libzmq: the peer has changed its mind */
    }
    return (int)accepted;
}
