/*
 * Receivers of the group "shop", processes that come and go over one database, which holds for a
 * key either the effect or a fence, both final. Only the database outlives a process.
 */
#ifndef HERALD_TESTS_SIM_SIM_RECEIVER_H
#define HERALD_TESTS_SIM_SIM_RECEIVER_H

#include "delivery/record.h"
#include "sim_note.h"

struct sim;
struct sim_packet;

#define SIM_RECEIVERS_MAX 3

struct sim_session {
    bool joined;
    int64_t say_ms; /* next HELLO or PING */
    int64_t heard_ms;
    uint64_t run;
    uint32_t lane;
    bool connected; /* its PULL socket is, to this lane; stays over the service's restarts */
};

struct sim_receiver {
    bool up;
    int64_t start_ms;
    uint32_t incarnation;
    struct sim_session sessions[LOG_ID_COUNT];
};

struct sim_row {
    char biz_id[SIM_BIZ_ID_SIZE];
    bool effect; /* else a fence */
    bool undone;
    uint64_t version;
    uint32_t applied; /* how often the effect was made */
};

struct sim_receivers {
    struct sim_receiver all[SIM_RECEIVERS_MAX];
    uint32_t count;
    bool can_fence;
    bool can_undo;
    uint64_t refused_fences;
    struct sim_row *rows; /* owned: the database */
    size_t row_count;
    size_t row_capacity;
};

void sim_receivers_init(struct sim *self);
void sim_receivers_fini(struct sim *self);
void sim_receiver_crash(struct sim *self, uint32_t number);
void sim_receivers_tick(struct sim *self);
int64_t sim_receivers_next_ms(const struct sim *self);
void sim_receiver_take(struct sim *self, const struct sim_packet *packet);

/* sim_shop.c: what became of one item. */
void sim_shop_work(struct sim *self, const struct sim_packet *packet);
struct sim_row *sim_shop_find(struct sim *self, const char *biz_id);
/* Put a frame's items into the receiver's queue, each to be worked on soon or late. */
void sim_shop_deliver(struct sim *self, const struct sim_packet *packet);

#endif
