/*
 * The shell of every service that owns a log: sockets, the loop, and the order of effects. It holds
 * no policy: the core decides.
 *
 * One round: wait until a message, a deadline or a finished sync, polling before it sleeps; where
 * that was made aside, send what became durable and let the core dispatch; take what is waiting, up
 * to a bound; let the core step; send what is durable already; commit once, sync once, unless that
 * may wait; send what has become durable; let the core dispatch what follows from that, and send
 * it.
 *
 * One thread, but for shell_stop.
 */
#ifndef HERALD_RUNTIME_SHELL_H
#define HERALD_RUNTIME_SHELL_H

#include "base/why.h"
#include "journal/log.h"
#include "runtime/alarm.h"
#include "runtime/busy_poll.h"
#include "runtime/front_door.h"
#include "runtime/outbox.h"
#include "runtime/peers.h"

#define SHELL_LANES_MAX 64
#define SHELL_PEERS_MAX 2

/* What a core offers to its shell. Times: monotonic milliseconds, wall milliseconds. */
struct shell_core {
    void *self;
    peers_t *peers; /* borrowed; its logs: the own one is committed through it */
    uint32_t takes; /* FRONT_TAKES of the types that `front` is handed */
    /* One frame from the front door that it does not answer by itself (front_door.h):
     * wire_message_open has found it good. */
    void (*front)(void *self, const struct outbox_route *route, const uint8_t *body, size_t size);
    /* One frame from the outcome socket; NULL when there is none. */
    void (*outcome)(void *self, const uint8_t *body, size_t size);
    /* Once a round, after the frames: read the peers' logs, dispatch, expire. ERR_OK, or why the
     * service cannot go on. */
    err_t (*step)(void *self, int64_t now_ms, int64_t now_unix_ms, struct why *why);
    /* After a commit or a sync aside, once the answers have left: send what has become durable, so
     * that it does not wait for the next frames to be taken. Appends nothing. The errors of step;
     * NULL: step sends all. */
    err_t (*dispatch)(void *self, int64_t now_ms, int64_t now_unix_ms, struct why *why);
    /* Kinds of own records that nobody needs to be durable at once: with no others to commit, and
     * no message that depends on them, they wait a few milliseconds for more and share its sync. 0:
     * none. */
    uint32_t may_wait;
    /* When step is wanted again at the latest; INT64_MAX: only when something comes. */
    int64_t (*next_ms)(void *self);
    /* Fill in counters; returns how many. */
    uint32_t (*counters)(void *self, struct wire_counter *counters, uint32_t max);
    /* The time before frames are handed in. */
    void (*now)(void *self, int64_t now_ms, int64_t now_unix_ms);
    /* What is durable has left, now: leases of it begin. What waits is in the outbox still. Several
     * times a round. */
    void (*left)(void *self, int64_t now_ms);
};

struct shell_settings {
    const char *service; /* as in PONG; borrowed, static */
    uint8_t log;         /* enum log_id, for WAKE */
    const char *front;   /* endpoints; all borrowed for the shell's life */
    const char *outcome; /* NULL: none */
    const char *wake;
    const char *lanes; /* with %u for the number; NULL: none */
    uint32_t lane_count;
    const char *peers[SHELL_PEERS_MAX];      /* wake endpoints of the others */
    const char *peer_names[SHELL_PEERS_MAX]; /* theirs in servers.zpl */
    const char *curve;                       /* directory of keys; "": without CURVE */
    alarm_t *alarm;                          /* borrowed: where the outbox's alarms go */
    front_reload_fn *reload;                 /* of settings; NULL: none of them */
    void *reload_context;
    bool insecure;
    struct busy_poll busy_poll; /* as it begins; all 0: never */
};

typedef struct shell shell_t;

/* Whether shell_open would take these, as far as can be told without a socket, a log or another
 * process; alarm and reload do not matter. ERR_INVALID, and the errors of seal_check and
 * wire_endpoint.h: why says which setting or file. */
err_t shell_check(const struct shell_settings *settings, struct why *why);

/* The errors of shell_check; ERR_IO: why says which socket. The log and outbox stay the caller's.
 */
err_t shell_open(shell_t **self_p, const struct shell_settings *settings, log_t *log,
                 outbox_t *outbox, struct why *why);
void shell_close(shell_t **self_p);

/* The public key of this service, and of another one, for WELCOME; NULL: without CURVE, or unknown.
 */
const uint8_t *shell_key(const shell_t *self);
const uint8_t *shell_key_of(const shell_t *self, const char *server);

/* What a lane or the outcome socket is bound to. */
const char *shell_lane_endpoint(const shell_t *self, uint32_t lane);
const char *shell_outcome_endpoint(const shell_t *self);

/*
 * Serve until shell_stop. Returns ERR_OK after draining, or why the service had to end (ERR_LOST:
 * the disk, and whatever was not acknowledged is unknown).
 */
err_t shell_run(shell_t *self, const struct shell_core *core, struct why *why);

/* From a signal handler or another thread: end at the next round. */
void shell_stop(void);
bool shell_stopping(void); /* for services that have a loop of their own */

#endif
