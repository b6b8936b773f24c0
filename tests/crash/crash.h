/*
 * What a disk may leave of a log, tried one by one; each function prints what broke a promise, and
 * counts it.
 */
#ifndef HERALD_TESTS_CRASH_CRASH_H
#define HERALD_TESTS_CRASH_CRASH_H

#include "crash/crash_model.h"

struct crash_tried {
    uint64_t images;  /* power cuts whose outcome was opened and compared */
    uint64_t cuts;    /* recoveries that were cut themselves */
    uint64_t damages; /* a healthy log damaged on purpose */
    uint64_t refused; /* of these, by the owner; the others harmed nothing that was acknowledged */
    uint64_t violations;
};

/* Count a verdict; a bad one names the seed by which it is seen again. */
void crash_verdict(struct crash_tried *tried, bool good, const char *what, uint64_t seed);

/* crash_images.c: recorded runs, each cut at a random operation and left in many ways. */
void crash_images(struct crash_tried *tried, uint64_t wanted, uint64_t seed);

/* crash_prefixes.c. Prefixes: a run cut at each of its operations, and inside each write at sectors
 * of it. Loops: a recovery that is cut at each of its operations, again and again. Faults: each
 * error at each operation, once and for ever. Stride 1: all of them. */
void crash_prefixes(struct crash_tried *tried, uint64_t stride, uint64_t seed);
void crash_loops(struct crash_tried *tried, uint64_t images, uint64_t seed);
void crash_faults(struct crash_tried *tried, uint64_t stride, uint64_t seed);

/* crash_damage.c. Flips: every bit of a segment. Blocks: each zeroed, doubled over another, swapped
 * with another. Strays: a write that never reaches the disk, or another place of it. */
void crash_flips(struct crash_tried *tried, uint64_t stride, uint64_t seed);
void crash_blocks(struct crash_tried *tried, uint64_t stride, uint64_t seed);
void crash_strays(struct crash_tried *tried, uint64_t stride, uint64_t seed);

#endif
