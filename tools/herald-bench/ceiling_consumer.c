#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "bench_histogram.h"
#include "ceiling_pipeline.h"

#include <string.h>
#include <zmq.h>

/* What came, of messages numbered from 0: one that is lost or comes twice shows in these. */
struct seen {
    uint64_t count;
    uint64_t sum; /* of their numbers */
};

/* Acknowledge a whole frame. */
static void
consumer_take(const struct ceiling_load *load, zmq_msg_t *body, void *acks, struct seen *seen,
              struct bench_histogram *latency)
{
    CHECK(zmq_msg_size(body) % load->payload_bytes == 0);
    size_t messages = zmq_msg_size(body) / load->payload_bytes;
    const uint8_t *message = zmq_msg_data(body);
    int64_t now_ns = clock_mono_ns();
    zmq_msg_t ack;
    CHECK(zmq_msg_init_size(&ack, messages * sizeof(uint64_t)) == 0);
    uint8_t *numbers = zmq_msg_data(&ack);
    for (size_t i = 0; i < messages; i++, message += load->payload_bytes) {
        uint64_t number = 0;
        memcpy(&number, message, sizeof number);
        memcpy(numbers + i * sizeof number, &number, sizeof number);
        seen->sum += number;
        if (load->payload_bytes >= CEILING_TIMED_BYTES) {
            bench_histogram_add(latency,
                                now_ns - (int64_t)bytes_get_u64(message + sizeof(uint64_t)));
        }
    }
    CHECK(zmq_msg_send(&ack, acks, 0) >= 0);
    seen->count += messages;
}

err_t
ceiling_consumer(const struct ceiling_load *load, struct ceiling_latency *latency, struct why *why)
{
    void *context = zmq_ctx_new();
    void *lane = ceiling_socket(context, ZMQ_PULL, load, "lane", false);
    void *acks = ceiling_socket(context, ZMQ_PUSH, load, "acks", false);
    struct bench_histogram *histogram = mem_zeroed(sizeof *histogram);
    zmq_msg_t body;
    CHECK(zmq_msg_init(&body) == 0);
    struct seen seen = {0, 0};
    while (seen.count < load->count) {
        CHECK(zmq_msg_recv(&body, lane, 0) > 0);
        consumer_take(load, &body, acks, &seen, histogram);
    }
    bool each_once = seen.sum == load->count * (load->count - 1) / 2;
    latency->p50_us = bench_histogram_us(histogram, 0.5);
    latency->p99_us = bench_histogram_us(histogram, 0.99);
    mem_free(histogram);
    CHECK(zmq_msg_close(&body) == 0);
    CHECK(zmq_close(lane) == 0 && zmq_close(acks) == 0);
    CHECK(zmq_ctx_term(context) == 0); /* the last acknowledgements leave first */
    return each_once ? ERR_OK
                     : why_set(why, ERR_CORRUPT, "the bare pipeline lost or doubled a message");
}
