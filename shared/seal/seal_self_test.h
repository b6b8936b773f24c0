/*
 * Does the seal hold? Tried at each start over a loopback connection of its own, for a libzmq that
 * ignores what is asked of it would let everybody in without a word.
 */
#ifndef HERALD_SEAL_SEAL_SELF_TEST_H
#define HERALD_SEAL_SEAL_SELF_TEST_H

#include "seal/seal_zap.h"

/* A new key must be refused, and one that the handler was lent must pass. ERR_DENIED: one of them
 * was not; why says which. ERR_IO: no loopback. */
err_t seal_self_test(void *zmq_context, seal_zap_t *zap, const seal_secret_t *secret,
                     struct why *why);

#endif
