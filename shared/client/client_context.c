#include "client/client_context.h"

#include "base/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>
#include <zmq.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *shared; /* NULL: nobody holds it */
static size_t holders;
static pid_t process; /* whose it is */

/* As many sockets as libzmq can: the limit that counts is that of descriptors. */
static void *
context_new(void)
{
    void *context = zmq_ctx_new();
    CHECK(context != NULL);
    int most = zmq_ctx_get(context, ZMQ_SOCKET_LIMIT);
    CHECK(most > 0 && zmq_ctx_set(context, ZMQ_MAX_SOCKETS, most) == 0);
    return context;
}

static void
let_go(void *context)
{
    while (zmq_ctx_term(context) != 0 && errno == EINTR) {
    }
}

void *
client_context_hold(void)
{
    CHECK(pthread_mutex_lock(&lock) == 0);
    if (shared == NULL || process != getpid()) {
        shared = context_new();
        holders = 0;
        process = getpid();
    }
    holders++;
    void *context = shared;
    CHECK(pthread_mutex_unlock(&lock) == 0);
    return context;
}

void
client_context_release(void **context_p)
{
    void *context = *context_p;
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
        let_go(context);
    }
}
