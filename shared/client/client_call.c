#include "client/client_call.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/client_context.h"
#include "client/client_dial.h"
#include "client/client_monitor.h"
#include "wire/wire_session.h"
#include "wire/wire_socket.h"

#define HIGH_WATER 16

struct client_call {
    void *context; /* of ZeroMQ; owned */
    void *socket;
    struct wire_inlet monitor; /* of the socket; owned */
    bool refused;              /* the server refuses our key */
    char *endpoint;            /* owned */
    uint64_t request;
    zmq_msg_t message; /* the last answer */
};

static err_t
open_sockets(client_call_t *self, struct why *why)
{
    err_t rc = client_context_new(&self->context, 1 + CLIENT_MONITOR_DESCRIPTORS, why);
    if (rc != ERR_OK) {
        return rc;
    }
    self->socket = wire_socket_try_new(self->context, WIRE_SOCKET_CLIENT, 0, HIGH_WATER);
    if (self->socket != NULL) {
        self->monitor =
            client_monitor_open(self->context, self->socket, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    }
    return self->monitor.socket != NULL
               ? ERR_OK
               : why_set(why, ERR_FULL, "no descriptor is left for a ZeroMQ socket");
}

err_t
client_call_new(client_call_t **self_p, const char *endpoint, const seal_secret_t *secret,
                struct wire_bytes key, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL && endpoint != NULL);
    client_call_t *self = mem_zeroed(sizeof *self);
    self->endpoint = mem_text(endpoint);
    (void)zmq_msg_init(&self->message); /* always succeeds */
    err_t rc = open_sockets(self, why);
    if (rc == ERR_OK) {
        rc = client_dial(self->socket, endpoint, secret, key, why);
        rc = rc == ERR_IO ? ERR_INVALID : rc; /* not an endpoint */
    }
    if (rc != ERR_OK) {
        client_call_destroy(&self);
        return rc;
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
    client_monitor_close(&self->monitor, self->socket);
    wire_socket_close(&self->socket);
    client_context_destroy(&self->context);
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
                              {.socket = self->monitor.socket, .events = ZMQ_POLLIN}};
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
    if (self->refused) { /* on a connection after the one by which the question left */
        return why_set(why, ERR_DENIED, "%s refuses our key", self->endpoint);
    }
    return why_set(why, ERR_TIMEOUT, "no answer from %s within %u ms", self->endpoint, timeout_ms);
}
