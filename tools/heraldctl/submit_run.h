/*
 * Submits lines with a window of unanswered notifications, keeps count of the answers, and says
 * what was not taken.
 */
#ifndef HERALDCTL_SUBMIT_RUN_H
#define HERALDCTL_SUBMIT_RUN_H

#include "ctl.h"

#define SUBMIT_RUN_STATUS_COUNT 7 /* enum herald_client_status, from 1 */

struct submit_totals {
    uint64_t lines; /* read */
    uint64_t counts[SUBMIT_RUN_STATUS_COUNT];
    bool interrupted; /* by a signal, before the input's end */
    bool gave_up;     /* a whole window was not answered */
};

/* The status's name in small letters, as in the summary. */
const char *submit_status_name(unsigned status);

/*
 * Submit all lines of --file with --window and --record. Refused lines are said as they come.
 *
 * totals  valid also after an error
 *
 * ERR_IO       the input or the record; why
 * ERR_INVALID  an option; why
 */
err_t submit_run(const struct ctl *ctl, struct submit_totals *totals, struct why *why);

#endif
