/*
 * One request of ZAP (rfc.zeromq.org/spec/27) and what it is answered. Pure: no sockets.
 */
#ifndef HERALD_SEAL_SEAL_ZAP_REQUEST_H
#define HERALD_SEAL_SEAL_ZAP_REQUEST_H

#include "seal/seal_allow.h"

#include <stdint.h>

#define SEAL_ZAP_FRAMES 7 /* of a CURVE request: version to credentials */
#define SEAL_ZAP_ADDRESS_BYTES 64

struct seal_zap_frame {
    const void *data; /* borrowed */
    size_t size;
};

enum seal_verdict {
    SEAL_ADMITTED = 0,
    SEAL_MALFORMED,   /* not a request of ZAP 1.0; libzmq makes none of these */
    SEAL_MECHANISM,   /* not CURVE */
    SEAL_DOMAIN,      /* none of ours */
    SEAL_UNKNOWN_KEY, /* not in the allow-list */
    SEAL_WRONG_ROLE,  /* in it, but not for this kind of socket */
    SEAL_VERDICT_COUNT,
};

struct seal_judgement {
    enum seal_verdict verdict;
    enum seal_domain domain;              /* SEAL_DOMAIN_COUNT: unknown */
    const struct seal_allowed *allowed;   /* NULL: unknown; borrowed from the list */
    uint64_t key_id;                      /* 0: no key was said */
    char address[SEAL_ZAP_ADDRESS_BYTES]; /* printable; "" for ipc */
};

/* Nothing but a known key with the domain's role is ever admitted. count: of the frames that came,
 * which may be more than there are in `frames`. */
struct seal_judgement seal_zap_judge(const seal_allow_t *allow, const struct seal_zap_frame *frames,
                                     size_t count);

const char *seal_verdict_name(enum seal_verdict verdict); /* "unknown_key" */

#endif
