/*
 * A disk that is slower than it is: the system's table of file operations with a delay behind each
 * sync. For measurements, and for tests of what a slow disk may and may not do.
 */
#ifndef HERALD_JOURNAL_FILE_SLOW_H
#define HERALD_JOURNAL_FILE_SLOW_H

#include <stdint.h>

/* For all stores that are opened from now on; 0 puts the system's table back. Before any thread
 * uses a store. */
void file_slow_install(uint32_t delay_us);

#endif
