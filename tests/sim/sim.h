/*
 * A whole Herald in one thread: the three cores over one simulated disk, a network that loses,
 * doubles and delays, receivers with one database, a submitter and people. Everything follows from
 * one seed, so that what went wrong once goes wrong again.
 *
 * First faults for a number of operations, then healing; after it every accepted notification must
 * have reached an end, and the promises of DESIGN 1 and 3 must have been kept all the time.
 */
#ifndef HERALD_TESTS_SIM_SIM_H
#define HERALD_TESTS_SIM_SIM_H

#include "delivery/record.h"
#include "runtime/outbox.h"
#include "sim_note.h"
#include "sim_packet.h"
#include "sim_receiver.h"
#include "sim_rot.h"
#include "sim_service.h"
#include "sim_stray.h"
#include "support/sim_disk.h"

#include <stdio.h>

#define SIM_START_UNIX_MS 1700000000000
#define SIM_LINE_BYTES 256
#define SIM_LINES_KEPT 120
#define SIM_FAULT_KINDS 14
/* After the last fault everything has its end within this: see docs/TESTING.md. */
#define SIM_HEALED_MS 240000

/* How bad things are; drawn per seed, and all zero while healing. */
struct sim_faults {
    uint32_t lose_permille;
    uint32_t twice_permille;
    uint32_t late_permille;
    uint32_t kill_permille;     /* per operation */
    uint32_t power_permille;    /* per operation: all services, and the disk forgets */
    uint32_t halfway_permille;  /* per operation: a service ends at one of its disk operations */
    uint32_t disk_permille;     /* per operation: a disk operation fails, or the disk is full */
    uint32_t slow_permille;     /* per round: its sync is not finished yet */
    uint32_t receiver_permille; /* per delivery that it is not simply done */
    uint32_t cut_permille;      /* per operation: one direction of a link is cut for a while */
    uint32_t clock_permille;    /* per operation: the wall clock steps */
    uint32_t rot_permille;      /* per operation: a bit of a log's disk changes */
    uint32_t stray_permille;    /* per operation: a write to a log never reaches its place */
    uint32_t policy_permille;   /* per start: policies, leases, names, lanes, tries have changed */
};

/* What is run; all of it follows from this. */
struct sim_plan {
    uint64_t seed;
    uint32_t operations;
    const uint8_t *left_out; /* borrowed; a byte an operation: not done at all; NULL: none */
    uint32_t without;        /* kinds of faults that stay away, bits by their place in sim_faults */
    bool verbose;
};

struct sim {
    uint64_t seed;
    uint64_t random; /* state */
    int64_t now_ms;
    int64_t wall_ms;   /* how far the wall clock is from where it would be */
    int64_t healed_ms; /* how long after the last fault everything had its end */
    int64_t retention_ms;
    sim_disk_t *disk;
    struct sim_service services[LOG_ID_COUNT];
    struct sim_network network;
    struct sim_receivers receivers;
    struct sim_people people;
    struct sim_faults faults;
    struct sim_rot rot;
    struct sim_stray_log stray;
    bool healing;
    bool doubled; /* the network doubles: two answers may be of one question's two copies */
    bool verbose;
    uint64_t hash; /* of the trace */
    uint64_t lines;
    char kept[SIM_LINES_KEPT][SIM_LINE_BYTES]; /* the trace's last lines, in a ring */
    bool failed;
    char failure[SIM_LINE_BYTES];
    uint64_t restarts;
    uint64_t power_cuts;
};

/* sim_random.c */
uint64_t sim_draw(struct sim *self);
uint64_t sim_below(struct sim *self, uint64_t bound); /* 0 to bound - 1 */
bool sim_chance(struct sim *self, uint32_t permille);

/* One line of the trace. */
void sim_trace(struct sim *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A promise was broken. The first one counts; the run ends soon. */
void sim_violation(struct sim *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

int64_t sim_unix_ms(const struct sim *self);

/* sim_world.c: let time pass, and everything that is due in it happen. */
void sim_advance(struct sim *self, int64_t ms);

/* sim_run.c: a whole run. */
struct sim *sim_run(const struct sim_plan *plan);
void sim_end(struct sim **self_p);

#endif
