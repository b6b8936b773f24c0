/*
 * A service's core, made by what is configured at this start: people change the configuration
 * between two starts, while deliveries of the one before are open.
 */
#ifndef HERALD_TESTS_SIM_SIM_CORE_H
#define HERALD_TESTS_SIM_SIM_CORE_H

#include "sim_service.h"

/* Draw what all services are configured with at first. */
void sim_cores_init(struct sim *self);

/* Make the core over service->peers and service->outbox and recover. */
err_t sim_core_start(struct sim *self, struct sim_service *service, struct why *why);
void sim_core_stop(struct sim_service *service); /* also a half-started one */

#endif
