#include "client/client_call.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/client_dial.h"
#include "wire/wire_session.h"
#include "wire/wire_socket.h"

#include <errno.h>

#define HIGH_WATER 16
#define MONITOR "inproc://monitor"

struct client_call {
    void *context; /* of ZeroMQ; owned */
    void *socket;
    void *monitor;  /* of the socket; owned */
    bool refused;   /* the server refuses our key */
    char *endpoint; /* owned */
    uint64_t request;
    zmq_msg_t message; /* the last answer */
};

err_t
client_call_new(client_call_t **self_p, const char *endpoint, const seal_secret_t *secret,
                struct wire_bytes key, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL && endpoint != NULL);
    client_call_t *self = mem_zeroed(sizeof *self);
    self->endpoint = mem_text(endpoint);
    (void)zmq_msg_init(&self->message); /* always succeeds */
    self->context = zmq_ctx_new();
    CHECK(self->context != NULL);
    self->socket = wire_socket_new(self->context, WIRE_SOCKET_CLIENT, 0, HIGH_WATER);
    CHECK(zmq_socket_monitor(self->socket, MONITOR, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) == 0);
    self->monitor = zmq_socket(self->context, ZMQ_PAIR);
    CHECK(self->monitor != NULL && zmq_connect(self->monitor, MONITOR) == 0);
    err_t rc = client_dial(self->socket, endpoint, secret, key, why);
    if (rc != ERR_OK) {
        client_call_destroy(&self);
        return rc == ERR_DENIED ? rc : ERR_INVALID;
    }
    *self_p = self;
    return ERR_OK;
}

void
client_call_destroy(client_call_t **self_p)
{
    client_call_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    (void)zmq_socket_monitor(self->socket, NULL, 0); /* ends it; nothing to be done otherwise */
    wire_socket_close(&self->monitor);
    wire_socket_close(&self->socket);
    while (zmq_ctx_term(self->context) != 0 && errno == EINTR) {
    }
    (void)zmq_msg_close(&self->message); /* was initialised */
    mem_free(self->endpoint);
    mem_free(self);
    *self_p = NULL;
}

uint64_t
client_call_request(client_call_t *self)
{
    return ++self->request;
}

/* Wait for `events` until limit_ms, or the server refuses our key; a signal is looked over. */
static bool
wait_for(client_call_t *self, short events, int64_t limit_ms)
{
    zmq_pollitem_t items[] = {{.socket = self->socket, .events = events},
                              {.socket = self->monitor, .events = ZMQ_POLLIN}};
    int64_t left_ms = limit_ms - clock_mono_ms();
    while (left_ms > 0) {
        int count = zmq_poll(items, 2, (long)left_ms);
        if (count > 0 && (items[0].revents & events) != 0) {
            return true;
        }
        if (count > 0) {
            self->refused = true; /* the one event that is asked for; it will be the same again */
            return false;
        }
        left_ms = limit_ms - clock_mono_ms();
    }
    return false;
}

static err_t
call_send(client_call_t *self, uint8_t *body, size_t size, int64_t limit_ms)
{
    while (wire_socket_offer(self->socket, &body, size) != ERR_OK) {
        if (!wait_for(self, ZMQ_POLLOUT, limit_ms)) {
            mem_free(body);
            return ERR_TIMEOUT;
        }
    }
    return ERR_OK;
}

/* The next message, when it answers the request; anything else is a late answer to an earlier one,
 * or an event, and passed over. */
static err_t
call_take(client_call_t *self, uint64_t request, struct client_call_answer *answer, struct why *why)
{
    struct wire_in *in = &answer->in;
    struct wire_head *head = &answer->head;
    if (wire_socket_receive(self->socket, &self->message) != ERR_OK) {
        return ERR_AGAIN;
    }
    err_t rc = wire_message_open(in, zmq_msg_data(&self->message), zmq_msg_size(&self->message),
                                 head, why);
    if (rc != ERR_OK) {
        return ERR_INVALID;
    }
    if (head->request != request) {
        return ERR_AGAIN;
    }
    if (head->type != WIRE_ERROR) {
        return ERR_OK;
    }
    uint8_t status = 0;
    struct wire_text text;
    rc = wire_status_decode(in, head, &status, &text, why);
    if (rc == ERR_OK) {
        (void)why_set(why, ERR_INVALID, "%s: %.*s", wire_status_name(status), (int)text.size,
                      text.size == 0 ? "" : text.data);
    }
    return ERR_INVALID;
}

err_t
client_call(client_call_t *self, const struct client_call_question *question,
            struct client_call_answer *answer, struct why *why)
{
    uint32_t timeout_ms = question->timeout_ms;
    int64_t limit_ms = clock_mono_ms() + timeout_ms;
    if (call_send(self, question->body, question->size, limit_ms) != ERR_OK) {
        return self->refused ? why_set(why, ERR_DENIED, "%s refuses our key", self->endpoint)
                             : why_set(why, ERR_TIMEOUT, "no connection to %s within %u ms",
                                       self->endpoint, timeout_ms);
    }
    while (wait_for(self, ZMQ_POLLIN, limit_ms)) {
        err_t rc = call_take(self, question->request, answer, why);
        if (rc != ERR_AGAIN) {
            return rc;
        }
    }
    return why_set(why, ERR_TIMEOUT, "no answer from %s within %u ms", self->endpoint, timeout_ms);
}
