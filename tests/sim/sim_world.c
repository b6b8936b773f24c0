/* Time, and what is due in it. */
#include "base/mem.h"
#include "sim.h"

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
next_ms(const struct sim *self)
{
    int64_t next = least(sim_packet_next_ms(self), sim_receivers_next_ms(self));
    for (uint32_t i = 0; i < LOG_ID_COUNT; i++) {
        const struct sim_service *service = &self->services[i];
        int64_t own = !service->up      ? service->start_ms
                      : service->wanted ? self->now_ms
                                        : service->round_ms;
        next = least(next, own);
    }
    return next;
}

static void
arrive(struct sim *self, const struct sim_packet *packet)
{
    switch (packet->to) {
    case SIM_TO_FRONT:
    case SIM_TO_OUTCOME:
    case SIM_TO_WAKE:
        sim_service_take(self, &self->services[packet->service], packet);
        break;
    case SIM_TO_RECEIVER:
        sim_receiver_take(self, packet);
        break;
    case SIM_TO_CLIENT:
        sim_people_take(self, packet);
        break;
    case SIM_RECEIVER_WORK:
        sim_shop_work(self, packet);
        break;
    default:
        break;
    }
    mem_free(packet->body);
}

static void
everything_due(struct sim *self)
{
    struct sim_packet packet;
    while (sim_packet_take(self, &packet)) {
        arrive(self, &packet);
    }
    sim_receivers_tick(self);
    for (uint32_t i = 0; i < LOG_ID_COUNT; i++) {
        struct sim_service *service = &self->services[i];
        if (!service->up && service->start_ms <= self->now_ms) {
            sim_service_start(self, service);
        }
        if (service->up && (service->wanted || service->round_ms <= self->now_ms)) {
            sim_service_round(self, service);
        }
    }
}

void
sim_advance(struct sim *self, int64_t ms)
{
    int64_t until_ms = self->now_ms + ms;
    while (!self->failed) {
        int64_t next = next_ms(self);
        if (next > until_ms) {
            self->now_ms = until_ms;
            return;
        }
        self->now_ms = next > self->now_ms ? next : self->now_ms;
        sim_disk_set_now(self->disk, self->now_ms);
        everything_due(self);
    }
}
