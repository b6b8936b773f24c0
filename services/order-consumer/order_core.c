#include "order_core.h"

#include "base/check.h"

#include <assert.h>

enum fault_class { FAULT_PASSING, FAULT_SYSTEM, FAULT_HARD, FAULT_CLASS_COUNT };

#define TO(state) ((int8_t)(1 + (state)))
static const int8_t next_state[ORDER_CORE_STATE_COUNT][FAULT_CLASS_COUNT] = {
    [ORDER_CORE_SERVING] = {[FAULT_PASSING] = TO(ORDER_CORE_WAITING),
                            [FAULT_SYSTEM] = TO(ORDER_CORE_ENDED),
                            [FAULT_HARD] = TO(ORDER_CORE_ENDED)},
    [ORDER_CORE_WAITING] = {[FAULT_PASSING] = TO(ORDER_CORE_WAITING),
                            [FAULT_SYSTEM] = TO(ORDER_CORE_WAITING),
                            [FAULT_HARD] = TO(ORDER_CORE_ENDED)},
};
static_assert(ORDER_CORE_STATE_COUNT == 3, "table, header, tests and README change together");

static const char *const names[ORDER_CORE_STATE_COUNT] = {
    [ORDER_CORE_SERVING] = "SERVING",
    [ORDER_CORE_WAITING] = "WAITING",
    [ORDER_CORE_ENDED] = "ENDED",
};

void
order_core_init(struct order_core *self)
{
    *self = (struct order_core){.state = ORDER_CORE_SERVING};
}

static enum fault_class
class_of(err_t err)
{
    switch (err) {
    case ERR_FULL:
    case ERR_AGAIN:
        return FAULT_PASSING;
    case ERR_IO:
    case ERR_DENIED:
        return FAULT_SYSTEM;
    default:
        return FAULT_HARD;
    }
}

enum order_core_state
order_core_fault(struct order_core *self, err_t err, int64_t now_ms)
{
    CHECK(err != ERR_OK);
    int8_t cell = next_state[self->state][class_of(err)];
    CHECK(cell != 0); /* nothing is asked of the database after the end */
    enum order_core_state to = (enum order_core_state)(cell - 1);
    if (to == ORDER_CORE_WAITING) {
        self->wait_ms = self->wait_ms == 0 ? ORDER_CORE_WAIT_FIRST_MS : self->wait_ms * 2;
        if (self->wait_ms > ORDER_CORE_WAIT_CAP_MS) {
            self->wait_ms = ORDER_CORE_WAIT_CAP_MS;
        }
        self->reopen_mono_ms = now_ms + self->wait_ms;
    }
    self->state = to;
    self->fault = err;
    self->fault_count++;
    return to;
}

bool
order_core_may_reopen(const struct order_core *self, int64_t now_ms)
{
    return self->state == ORDER_CORE_WAITING && now_ms >= self->reopen_mono_ms;
}

void
order_core_reopened(struct order_core *self)
{
    CHECK(self->state == ORDER_CORE_WAITING);
    self->state = ORDER_CORE_SERVING; /* the pause stays, until a batch shows that it holds */
}

void
order_core_count(struct order_core *self, const struct order_answer *answers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        self->answers[answers[i].outcome]++;
    }
    self->batches++;
    if (self->state == ORDER_CORE_SERVING) {
        self->wait_ms = 0;
    }
}

const char *
order_core_state_name(enum order_core_state state)
{
    CHECK((unsigned)state < ORDER_CORE_STATE_COUNT);
    return names[state];
}
