#include "client/client_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "wire/wire_session.h"

uint64_t
client_ask_request(herald_client_t *self)
{
    CHECK(!self->calling);
    self->ask.serial = ++self->serial;
    return client_request(self->ask.serial, 0);
}

err_t
client_ask_refused(uint8_t wire_status)
{
    switch (wire_status) {
    case WIRE_NOT_FOUND:
        return ERR_NOT_FOUND;
    case WIRE_DENIED:
        return ERR_DENIED;
    case WIRE_BUSY:
        return ERR_FULL;
    default:
        return ERR_INVALID;
    }
}

bool
client_ask_answered(herald_client_t *self, const struct wire_head *head, struct wire_in *in)
{
    struct client_ask *ask = &self->ask;
    if (ask->serial == 0 || ask->serial != head->request >> CLIENT_SEND_BITS) {
        return false;
    }
    if (head->type == WIRE_ERROR) {
        struct wire_in reader = *in;
        uint8_t status = 0;
        struct wire_text text;
        if (wire_status_decode(&reader, head, &status, &text, NULL) == ERR_OK &&
            status == WIRE_BUSY) {
            /* As good as no answer: it is asked again. */
            (void)why_set(&ask->said, ERR_AGAIN, "%.*s", (int)text.size,
                          text.size == 0 ? "" : text.data);
            return true;
        }
    } else if (head->type != ask->answer) {
        self->ignored++;
        return true;
    }
    CHECK(zmq_msg_move(&ask->message, &self->message) == 0);
    /* A short message lies inside its zmq_msg_t and has moved with it. It was opened before. */
    CHECK(wire_message_open(&ask->in, zmq_msg_data(&ask->message), zmq_msg_size(&ask->message),
                            &ask->head, NULL) == ERR_OK);
    ask->serial = 0;
    return true;
}

static err_t
answer_of(struct client_ask *ask, struct why *why)
{
    if (ask->head.type != WIRE_ERROR) {
        return ERR_OK;
    }
    uint8_t status = 0;
    struct wire_text text;
    err_t rc = wire_status_decode(&ask->in, &ask->head, &status, &text, why);
    if (rc != ERR_OK) {
        return rc;
    }
    return why_set(why, client_ask_refused(status), "%s: %.*s", wire_status_name(status),
                   (int)text.size, text.size == 0 ? "" : text.data);
}

/* It is asked again as often as a submit: every question may be asked twice. */
err_t
client_ask(herald_client_t *self, struct wire_out *question, enum wire_type answer, struct why *why)
{
    struct client_ask *ask = &self->ask;
    int64_t now_ms = clock_mono_ms();
    int64_t limit_ms = now_ms + self->options.timeout_ms;
    int64_t next_ms = now_ms;
    uint64_t connections = self->connections;
    bool sent = false;
    ask->answer = answer;
    ask->said.text[0] = '\0';
    while (ask->serial != 0 && now_ms < limit_ms) {
        bool again = sent && connections != 0 && connections != self->connections;
        next_ms = again ? now_ms : next_ms;
        if (now_ms >= next_ms && client_can_send(self) &&
            client_send(self, mem_copy(question->data, question->size), question->size)) {
            sent = true;
            next_ms = now_ms + self->options.timeout_ms / self->options.sends;
            connections = self->connections;
        }
        int64_t wait_ms = (next_ms > now_ms && next_ms < limit_ms ? next_ms : limit_ms) - now_ms;
        if (next_ms <= now_ms) {
            zmq_pollitem_t item = {.socket = self->front.socket,
                                   .events = ZMQ_POLLOUT | ZMQ_POLLIN};
            (void)zmq_poll(&item, 1, (long)wait_ms); /* a signal: looked at again */
            self->front.holds = true;
            wait_ms = 0;
        }
        (void)client_pump(self, wait_ms); /* a signal does not end the call */
        now_ms = clock_mono_ms();
    }
    wire_out_fini(question);
    if (ask->serial == 0) {
        return answer_of(ask, why);
    }
    ask->serial = 0;
    if (ask->said.text[0] != '\0') {
        return why_set(why, ERR_TIMEOUT, "%s is busy: %s", self->options.producer, ask->said.text);
    }
    return why_set(why, ERR_TIMEOUT, "%s %s within %u ms%s",
                   sent ? "no answer from" : "no connection to", self->options.producer,
                   self->options.timeout_ms, self->refused ? ": it refuses our key" : "");
}
