/*
 * The session with one service that sends us work: HELLO until it says WELCOME, then PING as often
 * as it wants, and whenever the connection is there again; when it does not answer for three of
 * these, or does not know us, HELLO again.
 *
 *             WELCOME   refused    silent, unknown   leave
 *   ABSENT    -         -          -                 -         (its endpoint is not known yet)
 *   GREETING  JOINED    GREETING   GREETING          GREETING
 *   JOINED    JOINED    GREETING   GREETING          GREETING
 *
 * One thread: the sockets' owner.
 */
#ifndef HERALD_CONSUMER_SESSION_H
#define HERALD_CONSUMER_SESSION_H

#include "base/limits.h"
#include "seal/seal_key.h"
#include "wire/wire_inlet.h"
#include "wire/wire_session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSUMER_SESSION_HELLO_MS 500    /* between HELLOs that nobody answers */
#define CONSUMER_SESSION_DIAL_MS 20      /* until a front door that is connected to is there */
#define CONSUMER_SESSION_REFUSED_MS 5000 /* after one that was refused */
#define CONSUMER_SESSION_AGAIN_MS 250    /* at most between attempts to connect again */

enum consumer_session_state {
    CONSUMER_SESSION_ABSENT = 0,
    CONSUMER_SESSION_GREETING,
    CONSUMER_SESSION_JOINED,
};

/* What we say of ourselves, the same to all. Borrowed from the consumer. */
struct consumer_session_self {
    void *context;               /* of ZeroMQ */
    const seal_secret_t *secret; /* NULL: without CURVE */
    const char *group;
    const char *name;
    const uint8_t *identity; /* NULL: none */
    uint8_t capabilities;
    uint64_t nonce;
};

struct consumer_session_line {
    struct wire_inlet at; /* owned */
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
};

struct consumer_session {
    const struct consumer_session_self *self; /* borrowed */
    const char *service;                      /* for people; static */
    enum consumer_session_state state;
    char endpoint[LIMIT_ENDPOINT_BYTES + 1]; /* of its front door */
    uint8_t key[SEAL_KEY_BYTES];             /* of the server there */
    bool has_key;
    struct wire_inlet front;              /* DEALER; owned; no socket: none could be had yet */
    struct wire_inlet monitor;            /* of front; owned */
    struct consumer_session_line lane;    /* PULL; no socket: it sends over the front door */
    struct consumer_session_line outcome; /* PUSH; no socket: as above */
    uint64_t request;
    uint64_t run;
    uint32_t lane_number;
    uint32_t ping_ms;
    int64_t say_ms;   /* when HELLO or PING is due */
    int64_t heard_ms; /* when it last answered */
};

void consumer_session_init(struct consumer_session *session,
                           const struct consumer_session_self *self, const char *service);
void consumer_session_fini(struct consumer_session *session, int linger_ms);

#define CONSUMER_SESSION_DESCRIPTORS 3 /* that consumer_session_place takes */

/* Where its front door is; begins to greet. A new place is a new session; the same changes nothing.
 * key: of the server there; no bytes: without CURVE. ERR_INVALID, ERR_IO, ERR_DENIED: cannot be
 * connected to; the session is ABSENT. ERR_FULL: no descriptors are left; the session is GREETING,
 * and ticks try it again. */
err_t consumer_session_place(struct consumer_session *session, struct wire_text endpoint,
                             struct wire_bytes key, struct why *why);

/* Say what is due. True: the service was lost by this. */
bool consumer_session_tick(struct consumer_session *session, int64_t now_ms);
int64_t consumer_session_next_ms(const struct consumer_session *session);

/* WELCOME has come; the same one again changes nothing. ERR_DENIED: it refused us; why says why.
 * ERR_IO, ERR_INVALID: its lane cannot be reached. ERR_FULL: no descriptors are left for that.
 * After an error it is greeted again, in a while. */
err_t consumer_session_welcome(struct consumer_session *session, const struct wire_welcome *welcome,
                               int64_t now_ms, struct why *why);

/* PONG has come. False: it does not know us any more; greeting again. */
bool consumer_session_pong(struct consumer_session *session, const struct wire_pong *pong,
                           int64_t now_ms);

/* Greet again, not before the pause. Lane and outcome stay until it says where they are now: it may
 * be the same place. */
void consumer_session_leave(struct consumer_session *session, int64_t now_ms, int64_t pause_ms);

/* Send an answer to it. Returns whether it was taken; the body is then consumed and *body_p NULL.
 * A session that is not JOINED takes none. */
bool consumer_session_offer(struct consumer_session *session, uint8_t **body_p, size_t size);

/* An endpoint that it advertises, as it must be dialled from here: the host `*` is the one of its
 * front door. False: it cannot be dialled. */
bool consumer_session_resolve(const struct consumer_session *session, struct wire_text from,
                              char to[LIMIT_ENDPOINT_BYTES + 1]);

#endif
