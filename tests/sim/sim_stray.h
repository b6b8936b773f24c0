/*
 * A write that a drive loses, or puts in another place of the file, and says to have done. A power
 * cut shows it. Until it is put right the service may refuse the log as corrupt, as with rot; what
 * it may not do is to go on with less than was acknowledged.
 */
#ifndef HERALD_TESTS_SIM_SIM_STRAY_H
#define HERALD_TESTS_SIM_SIM_STRAY_H

#include "sim_service.h"

struct sim_stray_log {
    enum log_id id; /* whose newest segment it was in */
    char path[64];
    bool armed;               /* the next write goes astray, or one has */
    bool newest;              /* the power was cut since, and has left this segment as the newest */
    int64_t excused_until_ms; /* what was read while it was there may still be told of */
};

void sim_stray_strike(struct sim *self);
/* Around a power cut. Who knows how far the log went, still does. */
void sim_stray_before_cut(struct sim *self);
void sim_stray_after_cut(struct sim *self);
void sim_stray_started(struct sim *self,
                       const struct sim_service *service); /* nothing was refused */
void sim_stray_mend(struct sim *self);
/* Whether a log may be refused now. */
bool sim_stray_excuses(const struct sim *self);

#endif
