#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "ceiling_pipeline.h"

#include <stdlib.h>
#include <string.h>
#include <zmq.h>

struct client {
    const struct ceiling_load *load;
    void **sockets;        /* owned, load->connections of them */
    zmq_pollitem_t *items; /* owned */
    int64_t *sent_ns;      /* owned: intended send time by number; becomes the latency */
    uint8_t *frame;        /* owned */
    uint64_t sent;
    uint64_t answered;
    int64_t start_ns;
};

/* How many may be sent now: what the window leaves, or what is due at the rate. */
static uint64_t
client_due(const struct client *self, int64_t now_ns)
{
    const struct ceiling_load *load = self->load;
    uint64_t left = load->count - self->sent;
    uint64_t due = 0;
    if (load->rate == 0) {
        due = load->window - (self->sent - self->answered);
    } else {
        uint64_t by_now = (uint64_t)((double)(now_ns - self->start_ns) * load->rate / 1e9) + 1;
        due = by_now > self->sent ? by_now - self->sent : 0;
    }
    return due < left ? due : left;
}

static void
client_send(struct client *self, int64_t now_ns)
{
    const struct ceiling_load *load = self->load;
    uint32_t batch = load->mode == CEILING_BATCHED ? load->batch : 1;
    uint64_t due = client_due(self, now_ns);
    /* A batch waits to be full, so that it is one; the last ones go as they are. */
    while (due >= batch || (due > 0 && (load->rate > 0 || self->sent + due == load->count))) {
        uint32_t step = due < batch ? (uint32_t)due : batch;
        void *socket = self->sockets[self->sent / batch % load->connections];
        for (uint32_t i = 0; i < step; i++) {
            uint64_t number = self->sent + i;
            memcpy(self->frame + (size_t)i * load->payload_bytes, &number, sizeof number);
            self->sent_ns[number] =
                load->rate == 0 ? now_ns
                                : self->start_ns + (int64_t)((double)number * 1e9 / load->rate);
        }
        CHECK(zmq_send(socket, self->frame, (size_t)step * load->payload_bytes, 0) >= 0);
        self->sent += step;
        due -= step;
    }
}

static void
client_take(struct client *self, void *socket)
{
    zmq_msg_t body;
    CHECK(zmq_msg_init(&body) == 0);
    int got = 0;
    while ((got = zmq_msg_recv(&body, socket, ZMQ_DONTWAIT)) > 0) {
        int64_t now_ns = clock_mono_ns();
        const uint8_t *numbers = zmq_msg_data(&body);
        for (size_t at = 0; at < (size_t)got; at += sizeof(uint64_t)) {
            uint64_t number = 0;
            memcpy(&number, numbers + at, sizeof number);
            CHECK(number < self->load->count);
            self->sent_ns[number] = now_ns - self->sent_ns[number];
            self->answered++;
        }
    }
    CHECK(zmq_msg_close(&body) == 0);
}

static long
client_wait_ms(const struct client *self)
{
    if (self->load->rate == 0 || self->sent == self->load->count) {
        return 60000;
    }
    int64_t next_ns = self->start_ns + (int64_t)((double)self->sent * 1e9 / self->load->rate);
    int64_t wait_ns = next_ns - clock_mono_ns();
    return wait_ns > 0 ? (long)(wait_ns / 1000000) : 0;
}

static int
client_compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

err_t
ceiling_client(const struct ceiling_load *load, struct ceiling_client_report *report,
               struct why *why)
{
    (void)why; /* what can fail here is a broken set-up, and CHECKed */
    struct client self = {.load = load};
    void *context = zmq_ctx_new();
    self.sockets = mem_array(load->connections, sizeof *self.sockets);
    self.items = mem_array(load->connections, sizeof *self.items);
    for (uint32_t i = 0; i < load->connections; i++) {
        self.sockets[i] = ceiling_socket(context, ZMQ_DEALER, load, "front", false);
        self.items[i] = (zmq_pollitem_t){.socket = self.sockets[i], .events = ZMQ_POLLIN};
    }
    self.sent_ns = mem_array(load->count, sizeof *self.sent_ns);
    self.frame = mem_zeroed((size_t)load->payload_bytes * load->batch);
    self.start_ns = clock_mono_ns();
    while (self.answered < load->count) {
        client_send(&self, clock_mono_ns());
        CHECK(zmq_poll(self.items, (int)load->connections, client_wait_ms(&self)) >= 0);
        for (uint32_t i = 0; i < load->connections; i++) {
            if (self.items[i].revents != 0) {
                client_take(&self, self.sockets[i]);
            }
        }
    }
    qsort(self.sent_ns, load->count, sizeof *self.sent_ns, client_compare);
    report->p50_us = (double)self.sent_ns[load->count / 2] / 1e3;
    report->p99_us = (double)self.sent_ns[load->count * 99 / 100] / 1e3;
    for (uint32_t i = 0; i < load->connections; i++) {
        CHECK(zmq_close(self.sockets[i]) == 0);
    }
    CHECK(zmq_ctx_term(context) == 0);
    mem_free(self.sockets);
    mem_free(self.items);
    mem_free(self.sent_ns);
    mem_free(self.frame);
    return ERR_OK;
}

err_t
ceiling_consumer(const struct ceiling_load *load, struct why *why)
{
    (void)why; /* as in ceiling_client */
    void *context = zmq_ctx_new();
    void *lane = ceiling_socket(context, ZMQ_PULL, load, "lane", false);
    void *acks = ceiling_socket(context, ZMQ_PUSH, load, "acks", false);
    zmq_msg_t body;
    CHECK(zmq_msg_init(&body) == 0);
    for (uint64_t seen = 0; seen < load->count;) {
        int got = zmq_msg_recv(&body, lane, 0);
        CHECK(got > 0 && (size_t)got % load->payload_bytes == 0);
        size_t messages = (size_t)got / load->payload_bytes;
        zmq_msg_t ack;
        CHECK(zmq_msg_init_size(&ack, messages * sizeof(uint64_t)) == 0);
        for (size_t i = 0; i < messages; i++) {
            memcpy((uint8_t *)zmq_msg_data(&ack) + i * sizeof(uint64_t),
                   (uint8_t *)zmq_msg_data(&body) + i * load->payload_bytes, sizeof(uint64_t));
        }
        CHECK(zmq_msg_send(&ack, acks, 0) >= 0);
        seen += messages;
    }
    CHECK(zmq_msg_close(&body) == 0);
    CHECK(zmq_close(lane) == 0 && zmq_close(acks) == 0);
    CHECK(zmq_ctx_term(context) == 0); /* the last acknowledgements leave first */
    return ERR_OK;
}
