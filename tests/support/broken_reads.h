/*
 * Reads that fail, in front of the files or of a simulated disk: of all operations only these, so
 * that a test can go through every one of them.
 */
#ifndef HERALD_TESTS_SUPPORT_BROKEN_READS_H
#define HERALD_TESTS_SUPPORT_BROKEN_READS_H

#include <stdbool.h>
#include <stdint.h>

/* Stores that are opened from now on read through it, until another table is installed. Once. */
void broken_reads_install(void);

/* The n-th read from now on fails with EIO, and all after it, or only this one. 0: none does. */
void broken_reads_at(uint64_t number, bool for_ever);

/* Whether one has failed since broken_reads_at. */
bool broken_reads_hit(void);

#endif
