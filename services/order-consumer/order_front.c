#include "order_front.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "runtime/logger.h"
#include "wire/wire_socket.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SERVICE "order-consumer"
#define HIGH_WATER 64

struct order_front {
    void *context; /* owned */
    void *socket;  /* owned */
    order_front_counters_fn *counters;
    void *counters_context; /* borrowed */
    int64_t started_ms;
    int64_t started_unix_ms;
    pthread_t thread;
    bool started;
    atomic_bool ending;
    int wake_fd; /* owned */
    uint64_t refused;
};

err_t
order_front_open(order_front_t **self_p, const char *endpoints, bool insecure, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    order_front_t *self = mem_zeroed(sizeof *self);
    self->context = zmq_ctx_new();
    CHECK(self->context != NULL);
    self->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(self->wake_fd >= 0);
    self->started_ms = clock_mono_ms();
    self->started_unix_ms = clock_unix_ms();
    self->socket = wire_socket_new(self->context, WIRE_SOCKET_FRONT, 0, HIGH_WATER);
    *self_p = self;
    err_t rc = wire_socket_bind(self->socket, endpoints, insecure, why);
    if (rc != ERR_OK) {
        order_front_close(self_p);
    }
    return rc;
}

static void
put_pong(const order_front_t *self, const struct wire_head *head, struct wire_out *out)
{
    struct wire_pong pong = {
        .service = {.data = SERVICE, .size = sizeof SERVICE - 1},
        .run = (uint64_t)self->started_unix_ms, /* it has no log; this names the process as well */
        .uptime_ms = (uint64_t)(clock_mono_ms() - self->started_ms),
        .known = true,
    };
    wire_pong_encode(out, head->request, &pong);
}

static void
put_counters(const order_front_t *self, const struct wire_head *head, struct wire_out *out)
{
    struct wire_counter counters[WIRE_COUNTERS_MAX];
    uint32_t count = self->counters(self->counters_context, counters, WIRE_COUNTERS_MAX - 3);
    const struct {
        const char *name;
        uint64_t value;
    } own[] = {
        {"uptime_ms", (uint64_t)(clock_mono_ms() - self->started_ms)},
        {"frames_refused", self->refused},
        {"log_lines_dropped", logger_dropped()},
    };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        counters[count].name = (struct wire_text){.data = own[i].name, .size = strlen(own[i].name)};
        counters[count++].value = own[i].value;
    }
    wire_counters_encode(out, head->request, SERVICE, counters, count);
}

static void
put_answer(order_front_t *self, zmq_msg_t *message, struct wire_out *out)
{
    struct wire_in in;
    struct wire_head head;
    struct wire_ping ping;
    struct why why;
    err_t rc = wire_message_open(&in, zmq_msg_data(message), zmq_msg_size(message), &head, &why);
    if (rc == ERR_OK && head.type == WIRE_PING) {
        rc = wire_ping_decode(&in, &head, &ping, &why);
    } else if (rc == ERR_OK && (head.type == WIRE_STATS || head.type == WIRE_RELOAD)) {
        rc = wire_message_end(&in, &head, 3, &why);
    } else if (rc == ERR_OK) {
        rc = why_set(&why, ERR_UNSUPPORTED, "%s: an order consumer answers PING, STATS and RELOAD",
                     wire_type_name(head.type));
    }
    if (rc != ERR_OK) {
        self->refused++;
        wire_status_encode(out, WIRE_ERROR, head.request,
                           rc == ERR_UNSUPPORTED ? WIRE_UNSUPPORTED : WIRE_REFUSED, why.text);
    } else if (head.type == WIRE_PING) {
        put_pong(self, &head, out);
    } else if (head.type == WIRE_STATS) {
        put_counters(self, &head, out);
    } else {
        wire_status_encode(out, WIRE_STATUS, head.request, WIRE_OK,
                           "nothing here can be reloaded; restart to change settings");
    }
}

/* False: nothing is there. */
static bool
answer_one(order_front_t *self, zmq_msg_t *message)
{
    uint8_t route[WIRE_ROUTE_MAX];
    size_t route_size = 0;
    err_t rc = wire_socket_receive_from(self->socket, route, &route_size, message);
    if (rc == ERR_OK) {
        struct wire_out out;
        size_t size = 0;
        wire_out_init(&out, 1024);
        put_answer(self, message, &out);
        uint8_t *body = wire_out_take(&out, &size);
        /* Who does not take its answer asks again. */
        (void)wire_socket_send_to(self->socket, route, route_size, body, size);
    } else if (rc != ERR_AGAIN) {
        self->refused++;
    }
    return rc != ERR_AGAIN;
}

static void *
run(void *front)
{
    order_front_t *self = front;
    zmq_msg_t message;
    CHECK(zmq_msg_init(&message) == 0);
    while (!atomic_load(&self->ending)) {
        zmq_pollitem_t items[] = {{.socket = self->socket, .events = ZMQ_POLLIN},
                                  {.fd = self->wake_fd, .events = ZMQ_POLLIN}};
        CHECK(zmq_poll(items, 2, -1) >= 0 || errno == EINTR);
        while (!atomic_load(&self->ending) && answer_one(self, &message)) {
        }
    }
    CHECK(zmq_msg_close(&message) == 0);
    return NULL;
}

void
order_front_start(order_front_t *self, order_front_counters_fn *counters, void *context)
{
    CHECK(!self->started);
    self->counters = counters;
    self->counters_context = context;
    sigset_t all;
    sigset_t before;
    CHECK(sigfillset(&all) == 0); /* signals are for the main thread */
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    CHECK(pthread_create(&self->thread, NULL, run, self) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    self->started = true;
}

void
order_front_close(order_front_t **self_p)
{
    order_front_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    if (self->started) {
        uint64_t one = 1;
        atomic_store(&self->ending, true);
        CHECK(write(self->wake_fd, &one, sizeof one) == sizeof one);
        CHECK(pthread_join(self->thread, NULL) == 0);
    }
    wire_socket_close(&self->socket);
    CHECK(zmq_ctx_term(self->context) == 0);
    (void)close(self->wake_fd); /* nothing is kept in it */
    mem_free(self);
    *self_p = NULL;
}
