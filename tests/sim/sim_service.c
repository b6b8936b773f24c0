#include "sim_service.h"

#include "base/mem.h"
#include "compensator_core.h"
#include "producer_core.h"
#include "scheduler_core.h"
#include "sim.h"
#include "sim_death.h"

#define IDLE_MS 1000
#define PRODUCER_WATCHES 16
#define ABSENT_ALARM_MS 20000

static const struct producer_subscription_settings subscriptions[] = {
    {"orders", "order.*", "shop", "default", COMPENSATION_REAPPLY, 3000, 12000},
    {"payments", "payment.*", "shop", "500ms,2s", COMPENSATION_UNDO, 3000, 12000},
};

uint64_t
sim_segment_bytes(const struct sim *self)
{
    return self->seed % 3 == 0 ? 64U * 1024 : 256U * 1024;
}

void
sim_services_init(struct sim *self)
{
    sim_death_install();
    uint64_t every = sim_chance(self, 500) ? 1000000 : 20 + sim_below(self, 200);
    for (uint32_t i = 0; i < LOG_ID_COUNT; i++) {
        self->services[i].id = (enum log_id)i;
        self->services[i].lanes = 1 + (uint32_t)sim_below(self, 3);
        self->services[i].checkpoint_every = every;
    }
}

/* A service's own clock; and back, to when it shows so much. */
static int64_t
local_ms(const struct sim *self, const struct sim_service *service)
{
    return self->now_ms + self->now_ms * service->drift_ppm / 1000000;
}

static int64_t
when_ms(const struct sim_service *service, int64_t local)
{
    return local / 2 >= INT64_MAX / 4000000 ? local
                                            : local * 1000000 / (1000000 + service->drift_ppm) + 1;
}

static void
scheduler_event(void *owner, const char *event, struct delivery_key key, const char *text)
{
    sim_trace(owner, "scheduler says %s %llu %s", event, (unsigned long long)key.position, text);
}

static err_t
start_producer(struct sim *self, struct sim_service *service, struct why *why)
{
    const struct producer_settings settings = {
        .lane_count = service->lanes,
        .window = 64,
        .watch_max = PRODUCER_WATCHES,
        .retained_max = 100000,
        .retention_ms = self->retention_ms,
        .checkpoint_records = service->checkpoint_every,
        .absent_alarm_ms = ABSENT_ALARM_MS,
        .seed = sim_draw(self),
    };
    service->producer = producer_core_new(&settings, service->peers, service->outbox);
    err_t rc =
        producer_core_recover(service->producer, local_ms(self, service), sim_unix_ms(self), why);
    if (rc == ERR_OK) {
        rc = producer_core_configure(service->producer, subscriptions,
                                     sizeof subscriptions / sizeof subscriptions[0], why);
    }
    for (uint32_t i = 0; i < service->lanes; i++) {
        producer_core_lane(service->producer, i, "ipc://lane");
    }
    producer_core_endpoint(service->producer, "outcome", "ipc://outcome", NULL);
    return rc;
}

static err_t
start_scheduler(struct sim *self, struct sim_service *service, struct why *why)
{
    const struct scheduler_settings settings = {
        .lane_count = service->lanes,
        .window = 64,
        .down_limit = 4,
        .checkpoint_every = service->checkpoint_every,
        .absent_alarm_ms = ABSENT_ALARM_MS,
        .retention_ms = self->retention_ms,
        .seed = sim_draw(self),
        .event = scheduler_event,
        .owner = self,
    };
    service->scheduler = scheduler_core_new(&settings, service->peers, service->outbox);
    for (uint32_t i = 0; i < service->lanes; i++) {
        scheduler_core_set_lane(service->scheduler, i, "ipc://lane");
    }
    scheduler_core_set_outcome(service->scheduler, "ipc://outcome", NULL);
    return scheduler_core_recover(service->scheduler, local_ms(self, service), sim_unix_ms(self),
                                  why);
}

static err_t
start_compensator(struct sim *self, struct sim_service *service, struct why *why)
{
    const struct compensator_settings settings = {
        .tries = 3,
        .delay_count = 3,
        .delays_ms = {0, 1000, 2000},
        .absent_alarm_ms = ABSENT_ALARM_MS,
        .window = 8,
        .checkpoint_every = service->checkpoint_every,
    };
    service->compensator = compensator_new(&settings, service->peers, service->outbox);
    return compensator_recover(service->compensator, local_ms(self, service), sim_unix_ms(self),
                               why);
}

static err_t
start(struct sim *self, struct sim_service *service, struct why *why)
{
    const struct log_settings settings = {
        .directory = "j",
        .segment_bytes = sim_segment_bytes(self),
        .no_write_ahead = true,
    };
    err_t rc = peers_open(&service->peers, &settings, service->id, why);
    if (rc != ERR_OK) {
        return rc;
    }
    service->outbox = outbox_new();
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

static void
drop(struct sim_service *service)
{
    producer_core_destroy(&service->producer);
    scheduler_core_destroy(&service->scheduler);
    compensator_destroy(&service->compensator);
    if (service->outbox != NULL) {
        outbox_destroy(&service->outbox);
    }
    peers_close(&service->peers);
    service->up = false;
}

/* Refusing what rotted is what is asked for, whoever's log it is. */
static bool
rotten(const struct sim *self, err_t rc)
{
    bool there = self->rot.there || self->rot.excused_until_ms > self->now_ms;
    return there && (rc == ERR_CORRUPT || rc == ERR_UNSUPPORTED);
}

void
sim_service_start(struct sim *self, struct sim_service *service)
{
    struct why why = {{0}};
    err_t rc = start(self, service, &why);
    self->restarts++;
    sim_trace(self, "%s starts: %s %s", peers_name(service->id), err_name(rc), why.text);
    if (rc == ERR_OK) {
        service->up = true;
        service->wanted = true;
        service->woken = 0;
        return;
    }
    bool excused =
        sim_disk_fault_hit(self->disk) || rc == ERR_FULL || rc == ERR_TIMEOUT || rotten(self, rc);
    if (!excused) {
        sim_violation(self, "%s does not start: %s %s", peers_name(service->id), err_name(rc),
                      why.text);
    }
    sim_service_kill(self, service, 500);
}

void
sim_service_kill(struct sim *self, struct sim_service *service, int64_t down_ms)
{
    sim_trace(self, "%s is killed, back in %lld ms", peers_name(service->id), (long long)down_ms);
    sim_death_set(true);
    drop(service);
    sim_death_set(false);
    sim_network_died(self, (uint8_t)service->id);
    const struct sim_disk_fault none = {0};
    sim_disk_set_fault(self->disk, &none);
    service->start_ms = self->now_ms + down_ms;
}

void
sim_service_end(struct sim *self, struct sim_service *service)
{
    (void)self; /* nothing of it is needed to end in peace */
    drop(service);
}

static void
set_now(struct sim *self, struct sim_service *service)
{
    int64_t unix_ms = sim_unix_ms(self);
    int64_t now_ms = local_ms(self, service);
    if (service->producer != NULL) {
        producer_core_now(service->producer, now_ms, unix_ms);
    } else if (service->scheduler != NULL) {
        struct shell_core core = scheduler_core_shell(service->scheduler);
        core.now(core.self, now_ms, unix_ms);
    } else {
        compensator_now(service->compensator, now_ms, unix_ms);
    }
}

void
sim_service_take(struct sim *self, struct sim_service *service, const struct sim_packet *packet)
{
    if (!service->up) {
        return;
    }
    service->wanted = true;
    if (packet->to == SIM_TO_WAKE) {
        return;
    }
    set_now(self, service);
    bool front = packet->to == SIM_TO_FRONT;
    if (service->compensator != NULL && front) {
        compensator_front(service->compensator, &packet->route, packet->body, packet->size);
    } else if (service->scheduler != NULL) {
        struct shell_core core = scheduler_core_shell(service->scheduler);
        if (front) {
            core.front(core.self, &packet->route, packet->body, packet->size);
        } else {
            core.outcome(core.self, packet->body, packet->size);
        }
    } else if (service->producer != NULL && front) {
        producer_core_front(service->producer, &packet->route, packet->body, packet->size);
    } else if (service->producer != NULL) {
        producer_core_outcome(service->producer, packet->body, packet->size);
    }
}

static err_t
step(struct sim *self, struct sim_service *service, struct why *why)
{
    int64_t unix_ms = sim_unix_ms(self);
    int64_t now_ms = local_ms(self, service);
    set_now(self, service);
    if (service->producer != NULL) {
        return producer_core_step(service->producer, now_ms, unix_ms, why);
    }
    if (service->scheduler != NULL) {
        struct shell_core core = scheduler_core_shell(service->scheduler);
        return core.step(core.self, now_ms, unix_ms, why);
    }
    return compensator_step(service->compensator, now_ms, unix_ms, why);
}

static int64_t
next_ms(struct sim_service *service)
{
    if (service->producer != NULL) {
        return producer_core_next_ms(service->producer);
    }
    if (service->scheduler != NULL) {
        struct shell_core core = scheduler_core_shell(service->scheduler);
        return core.next_ms(core.self);
    }
    return compensator_next_ms(service->compensator);
}

/* To whom the service's message goes; see sim_receiver.c and sim_people.c for the routes. */
static void
send_front(struct sim *self, const struct sim_service *service, struct outbox_message *message)
{
    struct sim_packet packet = {
        .to = message->route.id[0] == 'r' ? SIM_TO_RECEIVER : SIM_TO_CLIENT,
        .service = (uint8_t)service->id,
        .receiver = message->route.id[1],
        .incarnation = message->route.id[2] | (uint32_t)message->route.id[3] << 8,
        .body = message->body,
        .size = message->size,
    };
    message->body = NULL;
    sim_packet_send(self, &packet);
}

/* A lane is a PUSH socket: any of the receivers that are connected to it gets the frame. */
static void
send_lane(struct sim *self, const struct sim_service *service, struct outbox_message *message)
{
    uint32_t there[SIM_RECEIVERS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->receivers.count; i++) {
        const struct sim_receiver *receiver = &self->receivers.all[i];
        const struct sim_session *session = &receiver->sessions[service->id];
        if (receiver->up && session->connected && session->lane == message->lane) {
            there[count++] = i;
        }
    }
    if (count == 0) {
        sim_trace(self, "nobody at lane %u of %s", message->lane, peers_name(service->id));
        return;
    }
    uint32_t to = there[sim_below(self, count)];
    struct sim_packet packet = {
        .to = SIM_TO_RECEIVER,
        .service = (uint8_t)service->id,
        .receiver = to,
        .incarnation = self->receivers.all[to].incarnation,
        .body = message->body,
        .size = message->size,
    };
    message->body = NULL;
    sim_packet_send(self, &packet);
}

static void
raise_alarms(struct sim *self, struct sim_service *service, uint64_t durable)
{
    const struct alarm_facts *facts = NULL;
    while ((facts = outbox_alarm_next(service->outbox, durable)) != NULL) {
        sim_trace(self, "%s alarms %s %s case %llu", peers_name(service->id), facts->kind,
                  facts->text, (unsigned long long)facts->case_id);
        if (facts->case_id > durable) {
            sim_violation(self, "I6 an alarm of case %llu, which is not synced",
                          (unsigned long long)facts->case_id);
        }
        outbox_alarm_pop(service->outbox);
    }
}

static void
send_wakes(struct sim *self, struct sim_service *service, uint64_t durable)
{
    for (uint32_t i = 0; i < LOG_ID_COUNT && durable != service->woken; i++) {
        if (i != (uint32_t)service->id) {
            const struct sim_packet wake = {
                .to = SIM_TO_WAKE, .service = (uint8_t)i, .body = mem_alloc(0)};
            sim_packet_send(self, &wake);
        }
    }
    service->woken = durable;
}

void
sim_service_round(struct sim *self, struct sim_service *service)
{
    struct why why = {{0}};
    log_t *log = peers_own(service->peers);
    service->wanted = false;
    err_t rc = step(self, service, &why);
    if (rc == ERR_OK && !sim_chance(self, self->faults.slow_permille)) {
        rc = peers_commit(service->peers, false, self->now_ms, &why);
    }
    if (rc != ERR_OK) {
        sim_trace(self, "%s ends: %s %s", peers_name(service->id), err_name(rc), why.text);
        if (!sim_disk_fault_hit(self->disk) && rc != ERR_FULL && !rotten(self, rc)) {
            sim_violation(self, "%s ends: %s %s", peers_name(service->id), err_name(rc), why.text);
        }
        sim_service_kill(self, service, 100 + (int64_t)sim_below(self, 3000));
        return;
    }
    if (sim_disk_fault_hit(self->disk)) {
        const struct sim_disk_fault none = {0};
        sim_disk_set_fault(self->disk, &none); /* it was borne; what comes later has no excuse */
    }
    uint64_t durable = log_durable(log);
    struct outbox_message *next = NULL;
    raise_alarms(self, service, durable);
    while ((next = outbox_next(service->outbox, durable)) != NULL) {
        if (next->channel == OUTBOX_FRONT) {
            send_front(self, service, next);
        } else if (next->channel == OUTBOX_LANE) {
            send_lane(self, service, next);
        }
        outbox_pop(service->outbox);
    }
    send_wakes(self, service, durable);
    int64_t wanted_ms = when_ms(service, next_ms(service));
    int64_t commit_ms = peers_commit_ms(service->peers);
    wanted_ms = commit_ms < wanted_ms ? commit_ms : wanted_ms;
    wanted_ms = wanted_ms <= self->now_ms ? self->now_ms + 1 : wanted_ms; /* a poll takes time */
    service->round_ms = wanted_ms < self->now_ms + IDLE_MS ? wanted_ms : self->now_ms + IDLE_MS;
}
