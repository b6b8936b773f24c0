/*
 * The producer's settings, and how its core's are made from them.
 */
#ifndef HERALD_PRODUCER_SETTINGS_H
#define HERALD_PRODUCER_SETTINGS_H

#include "producer_core.h"
#include "runtime/settings.h"

extern const struct setting producer_settings_table[];

/* The configured subscriptions, or the standard one when there is none: at most
 * LIMIT_SUBSCRIPTIONS. Texts point into the settings. ERR_INVALID; why. */
err_t producer_settings_subscriptions(const settings_t *settings,
                                      struct producer_subscription_settings *subscriptions,
                                      size_t *count, struct why *why);

/* The endpoints that consumers are told of, and nobody here connects to. ERR_INVALID; why. */
err_t producer_settings_check_told(const settings_t *settings, struct why *why);

#endif
