#include "runtime/thrift.h"

#include "delivery/delivery_cost.h"

static int64_t
pause_ms(const struct thrift *self)
{
    uint64_t doubled = self->lone_commits / THRIFT_COMMITS;
    doubled = doubled < THRIFT_DOUBLED_MAX ? doubled : THRIFT_DOUBLED_MAX;
    return (int64_t)THRIFT_PAUSE_MS << doubled;
}

bool
thrift_waits(struct thrift *self, uint64_t gathered, bool is_short, int64_t now_ms)
{
    if (!is_short) {
        *self = (struct thrift){0};
        return false;
    }
    if (gathered == 0) {
        self->since_ms = 0;
        return false;
    }
    if (gathered >= DELIVERY_COST_GATHER_BYTES) {
        self->since_ms = 0;
        return false;
    }
    self->since_ms = self->since_ms == 0 ? now_ms : self->since_ms;
    if (now_ms < self->since_ms + pause_ms(self)) {
        return true;
    }
    self->since_ms = 0;
    self->lone_commits++;
    return false;
}

void
thrift_hurries(struct thrift *self, uint64_t gathered, bool is_short)
{
    self->since_ms = 0;
    self->lone_commits += is_short && gathered > 0 && gathered < DELIVERY_COST_GATHER_BYTES;
}

int64_t
thrift_until_ms(const struct thrift *self)
{
    return self->since_ms == 0 ? INT64_MAX : self->since_ms + pause_ms(self);
}
