#include "client/client_context.h"

#include "base/check.h"
#include "client/client_room.h"
#include "wire/wire_socket.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>
#include <zmq.h>

/* An eventfd for zmq_ctx_term, an eventfd and an epoll each for the thread of input and output and
 * the reaper, and the socket that starts them. */
#define DESCRIPTORS 6

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* also: one context starts at a time */
static void *shared;                                     /* NULL: nobody holds it */
static size_t holders;
static pid_t process; /* whose it is */

/* With its first socket a context starts its threads. Here, so that nothing else that this library
 * does comes between the trial and that. As many sockets as libzmq can, if `many`: the limit that
 * counts is that of descriptors. */
static err_t
start(void **context_p, unsigned descriptors, bool many, struct why *why)
{
    err_t rc = client_room_check(DESCRIPTORS + descriptors, why);
    if (rc != ERR_OK) {
        return rc;
    }
    void *context = zmq_ctx_new();
    if (context == NULL) {
        return why_set(why, ERR_FULL, "no ZeroMQ context: %s", zmq_strerror(errno));
    }
    int most = many ? zmq_ctx_get(context, ZMQ_SOCKET_LIMIT) : ZMQ_MAX_SOCKETS_DFLT;
    CHECK(most > 0 && zmq_ctx_set(context, ZMQ_MAX_SOCKETS, most) == 0);
    void *first = zmq_socket(context, ZMQ_PAIR);
    if (first == NULL) {
        rc = why_set(why, ERR_FULL, "no ZeroMQ socket: %s", zmq_strerror(errno));
        wire_socket_end_context(context);
        return rc;
    }
    CHECK(zmq_close(first) == 0);
    *context_p = context;
    return ERR_OK;
}

err_t
client_context_hold(void **context_p, unsigned descriptors, struct why *why)
{
    err_t rc = ERR_OK;
    CHECK(*context_p == NULL);
    CHECK(pthread_mutex_lock(&lock) == 0);
    if (shared == NULL || process != getpid()) {
        shared = NULL;
        holders = 0;
        process = getpid();
        rc = start(&shared, descriptors, true, why);
    }
    holders += rc == ERR_OK;
    *context_p = shared;
    CHECK(pthread_mutex_unlock(&lock) == 0);
    return rc;
}

void
client_context_release(void **context_p)
{
    void *context = *context_p;
    if (context == NULL) {
        return;
    }
    *context_p = NULL;
    CHECK(pthread_mutex_lock(&lock) == 0);
    bool ours = context == shared && process == getpid();
    CHECK(!ours || holders > 0);
    bool last = ours && --holders == 0;
    if (last) {
        shared = NULL; /* whoever comes while it ends has another one */
    }
    CHECK(pthread_mutex_unlock(&lock) == 0);
    if (last) {
        wire_socket_end_context(context);
    }
}

err_t
client_context_new(void **context_p, unsigned descriptors, struct why *why)
{
    CHECK(*context_p == NULL);
    CHECK(pthread_mutex_lock(&lock) == 0);
    err_t rc = start(context_p, descriptors, false, why);
    CHECK(pthread_mutex_unlock(&lock) == 0);
    return rc;
}

void
client_context_destroy(void **context_p)
{
    if (*context_p != NULL) {
        wire_socket_end_context(*context_p);
        *context_p = NULL;
    }
}
