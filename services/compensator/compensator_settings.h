/*
 * The compensator's settings: what there is, and how its core's are made from them.
 */
#ifndef HERALD_COMPENSATOR_SETTINGS_H
#define HERALD_COMPENSATOR_SETTINGS_H

#include "compensator_core.h"
#include "runtime/settings.h"

extern const struct setting compensator_settings_table[];

/* ERR_INVALID: try_delays; why. */
err_t compensator_settings_read(const settings_t *settings, struct compensator_settings *core,
                                struct why *why);

#endif
