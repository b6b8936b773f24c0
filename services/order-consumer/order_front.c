#include "order_front.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "runtime/refusal_log.h"
#include "runtime/service.h"
#include "wire/wire_endpoint.h"
#include "wire/wire_socket.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HIGH_WATER 64
#define LOOK_EVERY_MS 1000 /* at whether the ZAP handler lives */

struct order_front {
    void *context; /* owned */
    void *socket;  /* owned */
    seal_t *seal;  /* owned; NULL: without CURVE */
    struct front_door door;
    pthread_t thread;
    bool started;
    atomic_bool ending;
    int wake_fd; /* owned */
};

static bool
has_seal(const struct order_front_options *options)
{
    return options->curve[0] != '\0';
}

static struct seal_settings
seal_settings_of(const struct order_front_options *options)
{
    return (struct seal_settings){
        .directory = options->curve,
        .secret = "front.key", /* secret.key is the consumer's */
        .refused = refusal_log,
    };
}

err_t
order_front_check(const struct order_front_options *options, struct why *why)
{
    static const char *const servers[] = {NULL}; /* it connects to nobody */
    const struct seal_settings seal = seal_settings_of(options);
    struct why detail = {{0}};
    err_t rc = has_seal(options) ? seal_check(&seal, servers, &detail) : ERR_OK;
    if (rc != ERR_OK) {
        return why_set(why, rc, "curve/directory: %s", detail.text);
    }
    bool open = !options->insecure && !has_seal(options);
    rc = wire_endpoint_check_bind(options->endpoints, open, &detail);
    return rc == ERR_OK ? ERR_OK : why_set(why, rc, "front/bind: %s", detail.text);
}

static err_t
open_socket(order_front_t *self, const struct order_front_options *options, struct why *why)
{
    struct seal_settings settings = seal_settings_of(options);
    settings.context = self->context;
    err_t rc = has_seal(options) ? seal_open(&self->seal, &settings, why) : ERR_OK;
    self->door.seal = self->seal;
    if (rc == ERR_OK && self->seal != NULL) {
        rc = seal_bind(self->seal, self->socket, SEAL_FRONT, why);
    }
    return rc == ERR_OK ? wire_socket_bind(self->socket, options->endpoints, options->insecure, why)
                        : rc;
}

err_t
order_front_open(order_front_t **self_p, const struct order_front_options *options, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    order_front_t *self = mem_zeroed(sizeof *self);
    self->context = zmq_ctx_new();
    CHECK(self->context != NULL);
    self->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(self->wake_fd >= 0);
    self->door = (struct front_door){
        .service = "order-consumer",
        .run = (uint64_t)clock_unix_ms(), /* it has no log; this names the process as well */
        .started_ms = clock_mono_ms(),
        .reload = service_reload,
    };
    self->socket = wire_socket_new(self->context, WIRE_SOCKET_FRONT, 0, HIGH_WATER);
    *self_p = self;
    err_t rc = open_socket(self, options, why);
    if (rc != ERR_OK) {
        order_front_close(self_p);
    }
    return rc;
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
        CHECK(front_door_answers(&self->door, message, clock_mono_ms(),
                                 &out)); /* it takes nothing itself */
        uint8_t *body = wire_out_take(&out, &size);
        /* Who does not take its answer asks again. */
        (void)wire_socket_send_to(self->socket, route, route_size, body, size);
    } else if (rc != ERR_AGAIN) {
        self->door.refused++;
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
        CHECK(self->seal == NULL || seal_lives(self->seal)); /* ends the process */
        zmq_pollitem_t items[] = {{.socket = self->socket, .events = ZMQ_POLLIN},
                                  {.fd = self->wake_fd, .events = ZMQ_POLLIN}};
        CHECK(zmq_poll(items, 2, LOOK_EVERY_MS) >= 0 || errno == EINTR);
        while (!atomic_load(&self->ending) && answer_one(self, &message)) {
        }
    }
    CHECK(zmq_msg_close(&message) == 0);
    return NULL;
}

void
order_front_start(order_front_t *self, front_counters_fn *counters, void *context)
{
    CHECK(!self->started);
    self->door.counters = counters;
    self->door.counters_context = context;
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
    seal_close(&self->seal);
    wire_socket_end_context(self->context);
    (void)close(self->wake_fd); /* nothing is kept in it */
    mem_free(self);
    *self_p = NULL;
}
