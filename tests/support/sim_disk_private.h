/*
 * What sim_disk.c and sim_disk_ops.c share.
 */
#ifndef HERALD_TESTS_SUPPORT_SIM_DISK_PRIVATE_H
#define HERALD_TESTS_SUPPORT_SIM_DISK_PRIVATE_H

#include "support/sim_disk.h"
#include "support/sim_node.h"

#define SIM_DISK_DESCRIPTORS 256

struct sim_disk {
    struct sim_tree tree;
    struct sim_node *open[SIM_DISK_DESCRIPTORS]; /* borrowed from the tree; NULL: free */
    bool locker[SIM_DISK_DESCRIPTORS];
    uint64_t random;
    uint64_t capacity;
    int64_t now_ms;
    uint64_t operations;
    struct sim_disk_fault fault;
    uint32_t sectors;
    bool hit;
};

/* splitmix64 */
uint64_t sim_disk_draw(uint64_t *state);

extern const struct file_ops sim_disk_ops;
extern sim_disk_t *sim_disk_in_use; /* by the table; NULL: none */

#endif
