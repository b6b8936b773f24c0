/* What the shell's files share; nobody else includes it. */
#ifndef HERALD_RUNTIME_SHELL_PRIVATE_H
#define HERALD_RUNTIME_SHELL_PRIVATE_H

#include "runtime/shell.h"
#include "wire/wire_inlet.h"

#define SHELL_HIGH_WATER 64
#define SHELL_LANE_HIGH_WATER 1000

/* A frame whose lane had no peer yet, or a full queue. */
struct shell_held {
    uint8_t *body; /* owned */
    size_t size;
    int64_t until_ms;
};

struct shell_lane {
    void *socket; /* owned */
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    struct shell_held *held; /* owned */
    size_t held_count;
};

struct shell {
    struct shell_settings settings;
    log_t *log;                /* borrowed */
    outbox_t *outbox;          /* borrowed */
    void *context;             /* owned */
    seal_t *seal;              /* owned; NULL: without CURVE */
    uint32_t removals;         /* of the seal's keys, when the lanes were opened */
    struct wire_inlet front;   /* owned */
    struct wire_inlet outcome; /* owned; no socket: none */
    struct wire_inlet wake;    /* owned */
    void *peers[SHELL_PEERS_MAX];
    struct shell_lane *lanes; /* owned */
    char outcome_endpoint[LIMIT_ENDPOINT_BYTES + 1];
    const struct shell_core *core; /* borrowed; while it runs */
    struct front_door door;
    bool synced;        /* a sync aside has finished */
    int64_t looked_ms;  /* at the peers' logs */
    uint64_t woken;     /* our log's position that the peers were told */
    int64_t sync_by_ms; /* records wait for company until then; INT64_MAX: none do */
    uint64_t frames_in;
    uint64_t frames_out;
    uint64_t dropped; /* answers that a peer's full queue did not take */
    uint64_t rounds;
    struct busy_poll poll;
    uint64_t busy_polls; /* that news ended, but not at the first look */
};

/* shell_lane.c: hand a frame to its lane, or keep it for a while; body is consumed. */
void shell_lane_send(struct shell_lane *lane, uint8_t *body, size_t size, int64_t now_ms);
/* shell_open.c: close the lanes and bind them anew where they were, so that only keys that are
 * allowed now connect to them. ERR_IO. */
err_t shell_lanes_renew(shell_t *self, struct why *why);
/* Send what was kept and can go now. Whether anything is kept still. */
bool shell_lanes_send_held(shell_t *self, int64_t now_ms);

#endif
