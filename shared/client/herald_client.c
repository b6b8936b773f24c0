#include "client/client_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/client_context.h"
#include "client/client_dial.h"
#include "client/client_monitor.h"
#include "wire/wire_socket.h"

#include <limits.h>
#include <string.h>

#define TIMEOUT_DEFAULT_MS 5000
#define TIMEOUT_MAX_MS 3600000
#define SENDS_DEFAULT 4
#define SENDS_MAX 64
#define WINDOW_DEFAULT 4096
#define WINDOW_MAX 65536
#define LINGER_MS 2000
#define HIGH_WATER 1000
#define TAKE_MAX 1024    /* messages in one round */
#define LOOK_EVERY_MS 10 /* at the monitor, whatever else there is to do */

static_assert(CLIENT_WATCH_SLICES <= 64, "a renewal has a bit for each slice");
static_assert(CLIENT_FRAMES + 2 * CLIENT_WATCH_SLICES < HIGH_WATER, "all of it fits the socket");

static err_t
options_take(struct herald_client_options *to, const struct herald_client_options *from,
             struct why *why)
{
    *to = *from;
    to->timeout_ms = from->timeout_ms == 0 ? TIMEOUT_DEFAULT_MS : from->timeout_ms;
    to->sends = from->sends == 0 ? SENDS_DEFAULT : from->sends;
    to->window = from->window == 0 ? WINDOW_DEFAULT : from->window;
    size_t name_size = from->name == NULL ? 0 : strlen(from->name);
    if (from->producer == NULL || from->producer[0] == '\0' ||
        strlen(from->producer) > LIMIT_ENDPOINT_BYTES) {
        return why_set(why, ERR_INVALID, "producer: an endpoint has 1 to %d bytes",
                       LIMIT_ENDPOINT_BYTES);
    }
    if (name_size > LIMIT_NAME_BYTES || (name_size > 0 && !wire_in_utf8(from->name, name_size))) {
        return why_set(why, ERR_INVALID, "name: UTF-8 without control characters, at most %d bytes",
                       LIMIT_NAME_BYTES);
    }
    if (to->timeout_ms > TIMEOUT_MAX_MS) {
        return why_set(why, ERR_INVALID, "timeout_ms: %u, at most %d", to->timeout_ms,
                       TIMEOUT_MAX_MS);
    }
    if (to->sends > SENDS_MAX) {
        return why_set(why, ERR_INVALID, "sends: %u, at most %d", to->sends, SENDS_MAX);
    }
    if (to->window > WINDOW_MAX) {
        return why_set(why, ERR_INVALID, "window: %u, at most %d", to->window, WINDOW_MAX);
    }
    return ERR_OK;
}

static err_t
open_sockets(herald_client_t *self, struct why *why)
{
    err_t rc = client_context_hold(&self->context, 1 + CLIENT_MONITOR_DESCRIPTORS, why);
    if (rc != ERR_OK) {
        return rc;
    }
    self->front = wire_inlet_of(
        wire_socket_try_new(self->context, WIRE_SOCKET_CLIENT, LINGER_MS, HIGH_WATER));
    if (self->front.socket != NULL) {
        self->monitor =
            client_monitor_open(self->context, self->front.socket,
                                ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    }
    return self->monitor.socket != NULL
               ? ERR_OK
               : why_set(why, ERR_FULL, "no descriptor is left for a ZeroMQ socket");
}

static err_t
dial(herald_client_t *self, const char *directory, struct why *why)
{
    struct wire_bytes key = {0};
    err_t rc =
        directory == NULL ? ERR_OK : seal_keys_open(&self->keys, directory, SEAL_SECRET_FILE, why);
    if (rc != ERR_OK) {
        return rc;
    }
    const uint8_t *known = self->keys == NULL ? NULL : seal_keys_server(self->keys, "producer");
    key = (struct wire_bytes){.data = known, .size = known == NULL ? 0 : SEAL_KEY_BYTES};
    rc = client_dial(self->front.socket, self->options.producer,
                     self->keys == NULL ? NULL : seal_keys_secret(self->keys), key, why);
    return rc == ERR_OK || rc == ERR_DENIED ? rc : ERR_INVALID;
}

err_t
herald_client_new(herald_client_t **self_p, const struct herald_client_options *options,
                  struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL && options != NULL);
    struct herald_client_options taken;
    err_t rc = options_take(&taken, options, why);
    if (rc != ERR_OK) {
        return rc;
    }
    herald_client_t *self = mem_zeroed(sizeof *self);
    self->options = taken;
    self->options.producer = mem_text(options->producer);
    self->options.name = mem_text(options->name);
    self->options.keys = NULL;              /* read once, here */
    (void)zmq_msg_init(&self->message);     /* always succeeds */
    (void)zmq_msg_init(&self->ask.message); /* always succeeds */
    self->doubtful = true;
    rc = open_sockets(self, why);
    if (rc == ERR_OK) {
        rc = dial(self, options->keys, why);
    }
    if (rc != ERR_OK) {
        herald_client_destroy(&self);
        return rc;
    }
    *self_p = self;
    return ERR_OK;
}

static void
text_free(const char *text)
{
    mem_free((void *)(uintptr_t)text); /* ours, behind the const of the options */
}

void
herald_client_destroy(herald_client_t **self_p)
{
    herald_client_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    CHECK(!self->calling);
    client_monitor_close(&self->monitor, self->front.socket);
    wire_inlet_close(&self->front);
    client_context_release(&self->context);
    (void)zmq_msg_close(&self->message);
    (void)zmq_msg_close(&self->ask.message);
    client_submit_fini(self);
    client_watch_fini(self);
    seal_keys_close(&self->keys);
    text_free(self->options.producer);
    text_free(self->options.name);
    mem_free(self);
    *self_p = NULL;
}

bool
client_can_send(herald_client_t *self)
{
    if (!self->doubtful) {
        return true;
    }
    int events = 0;
    size_t size = sizeof events;
    bool can = zmq_getsockopt(self->front.socket, ZMQ_EVENTS, &events, &size) == 0 &&
               (events & ZMQ_POLLOUT) != 0;
    self->front.holds = true; /* it may have heard of a message in passing; so below */
    self->doubtful = !can;
    self->blocked = self->blocked || !can;
    return can;
}

bool
client_send(herald_client_t *self, uint8_t *body, size_t size)
{
    bool sent = wire_socket_send(self->front.socket, body, size) == ERR_OK;
    self->front.holds = true;
    self->doubtful = !sent;
    self->blocked = self->blocked || !sent;
    return sent;
}

/* What was on its way may be lost, and the producer knows the new connection as somebody else. */
static void
take_monitor(herald_client_t *self, int64_t now_ms)
{
    int event;
    if (now_ms - self->looked_ms >= LOOK_EVERY_MS) {
        self->looked_ms = now_ms;
        self->monitor.holds = true;
    }
    while ((event = client_monitor_next(&self->monitor)) != 0) {
        self->refused = event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
        if (self->refused) {
            continue;
        }
        self->connections++;
        if (self->connections > 1) {
            client_submit_reconnected(self, now_ms);
            client_watch_reconnected(self, now_ms);
        }
    }
}

static void
take_message(herald_client_t *self)
{
    struct wire_in in;
    struct wire_head head;
    if (wire_message_open(&in, zmq_msg_data(&self->message), zmq_msg_size(&self->message), &head,
                          NULL) != ERR_OK) {
        self->ignored++;
    } else if (head.type == WIRE_EVENT) {
        client_watch_events(self, &head, &in);
    } else if (head.request == 0) {
        self->ignored++;
    } else {
        /* Nobody's: late, of something that was answered or given up before. */
        (void)(client_settle_answered(self, &head, &in) || client_ask_answered(self, &head, &in) ||
               client_watch_answered(self, &head, &in));
    }
}

static bool
expects_more(const herald_client_t *self)
{
    return self->pending > 0 || self->ask.serial != 0 || self->watch.count > 0 ||
           (self->own.result != NULL && !self->own.done);
}

/* To the end of the socket, but for whoever was told now that all is answered: he submits again,
 * and what else comes can wait for that. */
static bool
take_messages(herald_client_t *self)
{
    bool any = false;
    size_t callbacks = self->callbacks;
    for (uint32_t i = 0; i < TAKE_MAX && (self->callbacks == callbacks || expects_more(self));
         i++) {
        err_t rc = wire_inlet_receive(&self->front, &self->message);
        if (rc == ERR_AGAIN) {
            break;
        }
        any = true;
        if (rc == ERR_OK) {
            take_message(self);
        } else {
            self->ignored++;
        }
    }
    return any;
}

static void
flush(herald_client_t *self)
{
    int64_t now_ms = clock_mono_ms();
    self->blocked = false;
    take_monitor(self, now_ms);
    client_submit_flush(self, now_ms);
    client_watch_flush(self, now_ms);
}

bool
client_pump(herald_client_t *self, int64_t wait_ms)
{
    CHECK(!self->calling);
    size_t callbacks = self->callbacks;
    flush(self);
    if (take_messages(self) || self->callbacks != callbacks) {
        return true;
    }
    int64_t submit_ms = client_submit_due_ms(self);
    int64_t watch_ms = client_watch_due_ms(self);
    int64_t left_ms = (submit_ms < watch_ms ? submit_ms : watch_ms) - clock_mono_ms();
    left_ms = left_ms < wait_ms ? left_ms : wait_ms;
    left_ms = left_ms < 0 ? 0 : left_ms;
    self->front.sends = self->blocked;
    struct wire_inlet *const inlets[] = {&self->front, &self->monitor};
    if (!wire_inlets_wait(inlets, 2, NULL, left_ms > INT_MAX ? INT_MAX : (long)left_ms)) {
        return false;
    }
    flush(self);
    (void)take_messages(self); /* the caller asks what has changed */
    return true;
}

size_t
herald_client_step(herald_client_t *self, int wait_ms)
{
    size_t before = self->callbacks;
    int64_t limit_ms = clock_mono_ms() + (wait_ms > 0 ? wait_ms : 0);
    int64_t left_ms = wait_ms;
    while (client_pump(self, left_ms) && self->callbacks == before) {
        left_ms = limit_ms - clock_mono_ms();
        if (left_ms <= 0) {
            break;
        }
    }
    return self->callbacks - before;
}

size_t
herald_client_pending(const herald_client_t *self)
{
    return self->pending;
}

uint64_t
herald_client_ignored(const herald_client_t *self)
{
    return self->ignored;
}

int
herald_client_fd(herald_client_t *self)
{
    int fd = -1;
    size_t size = sizeof fd;
    CHECK(zmq_getsockopt(self->front.socket, ZMQ_FD, &fd, &size) == 0);
    return fd;
}
