/*
 * What a service's shell does in one round; without the sockets.
 */
#ifndef HERALD_TESTS_SIM_SIM_SHELL_H
#define HERALD_TESTS_SIM_SIM_SHELL_H

#include "sim_service.h"

/* ERR_OK, or why the service ends. */
err_t sim_shell_round(struct sim *self, struct sim_service *service, struct why *why);

/* Whether something of its log is being synced: several syncs may be (support/stepped_pool.c). */
bool sim_shell_syncs(const struct sim_service *service);

/* When the next round is at the latest, if nothing comes in. */
int64_t sim_shell_next_ms(const struct sim *self, const struct sim_service *service);

#endif
