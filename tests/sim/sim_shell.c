/* One round of a service, with the order of effects of runtime/shell.c: what is durable leaves
 * before the commit and after it, and then what the core dispatches of that. */
#include "sim_shell.h"

#include "base/mem.h"
#include "sim.h"

#define IDLE_MS 1000
#define LOOK_EVERY_MS 100
#define COMPANY_MS 5
#define SYNC_MS 30 /* a sync takes up to so long */
#define COMPANY_BYTES (128U * 1024)

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
    if (durable == service->woken || peers_news(service->peers) <= service->woken) {
        return;
    }
    for (uint32_t i = 0; i < LOG_ID_COUNT; i++) {
        if (i != (uint32_t)service->id) {
            const struct sim_packet wake = {
                .to = SIM_TO_WAKE, .service = (uint8_t)i, .body = mem_alloc(0)};
            sim_packet_send(self, &wake);
        }
    }
    service->woken = durable;
}

static void
send_durable(struct sim *self, struct sim_service *service)
{
    uint64_t durable = log_durable(peers_own(service->peers));
    struct outbox_message *next = NULL;
    while ((next = outbox_next(service->outbox, durable)) != NULL) {
        if (next->channel == OUTBOX_FRONT) {
            send_front(self, service, next);
        } else {
            send_lane(self, service, next);
        }
        outbox_pop(service->outbox);
    }
    service->core.left(service->core.self, sim_service_ms(self, service));
    raise_alarms(self, service, durable);
    send_wakes(self, service, durable);
}

static bool
waits_for_company(struct sim *self, struct sim_service *service)
{
    const log_t *own = peers_own(service->peers);
    uint64_t gathered = log_gathered(own);
    bool may = gathered > 0 && gathered < COMPANY_BYTES &&
               outbox_newest(service->outbox) <= log_committed(own) &&
               peers_may_wait(service->peers, service->core.may_wait);
    if (may && service->sync_by_ms == INT64_MAX) {
        service->sync_by_ms = self->now_ms + COMPANY_MS;
    }
    may = may && self->now_ms < service->sync_by_ms;
    service->sync_by_ms = may ? service->sync_by_ms : INT64_MAX;
    return may;
}

bool
sim_shell_syncs(const struct sim_service *service)
{
    const log_t *own = peers_own(service->peers);
    return log_durable(own) < log_committed(own);
}

/* A sync takes its time, whatever rounds there are meanwhile. */
static bool
sync_goes_on(struct sim *self, struct sim_service *service)
{
    const log_t *own = peers_own(service->peers);
    if (log_durable(own) == log_next(own) - 1 || self->now_ms < service->synced_ms) {
        return self->now_ms < service->synced_ms;
    }
    if (!sim_chance(self, self->faults.slow_permille)) {
        return false;
    }
    service->synced_ms = self->now_ms + 1 + (int64_t)sim_below(self, SYNC_MS);
    return true;
}

static err_t
send_synced(struct sim *self, struct sim_service *service, struct why *why)
{
    const struct shell_core *core = &service->core;
    send_durable(self, service);
    if (core->dispatch == NULL) {
        return ERR_OK;
    }
    err_t rc = core->dispatch(core->self, sim_service_ms(self, service), sim_unix_ms(self), why);
    if (rc == ERR_OK) {
        send_durable(self, service);
    }
    return rc;
}

err_t
sim_shell_round(struct sim *self, struct sim_service *service, struct why *why)
{
    const struct shell_core *core = &service->core;
    int64_t now_ms = sim_service_ms(self, service);
    int64_t unix_ms = sim_unix_ms(self);
    core->now(core->self, now_ms, unix_ms);
    err_t rc = ERR_OK;
    if (sim_shell_syncs(service)) {
        rc = log_reap(peers_own(service->peers), why);
        rc = rc == ERR_OK ? send_synced(self, service, why) : rc;
    }
    if (rc != ERR_OK) {
        return rc;
    }
    bool look = service->woke || self->now_ms - service->looked_ms >= LOOK_EVERY_MS;
    peers_look(service->peers, look);
    service->looked_ms = look ? self->now_ms : service->looked_ms;
    service->woke = false;
    rc = core->step(core->self, now_ms, unix_ms, why);
    if (rc != ERR_OK) {
        return rc;
    }
    send_durable(self, service);
    if (waits_for_company(self, service) || sync_goes_on(self, service)) {
        return ERR_OK;
    }
    rc = peers_commit(service->peers, false, self->now_ms, why);
    return rc == ERR_OK ? send_synced(self, service, why) : rc;
}

int64_t
sim_shell_next_ms(const struct sim *self, const struct sim_service *service)
{
    int64_t wanted_ms = sim_service_when_ms(service, service->core.next_ms(service->core.self));
    int64_t commit_ms = peers_commit_ms(service->peers);
    wanted_ms = commit_ms < wanted_ms ? commit_ms : wanted_ms;
    wanted_ms = service->sync_by_ms < wanted_ms ? service->sync_by_ms : wanted_ms;
    if (sim_shell_syncs(service)) {
        wanted_ms = self->now_ms; /* looked at again in the next millisecond */
    }
    if (self->now_ms < service->synced_ms && service->synced_ms < wanted_ms) {
        wanted_ms = service->synced_ms;
    }
    bool soon = outbox_count(service->outbox) > 0 || peers_grow(service->peers);
    if (soon && self->now_ms + LOOK_EVERY_MS < wanted_ms) {
        wanted_ms = self->now_ms + LOOK_EVERY_MS;
    }
    wanted_ms = wanted_ms <= self->now_ms ? self->now_ms + 1 : wanted_ms; /* a poll takes time */
    return wanted_ms < self->now_ms + IDLE_MS ? wanted_ms : self->now_ms + IDLE_MS;
}
