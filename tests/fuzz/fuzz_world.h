/*
 * A service's core over logs on the simulated disk, as its shell would run it, driven by an input:
 *
 *   op 0, 1    a frame to the front door, from one of two peers: size u16, bytes
 *   op 2       a frame to the outcome socket, or the front door where there is none: the same
 *   op 3       time passes: u16, in units of 100 ms
 *   op 4       the process is killed and recovers
 *   op 5       an honest answer to something sent: which u16, outcome
 *   op 6       a step without a sync
 *
 * The core must go on after each of them, and whatever it sends must be readable.
 *
 * Each input has a world of its own, whose core recovers once more at its end. With
 * FUZZ_WORLD_KEEP=n in the environment n inputs, one after the other, share one, and op 4 is passed
 * over most of the time: many more frames are tried in a second, on cores that have seen more. What
 * broke a promise there is found again by the file of fuzz_history.h, which is one input for a
 * world of its own.
 */
#ifndef HERALD_TESTS_FUZZ_WORLD_H
#define HERALD_TESTS_FUZZ_WORLD_H

#include "fuzz.h"

#include "runtime/outbox.h"
#include "runtime/peers.h"
#include "support/sim_disk.h"
#include "wire/wire_deliver.h"
#include "wire/wire_session.h"

#define FUZZ_WORLD_START_UNIX_MS INT64_C(1795420770000) /* before the golden deadline */
#define FUZZ_WORLD_SENT_MAX 256

struct fuzz_sent {
    uint64_t token;
    uint64_t run;
    uint32_t lane;
};

struct fuzz_world {
    sim_disk_t *disk;
    log_t *others[LOG_ID_COUNT]; /* the own one: NULL */
    peers_t *peers;
    outbox_t *outbox;
    void *core;
    int64_t now_ms;
    unsigned keep;                              /* inputs that share it */
    unsigned inputs;                            /* that it has had */
    uint64_t steps;                             /* ops that were not passed over */
    uint64_t restarted;                         /* at which of them last */
    struct fuzz_sent sent[FUZZ_WORLD_SENT_MAX]; /* a ring */
    uint32_t sent_count;
};

/* What differs between the services; the functions are those of a shell_core. */
struct fuzz_service {
    enum log_id own;
    enum wire_type answer;                  /* of what is sent: WIRE_OUTCOME or WIRE_RESULT */
    void (*seed)(struct fuzz_world *world); /* into the others' logs, once; NULL: nothing */
    /* Make the core and recover; `world` has peers and outbox. */
    err_t (*start)(struct fuzz_world *world, int64_t now_unix_ms, struct why *why);
    void (*stop)(void **core_p);
    void (*front)(void *core, const struct outbox_route *route, const uint8_t *body, size_t size);
    void (*outcome)(void *core, const uint8_t *body, size_t size); /* NULL: none */
    err_t (*step)(void *core, int64_t now_ms, int64_t now_unix_ms, struct why *why);
    err_t (*dispatch)(void *core, int64_t now_ms, int64_t now_unix_ms,
                      struct why *why); /* NULL: none */
    int64_t (*next_ms)(void *core);
    uint32_t (*counters)(void *core, struct wire_counter *counters, uint32_t max);
    void (*now)(void *core, int64_t now_ms, int64_t now_unix_ms);
};

int64_t fuzz_world_unix_ms(const struct fuzz_world *world);

/* Commit and sync what was appended to one of the logs. */
void fuzz_world_sync(log_t *log);

void fuzz_world_run(const struct fuzz_service *service, struct fuzz_in *in);

#endif
