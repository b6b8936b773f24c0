#include "sim_core.h"

#include "compensator_core.h"
#include "producer_core.h"
#include "scheduler_core.h"
#include "sim.h"

#define PRODUCER_WATCHES 16
#define ABSENT_ALARM_MS 20000
#define LEASE_LIMIT_MS 12000

/* The longest takes 7 s: see docs/TESTING.md for what heals when. */
static const char *const policies[] = {"default", "500ms,2s", "1s,1s,1s,1s", "200ms", "none"};
/* A subscription that is renamed is another: its deliveries go on under the old name. */
static const char *const names[SIM_SUBSCRIPTIONS][2] = {{"orders", "sales"},
                                                        {"payments", "receipts"}};
static const char *const patterns[SIM_SUBSCRIPTIONS] = {"order.*", "payment.*"};

void
sim_cores_init(struct sim *self)
{
    uint64_t every = sim_chance(self, 500) ? 1000000 : 20 + sim_below(self, 200);
    for (uint32_t i = 0; i < LOG_ID_COUNT; i++) {
        self->services[i].id = (enum log_id)i;
        self->services[i].checkpoint_every = every;
        self->services[i].config = (struct sim_config){
            .lanes = 1 + (uint32_t)sim_below(self, 3),
            .down_limit = 4,
            .tries = 3,
            .subscriptions = {{.compensation = COMPENSATION_REAPPLY, .lease_ms = 3000},
                              {.compensation = COMPENSATION_UNDO, .policy = 1, .lease_ms = 3000}},
        };
    }
}

/* Somebody has edited the file of settings since the last start. */
static void
change(struct sim *self, struct sim_service *service)
{
    struct sim_config *config = &service->config;
    config->lanes = 1 + (uint32_t)sim_below(self, 3);
    config->down_limit = 1 + (uint32_t)sim_below(self, 5);
    config->tries = 1 + (uint16_t)sim_below(self, 4);
    for (uint32_t i = 0; i < SIM_SUBSCRIPTIONS; i++) {
        config->subscriptions[i] = (struct sim_subscription){
            .name = (uint8_t)sim_below(self, 2),
            .policy = (uint8_t)sim_below(self, sizeof policies / sizeof policies[0]),
            .compensation =
                (uint8_t)(sim_chance(self, 500) ? COMPENSATION_UNDO : COMPENSATION_REAPPLY),
            .lease_ms = 2000 + 1000 * (uint32_t)sim_below(self, 3),
        };
        sim_trace(self, "configured for %s: %s is %s", peers_name(service->id), patterns[i],
                  policies[config->subscriptions[i].policy]);
    }
}

static void
scheduler_event(void *owner, const char *event, struct delivery_key key, const char *text)
{
    sim_trace(owner, "scheduler says %s %llu %s", event, (unsigned long long)key.position, text);
}

static err_t
start_producer(struct sim *self, struct sim_service *service, struct why *why)
{
    const struct sim_config *config = &service->config;
    const struct producer_settings settings = {
        .lane_count = config->lanes,
        .window = 4,
        .quick_window = 8,
        .watch_max = PRODUCER_WATCHES,
        .retained_max = 100000,
        .retention_ms = self->retention_ms,
        .checkpoint_records = service->checkpoint_every,
        .absent_alarm_ms = ABSENT_ALARM_MS,
        .seed = sim_draw(self),
    };
    struct producer_subscription_settings subscriptions[SIM_SUBSCRIPTIONS];
    for (uint32_t i = 0; i < SIM_SUBSCRIPTIONS; i++) {
        const struct sim_subscription *one = &config->subscriptions[i];
        subscriptions[i] = (struct producer_subscription_settings){
            .name = names[i][one->name],
            .pattern = patterns[i],
            .group = "shop",
            .policy = policies[one->policy],
            .compensation = one->compensation,
            .lease_ms = one->lease_ms,
            .lease_limit_ms = LEASE_LIMIT_MS,
        };
    }
    producer_core_t *core = producer_core_new(&settings, service->peers, service->outbox);
    service->producer = core;
    service->core = (struct shell_core){
        .self = core,
        .peers = service->peers,
        .front = producer_core_front,
        .outcome = producer_core_outcome,
        .step = producer_core_step,
        .dispatch = producer_core_dispatch,
        .may_wait = PRODUCER_CORE_MAY_WAIT,
        .next_ms = producer_core_next_ms,
        .counters = producer_core_counters,
        .now = producer_core_now,
        .left = producer_core_left,
    };
    err_t rc = producer_core_recover(core, sim_service_ms(self, service), sim_unix_ms(self), why);
    if (rc == ERR_OK) {
        rc = producer_core_configure(core, subscriptions, SIM_SUBSCRIPTIONS, why);
    }
    for (uint32_t i = 0; i < config->lanes; i++) {
        producer_core_lane(core, i, "ipc://lane");
    }
    producer_core_endpoint(core, "outcome", "ipc://outcome", NULL);
    return rc;
}

static err_t
start_scheduler(struct sim *self, struct sim_service *service, struct why *why)
{
    const struct sim_config *config = &service->config;
    const struct scheduler_settings settings = {
        .lane_count = config->lanes,
        .window = 64,
        .down_limit = config->down_limit,
        .checkpoint_every = service->checkpoint_every,
        .absent_alarm_ms = ABSENT_ALARM_MS,
        .retention_ms = self->retention_ms,
        .seed = sim_draw(self),
        .event = scheduler_event,
        .owner = self,
    };
    scheduler_core_t *core = scheduler_core_new(&settings, service->peers, service->outbox);
    service->scheduler = core;
    service->core = scheduler_core_shell(core);
    for (uint32_t i = 0; i < config->lanes; i++) {
        scheduler_core_set_lane(core, i, "ipc://lane");
    }
    scheduler_core_set_outcome(core, "ipc://outcome", NULL);
    return scheduler_core_recover(core, sim_service_ms(self, service), sim_unix_ms(self), why);
}

static err_t
start_compensator(struct sim *self, struct sim_service *service, struct why *why)
{
    const struct compensator_settings settings = {
        .tries = service->config.tries,
        .delay_count = 3,
        .delays_ms = {0, 1000, 2000},
        .absent_alarm_ms = ABSENT_ALARM_MS,
        .window = 8,
        .checkpoint_every = service->checkpoint_every,
    };
    compensator_t *core = compensator_new(&settings, service->peers, service->outbox);
    service->compensator = core;
    service->core = (struct shell_core){
        .self = core,
        .peers = service->peers,
        .may_wait = COMPENSATOR_MAY_WAIT,
        .front = compensator_front,
        .step = compensator_step,
        .next_ms = compensator_next_ms,
        .counters = compensator_counters,
        .now = compensator_now,
        .left = compensator_left,
    };
    return compensator_recover(core, sim_service_ms(self, service), sim_unix_ms(self), why);
}

err_t
sim_core_start(struct sim *self, struct sim_service *service, struct why *why)
{
    if (sim_chance(self, self->faults.policy_permille)) {
        change(self, service);
    }
    switch (service->id) {
    case LOG_PRODUCER:
        return start_producer(self, service, why);
    case LOG_SCHEDULER:
        return start_scheduler(self, service, why);
    case LOG_COMPENSATOR:
    case LOG_ID_COUNT:
    default:
        return start_compensator(self, service, why);
    }
}

void
sim_core_stop(struct sim_service *service)
{
    producer_core_destroy(&service->producer);
    scheduler_core_destroy(&service->scheduler);
    compensator_destroy(&service->compensator);
    service->core = (struct shell_core){0};
}
