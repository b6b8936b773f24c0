/*
 * Rot: one bit of a log's files changes on the disk while its service is down. Until it is put back
 * the service may refuse the log as corrupt, at its start or when it comes to read there, and must
 * then leave it alone; what it may not do is to go on with less than was acknowledged.
 */
#ifndef HERALD_TESTS_SIM_SIM_ROT_H
#define HERALD_TESTS_SIM_SIM_ROT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_ROT_SECTOR 512

struct sim;

struct sim_rot {
    bool there;
    int64_t excused_until_ms; /* what was read while it was there may still be told of */
    char path[64];
    size_t offset; /* of the sector in the file */
    size_t at;     /* of the byte in the sector */
    uint8_t bit;
    uint8_t sector[SIM_ROT_SECTOR]; /* as it was damaged */
};

void sim_rot_strike(struct sim *self); /* some log of some service, which is killed first */
void sim_rot_mend(struct sim *self);   /* the bit is put back, if what it was in is still there */

#endif
