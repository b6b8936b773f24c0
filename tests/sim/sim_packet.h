/*
 * The network: what is under way, and when it arrives. Packets are lost, doubled, delayed and
 * overtake each other as the run's faults say. What a receiver does later (a slow handler, a
 * restart) waits here too, but reliably.
 */
#ifndef HERALD_TESTS_SIM_SIM_PACKET_H
#define HERALD_TESTS_SIM_SIM_PACKET_H

#include "delivery/record.h"
#include "runtime/outbox.h"

struct sim;

enum sim_place {
    SIM_TO_FRONT,   /* of a service */
    SIM_TO_OUTCOME, /* of a service */
    SIM_TO_WAKE,    /* of a service */
    SIM_TO_RECEIVER,
    SIM_TO_CLIENT,
    SIM_RECEIVER_WORK, /* reliable: a receiver goes on with an item */
};

struct sim_packet {
    int64_t at_ms;
    uint64_t order; /* of two at the same time the earlier sent comes first */
    enum sim_place to;
    uint8_t service;      /* to or from which */
    uint32_t receiver;    /* number */
    uint32_t incarnation; /* of the receiver: an earlier process's packets come to nothing */
    struct outbox_route route;
    uint8_t *body; /* owned */
    size_t size;
};

/* Links that can be cut, each direction by itself: a place and the service at one end of it. */
#define SIM_LINKS ((uint32_t)SIM_RECEIVER_WORK * (uint32_t)LOG_ID_COUNT)

struct sim_network {
    struct sim_packet *packets; /* owned, in no order */
    size_t count;
    size_t capacity;
    uint64_t order;
    int64_t cut_until_ms[SIM_LINKS];
};

/* Send through the network with its faults; packet->body is consumed. */
void sim_packet_send(struct sim *self, const struct sim_packet *packet);
/* Arrives surely, after so long. */
void sim_packet_later(struct sim *self, const struct sim_packet *packet, int64_t after_ms);
int64_t sim_packet_next_ms(const struct sim *self); /* INT64_MAX: nothing is under way */
/* The next one that is due by now. False: none. The body is the caller's. */
bool sim_packet_take(struct sim *self, struct sim_packet *packet);
/* A service died, and with it what waited in its sockets; some had left already. */
void sim_network_died(struct sim *self, uint8_t service);
void sim_network_fini(struct sim *self);

#endif
