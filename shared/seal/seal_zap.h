/*
 * The ZAP handler: a thread of its own that libzmq asks about every connection to a CURVE socket of
 * its context. What it does not know is refused. It must be there before any socket is bound, and
 * as long as any is.
 */
#ifndef HERALD_SEAL_SEAL_ZAP_H
#define HERALD_SEAL_SEAL_ZAP_H

#include "seal/seal_allow.h"
#include "seal/seal_refusals.h"
#include "seal/seal_zap_request.h"

#include <stdbool.h>
#include <stdint.h>

#define SEAL_MONITORS_MAX 256 /* of more sockets failed handshakes are not counted */

/* Handshakes since the start. */
struct seal_counts {
    uint64_t admitted;
    uint64_t refused;   /* by the handler: key or role */
    uint64_t malformed; /* requests to the handler that made no sense */
    uint64_t unsealed;  /* before it was asked: no CURVE, another server's key, broken off */
};

typedef struct seal_zap seal_zap_t;

struct seal_zap_settings {
    void *context;            /* of ZeroMQ; borrowed */
    seal_allow_t *allow;      /* taken over */
    seal_refused_fn *refused; /* called from the handler's thread */
    void *refused_context;    /* borrowed */
};

/* ERR_CONFLICT: this context has a handler already. */
err_t seal_zap_open(seal_zap_t **self_p, const struct seal_zap_settings *settings, struct why *why);
/* After the sockets are closed, before the context is terminated. */
void seal_zap_close(seal_zap_t **self_p);

/* From now on this list decides; taken over. The caller's thread owns the list. */
void seal_zap_replace(seal_zap_t *self, seal_allow_t *allow);
const seal_allow_t *seal_zap_allow(const seal_zap_t *self);

/* False: it has ended, though nobody asked for it. Nothing is admitted any more; the process must
 * end. Any thread. */
bool seal_zap_lives(const seal_zap_t *self);

void seal_zap_count(const seal_zap_t *self, struct seal_counts *counts);

/* Before the socket is bound: count what its handshakes fail of before the handler is asked. */
void seal_zap_watch(seal_zap_t *self, void *socket, enum seal_domain domain);

/* The key that the self-test tries in vain: its refusals are neither told nor counted. */
void seal_zap_expect(seal_zap_t *self, const uint8_t key[SEAL_KEY_BYTES]);
/* A key that is admitted in the domain of the self-test and nowhere else. */
#define SEAL_SELF_TEST_DOMAIN "herald.self-test"
void seal_zap_lend(seal_zap_t *self, const uint8_t key[SEAL_KEY_BYTES]);

/* For tests: the thread ends as if by a fault. */
void seal_zap_break(seal_zap_t *self);

#endif
