#include "client/client_room.h"

#include "base/check.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS 2 /* of a context: the one for input and output, and the reaper */

static err_t
try_descriptors(unsigned count, struct why *why)
{
    int tried[CLIENT_ROOM_MAX];
    unsigned got = 0;
    int fault = 0;
    CHECK(count <= CLIENT_ROOM_MAX);
    while (got < count && fault == 0) {
        tried[got] = eventfd(0, EFD_CLOEXEC);
        fault = tried[got] < 0 ? errno : 0;
        got += fault == 0;
    }
    for (unsigned i = 0; i < got; i++) {
        (void)close(tried[i]); /* nothing is kept in it */
    }
    return fault == 0 ? ERR_OK
                      : why_set(why, ERR_FULL, "%u descriptors are needed, %u are left: %s", count,
                                got, strerror(fault));
}

static void *
wait_for_gate(void *gate)
{
    CHECK(pthread_mutex_lock(gate) == 0);
    CHECK(pthread_mutex_unlock(gate) == 0);
    return NULL;
}

/* All at once, as a context has them. */
static err_t
try_threads(struct why *why)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t tried[THREADS];
    sigset_t all;
    sigset_t before;
    unsigned got = 0;
    int fault = 0;
    CHECK(sigfillset(&all) == 0); /* signals are for the program's own threads */
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    CHECK(pthread_mutex_lock(&gate) == 0);
    while (got < THREADS && fault == 0) {
        fault = pthread_create(&tried[got], NULL, wait_for_gate, &gate);
        got += fault == 0;
    }
    CHECK(pthread_mutex_unlock(&gate) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    for (unsigned i = 0; i < got; i++) {
        CHECK(pthread_join(tried[i], NULL) == 0);
    }
    return fault == 0 ? ERR_OK
                      : why_set(why, ERR_FULL, "%d threads are needed, %u are left: %s", THREADS,
                                got, strerror(fault));
}

err_t
client_room_check(unsigned descriptors, struct why *why)
{
    err_t rc = try_descriptors(descriptors, why);
    return rc == ERR_OK ? try_threads(why) : rc;
}
