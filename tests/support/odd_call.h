/*
 * The simulated disk's table with one call that goes otherwise: it fails, or another process has
 * been at work just before it. Chosen by operation and name, so that a test says which call it
 * means and not how many others come before.
 */
#ifndef HERALD_TESTS_SUPPORT_ODD_CALL_H
#define HERALD_TESTS_SUPPORT_ODD_CALL_H

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

/* Install the table, with this one call odd from now on. sim_disk_use puts the plain one back. */
void odd_call_set(const struct odd_call *call);

/* How many calls went otherwise since. */
unsigned odd_call_count(void);

#endif
