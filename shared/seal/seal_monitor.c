/*
 * Handshakes that fail before the ZAP handler is asked: a peer without CURVE, one that took us for
 * another server, one that broke off. libzmq says so to a monitor only.
 */
#include "seal/seal_zap_private.h"

#include "base/check.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <zmq.h>

#define EVENTS                                                                                     \
    (ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |                  \
     ZMQ_EVENT_MONITOR_STOPPED)
#define EVENT_BYTES 6 /* number (16 bits) and value (32 bits), as this machine writes them */

/* One that nobody listens to would stop libzmq's thread: so it is none or one that is read. */
bool
seal_monitor_begin(seal_zap_t *self, void *socket, struct seal_monitor_order *order)
{
    if (atomic_load(&self->monitors_begun) == SEAL_MONITORS_MAX) {
        return false;
    }
    atomic_fetch_add(&self->monitors_begun, 1);
    (void)snprintf(order->address, sizeof order->address, "inproc://seal-monitor-%p-%llu",
                   (void *)self, (unsigned long long)self->watched++); /* fits */
    CHECK(zmq_socket_monitor(socket, order->address, EVENTS) == 0);
    return true;
}

void
seal_monitor_add(seal_zap_t *self, const struct seal_monitor_order *order)
{
    CHECK(self->monitor_count < SEAL_MONITORS_MAX);
    struct seal_monitor *added = &self->monitors[self->monitor_count++];
    added->domain = order->domain;
    added->socket = zmq_socket(self->context, ZMQ_PAIR);
    int none = 0;
    CHECK(added->socket != NULL);
    CHECK(zmq_setsockopt(added->socket, ZMQ_LINGER, &none, sizeof none) == 0);
    if (zmq_connect(added->socket, order->address) != 0) {
        (void)zmq_close(added->socket); /* the watched one was closed meanwhile: nothing to say */
        self->monitor_count--;
        atomic_fetch_sub(&self->monitors_begun, 1);
    }
}

static const char *
reason_of(uint16_t event, uint32_t value)
{
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
        return "broken_off";
    }
    switch (value) {
    case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
        return "no_curve";
    case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
    case ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE:
        return "wrong_server_key";
    default:
        return "not_zmtp";
    }
}

void
seal_monitor_take(seal_zap_t *self, size_t index)
{
    struct seal_monitor *monitor = &self->monitors[index];
    uint8_t event[EVENT_BYTES];
    uint16_t number = 0;
    uint32_t value = 0;
    if (zmq_recv(monitor->socket, event, sizeof event, ZMQ_DONTWAIT) != EVENT_BYTES) {
        return;
    }
    char endpoint[1]; /* ours, not the peer's */
    (void)zmq_recv(monitor->socket, endpoint, sizeof endpoint, ZMQ_DONTWAIT);
    memcpy(&number, event, sizeof number);
    memcpy(&value, event + sizeof number, sizeof value);
    if (number == ZMQ_EVENT_MONITOR_STOPPED) {
        (void)zmq_close(monitor->socket); /* ours, and open */
        *monitor = self->monitors[--self->monitor_count];
        atomic_fetch_sub(&self->monitors_begun, 1);
        return;
    }
    atomic_fetch_add(&self->unsealed, 1);
    const struct seal_refused refused = {
        .domain = seal_domain_name(monitor->domain),
        .reason = reason_of(number, value),
        .user = "",
        .address = "",
    };
    seal_refusals_take(&self->refusals, &refused, clock_mono_ms());
}

void
seal_monitor_close(seal_zap_t *self)
{
    while (self->monitor_count > 0) {
        (void)zmq_close(self->monitors[--self->monitor_count].socket); /* ours, and open */
    }
}
