#include "fake_producer.h"

#include "base/check.h"
#include "wire/wire_query.h"
#include "wire/wire_session.h"
#include "wire/wire_socket.h"
#include "wire/wire_submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct asked {
    uint8_t route[WIRE_ROUTE_MAX];
    size_t route_size;
    struct wire_in in;
    struct wire_head head;
};

static struct wire_text
text_of(const char *text)
{
    return (struct wire_text){.data = text, .size = strlen(text)};
}

static bool
is(struct wire_text text, const char *expected)
{
    return text.size == strlen(expected) && memcmp(text.data, expected, text.size) == 0;
}

static void
answer(struct fake_producer *self, const struct asked *asked, struct wire_out *out)
{
    size_t size = 0;
    uint8_t *body = wire_out_take(out, &size);
    (void)wire_socket_send_to(self->front, asked->route, asked->route_size, body, size);
}

static bool
spend(_Atomic uint32_t *count)
{
    bool any = *count > 0;
    *count -= any;
    return any;
}

static struct wire_result
judge(struct fake_producer *self, const struct wire_notification *notification, bool busy)
{
    if (busy) {
        return (struct wire_result){.status = WIRE_BUSY, .count = 1, .text = text_of("disk full")};
    }
    if (is(notification->topic, "duplicate")) {
        return (struct wire_result){.status = WIRE_DUPLICATE, .count = 1, .position = 7};
    }
    if (is(notification->topic, "conflict")) {
        return (struct wire_result){
            .status = WIRE_CONFLICT, .count = 1, .position = 3, .text = text_of("used for 3")};
    }
    if (is(notification->topic, "refuse")) {
        return (struct wire_result){.status = WIRE_REFUSED,
                                    .count = 1,
                                    .field = text_of("topic"),
                                    .text = text_of("not this one")};
    }
    return (struct wire_result){.status = WIRE_ACCEPTED, .count = 1, .position = ++self->position};
}

static void
garbage(struct fake_producer *self, const struct asked *asked, uint32_t count)
{
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_out_raw(&out, "\xc1garbage", 8); /* no msgpack */
    answer(self, asked, &out);
    wire_out_init(&out, 64); /* for one more than was asked */
    struct wire_results_out results = wire_results_begin(&out, asked->head.request);
    wire_results_add(&results, &(struct wire_result){
                                   .status = WIRE_ACCEPTED, .count = count + 1, .position = 1});
    wire_results_end(&results);
    answer(self, asked, &out);
    wire_out_init(&out, 64); /* of a type that answers something else */
    wire_plain_encode(&out, WIRE_STATS, asked->head.request);
    answer(self, asked, &out);
}

static void
submit(struct fake_producer *self, struct asked *asked)
{
    struct wire_out out;
    wire_out_init(&out, 1024);
    struct wire_results_out results = wire_results_begin(&out, asked->head.request);
    uint32_t count = wire_submit_open(&asked->in);
    bool busy = spend(&self->busy);
    bool busy_part = spend(&self->busy_part);
    self->requests[self->submit_count % FAKE_SEEN_MAX] = asked->head.request;
    for (uint32_t i = 0; i < count; i++) {
        struct wire_bytes encoded;
        struct wire_notification notification;
        CHECK(wire_submit_next(&asked->in, &encoded, &notification));
        char *seen = self->seen[self->seen_count % FAKE_SEEN_MAX];
        (void)snprintf(seen, LIMIT_BIZ_ID_BYTES + 1, "%.*s", (int)notification.biz_id.size,
                       notification.biz_id.data); /* fits */
        struct wire_result result = judge(self, &notification, busy || (busy_part && i % 2 == 1));
        wire_results_add(&results, &result);
        self->seen_count++;
    }
    CHECK(wire_message_finish(&asked->in, &asked->head, NULL) == ERR_OK);
    wire_results_end(&results);
    self->largest = count > self->largest ? count : self->largest;
    self->submit_count++;
    if (self->hold || spend(&self->silent)) {
        wire_out_fini(&out);
        return;
    }
    if (spend(&self->garbage)) {
        garbage(self, asked, count);
    }
    answer(self, asked, &out);
}

/* Whatever begins with "known" is known, with one delivery and two attempts. */
static void
query(struct fake_producer *self, struct asked *asked)
{
    struct wire_out out;
    wire_out_init(&out, 1024);
    uint32_t count = wire_ids_open(&asked->in, WIRE_QUERY_MAX);
    wire_answer_begin(&out, asked->head.request, count);
    for (uint32_t i = 0; i < count; i++) {
        struct wire_text biz_id = wire_ids_next(&asked->in);
        bool known = biz_id.size >= 5 && memcmp(biz_id.data, "known", 5) == 0;
        struct wire_found found = {.status = known ? WIRE_OK : WIRE_NOT_FOUND, .biz_id = biz_id};
        if (known) {
            found.topic = text_of("order.paid");
            found.version = 2;
            found.position = 41;
            found.received_unix_ms = 1000;
            found.count = 1;
        }
        wire_found_put(&out, &found);
        if (known) {
            wire_delivery_put(&out, &(struct wire_delivery){.subscription = text_of("orders"),
                                                            .group = text_of("order-service"),
                                                            .state = WIRE_STATE_DONE,
                                                            .custodian = 1,
                                                            .turn = 2,
                                                            .attempts = 2,
                                                            .attempts_limit = 5,
                                                            .left_out = 1,
                                                            .count = 2});
            wire_attempt_put(&out, &(struct wire_attempt){.number = 1,
                                                          .turn = 1,
                                                          .at_unix_ms = 1001,
                                                          .outcome = 3,
                                                          .reason = text_of("locked")});
            wire_attempt_put(
                &out,
                &(struct wire_attempt){
                    .number = 2, .turn = 2, .custodian = 1, .at_unix_ms = 1002, .outcome = 1});
        }
    }
    answer(self, asked, &out);
}

static void
watch(struct fake_producer *self, struct asked *asked)
{
    uint32_t lease_ms = (uint32_t)wire_in_uint(&asked->in, "lease", UINT32_MAX);
    uint32_t count = wire_ids_open(&asked->in, WIRE_QUERY_MAX);
    struct wire_out out;
    wire_out_init(&out, 1024);
    struct wire_ids_out events = wire_events_begin(&out);
    for (uint32_t i = 0; i < count; i++) {
        struct wire_event event = {.biz_id = wire_ids_next(&asked->in),
                                   .position = 5,
                                   .subscription = text_of("orders"),
                                   .state = WIRE_STATE_DONE,
                                   .turn = 1,
                                   .at_unix_ms = 77};
        wire_event_add(&events, &event);
    }
    wire_ids_end(&events);
    if (lease_ms == 0) {
        self->unwatch_count++;
        wire_out_fini(&out);
        return;
    }
    self->watch_count++;
    answer(self, asked, &out);
    wire_out_init(&out, 64);
    wire_watching_encode(&out, asked->head.request, self->watch_status,
                         self->watch_status == WIRE_OK ? NULL : "said why", self->watch_lease);
    answer(self, asked, &out);
}

static void
cancel(struct fake_producer *self, struct asked *asked)
{
    struct wire_cancel cancelled;
    CHECK(wire_cancel_decode(&asked->in, &asked->head, &cancelled, NULL) == ERR_OK);
    struct wire_out out;
    wire_out_init(&out, 256);
    if (is(cancelled.biz_id, "unknown")) {
        wire_status_encode(&out, WIRE_ERROR, asked->head.request, WIRE_NOT_FOUND, "no such biz_id");
        answer(self, asked, &out);
        return;
    }
    struct wire_ids_out list = wire_cancelling_begin(&out, asked->head.request);
    wire_cancelled_add(&list, &(struct wire_cancelled){.subscription = text_of("orders"),
                                                       .status = WIRE_CANCELLED});
    wire_cancelled_add(&list, &(struct wire_cancelled){.subscription = text_of("stock"),
                                                       .status = WIRE_CANNOT_FENCE,
                                                       .text = cancelled.reason});
    wire_ids_end(&list);
    answer(self, asked, &out);
}

static void
hello(struct fake_producer *self, struct asked *asked)
{
    struct wire_hello said;
    CHECK(wire_hello_decode(&asked->in, &asked->head, &said, NULL) == ERR_OK);
    CHECK(said.party == WIRE_PARTY_CLIENT);
    self->hello_count++;
    const struct wire_welcome welcome = {
        .service = text_of("producer"),
        .run = 9,
        .endpoint_count = 2,
        .endpoints = {{.name = text_of("scheduler"), .endpoint = text_of("tcp://*:7001")},
                      {.name = text_of("compensator"), .endpoint = text_of("ipc:///run/herald/c")}},
    };
    struct wire_out out;
    wire_out_init(&out, 256);
    wire_welcome_encode(&out, asked->head.request, &welcome);
    answer(self, asked, &out);
}

static void
take(struct fake_producer *self, zmq_msg_t *message)
{
    struct asked asked = {0};
    if (wire_socket_receive_from(self->front, asked.route, &asked.route_size, message) != ERR_OK) {
        return;
    }
    CHECK(wire_message_open(&asked.in, zmq_msg_data(message), zmq_msg_size(message), &asked.head,
                            NULL) == ERR_OK);
    if (asked.head.type == WIRE_SUBMIT) {
        submit(self, &asked);
    } else if (spend(&self->silent)) {
        return;
    } else if (asked.head.type == WIRE_QUERY) {
        query(self, &asked);
    } else if (asked.head.type == WIRE_WATCH) {
        watch(self, &asked);
    } else if (asked.head.type == WIRE_CANCEL) {
        cancel(self, &asked);
    } else if (asked.head.type == WIRE_HELLO) {
        hello(self, &asked);
    }
}

static void *
run(void *context)
{
    struct fake_producer *self = context;
    zmq_msg_t message;
    (void)zmq_msg_init(&message); /* always succeeds */
    while (!self->stopping) {
        zmq_pollitem_t item = {.socket = self->front, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 10) > 0) {
            take(self, &message);
        }
    }
    (void)zmq_msg_close(&message); /* was initialised */
    wire_socket_close(&self->front);
    return NULL;
}

void
fake_producer_init(struct fake_producer *self)
{
    memset(self, 0, sizeof *self);
    self->watch_lease = 30000;
    (void)snprintf(self->dir, sizeof self->dir, "/tmp/herald-client-XXXXXX"); /* fits */
    CHECK(mkdtemp(self->dir) != NULL);
    (void)snprintf(self->endpoint, sizeof self->endpoint, "ipc://%s/front", self->dir); /* fits */
    self->context = zmq_ctx_new();
    CHECK(self->context != NULL);
}

void
fake_producer_start(struct fake_producer *self)
{
    struct why why;
    self->stopping = false;
    self->front = wire_socket_new(self->context, WIRE_SOCKET_FRONT, 0, 10000);
    if (self->secret != NULL) { /* without a handler that decides who may */
        int on = 1;
        CHECK(zmq_setsockopt(self->front, ZMQ_CURVE_SERVER, &on, sizeof on) == 0);
        CHECK(zmq_setsockopt(self->front, ZMQ_CURVE_SECRETKEY, seal_secret_bytes(self->secret),
                             SEAL_KEY_BYTES) == 0);
    }
    CHECK(wire_socket_bind(self->front, self->endpoint, false, &why) == ERR_OK);
    CHECK(pthread_create(&self->thread, NULL, run, self) == 0);
    self->running = true;
}

void
fake_producer_stop(struct fake_producer *self)
{
    self->stopping = true;
    if (self->running) {
        CHECK(pthread_join(self->thread, NULL) == 0);
    }
    self->running = false;
}

void
fake_producer_fini(struct fake_producer *self)
{
    fake_producer_stop(self);
    CHECK(zmq_ctx_term(self->context) == 0);
    (void)unlink(self->endpoint + strlen("ipc://")); /* ZeroMQ has removed it, or nobody bound it */
    (void)rmdir(self->dir);                          /* only litter otherwise */
}
