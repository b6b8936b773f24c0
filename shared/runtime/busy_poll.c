#include "runtime/busy_poll.h"

#define ALL 256
#define LEAST_SHORT (ALL / 4 * 3)
#define AVERAGED 8

bool
busy_poll_begins(const struct busy_poll *self, int64_t now_ns)
{
    return self->time_ns > 0 && self->short_256 >= LEAST_SHORT && now_ns >= self->pause_ns;
}

bool
busy_poll_goes_on(struct busy_poll *self, int64_t begun_ns, int64_t looked_ns, int64_t now_ns)
{
    if (now_ns - looked_ns >= BUSY_POLL_STOPPED_NS) {
        self->pause_ns = now_ns + BUSY_POLL_PAUSE_NS;
    }
    return now_ns - looked_ns < BUSY_POLL_YIELDED_NS && now_ns - begun_ns < self->time_ns;
}

void
busy_poll_waited(struct busy_poll *self, int64_t waited_ns)
{
    if (waited_ns < self->time_ns) {
        self->short_256 += (ALL - self->short_256 + AVERAGED - 1) / AVERAGED;
    } else {
        self->short_256 -= (self->short_256 + AVERAGED - 1) / AVERAGED;
    }
}
