/*
 * The three services: each a real core with its logs and outbox, run round by round as the shell
 * does it. A service that is killed is gone without a word: nothing of it reaches the disk any
 * more.
 */
#ifndef HERALD_TESTS_SIM_SIM_SERVICE_H
#define HERALD_TESTS_SIM_SIM_SERVICE_H

#include "delivery/record.h"
#include "runtime/outbox.h"
#include "runtime/peers.h"
#include "runtime/shell.h"

#include <stdbool.h>

struct producer_core;
struct scheduler_core;
struct compensator;
struct sim;
struct sim_packet;

#define SIM_SUBSCRIPTIONS 2

struct sim_subscription {
    uint8_t name;         /* which of its names */
    uint8_t policy;       /* which of them */
    uint8_t compensation; /* enum compensation */
    uint32_t lease_ms;
};

/* What a service is started with; each cares for a part of it. */
struct sim_config {
    uint32_t lanes;
    uint32_t down_limit;
    uint16_t tries;
    struct sim_subscription subscriptions[SIM_SUBSCRIPTIONS];
};

struct sim_service {
    enum log_id id;
    bool up;
    int64_t start_ms; /* when it comes back, while it is down */
    int64_t round_ms; /* next round at the latest */
    bool wanted;      /* something came in */
    bool hit;         /* a disk operation failed in its work since it committed */
    peers_t *peers;
    outbox_t *outbox;
    struct producer_core *producer; /* one of these three */
    struct scheduler_core *scheduler;
    struct compensator *compensator;
    struct shell_core core; /* its functions */
    struct sim_config config;
    int64_t synced_ms;  /* its sync is under way until then */
    int64_t sync_by_ms; /* records wait for company until then; INT64_MAX: none do */
    uint64_t woken;
    bool woke;         /* a wake has come since the last round */
    int64_t looked_ms; /* at the others' logs */
    uint64_t checkpoint_every;
    int64_t drift_ppm; /* how much faster its monotonic clock goes */
};

void sim_services_init(struct sim *self);
void sim_service_start(struct sim *self, struct sim_service *service);
/* Gone without a word, back after so long. */
void sim_service_kill(struct sim *self, struct sim_service *service, int64_t down_ms);
void sim_service_take(struct sim *self, struct sim_service *service,
                      const struct sim_packet *packet);
void sim_service_round(struct sim *self, struct sim_service *service);
void sim_service_end(struct sim *self, struct sim_service *service);
uint64_t sim_segment_bytes(const struct sim *self);
/* A service's own clock; and back, to when it shows so much. */
int64_t sim_service_ms(const struct sim *self, const struct sim_service *service);
int64_t sim_service_when_ms(const struct sim_service *service, int64_t local);

#endif
