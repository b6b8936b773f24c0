#include "sim_receiver.h"

#include "base/mem.h"
#include "sim.h"
#include "wire/wire_session.h"

#include <string.h>

#define HELLO_MS 500
#define SILENT_PINGS 3
#define PING_MS 2000

void
sim_receivers_init(struct sim *self)
{
    struct sim_receivers *receivers = &self->receivers;
    receivers->count = 1 + (uint32_t)sim_below(self, SIM_RECEIVERS_MAX);
    receivers->can_fence = sim_chance(self, 850);
    receivers->can_undo = receivers->can_fence && sim_chance(self, 800);
    for (uint32_t i = 0; i < receivers->count; i++) {
        receivers->all[i].up = true;
        receivers->all[i].incarnation = 1;
    }
}

void
sim_receivers_fini(struct sim *self)
{
    mem_free(self->receivers.rows);
}

void
sim_receiver_crash(struct sim *self, uint32_t number)
{
    struct sim_receiver *receiver = &self->receivers.all[number];
    if (!receiver->up) {
        return;
    }
    uint32_t incarnation = receiver->incarnation;
    *receiver = (struct sim_receiver){
        .incarnation = incarnation + 1,
        .start_ms = self->now_ms + 100 + (int64_t)sim_below(self, 6000),
    };
    sim_trace(self, "receiver %u crashes", number);
}

static void
say(struct sim *self, uint32_t number, uint8_t service, struct wire_out *out)
{
    uint32_t incarnation = self->receivers.all[number].incarnation;
    struct sim_packet packet = {
        .to = SIM_TO_FRONT,
        .service = service,
        .route = {.size = 5,
                  .id = {'r', (uint8_t)number, (uint8_t)incarnation, (uint8_t)(incarnation >> 8),
                         service}},
    };
    packet.body = wire_out_take(out, &packet.size);
    sim_packet_send(self, &packet);
}

static uint64_t
nonce_of(const struct sim_receiver *receiver, uint32_t number)
{
    return (uint64_t)number << 32 | receiver->incarnation;
}

static void
tick(struct sim *self, uint32_t number, uint8_t service)
{
    const struct sim_receiver *receiver = &self->receivers.all[number];
    struct sim_session *session = &self->receivers.all[number].sessions[service];
    const uint8_t identity[WIRE_IDENTITY_BYTES] = {1};
    char name[] = {'r', (char)('0' + number)};
    struct wire_out out;
    if (session->joined && self->now_ms - session->heard_ms >= SILENT_PINGS * PING_MS) {
        session->joined = false;
    }
    wire_out_init(&out, 128);
    if (session->joined) {
        const struct wire_ping ping = {.name = {.data = name, .size = sizeof name},
                                       .nonce = nonce_of(receiver, number),
                                       .lane = session->lane};
        wire_ping_encode(&out, 1, &ping);
        session->say_ms = self->now_ms + PING_MS;
    } else {
        const struct wire_hello hello = {
            .party = WIRE_PARTY_CONSUMER,
            .name = {.data = name, .size = sizeof name},
            .group = {.data = "shop", .size = 4},
            .identity = {.data = identity, .size = sizeof identity},
            .capabilities = (uint8_t)((self->receivers.can_fence ? WIRE_CAN_FENCE : 0U) |
                                      (self->receivers.can_undo ? WIRE_CAN_UNDO : 0U)),
            .nonce = nonce_of(receiver, number),
        };
        wire_hello_encode(&out, 1, &hello);
        session->say_ms = self->now_ms + HELLO_MS;
    }
    say(self, number, service, &out);
}

void
sim_receivers_tick(struct sim *self)
{
    for (uint32_t i = 0; i < self->receivers.count; i++) {
        struct sim_receiver *receiver = &self->receivers.all[i];
        if (!receiver->up && receiver->start_ms <= self->now_ms) {
            receiver->up = true;
            sim_trace(self, "receiver %u starts", i);
        }
        for (uint8_t s = 0; s < LOG_ID_COUNT && receiver->up; s++) {
            if (receiver->sessions[s].say_ms <= self->now_ms) {
                tick(self, i, s);
            }
        }
    }
}

int64_t
sim_receivers_next_ms(const struct sim *self)
{
    int64_t next_ms = INT64_MAX;
    for (uint32_t i = 0; i < self->receivers.count; i++) {
        const struct sim_receiver *receiver = &self->receivers.all[i];
        if (!receiver->up) {
            next_ms = receiver->start_ms < next_ms ? receiver->start_ms : next_ms;
        }
        for (uint8_t s = 0; s < LOG_ID_COUNT && receiver->up; s++) {
            int64_t say_ms = receiver->sessions[s].say_ms;
            next_ms = say_ms < next_ms ? say_ms : next_ms;
        }
    }
    return next_ms;
}

static void
welcomed(struct sim *self, const struct sim_packet *packet, const struct wire_welcome *welcome)
{
    struct sim_session *session = &self->receivers.all[packet->receiver].sessions[packet->service];
    if (welcome->status != WIRE_OK) {
        sim_trace(self, "receiver %u is refused by %u: %.*s", packet->receiver, packet->service,
                  (int)welcome->text.size, welcome->text.data);
        session->joined = false;
        return;
    }
    session->joined = true;
    session->connected = true;
    session->run = welcome->run;
    session->lane = welcome->lane;
    session->heard_ms = self->now_ms;
    session->say_ms = self->now_ms + PING_MS;
}

static void
ponged(struct sim *self, const struct sim_packet *packet, const struct wire_pong *pong)
{
    struct sim_session *session = &self->receivers.all[packet->receiver].sessions[packet->service];
    session->heard_ms = self->now_ms;
    if (session->joined && (!pong->known || pong->run != session->run)) {
        session->joined = false;
        session->say_ms = self->now_ms;
    }
}

void
sim_receiver_take(struct sim *self, const struct sim_packet *packet)
{
    const struct sim_receiver *receiver = &self->receivers.all[packet->receiver];
    if (!receiver->up || receiver->incarnation != packet->incarnation) {
        return;
    }
    struct wire_in in;
    struct wire_head head;
    struct why why = {{0}};
    struct wire_welcome welcome;
    struct wire_pong pong;
    if (wire_message_open(&in, packet->body, packet->size, &head, &why) != ERR_OK) {
        sim_violation(self, "a service sends what cannot be read: %s", why.text);
    } else if (head.type == WIRE_WELCOME &&
               wire_welcome_decode(&in, &head, &welcome, &why) == ERR_OK) {
        welcomed(self, packet, &welcome);
    } else if (head.type == WIRE_PONG && wire_pong_decode(&in, &head, &pong, &why) == ERR_OK) {
        ponged(self, packet, &pong);
    } else if (head.type == WIRE_DELIVER || head.type == WIRE_JOB) {
        sim_shop_deliver(self, packet);
    }
}
