/* Waiting between two sends of an open loop, the same for Herald and for the bare pipeline:
 * zmq_poll waits whole milliseconds, which would be most of what is measured. */
#ifndef HERALD_BENCH_PAUSE_H
#define HERALD_BENCH_PAUSE_H

#include <stdint.h>

/* Once a thread: the system may round its waits up by a microsecond, not by its usual 50. */
void bench_pause_sharpen(void);

/* Until this time (monotonic ns), but at most 50 us: then answers are looked for again. */
void bench_pause_until(int64_t until_ns);

#endif
