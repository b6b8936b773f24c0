#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "ceiling_pipeline.h"
#include "ceiling_segment.h"

#include "runtime/busy_poll.h"

#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <zmq.h>

#define ROUND_BYTES (16U * 1024 * 1024) /* a window of 1,024 with 9 KiB and more */
#define PUSH_BYTES (256U * 1024)        /* the consumer begins while the rest is handed over */
#define ROUTE_BYTES 5
#define POLL_NS 300000 /* as the producer does */
#define WAIT_MS 60000  /* of silence: the others have died */

/* The messages of one round that came from one connection: they are answered together. */
struct answer {
    uint8_t route[ROUTE_BYTES];
    uint32_t first; /* in the round */
    uint32_t count;
};

struct server {
    const struct ceiling_load *load;
    void *front;                /* owned */
    void *lane;                 /* owned */
    void *acks;                 /* owned */
    ceiling_segment_t *segment; /* owned; NULL: without a disk */
    uint8_t *round;             /* owned: the payloads of this round, one behind the other */
    uint32_t count;             /* messages in the round */
    struct answer *answers;     /* owned */
    uint32_t answer_count;
    uint64_t acked;
    uint64_t commits;
    struct busy_poll poll;
    int64_t start_ns;
    double start_cpu_s;
};

static double
own_cpu_s(void)
{
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Take one frame from the front; false when there is none, or no room for another. */
static bool
server_take(struct server *self)
{
    size_t size = self->load->payload_bytes;
    /* The next frame may be as large as any. */
    if ((self->count + (size_t)self->load->batch) * size > ROUND_BYTES) {
        return false;
    }
    uint8_t route[ROUTE_BYTES];
    if (zmq_recv(self->front, route, sizeof route, ZMQ_DONTWAIT) < 0) {
        return false;
    }
    zmq_msg_t body;
    CHECK(zmq_msg_init(&body) == 0);
    int got = zmq_msg_recv(&body, self->front, 0);
    CHECK(got > 0 && (size_t)got % size == 0);
    uint32_t messages = (uint32_t)((size_t)got / size);
    memcpy(self->round + self->count * size, zmq_msg_data(&body), (size_t)got);
    CHECK(zmq_msg_close(&body) == 0);
    struct answer *last = self->answer_count > 0 ? &self->answers[self->answer_count - 1] : NULL;
    bool grouped = self->load->mode != CEILING_SINGLE;
    if (grouped && last != NULL && memcmp(last->route, route, ROUTE_BYTES) == 0) {
        last->count += messages;
    } else {
        struct answer *next = &self->answers[self->answer_count++];
        memcpy(next->route, route, ROUTE_BYTES);
        next->first = self->count;
        next->count = messages;
    }
    self->count += messages;
    return true;
}

static void
server_answer(struct server *self)
{
    size_t size = self->load->payload_bytes;
    for (uint32_t i = 0; i < self->answer_count; i++) {
        const struct answer *answer = &self->answers[i];
        zmq_msg_t body;
        CHECK(zmq_msg_init_size(&body, answer->count * sizeof(uint64_t)) == 0);
        uint8_t *numbers = zmq_msg_data(&body);
        for (uint32_t j = 0; j < answer->count; j++) {
            memcpy(numbers + j * sizeof(uint64_t), self->round + (answer->first + j) * size,
                   sizeof(uint64_t));
        }
        CHECK(zmq_send(self->front, answer->route, ROUTE_BYTES, ZMQ_SNDMORE) == ROUTE_BYTES);
        CHECK(zmq_msg_send(&body, self->front, 0) >= 0);
    }
}

static void
server_push(struct server *self)
{
    size_t size = self->load->payload_bytes;
    uint32_t step = self->load->mode == CEILING_SINGLE ? 1 : (uint32_t)(PUSH_BYTES / size);
    for (uint32_t i = 0; i < self->count; i += step) {
        uint32_t left = self->count - i;
        size_t bytes = (left < step ? left : step) * size;
        CHECK(zmq_send(self->lane, self->round + i * size, bytes, 0) >= 0);
    }
}

static void
server_acks(struct server *self)
{
    zmq_msg_t body;
    CHECK(zmq_msg_init(&body) == 0);
    int got = 0;
    while ((got = zmq_msg_recv(&body, self->acks, ZMQ_DONTWAIT)) > 0) {
        self->acked += (uint64_t)got / sizeof(uint64_t);
    }
    CHECK(zmq_msg_close(&body) == 0);
}

static bool
server_heard(struct server *self, long most_ms)
{
    zmq_pollitem_t items[] = {{.socket = self->front, .events = ZMQ_POLLIN},
                              {.socket = self->acks, .events = ZMQ_POLLIN}};
    return zmq_poll(items, 2, most_ms) > 0;
}

/* As the services do: look for a while before sleeping, where that has been worth it. */
static void
server_wait(struct server *self)
{
    int64_t begun_ns = clock_mono_ns();
    bool heard = false;
    bool on = busy_poll_begins(&self->poll, begun_ns);
    for (int64_t looked_ns = begun_ns; on && !heard;) {
        heard = server_heard(self, 0);
        if (!heard) {
            (void)sched_yield(); /* cannot fail on Linux */
        }
        int64_t now_ns = clock_mono_ns();
        on = busy_poll_goes_on(&self->poll, begun_ns, looked_ns, now_ns);
        looked_ns = now_ns;
    }
    CHECK(heard || server_heard(self, WAIT_MS));
    busy_poll_waited(&self->poll, clock_mono_ns() - begun_ns);
}

static err_t
server_round(struct server *self, struct why *why)
{
    server_wait(self);
    server_acks(self);
    self->count = 0;
    self->answer_count = 0;
    while (server_take(self)) {
    }
    if (self->count == 0) {
        return ERR_OK;
    }
    if (self->start_ns == 0) {
        self->start_ns = clock_mono_ns();
        self->start_cpu_s = own_cpu_s();
    }
    size_t bytes = (size_t)self->count * self->load->payload_bytes;
    err_t rc = self->segment == NULL
                   ? ERR_OK
                   : ceiling_segment_commit(self->segment, self->round, bytes, why);
    self->commits++;
    if (rc == ERR_OK) {
        server_answer(self);
        server_push(self);
    }
    return rc;
}

err_t
ceiling_server(const struct ceiling_load *load, struct ceiling_server_report *report,
               struct why *why)
{
    struct server self = {.load = load, .poll = {.time_ns = POLL_NS}};
    err_t rc = load->no_disk
                   ? ERR_OK
                   : ceiling_segment_open(&self.segment, load->directory, load->sync_delay_us, why);
    if (rc != ERR_OK) {
        return rc;
    }
    void *context = zmq_ctx_new();
    self.front = ceiling_socket(context, ZMQ_ROUTER, load, "front", true);
    self.lane = ceiling_socket(context, ZMQ_PUSH, load, "lane", true);
    self.acks = ceiling_socket(context, ZMQ_PULL, load, "acks", true);
    self.round = ceiling_segment_buffer(ROUND_BYTES);
    self.answers = mem_array(ROUND_BYTES / load->payload_bytes + 1, sizeof *self.answers);
    while (self.acked < load->count && rc == ERR_OK) {
        rc = server_round(&self, why);
    }
    report->cpu_s = own_cpu_s() - self.start_cpu_s;
    report->seconds = (double)(clock_mono_ns() - self.start_ns) / 1e9;
    report->commits = self.commits;
    ceiling_segment_buffer_free(self.round);
    mem_free(self.answers);
    CHECK(zmq_close(self.front) == 0 && zmq_close(self.lane) == 0 && zmq_close(self.acks) == 0);
    CHECK(zmq_ctx_term(context) == 0);
    ceiling_segment_close(&self.segment);
    return rc;
}
