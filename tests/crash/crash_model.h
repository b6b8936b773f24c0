/*
 * What a log must hold, kept beside it: every record that was appended, and how far the log said
 * that it is durable. After any fault the log is compared with it.
 */
#ifndef HERALD_TESTS_CRASH_CRASH_MODEL_H
#define HERALD_TESTS_CRASH_CRASH_MODEL_H

#include "journal/log.h"
#include "support/sim_disk.h"

#define CRASH_MODEL_MAX 4096 /* records of one run */

struct crash_model {
    uint64_t hash[CRASH_MODEL_MAX]; /* of the record at position i + 1 */
    uint64_t appended;              /* positions handed to the store, or about to be */
    uint64_t acked;                 /* positions that the log called durable */
    uint64_t trimmed;               /* positions that trimming was allowed to drop */
    uint64_t random;
    bool damaged; /* reading may be refused as corrupt; it must not give less, or anything else */
};

uint64_t crash_model_draw(struct crash_model *self, uint64_t below);

/* What it holds; the places that are not used yet are left as they are. */
void crash_model_copy(struct crash_model *to, const struct crash_model *from);

struct log_settings crash_model_settings(void);

/*
 * Own the log on the disk in use and let a service work with it for some steps: append, commit,
 * reap, read, trim, write ahead, close and own again.
 *
 * Returns the last error: ERR_OK when all steps were done.
 */
err_t crash_model_run(struct crash_model *self, unsigned steps);

/*
 * Own the log again and compare. On success the model is what the log holds.
 *
 * Returns false and prints when something acknowledged is missing or different, something was
 * invented, or a healthy log was refused.
 */
bool crash_model_check(struct crash_model *self, uint64_t witnessed, const char *where);

#endif
