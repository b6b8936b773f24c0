#include "sim_packet.h"

#include "base/mem.h"
#include "sim.h"

#define LATE_MS 8000

static void
put(struct sim *self, const struct sim_packet *packet, int64_t after_ms)
{
    struct sim_network *network = &self->network;
    if (network->count == network->capacity) {
        network->capacity = network->capacity == 0 ? 64 : network->capacity * 2;
        network->packets =
            mem_resize(network->packets, network->capacity * sizeof *network->packets);
    }
    struct sim_packet *to = &network->packets[network->count++];
    *to = *packet;
    to->at_ms = self->now_ms + after_ms;
    to->order = ++network->order;
}

static int64_t
delay_ms(struct sim *self)
{
    return sim_chance(self, self->faults.late_permille) ? (int64_t)sim_below(self, LATE_MS)
                                                        : (int64_t)sim_below(self, 4);
}

void
sim_packet_send(struct sim *self, const struct sim_packet *packet)
{
    uint32_t link = (uint32_t)packet->to * LOG_ID_COUNT + packet->service;
    if (self->network.cut_until_ms[link] > self->now_ms) {
        mem_free(packet->body);
        return;
    }
    if (sim_chance(self, self->faults.twice_permille)) {
        struct sim_packet copy = *packet;
        copy.body = mem_copy(packet->body, packet->size);
        put(self, &copy, delay_ms(self));
    }
    if (sim_chance(self, self->faults.lose_permille)) {
        mem_free(packet->body);
        return;
    }
    put(self, packet, delay_ms(self));
}

void
sim_packet_later(struct sim *self, const struct sim_packet *packet, int64_t after_ms)
{
    put(self, packet, after_ms);
}

static size_t
earliest(const struct sim_network *network)
{
    size_t best = 0;
    for (size_t i = 1; i < network->count; i++) {
        const struct sim_packet *a = &network->packets[i];
        const struct sim_packet *b = &network->packets[best];
        if (a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order)) {
            best = i;
        }
    }
    return best;
}

int64_t
sim_packet_next_ms(const struct sim *self)
{
    const struct sim_network *network = &self->network;
    return network->count == 0 ? INT64_MAX : network->packets[earliest(network)].at_ms;
}

bool
sim_packet_take(struct sim *self, struct sim_packet *packet)
{
    struct sim_network *network = &self->network;
    if (network->count == 0) {
        return false;
    }
    size_t at = earliest(network);
    if (network->packets[at].at_ms > self->now_ms) {
        return false;
    }
    *packet = network->packets[at];
    network->packets[at] = network->packets[--network->count];
    return true;
}

void
sim_network_died(struct sim *self, uint8_t service)
{
    struct sim_network *network = &self->network;
    size_t kept = 0;
    for (size_t i = 0; i < network->count; i++) {
        const struct sim_packet *packet = &network->packets[i];
        bool its = packet->service == service &&
                   (packet->to == SIM_TO_RECEIVER || packet->to == SIM_TO_CLIENT);
        if (its && sim_chance(self, 500)) {
            mem_free(packet->body);
        } else {
            network->packets[kept++] = *packet;
        }
    }
    network->count = kept;
}

void
sim_network_fini(struct sim *self)
{
    for (size_t i = 0; i < self->network.count; i++) {
        mem_free(self->network.packets[i].body);
    }
    mem_free(self->network.packets);
}
