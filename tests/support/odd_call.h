/*
 * The files or a simulated disk with one call that goes otherwise: it fails, or another process has
 * been at work just before it. Chosen by operation and name, so that a test says which call it
 * means and not how many others come before; or by number, to go through every one of them.
 */
#ifndef HERALD_TESTS_SUPPORT_ODD_CALL_H
#define HERALD_TESTS_SUPPORT_ODD_CALL_H

#include <stdbool.h>
#include <stdint.h>

enum odd_operation {
    ODD_NONE,
    ODD_OPEN,
    ODD_PREAD,
    ODD_PWRITE,
    ODD_SYNC_DATA,
    ODD_SYNC_DIRECTORY,
    ODD_RENAME, /* its name is the new one */
    ODD_UNLINK,
    ODD_ALLOCATE,
    ODD_LOCK,
    ODD_STAT,
    ODD_STAT_AT,
    ODD_SPACE,
    ODD_LIST,
    ODD_RANDOM,
};

struct odd_call {
    enum odd_operation operation;
    const char *name;        /* exactly, for operations that have one; NULL: any */
    unsigned after;          /* so many go as always */
    unsigned times;          /* 0: once */
    int answer;              /* instead of the call, unless there is a meanwhile */
    void (*meanwhile)(void); /* before the call, which is then made */
};

/* From now on this one call is odd. It stands in front of the table that is in use; stores that are
 * opened behind the first call of this function go through it, until another table is installed
 * (sim_disk_use). */
void odd_call_set(const struct odd_call *call);

/* The n-th read from now on fails with EIO, and all after it, or only this one. 0: none does. */
void odd_call_read_fails(uint64_t number, bool for_ever);

/* From now on bytes `from` to `to` of this file cannot be read, as with a bad sector: a read that
 * begins before them ends there, and one that begins in them fails with EIO. Up to 4 such ranges;
 * odd_call_set and odd_call_read_fails take them back. */
void odd_call_unreadable(const char *path, uint64_t from, uint64_t to);

/* How many calls went otherwise since. */
unsigned odd_call_count(void);

#endif
