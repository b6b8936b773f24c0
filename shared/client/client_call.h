/*
 * One question to any service's front door, and its answer: what the client and the command-line
 * tools are built on. A DEALER of its own, one thread.
 */
#ifndef HERALD_CLIENT_CALL_H
#define HERALD_CLIENT_CALL_H

#include "base/why.h"
#include "seal/seal_key.h"
#include "wire/wire_message.h"

#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

typedef struct client_call client_call_t;

/* ERR_DENIED, ERR_INVALID: as client_dial. ERR_FULL: no descriptors or threads left. Nothing needs
 * to be there. */
err_t client_call_new(client_call_t **self_p, const char *endpoint, const seal_secret_t *secret,
                      struct wire_bytes key, struct why *why);
void client_call_destroy(client_call_t **self_p);

uint64_t client_call_request(client_call_t *self); /* a number not used before, for the question */

struct client_call_question {
    uint64_t request; /* client_call_request */
    uint8_t *body;    /* consumed */
    size_t size;
    uint32_t timeout_ms;
};

/* Opened over the answer, which lives until the next call; the caller decodes it. */
struct client_call_answer {
    struct wire_in in;
    struct wire_head head;
};

/*
 * Send the question and wait for the message that answers it.
 *
 * ERR_TIMEOUT    no answer within timeout_ms; why names the endpoint
 * ERR_DENIED     the server there refuses our key; if only since the question has left, it is not
 *                known what became of it
 * ERR_INVALID    it was answered with ERROR or something malformed; why has the service's text
 */
err_t client_call(client_call_t *self, const struct client_call_question *question,
                  struct client_call_answer *answer, struct why *why);

#endif
