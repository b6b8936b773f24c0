/*
 * The table of file operations while a service dies: closing goes on, so that the simulated disk
 * gets its descriptors back, everything else fails and changes nothing.
 */
#ifndef HERALD_TESTS_SIM_SIM_DEATH_H
#define HERALD_TESTS_SIM_SIM_DEATH_H

#include <stdbool.h>

void sim_death_install(void); /* over the simulated disk's table; nobody dies yet */
void sim_death_set(bool dying);

#endif
