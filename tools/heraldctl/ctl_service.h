/*
 * The way to the services: where each one is, and one question to it.
 *
 * An endpoint is, in this order: --endpoint, the service's own option, the socket in the data
 * directory.
 */
#ifndef HERALDCTL_CTL_SERVICE_H
#define HERALDCTL_CTL_SERVICE_H

#include "client/client_call.h"
#include "client/herald_client.h"
#include "ctl.h"
#include "wire/wire_message.h"

enum ctl_service {
    CTL_SERVICE_PRODUCER = 0,
    CTL_SERVICE_SCHEDULER,
    CTL_SERVICE_COMPENSATOR,
    CTL_SERVICE_CONSUMER,
    CTL_SERVICE_COUNT,
};

const char *ctl_service_name(enum ctl_service service);
/* ERR_INVALID: why has the names. */
err_t ctl_service_of(const char *name, enum ctl_service *service, struct why *why);

/* The directory of our keys, --keys or $HERALD_KEYS; NULL: without CURVE. */
const char *ctl_keys(const struct ctl *ctl);
/* Whether they can be used, before anything is asked. ERR_NOT_FOUND, ERR_DENIED, ERR_INVALID,
 * ERR_IO: why names the file. */
err_t ctl_keys_check(const struct ctl *ctl, struct why *why);

/* ERR_INVALID: too long for a socket. */
err_t ctl_endpoint(const struct ctl *ctl, enum ctl_service service,
                   char endpoint[LIMIT_ENDPOINT_BYTES + 1], struct why *why);

/* A client of the producer with this command's time limit; options' other fields are kept. */
err_t ctl_client(const struct ctl *ctl, struct herald_client_options *options,
                 herald_client_t **client_p, struct why *why);

/*
 * A question to a service and its answer: begin, encode into `out` with `request`, ask, decode from
 * `in` and `head`; then begin again, or close.
 */
struct ctl_question {
    client_call_t *call; /* owned */
    uint64_t request;
    struct wire_out out; /* the question */
    struct client_call_answer answer;
};

err_t ctl_question_open(const struct ctl *ctl, enum ctl_service service,
                        struct ctl_question *question, struct why *why);
void ctl_question_begin(struct ctl_question *question);
void ctl_question_close(struct ctl_question *question);

/*
 * Send it, and wait for the answer, which must be of this type.
 *
 * ERR_NOT_FOUND  answered so
 * ERR_INVALID    the service refused, or answered with something else
 * ERR_TIMEOUT    not answered
 */
err_t ctl_ask(const struct ctl *ctl, struct ctl_question *question, enum wire_type type,
              struct why *why);

/* Ask for something that is answered with STATUS and say what it was: one line, or JSON. Returns
 * the exit code. */
int ctl_decide(const struct ctl *ctl, struct ctl_question *question);

#endif
