/*
 * The retry-scheduler's settings: what there is, and how its core's are made from them.
 */
#ifndef HERALD_SCHEDULER_SETTINGS_H
#define HERALD_SCHEDULER_SETTINGS_H

#include "runtime/settings.h"
#include "scheduler_core.h"

extern const struct setting scheduler_settings_table[];

/* All but seed and event, which are no settings. */
void scheduler_settings_read(const settings_t *settings, struct scheduler_settings *core);

#endif
