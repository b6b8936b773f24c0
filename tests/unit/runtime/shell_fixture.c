#include "shell_fixture.h"

const struct busy_poll shell_fixture_polls = {.time_ns = INT64_C(60000000000), .short_256 = 256};

static int64_t
next_ms(void *self)
{
    (void)self;
    return INT64_MAX;
}

static uint32_t
counters(void *self, struct wire_counter *list, uint32_t max)
{
    (void)self;
    (void)list;
    (void)max;
    return 0;
}

static void
now(void *self, int64_t now_ms, int64_t now_unix_ms)
{
    (void)self;
    (void)now_ms;
    (void)now_unix_ms;
}

static void
left(void *self, int64_t now_ms)
{
    (void)self;
    (void)now_ms;
}

struct shell_core
shell_fixture_core(peers_t *peers)
{
    return (struct shell_core){
        .peers = peers, .next_ms = next_ms, .counters = counters, .now = now, .left = left};
}
