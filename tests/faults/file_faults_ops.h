/* A table of file operations of which one fails, kills, or does a part of its work. */
#ifndef HERALD_TESTS_FAULTS_FILE_FAULTS_OPS_H
#define HERALD_TESTS_FAULTS_FILE_FAULTS_OPS_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind { NO_FAULT, KILL_BEFORE, KILL_AFTER, FAIL, FAIL_EVER, SHORT, SHORT_EVER, MEMORY };

struct fault {
    enum fault_kind kind;
    int error;
    const char *name;
};

/* What outlives the process that is killed. */
struct shared {
    uint64_t operations;
    uint64_t allocations;
    uint64_t acknowledged;
    uint64_t trimmed; /* positions before this may be gone */
    bool wrote_after_failed_sync;
};

/* In memory that is shared with the process that is killed. Set before anything else. */
extern struct shared *shared;

/* From now on, in this process, the fault strikes at this operation (or allocation). */
void file_faults_ops_install(const struct fault *kind, uint64_t at);

#endif
