#include "consumer_session.h"

#include "base/check.h"
#include "base/mem.h"
#include "client/client_dial.h"
#include "client/client_monitor.h"
#include "wire/wire_socket.h"

#include <stdio.h>
#include <string.h>

#define HIGH_WATER 1000
#define SILENT_PINGS 3

void
consumer_session_init(struct consumer_session *session, const struct consumer_session_self *self,
                      const char *service)
{
    *session = (struct consumer_session){.self = self, .service = service};
}

/* It may hear of a message in passing. */
static err_t
send_front(struct consumer_session *session, struct wire_out *out)
{
    size_t size = 0;
    uint8_t *body = wire_out_take(out, &size);
    session->front.holds = true;
    return wire_socket_send(session->front.socket, body, size);
}

static void
close_lines(struct consumer_session *session)
{
    wire_inlet_close(&session->lane.at);
    wire_inlet_close(&session->outcome.at);
}

/* Our lane is free at once, and what is on its way to it goes to somebody else. */
static void
say_leave(struct consumer_session *session)
{
    struct wire_ping leaving = {
        .name = {.data = session->self->name, .size = strlen(session->self->name)},
        .nonce = session->self->nonce};
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_leave_encode(&out, &leaving);
    (void)send_front(session, &out); /* if not, missing PINGs tell it */
}

void
consumer_session_fini(struct consumer_session *session, int linger_ms)
{
    if (session->state == CONSUMER_SESSION_JOINED) {
        say_leave(session);
    }
    void *const sending[] = {session->front.socket, session->outcome.at.socket};
    for (size_t i = 0; i < 2; i++) {
        if (sending[i] != NULL) {
            CHECK(zmq_setsockopt(sending[i], ZMQ_LINGER, &linger_ms, sizeof linger_ms) == 0);
        }
    }
    close_lines(session);
    client_monitor_close(&session->monitor, session->front.socket);
    wire_inlet_close(&session->front);
    session->state = CONSUMER_SESSION_ABSENT;
}

/* A receiver that is late keeps deliveries waiting, and there are few of them: shorter pauses than
 * a client's. NULL: no descriptor is left. */
static void *
new_socket(const struct consumer_session *session, enum wire_socket_kind kind)
{
    void *socket = wire_socket_try_new(session->self->context, kind, 0, HIGH_WATER);
    int most_ms = CONSUMER_SESSION_AGAIN_MS;
    CHECK(socket == NULL ||
          zmq_setsockopt(socket, ZMQ_RECONNECT_IVL_MAX, &most_ms, sizeof most_ms) == 0);
    return socket;
}

static err_t
no_room(const struct consumer_session *session, struct why *why)
{
    return why_set(why, ERR_FULL, "%s: no descriptor is left for a ZeroMQ socket",
                   session->service);
}

static err_t
dial(struct consumer_session *session, struct why *why)
{
    const struct wire_bytes key = {.data = session->key,
                                   .size = session->has_key ? sizeof session->key : 0};
    session->front = wire_inlet_of(new_socket(session, WIRE_SOCKET_CLIENT));
    if (session->front.socket != NULL) {
        session->monitor = client_monitor_open(session->self->context, session->front.socket,
                                               ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    }
    err_t rc = session->monitor.socket == NULL
                   ? no_room(session, why)
                   : client_dial(session->front.socket, session->endpoint, session->self->secret,
                                 key, why);
    if (rc != ERR_OK) {
        client_monitor_close(&session->monitor, session->front.socket);
        wire_inlet_close(&session->front);
    }
    return rc;
}

err_t
consumer_session_place(struct consumer_session *session, struct wire_text endpoint,
                       struct wire_bytes key, struct why *why)
{
    uint8_t said[SEAL_KEY_BYTES] = {0};
    if (key.size == sizeof said) {
        memcpy(said, key.data, sizeof said);
    }
    if (endpoint.size == 0 || endpoint.size > LIMIT_ENDPOINT_BYTES) {
        return why_set(why, ERR_INVALID, "endpoint: must have 1 to %d bytes", LIMIT_ENDPOINT_BYTES);
    }
    if (session->state != CONSUMER_SESSION_ABSENT && strlen(session->endpoint) == endpoint.size &&
        memcmp(session->endpoint, endpoint.data, endpoint.size) == 0 &&
        memcmp(session->key, said, sizeof said) == 0) {
        return ERR_OK;
    }
    consumer_session_fini(session, 0);
    memcpy(session->key, said, sizeof said);
    memcpy(session->endpoint, endpoint.data, endpoint.size);
    session->endpoint[endpoint.size] = '\0';
    session->has_key = key.size == sizeof said;
    err_t rc = dial(session, why);
    if (rc == ERR_OK || rc == ERR_FULL) {
        session->state = CONSUMER_SESSION_GREETING;
        session->say_ms = 0;
    }
    return rc;
}

static struct wire_text
text_of(const char *text)
{
    return (struct wire_text){.data = text, .size = text == NULL ? 0 : strlen(text)};
}

/* False: it is not connected yet. */
static bool
say_hello(struct consumer_session *session)
{
    const struct consumer_session_self *self = session->self;
    struct wire_hello hello = {
        .party = WIRE_PARTY_CONSUMER,
        .name = text_of(self->name),
        .group = text_of(self->group),
        .capabilities = self->capabilities,
        .nonce = self->nonce,
    };
    if (self->identity != NULL) {
        hello.identity = (struct wire_bytes){.data = self->identity, .size = 16};
    }
    struct wire_out out;
    wire_out_init(&out, 256);
    wire_hello_encode(&out, ++session->request, &hello);
    return send_front(session, &out) == ERR_OK;
}

static void
say_ping(struct consumer_session *session)
{
    struct wire_ping ping = {.name = text_of(session->self->name),
                             .nonce = session->self->nonce,
                             .lane = session->lane_number};
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_ping_encode(&out, ++session->request, &ping);
    (void)send_front(session, &out); /* one that is missing is noticed */
}

/* Connected again: most likely another process, which does not know us. */
static void
look_at_connection(struct consumer_session *session, int64_t now_ms)
{
    while (client_monitor_next(&session->monitor) != 0) {
        session->say_ms = session->say_ms < now_ms ? session->say_ms : now_ms;
    }
}

bool
consumer_session_tick(struct consumer_session *session, int64_t now_ms)
{
    if (session->state == CONSUMER_SESSION_ABSENT) {
        return false;
    }
    look_at_connection(session, now_ms);
    if (now_ms < session->say_ms) {
        return false;
    }
    if (session->state == CONSUMER_SESSION_GREETING) {
        bool there = session->front.socket != NULL || dial(session, NULL) == ERR_OK;
        int64_t said_ms =
            there && say_hello(session) ? CONSUMER_SESSION_HELLO_MS : CONSUMER_SESSION_DIAL_MS;
        session->say_ms = now_ms + (there ? said_ms : CONSUMER_SESSION_REFUSED_MS);
        return false;
    }
    if (now_ms - session->heard_ms >= (int64_t)session->ping_ms * SILENT_PINGS) {
        consumer_session_leave(session, now_ms, 0);
        return true;
    }
    say_ping(session);
    session->say_ms = now_ms + session->ping_ms;
    return false;
}

int64_t
consumer_session_next_ms(const struct consumer_session *session)
{
    return session->state == CONSUMER_SESSION_ABSENT ? INT64_MAX : session->say_ms;
}

bool
consumer_session_resolve(const struct consumer_session *session, struct wire_text from,
                         char to[LIMIT_ENDPOINT_BYTES + 1])
{
    static const char any_host[] = "tcp://*:";
    size_t mark = sizeof any_host - 1;
    int size;
    if (from.size > mark && memcmp(from.data, any_host, mark) == 0) {
        const char *port = strrchr(session->endpoint, ':');
        if (strncmp(session->endpoint, "tcp://", 6) != 0 || port == NULL) {
            return false;
        }
        size = snprintf(to, LIMIT_ENDPOINT_BYTES + 1, "%.*s:%.*s", (int)(port - session->endpoint),
                        session->endpoint, (int)(from.size - mark), from.data + mark);
    } else {
        size = snprintf(to, LIMIT_ENDPOINT_BYTES + 1, "%.*s", (int)from.size, from.data);
    }
    return size > 0 && size <= LIMIT_ENDPOINT_BYTES;
}

/* A line that leads there already stays: closing it would lose what is on its way. */
static err_t
connect_line(struct consumer_session *session, struct consumer_session_line *line,
             enum wire_socket_kind kind, const struct wire_endpoint *place, struct why *why)
{
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    if (!consumer_session_resolve(session, place->endpoint, endpoint)) {
        return why_set(why, ERR_INVALID, "%s advertises an endpoint that cannot be dialled",
                       session->service);
    }
    if (line->at.socket != NULL && strcmp(line->endpoint, endpoint) == 0) {
        return ERR_OK;
    }
    wire_inlet_close(&line->at);
    memcpy(line->endpoint, endpoint, sizeof endpoint);
    line->at = wire_inlet_of(new_socket(session, kind));
    if (line->at.socket == NULL) {
        return no_room(session, why);
    }
    return client_dial(line->at.socket, endpoint, session->self->secret, place->key, why);
}

static bool
is_named(const struct wire_endpoint *endpoint, const char *name)
{
    return endpoint->name.size == strlen(name) &&
           memcmp(endpoint->name.data, name, endpoint->name.size) == 0;
}

static err_t
connect_lines(struct consumer_session *session, const struct wire_welcome *welcome, struct why *why)
{
    static const struct {
        const char *name;
        enum wire_socket_kind kind;
    } kinds[] = {{"lane", WIRE_SOCKET_PULL}, {"outcome", WIRE_SOCKET_PUSH}};
    struct consumer_session_line *const lines[] = {&session->lane, &session->outcome};
    err_t rc = ERR_OK;
    for (size_t k = 0; rc == ERR_OK && k < 2; k++) {
        uint32_t i = 0;
        while (i < welcome->endpoint_count && !is_named(&welcome->endpoints[i], kinds[k].name)) {
            i++;
        }
        if (i == welcome->endpoint_count) {
            wire_inlet_close(&lines[k]->at);
        } else {
            rc = connect_line(session, lines[k], kinds[k].kind, &welcome->endpoints[i], why);
        }
    }
    return rc;
}

err_t
consumer_session_welcome(struct consumer_session *session, const struct wire_welcome *welcome,
                         int64_t now_ms, struct why *why)
{
    if (session->state == CONSUMER_SESSION_JOINED && welcome->status == WIRE_OK &&
        welcome->run == session->run && welcome->lane == session->lane_number) {
        session->heard_ms =
            now_ms; /* the answer to an earlier HELLO: what waits in the lane stays */
        return ERR_OK;
    }
    if (welcome->status != WIRE_OK) {
        close_lines(session);
        consumer_session_leave(session, now_ms, CONSUMER_SESSION_REFUSED_MS);
        return why_set(why, ERR_DENIED, "%s: %.*s", session->service, (int)welcome->text.size,
                       welcome->text.data);
    }
    err_t rc = connect_lines(session, welcome, why);
    if (rc != ERR_OK) {
        close_lines(session);
        consumer_session_leave(session, now_ms, CONSUMER_SESSION_REFUSED_MS);
        return rc;
    }
    session->state = CONSUMER_SESSION_JOINED;
    session->run = welcome->run;
    session->lane_number = welcome->lane;
    session->ping_ms = welcome->ping_ms < 100 ? 100 : welcome->ping_ms; /* no flood by a mistake */
    session->heard_ms = now_ms;
    session->say_ms = now_ms + session->ping_ms;
    return ERR_OK;
}

bool
consumer_session_pong(struct consumer_session *session, const struct wire_pong *pong,
                      int64_t now_ms)
{
    session->heard_ms = now_ms;
    if (session->state != CONSUMER_SESSION_JOINED || (pong->known && pong->run == session->run)) {
        return true;
    }
    consumer_session_leave(session, now_ms, 0);
    return false;
}

void
consumer_session_leave(struct consumer_session *session, int64_t now_ms, int64_t pause_ms)
{
    if (session->state != CONSUMER_SESSION_ABSENT) {
        session->state = CONSUMER_SESSION_GREETING;
        session->say_ms = now_ms + pause_ms;
    }
}

bool
consumer_session_offer(struct consumer_session *session, uint8_t **body_p, size_t size)
{
    struct wire_inlet *at =
        session->outcome.at.socket != NULL ? &session->outcome.at : &session->front;
    if (session->state != CONSUMER_SESSION_JOINED) {
        return false;
    }
    at->holds = true; /* it may hear of a message in passing */
    return wire_socket_offer(at->socket, body_p, size) == ERR_OK;
}
