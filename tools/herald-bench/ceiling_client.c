#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "bench_histogram.h"
#include "bench_pause.h"
#include "ceiling_pipeline.h"

#include <string.h>
#include <zmq.h>

#define CONNECT_NS 100000000

struct client {
    const struct ceiling_load *load;
    void **sockets;        /* owned, load->connections of them */
    zmq_pollitem_t *items; /* owned */
    uint32_t *open;        /* owned: of each connection, sent and not answered */
    int64_t *meant_ns;     /* owned: intended send time by number, a ring */
    uint64_t ring;         /* a power of two, further than a number can be behind another */
    uint8_t *frame;        /* owned */
    uint64_t turns;        /* at a rate */
    uint64_t sent;
    uint64_t answered;
    int64_t start_ns;
    struct bench_histogram latency;
};

/* When message `number` is meant to be sent, in an open loop. */
static int64_t
client_meant(const struct client *self, uint64_t number)
{
    return self->start_ns + (int64_t)((double)number * 1e9 / self->load->rate);
}

/* How many a connection may send now: what its share of the window leaves, or what is due at the
 * rate. */
static uint64_t
client_due(const struct client *self, uint32_t connection, int64_t now_ns)
{
    const struct ceiling_load *load = self->load;
    uint64_t left = load->count - self->sent;
    uint64_t due = 0;
    if (load->rate == 0) {
        due = ceiling_share(load) - self->open[connection];
    } else {
        uint64_t by_now = (uint64_t)((double)(now_ns - self->start_ns) * load->rate / 1e9) + 1;
        due = by_now > self->sent ? by_now - self->sent : 0;
    }
    return due < left ? due : left;
}

static void
client_send_frame(struct client *self, uint32_t connection, uint32_t count, int64_t now_ns)
{
    const struct ceiling_load *load = self->load;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t number = self->sent + i;
        uint8_t *message = self->frame + (size_t)i * load->payload_bytes;
        int64_t meant_ns = load->rate == 0 ? now_ns : client_meant(self, number);
        self->meant_ns[number & (self->ring - 1)] = meant_ns;
        memcpy(message, &number, sizeof number);
        if (load->payload_bytes >= CEILING_TIMED_BYTES) {
            bytes_put_u64(message + sizeof number, (uint64_t)meant_ns);
        }
    }
    CHECK(zmq_send(self->sockets[connection], self->frame, (size_t)count * load->payload_bytes,
                   0) >= 0);
    self->open[connection] += count;
    self->sent += count;
}

static void
client_send_on(struct client *self, uint32_t connection, int64_t now_ns)
{
    const struct ceiling_load *load = self->load;
    uint32_t batch = load->mode == CEILING_BATCHED ? load->batch : 1;
    uint64_t due = client_due(self, connection, now_ns);
    /* A batch waits to be full, so that it is one; the last ones go as they are. */
    bool partial = load->natural || load->rate > 0 || self->sent + due == load->count;
    while (due >= batch || (due > 0 && partial)) {
        uint32_t step = due < batch ? (uint32_t)due : batch;
        uint32_t to = load->rate > 0 ? (uint32_t)(self->turns++ % load->connections) : connection;
        client_send_frame(self, to, step, now_ns);
        due -= step;
    }
}

/* With a window all connections, of which each has its share; at a rate they take turns. */
static void
client_send(struct client *self, int64_t now_ns)
{
    uint32_t connections = self->load->rate > 0 ? 1 : self->load->connections;
    for (uint32_t i = 0; i < connections; i++) {
        client_send_on(self, i, now_ns);
    }
}

static void
client_take(struct client *self, uint32_t connection)
{
    zmq_msg_t body;
    CHECK(zmq_msg_init(&body) == 0);
    int got = 0;
    while ((got = zmq_msg_recv(&body, self->sockets[connection], ZMQ_DONTWAIT)) > 0) {
        int64_t now_ns = clock_mono_ns();
        const uint8_t *numbers = zmq_msg_data(&body);
        for (size_t at = 0; at < (size_t)got; at += sizeof(uint64_t)) {
            uint64_t number = 0;
            memcpy(&number, numbers + at, sizeof number);
            CHECK(number < self->load->count);
            bench_histogram_add(&self->latency, now_ns - self->meant_ns[number & (self->ring - 1)]);
            self->answered++;
            self->open[connection]--;
        }
    }
    CHECK(zmq_msg_close(&body) == 0);
}

/* Until an answer comes, or in an open loop the next send is due. */
static void
client_wait(struct client *self)
{
    const struct ceiling_load *load = self->load;
    bool open = load->rate > 0 && self->sent < load->count;
    bool answered = false;
    CHECK(zmq_poll(self->items, (int)load->connections, open ? 0 : 60000) >= 0);
    for (uint32_t i = 0; i < load->connections; i++) {
        if (self->items[i].revents != 0) {
            answered = true;
            client_take(self, i);
        }
    }
    if (open && !answered) {
        bench_pause_until(client_meant(self, self->sent));
    }
}

static void
client_open(struct client *self, void *context)
{
    const struct ceiling_load *load = self->load;
    self->sockets = mem_array(load->connections, sizeof *self->sockets);
    self->items = mem_array(load->connections, sizeof *self->items);
    for (uint32_t i = 0; i < load->connections; i++) {
        self->sockets[i] = ceiling_socket(context, ZMQ_DEALER, load, "front", false);
        self->items[i] = (zmq_pollitem_t){.socket = self->sockets[i], .events = ZMQ_POLLIN};
    }
    self->open = mem_array(load->connections, sizeof *self->open);
    self->ring = 1;
    /* With several connections one may be far behind the others. */
    bool ahead = load->rate > 0 || load->connections > 1;
    while (self->ring < (ahead ? load->count : load->window)) {
        self->ring *= 2;
    }
    self->meant_ns = mem_array(self->ring, sizeof *self->meant_ns);
    self->frame = mem_zeroed((size_t)load->payload_bytes * load->batch);
}

err_t
ceiling_client(const struct ceiling_load *load, struct ceiling_latency *latency, struct why *why)
{
    (void)why; /* what can fail here is a broken set-up, and CHECKed */
    struct client *self = mem_zeroed(sizeof *self);
    self->load = load;
    void *context = zmq_ctx_new();
    client_open(self, context);
    bench_pause_sharpen();
    int64_t connected_ns = clock_mono_ns() + CONNECT_NS;
    while (clock_mono_ns() < connected_ns) { /* connecting is not measured */
        bench_pause_until(connected_ns);
    }
    self->start_ns = clock_mono_ns();
    while (self->answered < load->count) {
        client_send(self, clock_mono_ns());
        client_wait(self);
    }
    latency->p50_us = bench_histogram_us(&self->latency, 0.5);
    latency->p99_us = bench_histogram_us(&self->latency, 0.99);
    for (uint32_t i = 0; i < load->connections; i++) {
        CHECK(zmq_close(self->sockets[i]) == 0);
    }
    CHECK(zmq_ctx_term(context) == 0);
    mem_free(self->sockets);
    mem_free(self->items);
    mem_free(self->open);
    mem_free(self->meant_ns);
    mem_free(self->frame);
    mem_free(self);
    return ERR_OK;
}
