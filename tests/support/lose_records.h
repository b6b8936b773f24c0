/*
 * A log as a salvage leaves it: the same records at the same positions, but some are LOST.
 */
#ifndef HERALD_TESTS_SUPPORT_LOSE_RECORDS_H
#define HERALD_TESTS_SUPPORT_LOSE_RECORDS_H

#include "journal/log.h"

/* The log begins at position 1 and nobody has it open. It gets another identity: so no other log
 * may have read it. Ends the test's process when it cannot be done. */
void lose_records(const struct log_settings *settings, const char *name, uint64_t from,
                  uint64_t to);

#endif
