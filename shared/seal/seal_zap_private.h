/* What seal_zap.c and seal_monitor.c share; nobody else includes it. */
#ifndef HERALD_SEAL_SEAL_ZAP_PRIVATE_H
#define HERALD_SEAL_SEAL_ZAP_PRIVATE_H

#include "seal/seal_zap.h"

#include <pthread.h>
#include <stdatomic.h>

/* One message on the control socket. */
struct seal_monitor_order {
    int what; /* seal_zap.c's */
    enum seal_domain domain;
    char address[64]; /* of the monitor */
};

struct seal_monitor {
    void *socket; /* owned */
    enum seal_domain domain;
};

struct seal_zap {
    void *context; /* borrowed */
    pthread_t thread;
    atomic_bool ended;     /* by a fault */
    pthread_mutex_t mutex; /* guards the list, and the keys of the self-test */
    seal_allow_t *allow;   /* owned */
    bool expecting;
    uint8_t expected_key[SEAL_KEY_BYTES];
    bool lent;
    uint8_t lent_key[SEAL_KEY_BYTES];
    atomic_uint_fast64_t admitted;
    atomic_uint_fast64_t refused;
    atomic_uint_fast64_t malformed;
    atomic_uint_fast64_t unsealed;
    void *orders;               /* owned; the caller's end of control */
    uint64_t watched;           /* monitors begun, for their addresses */
    atomic_uint monitors_begun; /* and not ended; at most SEAL_MONITORS_MAX */

    /* The thread's. */
    void *handler; /* owned */
    void *control; /* owned */
    struct seal_refusals refusals;
    struct seal_monitor monitors[SEAL_MONITORS_MAX];
    size_t monitor_count;
};

/* seal_monitor.c: the caller's thread makes the socket say what its handshakes fail of; the
 * handler's thread listens. False: there are as many as can be, and this one is not watched. */
bool seal_monitor_begin(seal_zap_t *self, void *socket, struct seal_monitor_order *order);
void seal_monitor_add(seal_zap_t *self, const struct seal_monitor_order *order);
void seal_monitor_take(seal_zap_t *self, size_t index);
/* When the thread has ended and the watched sockets are closed, not before: libzmq's own thread
 * waits, with all connections, until somebody takes what a watched socket says. */
void seal_monitor_close(seal_zap_t *self);

#endif
