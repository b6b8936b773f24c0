/*
 * What sim_disk.c and sim_disk_ops.c share.
 */
#ifndef HERALD_TESTS_SUPPORT_SIM_DISK_PRIVATE_H
#define HERALD_TESTS_SUPPORT_SIM_DISK_PRIVATE_H

#include "support/sim_disk.h"
#include "support/sim_node.h"

#define SIM_DISK_DESCRIPTORS 256

/* A sector that a power cut has made another than the system believed. */
struct sim_lost {
    size_t sector;
    uint8_t meant[SIM_DISK_SECTOR];
    uint8_t found[SIM_DISK_SECTOR];
};

struct sim_stray {
    uint64_t node;         /* its number; 0: none */
    uint32_t sectors;      /* how far behind its place; 0: nowhere */
    bool there;            /* it went astray */
    struct sim_lost *lost; /* owned; by the first power cut */
    size_t lost_count;
};

struct sim_disk {
    struct sim_tree tree;
    struct sim_node *open[SIM_DISK_DESCRIPTORS]; /* borrowed from the tree; NULL: free */
    bool locker[SIM_DISK_DESCRIPTORS];
    bool direct[SIM_DISK_DESCRIPTORS]; /* opened with O_DIRECT */
    uint64_t random;
    uint64_t capacity;
    int64_t now_ms;
    int64_t now_ns; /* goes on by itself */
    uint64_t operations;
    struct sim_disk_fault fault;
    uint32_t sectors;
    bool hit;
    struct sim_stray stray;
};

/* sim_disk_stray.c: a write was done; the power is about to be cut, and was cut. */
void sim_stray_write(sim_disk_t *self, struct sim_node *node, size_t size, size_t offset);
bool sim_stray_before(sim_disk_t *self); /* true: this cut is the first to show what it took */
void sim_stray_after(sim_disk_t *self, bool shown);

/* splitmix64 */
uint64_t sim_disk_draw(uint64_t *state);

extern const struct file_ops sim_disk_ops;
extern sim_disk_t *sim_disk_in_use; /* by the table; NULL: none */

#endif
