/* Any frames to the producer, between steps and restarts (fuzz_world.h). */
#include "fuzz_world.h"

#include "producer_core.h"

#include "base/check.h"

static err_t
start(struct fuzz_world *world, int64_t now_unix_ms, struct why *why)
{
    static const struct producer_settings settings = {
        .lane_count = 2,
        .window = 4,
        .watch_max = 4,
        .retained_max = 16,
        .retention_ms = 600000,
        .checkpoint_records = 20,
        .seed = 1,
        .absent_alarm_ms = 600000,
    };
    static const struct producer_subscription_settings subscriptions[] = {
        {"orders", "order.*", "order-system", "default", COMPENSATION_REAPPLY, 3000, 60000},
        {"payments", "payment.#", "order-system", "5s", COMPENSATION_UNDO, 3000, 60000},
    };
    producer_core_t *core = producer_core_new(&settings, world->peers, world->outbox);
    world->core = core;
    err_t rc = producer_core_recover(core, world->now_ms, now_unix_ms, why);
    if (rc == ERR_OK) {
        rc = producer_core_configure(core, subscriptions, 2, why);
    }
    for (uint32_t lane = 0; lane < settings.lane_count; lane++) {
        producer_core_lane(core, lane, "ipc://lane");
    }
    producer_core_endpoint(core, "outcome", "ipc://outcome", NULL);
    return rc;
}

static void
stop(void **core_p)
{
    producer_core_t *core = *core_p;
    producer_core_destroy(&core);
    *core_p = NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fuzz_service service = {
        .own = LOG_PRODUCER,
        .answer = WIRE_OUTCOME,
        .start = start,
        .stop = stop,
        .front = producer_core_front,
        .outcome = producer_core_outcome,
        .step = producer_core_step,
        .dispatch = producer_core_dispatch,
        .next_ms = producer_core_next_ms,
        .counters = producer_core_counters,
        .now = producer_core_now,
    };
    struct fuzz_in in = {.next = data, .left = size};
    fuzz_world_run(&service, &in);
    return 0;
}
