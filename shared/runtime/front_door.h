/*
 * A front door as every service has it: what is malformed or not taken is refused, what the
 * sender's role does not allow is denied, PING without a session, STATS and RELOAD are answered.
 * The rest is the service's own.
 *
 * Who a message is from is what the ZAP handler has said of its connection, never what the message
 * says; a key that has left the allow-list since then is nobody's. Without a seal everybody may do
 * everything.
 *
 * No sockets. One thread: the one that has the door's socket.
 */
#ifndef HERALD_RUNTIME_FRONT_DOOR_H
#define HERALD_RUNTIME_FRONT_DOOR_H

#include "runtime/front.h"
#include "seal/seal.h"

/* Fill in counters, names static; returns how many. */
typedef uint32_t front_counters_fn(void *context, struct wire_counter *counters, uint32_t max);

/* What a reload has done, besides the allow-list. */
struct front_reloaded {
    const char *log_level;   /* borrowed, static; NULL: nothing was read */
    char after_restart[200]; /* settings that have changed and need one, "a, b" */
    struct why refused;      /* why that start would be refused; empty: it would not */
};

/* Read again what can be read again. An error: why says what is wrong. */
typedef err_t front_reload_fn(void *context, struct front_reloaded *done, struct why *why);

struct front_door {
    const char *service; /* as in PONG; static */
    uint64_t run;        /* as in PONG */
    uint32_t takes;      /* FRONT_TAKES of the types that the service handles */
    int64_t started_ms;
    front_counters_fn *counters;
    void *counters_context;
    seal_t *seal;            /* borrowed; NULL: without CURVE */
    front_reload_fn *reload; /* besides the seal's allow-list; NULL: nothing */
    void *reload_context;
    struct seal_refusals denials; /* for the log */
    uint64_t refused;             /* frames that made no sense or asked for what is not here */
    uint64_t denied;              /* commands that the sender's role does not allow */
};

/* True: `out` was initialised and has the answer. False: the service's own, and well-formed. */
bool front_door_answers(struct front_door *self, zmq_msg_t *message, int64_t now_ms,
                        struct wire_out *out);

/* Whether a frame on another kind of socket is from a key of this role still; counts if not. */
bool front_door_admits(struct front_door *self, zmq_msg_t *message, enum seal_role role);

#endif
