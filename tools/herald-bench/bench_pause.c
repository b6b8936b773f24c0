#include "bench_pause.h"

#include "base/clock.h"

#include <sys/prctl.h>
#include <time.h>

#define PAUSE_MAX_NS 50000
#define SLACK_NS 1000UL

void
bench_pause_sharpen(void)
{
    (void)prctl(PR_SET_TIMERSLACK, SLACK_NS); /* without it waits are longer, for both alike */
}

void
bench_pause_until(int64_t until_ns)
{
    int64_t left_ns = until_ns - clock_mono_ns();
    if (left_ns > 0) {
        const struct timespec pause = {.tv_nsec = left_ns < PAUSE_MAX_NS ? left_ns : PAUSE_MAX_NS};
        (void)nanosleep(&pause, NULL); /* an early end does not matter */
    }
}
