#include "fake_sender.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "delivery/content_hash.h"
#include "wire/wire_socket.h"
#include "wire/wire_submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct wire_text
text_of(const char *text)
{
    return (struct wire_text){.data = text, .size = strlen(text)};
}

static void
bind_one(struct fake_sender *self, void **socket, enum wire_socket_kind kind, const char *endpoint)
{
    *socket = wire_socket_new(self->context, kind, 0, 1000);
    CHECK(wire_socket_bind(*socket, endpoint, false, NULL) == ERR_OK);
}

void
fake_sender_open_without_outcome(struct fake_sender *self)
{
    *self = (struct fake_sender){.run = FAKE_SENDER_RUN, .ping_ms = 60000};
    memcpy(self->dir, "/tmp/herald-XXXXXX", sizeof "/tmp/herald-XXXXXX");
    CHECK(mkdtemp(self->dir) != NULL);
    (void)snprintf(self->front_endpoint, sizeof self->front_endpoint, "ipc://%s/front", self->dir);
    (void)snprintf(self->lane_endpoint, sizeof self->lane_endpoint, "ipc://%s/lane", self->dir);
    (void)snprintf(self->outcome_endpoint, sizeof self->outcome_endpoint, "ipc://%s/outcome",
                   self->dir);
    self->context = zmq_ctx_new();
    CHECK(zmq_msg_init(&self->message) == 0);
    bind_one(self, &self->front, WIRE_SOCKET_FRONT, self->front_endpoint);
    bind_one(self, &self->lane, WIRE_SOCKET_PUSH, self->lane_endpoint);
}

void
fake_sender_bind_outcome(struct fake_sender *self)
{
    bind_one(self, &self->outcome, WIRE_SOCKET_PULL, self->outcome_endpoint);
}

void
fake_sender_open(struct fake_sender *self)
{
    fake_sender_open_without_outcome(self);
    fake_sender_bind_outcome(self);
}

void
fake_sender_close(struct fake_sender *self)
{
    wire_socket_close(&self->front);
    wire_socket_close(&self->lane);
    wire_socket_close(&self->outcome);
    CHECK(zmq_msg_close(&self->message) == 0);
    CHECK(zmq_ctx_term(self->context) == 0);
    const char *const endpoints[] = {self->front_endpoint, self->lane_endpoint,
                                     self->outcome_endpoint};
    for (size_t i = 0; i < 3; i++) {
        (void)unlink(endpoints[i] + strlen("ipc://")); /* some are gone already */
    }
    CHECK(rmdir(self->dir) == 0);
}

void
fake_sender_restart(struct fake_sender *self)
{
    wire_socket_close(&self->front);
    self->run++;
    bind_one(self, &self->front, WIRE_SOCKET_FRONT, self->front_endpoint);
}

/* False: whoever asked has closed its connection meanwhile. */
static bool
send_front(struct fake_sender *self, struct wire_out *out)
{
    size_t size = 0;
    uint8_t *body = wire_out_take(out, &size);
    return wire_socket_send_to(self->front, self->route, self->route_size, body, size) == ERR_OK;
}

void
fake_sender_pong(struct fake_sender *self, bool known)
{
    struct wire_out out;
    struct wire_pong pong = {.service = text_of("fake"), .run = self->run, .known = known};
    wire_out_init(&out, 128);
    wire_pong_encode(&out, self->head.request, &pong);
    (void)send_front(self, &out); /* one that has left needs none */
}

static bool
wait_readable(void *socket, int64_t until_ms)
{
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
    int64_t left_ms = until_ms - clock_mono_ms();
    return left_ms > 0 && zmq_poll(&item, 1, (long)left_ms) > 0;
}

static void
open_message(struct fake_sender *self)
{
    CHECK(wire_message_open(&self->in, zmq_msg_data(&self->message), zmq_msg_size(&self->message),
                            &self->head, NULL) == ERR_OK);
}

bool
fake_sender_expect(struct fake_sender *self, enum wire_type type)
{
    int64_t until_ms = clock_mono_ms() + FAKE_SENDER_WAIT_MS;
    while (wait_readable(self->front, until_ms)) {
        if (wire_socket_receive_from(self->front, self->route, &self->route_size, &self->message) !=
            ERR_OK) {
            continue;
        }
        open_message(self);
        if (self->head.type == WIRE_HELLO && type == WIRE_HELLO) {
            return wire_hello_decode(&self->in, &self->head, &self->hello, NULL) == ERR_OK;
        }
        if (self->head.type == type) {
            return true;
        }
        if (self->head.type == WIRE_PING) {
            fake_sender_pong(self, true);
        }
    }
    return false;
}

static void
name_endpoint(struct wire_welcome *welcome, const char *name, const char *endpoint)
{
    welcome->endpoints[welcome->endpoint_count++] =
        (struct wire_endpoint){.name = text_of(name), .endpoint = text_of(endpoint)};
}

bool
fake_sender_welcome(struct fake_sender *self, uint8_t status, const char *text)
{
    struct wire_welcome welcome = {
        .status = status,
        .text = text_of(text),
        .service = text_of("fake"),
        .run = self->run,
        .lane = 3,
        .lease_ms = 60000,
        .ping_ms = self->ping_ms,
    };
    if (!self->plain) {
        name_endpoint(&welcome, "outcome", self->outcome_endpoint);
        name_endpoint(&welcome, "lane", self->lane_endpoint);
    }
    if (self->compensator != NULL) {
        name_endpoint(&welcome, "compensator", self->compensator);
    }
    struct wire_out out;
    wire_out_init(&out, 512);
    wire_welcome_encode(&out, self->head.request, &welcome);
    return send_front(self, &out);
}

void
fake_sender_join(struct fake_sender *self)
{
    do {
        CHECK(fake_sender_expect(self, WIRE_HELLO));
    } while (!fake_sender_welcome(self, WIRE_OK, ""));
}

/* The notification "b<token>" and the item around it; `encoded` must outlive the item's use. */
static struct wire_item
make_item(uint64_t token, struct wire_out *encoded, uint8_t hash[CONTENT_HASH_BYTES])
{
    char biz_id[32];
    (void)snprintf(biz_id, sizeof biz_id, "b%llu", (unsigned long long)token);
    struct wire_notification notification = {
        .topic = text_of("order.created"),
        .biz_id = text_of(biz_id),
        .payload = {.data = (const uint8_t *)biz_id, .size = strlen(biz_id)},
        .version = 5,
    };
    struct content content = {
        .topic = notification.topic.data,
        .topic_size = notification.topic.size,
        .version = 5,
        .payload = notification.payload.data,
        .payload_size = notification.payload.size,
    };
    content_hash(&content, hash);
    wire_out_init(encoded, 128);
    wire_notification_encode(encoded, &notification);
    return (struct wire_item){
        .position = token,
        .subscription = 1,
        .turn = 1,
        .attempt = 2,
        .attempts_limit = 9,
        .first_sent_unix_ms = 1,
        .lease_ms = 60000,
        .hash = hash,
        .notification = {.data = encoded->data, .size = encoded->size},
    };
}

static void
send_lane(struct fake_sender *self, uint8_t *body, size_t size)
{
    int64_t until_ms = clock_mono_ms() + FAKE_SENDER_WAIT_MS;
    while (wire_socket_offer(self->lane, &body, size) != ERR_OK) {
        zmq_pollitem_t item = {.socket = self->lane, .events = ZMQ_POLLOUT};
        CHECK(clock_mono_ms() < until_ms); /* a consumer must come */
        (void)zmq_poll(&item, 1, 100);
    }
}

void
fake_sender_lane_bytes(struct fake_sender *self, const void *bytes, size_t size)
{
    send_lane(self, mem_copy(bytes, size), size);
}

void
fake_sender_deliver(struct fake_sender *self, const struct fake_load *load)
{
    struct wire_deliver head = {
        .run = self->run,
        .group = text_of(load->group == NULL ? "orders" : load->group),
        .first_token = load->first_token,
    };
    struct wire_out out;
    wire_out_init(&out, 1024);
    struct wire_deliver_out list = wire_deliver_begin(&out, &head);
    for (uint32_t i = 0; i < load->count; i++) {
        struct wire_out encoded;
        uint8_t hash[CONTENT_HASH_BYTES];
        struct wire_item item = make_item(load->first_token + i, &encoded, hash);
        item.lease_ms = load->lease_ms == 0 ? item.lease_ms : load->lease_ms;
        item.alone = load->alone;
        hash[0] ^= i < load->spoilt ? 1 : 0;
        if (load->unsound && i == 0) {
            static const uint8_t map[] = {0x80};
            encoded.data[0]++; /* a field more */
            wire_out_raw(&encoded, map, sizeof map);
            item.notification = (struct wire_bytes){.data = encoded.data, .size = encoded.size};
        }
        wire_deliver_add(&list, &item);
        wire_out_fini(&encoded);
    }
    wire_deliver_end(&list);
    size_t size = 0;
    uint8_t *body = wire_out_take(&out, &size);
    send_lane(self, body, size);
}

void
fake_sender_job(struct fake_sender *self, uint64_t token, enum wire_action action)
{
    struct wire_jobs head = {.run = self->run, .group = text_of("orders")};
    struct wire_out out;
    struct wire_out encoded;
    uint8_t hash[CONTENT_HASH_BYTES];
    struct wire_job job = {.token = token, .action = (uint8_t)action};
    job.item = make_item(token, &encoded, hash);
    wire_out_init(&out, 512);
    struct wire_deliver_out list = wire_jobs_begin(&out, &head);
    wire_jobs_add(&list, &job);
    wire_jobs_end(&list);
    wire_out_fini(&encoded);
    CHECK(send_front(self, &out));
}

bool
fake_sender_outcomes(struct fake_sender *self, struct wire_outcomes *head)
{
    if (!wait_readable(self->outcome, clock_mono_ms() + FAKE_SENDER_WAIT_MS) ||
        wire_socket_receive(self->outcome, &self->message) != ERR_OK) {
        return false;
    }
    open_message(self);
    return self->head.type == WIRE_OUTCOME && wire_outcomes_open(&self->in, head);
}

bool
fake_sender_results(struct fake_sender *self, struct wire_outcomes *head)
{
    return fake_sender_expect(self, WIRE_RESULT) && wire_outcomes_open(&self->in, head);
}

bool
fake_sender_says(struct fake_sender *self, uint64_t first_token, uint32_t count,
                 enum wire_outcome_code outcome)
{
    struct wire_outcomes head;
    struct wire_outcome said;
    return fake_sender_outcomes(self, &head) && head.run == self->run && head.count == 1 &&
           wire_outcome_next(&self->in, &said) && said.first_token == first_token &&
           said.count == count && said.outcome == outcome;
}
