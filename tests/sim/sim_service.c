#include "sim_service.h"

#include "sim.h"
#include "sim_core.h"
#include "sim_death.h"
#include "sim_shell.h"

#include "base/check.h"
#include "base/err_name.h"
#include "wire/wire_message.h"

uint64_t
sim_segment_bytes(const struct sim *self)
{
    return self->seed % 3 == 0 ? 64U * 1024 : 256U * 1024;
}

/* Not drawn, so that the other seeds go on meaning the same. */
static enum log_sync
sync_of(const struct sim *self)
{
    switch ((self->seed * 0x9e3779b97f4a7c15U) >> 61) {
    case 0:
    case 1:
        return LOG_SYNC_ASIDE;
    case 2:
        return LOG_SYNC_AUTO;
    default:
        return LOG_SYNC_HERE;
    }
}

void
sim_services_init(struct sim *self)
{
    sim_death_install();
    sim_cores_init(self);
}

int64_t
sim_service_ms(const struct sim *self, const struct sim_service *service)
{
    return self->now_ms + self->now_ms * service->drift_ppm / 1000000;
}

int64_t
sim_service_when_ms(const struct sim_service *service, int64_t local)
{
    return local / 2 >= INT64_MAX / 4000000 ? local
                                            : local * 1000000 / (1000000 + service->drift_ppm) + 1;
}

static err_t
start(struct sim *self, struct sim_service *service, struct why *why)
{
    const struct log_settings settings = {
        .directory = "j",
        .segment_bytes = sim_segment_bytes(self),
        .no_write_ahead = true,
        .sync = sync_of(self),
    };
    err_t rc = peers_open(&service->peers, &settings, service->id, why);
    if (rc != ERR_OK) {
        return rc;
    }
    service->outbox = outbox_new();
    service->sync_by_ms = INT64_MAX;
    service->synced_ms = 0;
    return sim_core_start(self, service, why);
}

static void
drop(struct sim_service *service)
{
    sim_core_stop(service);
    if (service->outbox != NULL) {
        outbox_destroy(&service->outbox);
    }
    peers_close(&service->peers);
    service->up = false;
}

/* Refusing what rotted is what is asked for, whoever's log it is; a failing disk is no reason to
 * call anything damaged. */
static bool
excused(const struct sim *self, const struct sim_service *service, err_t rc)
{
    if (rc == ERR_CORRUPT || rc == ERR_UNSUPPORTED) {
        return self->rot.there || self->rot.excused_until_ms > self->now_ms ||
               sim_stray_excuses(self);
    }
    return rc == ERR_FULL || service->hit;
}

/* What the disk did in a service's work is an excuse for that service alone, up to the end of its
 * next round that commits: a sync that fails while a question is answered is told there. True: it
 * is where the service ends, whatever it made of it. */
static bool
note_hit(struct sim *self, struct sim_service *service)
{
    bool off = sim_disk_is_off(self->disk);
    if (sim_disk_fault_hit(self->disk)) {
        const struct sim_disk_fault none = {0};
        service->hit = service->hit || sim_disk_fault_failed(self->disk);
        sim_disk_set_fault(self->disk, &none);
    }
    return off;
}

void
sim_service_start(struct sim *self, struct sim_service *service)
{
    struct why why = {{0}};
    err_t rc = start(self, service, &why);
    bool off = note_hit(self, service);
    self->restarts++;
    sim_trace(self, "%s starts: %s %s", peers_name(service->id), err_name(rc), why.text);
    if (rc == ERR_OK) {
        service->up = true;
        service->wanted = true;
        service->woken = 0;
        service->woke = true;
        sim_stray_started(self, service);
        if (off) {
            sim_service_kill(self, service, 500);
        }
        return;
    }
    if (rc != ERR_TIMEOUT && !excused(self, service, rc)) {
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
    service->hit = false;
    service->start_ms = self->now_ms + down_ms;
}

void
sim_service_end(struct sim *self, struct sim_service *service)
{
    (void)self; /* nothing of it is needed to end in peace */
    drop(service);
}

void
sim_service_take(struct sim *self, struct sim_service *service, const struct sim_packet *packet)
{
    if (!service->up) {
        return;
    }
    service->wanted = true;
    if (packet->to == SIM_TO_WAKE) {
        service->woke = true;
        return;
    }
    const struct shell_core *core = &service->core;
    core->now(core->self, sim_service_ms(self, service), sim_unix_ms(self));
    if (packet->to == SIM_TO_FRONT) {
        struct wire_in in;
        struct wire_head head;
        CHECK(wire_message_open(&in, packet->body, packet->size, &head, NULL) == ERR_OK);
        core->front(core->self, &packet->route, packet->body, packet->size);
    } else if (core->outcome != NULL) {
        core->outcome(core->self, packet->body, packet->size);
    }
    if (note_hit(self, service)) {
        sim_service_kill(self, service, 100 + (int64_t)sim_below(self, 3000));
    }
}

void
sim_service_round(struct sim *self, struct sim_service *service)
{
    struct why why = {{0}};
    service->wanted = false;
    err_t rc = sim_shell_round(self, service, &why);
    bool off = note_hit(self, service);
    if (rc != ERR_OK) {
        sim_trace(self, "%s ends: %s %s", peers_name(service->id), err_name(rc), why.text);
        if (!excused(self, service, rc)) {
            sim_violation(self, "%s ends: %s %s", peers_name(service->id), err_name(rc), why.text);
        }
    }
    if (rc != ERR_OK || off) {
        sim_service_kill(self, service, 100 + (int64_t)sim_below(self, 3000));
        return;
    }
    bool unsynced = self->now_ms < service->synced_ms || service->sync_by_ms != INT64_MAX ||
                    sim_shell_syncs(service);
    service->hit = service->hit && unsynced; /* else it was borne */
    service->round_ms = sim_shell_next_ms(self, service);
}
