/*
 * A front door as every service has it: what is malformed or not taken is refused, PING without a
 * session, STATS and RELOAD are answered. The rest is the service's own.
 *
 * No sockets. One thread: the one that has the door's socket.
 */
#ifndef HERALD_RUNTIME_FRONT_DOOR_H
#define HERALD_RUNTIME_FRONT_DOOR_H

#include "runtime/front.h"

/* Fill in counters, names static; returns how many. */
typedef uint32_t front_counters_fn(void *context, struct wire_counter *counters, uint32_t max);

/* Read again what can be read again. `said` tells a person what was done, or what is wrong. */
typedef err_t front_reload_fn(void *context, struct why *said);

struct front_door {
    const char *service; /* as in PONG; static */
    uint64_t run;        /* as in PONG */
    uint32_t takes;      /* FRONT_TAKES of the types that the service handles */
    int64_t started_ms;
    front_counters_fn *counters;
    void *counters_context;
    front_reload_fn *reload; /* NULL: nothing can be reloaded */
    void *reload_context;
    uint64_t refused; /* frames that made no sense or asked for what is not here */
};

/* True: `out` was initialised and has the answer. False: the service's own, and well-formed. */
bool front_door_answers(struct front_door *self, const uint8_t *body, size_t size, int64_t now_ms,
                        struct wire_out *out);

#endif
