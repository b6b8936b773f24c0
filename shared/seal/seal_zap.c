#include "seal/seal_zap_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#define ENDPOINT "inproc://zeromq.zap.01"
#define WAIT_MS 1000
#define ORDER_WAIT_MS 100 /* between two looks at whether the thread lives */
#define PARTS_MAX 10      /* routing id, delimiter, request; what is more is dropped */

/* To the thread, over the control socket. */
enum seal_zap_order {
    ORDER_END = 1,
    ORDER_BREAK,
    ORDER_WATCH,
};

static bool
judge_self_test(seal_zap_t *self, const struct seal_zap_frame *frames, size_t count)
{
    static const char domain[] = SEAL_SELF_TEST_DOMAIN;
    return self->lent && count == SEAL_ZAP_FRAMES && frames[2].size == sizeof domain - 1 &&
           memcmp(frames[2].data, domain, sizeof domain - 1) == 0 &&
           frames[6].size == SEAL_KEY_BYTES &&
           sodium_memcmp(frames[6].data, self->lent_key, SEAL_KEY_BYTES) == 0;
}

static bool
is_expected(const seal_zap_t *self, const struct seal_zap_frame *frames, size_t count)
{
    return self->expecting && count == SEAL_ZAP_FRAMES && frames[6].size == SEAL_KEY_BYTES &&
           sodium_memcmp(frames[6].data, self->expected_key, SEAL_KEY_BYTES) == 0;
}

static void
note_refusal(seal_zap_t *self, const struct seal_judgement *judgement)
{
    atomic_fetch_add(judgement->verdict == SEAL_MALFORMED ? &self->malformed : &self->refused, 1);
    const struct seal_refused refused = {
        .key = judgement->key_id,
        .domain = judgement->domain == SEAL_DOMAIN_COUNT ? "unknown"
                                                         : seal_domain_name(judgement->domain),
        .reason = seal_verdict_name(judgement->verdict),
        .user = judgement->allowed == NULL ? "" : judgement->allowed->user,
        .address = judgement->address,
    };
    seal_refusals_take(&self->refusals, &refused, clock_mono_ms());
}

/* True: admitted, and user_id is set. */
static bool
judge(seal_zap_t *self, const struct seal_zap_frame *frames, size_t count,
      char user_id[SEAL_USER_ID_BYTES + 1])
{
    user_id[0] = '\0';
    CHECK(pthread_mutex_lock(&self->mutex) == 0);
    bool admitted = judge_self_test(self, frames, count);
    if (!admitted) {
        struct seal_judgement judgement = seal_zap_judge(self->allow, frames, count);
        admitted = judgement.verdict == SEAL_ADMITTED;
        if (admitted) {
            seal_allow_print_user_id(judgement.allowed, user_id);
            atomic_fetch_add(&self->admitted, 1);
        } else if (!is_expected(self, frames, count)) {
            note_refusal(self, &judgement);
        }
    }
    CHECK(pthread_mutex_unlock(&self->mutex) == 0);
    return admitted;
}

/* The reply goes to where the request came from; one that cannot be sent is a refused connection.
 */
static void
reply(seal_zap_t *self, zmq_msg_t *route, const struct seal_zap_frame *request_id, bool admitted,
      const char *user_id)
{
    const struct seal_zap_frame frames[] = {
        {"", 0},
        {"1.0", 3},
        *request_id,
        {admitted ? "200" : "400", 3},
        {"", 0}, /* the reason is the log's, not the peer's */
        {user_id, strlen(user_id)},
        {"", 0},
    };
    size_t count = sizeof frames / sizeof frames[0];
    bool good = zmq_msg_send(route, self->handler, ZMQ_SNDMORE) >= 0;
    for (size_t i = 0; good && i < count; i++) {
        good = zmq_send(self->handler, frames[i].data, frames[i].size,
                        i + 1 < count ? ZMQ_SNDMORE : 0) >= 0;
    }
}

/* False: the socket is of no use any more. */
static bool
take_request(seal_zap_t *self)
{
    zmq_msg_t parts[PARTS_MAX];
    size_t kept = 0;
    size_t count = 0;
    bool more = true;
    bool good = true;
    while (more && good) {
        zmq_msg_t spare;
        zmq_msg_t *part = kept < PARTS_MAX ? &parts[kept] : &spare;
        CHECK(zmq_msg_init(part) == 0);
        do {
            good = zmq_msg_recv(part, self->handler, 0) >= 0;
        } while (!good && errno == EINTR);
        more = zmq_msg_more(part) != 0;
        kept += part == &spare ? 0 : 1;
        count++;
        if (part == &spare) {
            (void)zmq_msg_close(part); /* was initialised */
        }
    }
    struct seal_zap_frame frames[PARTS_MAX];
    size_t frame_count = kept > 2 ? kept - 2 : 0; /* behind the route and the delimiter */
    for (size_t i = 0; i < frame_count; i++) {
        frames[i] =
            (struct seal_zap_frame){zmq_msg_data(&parts[i + 2]), zmq_msg_size(&parts[i + 2])};
    }
    if (good && frame_count >= 2) {
        char user_id[SEAL_USER_ID_BYTES + 1];
        bool admitted = judge(self, frames, count - 2, user_id);
        reply(self, &parts[0], &frames[1], admitted, user_id);
    } else {
        atomic_fetch_add(&self->malformed, 1); /* nothing that could be answered */
    }
    for (size_t i = 0; i < kept; i++) {
        (void)zmq_msg_close(&parts[i]); /* was initialised */
    }
    return good;
}

static bool
take_order(seal_zap_t *self, bool *asked)
{
    struct seal_monitor_order order;
    int size = zmq_recv(self->control, &order, sizeof order, ZMQ_DONTWAIT);
    if (size != (int)sizeof order) {
        return size < 0 && (errno == EAGAIN || errno == EINTR);
    }
    if (order.what == ORDER_WATCH) {
        seal_monitor_add(self, &order);
        return true;
    }
    *asked = order.what == ORDER_END;
    return false;
}

static void *
run(void *zap)
{
    seal_zap_t *self = zap;
    bool asked = false;
    bool good = true;
    while (good) {
        zmq_pollitem_t items[2 + SEAL_MONITORS_MAX] = {
            {.socket = self->handler, .events = ZMQ_POLLIN},
            {.socket = self->control, .events = ZMQ_POLLIN},
        };
        size_t monitors = self->monitor_count;
        for (size_t i = 0; i < monitors; i++) {
            items[2 + i] =
                (zmq_pollitem_t){.socket = self->monitors[i].socket, .events = ZMQ_POLLIN};
        }
        good = zmq_poll(items, (int)(2 + monitors), WAIT_MS) >= 0 || errno == EINTR;
        if (good && (items[0].revents & ZMQ_POLLIN) != 0) {
            good = take_request(self);
        }
        for (size_t i = monitors; good && i > 0; i--) { /* backwards: one that goes is replaced */
            if ((items[1 + i].revents & ZMQ_POLLIN) != 0) {
                seal_monitor_take(self, i - 1);
            }
        }
        if (good && (items[1].revents & ZMQ_POLLIN) != 0) {
            good = take_order(self, &asked);
        }
        seal_refusals_tick(&self->refusals, clock_mono_ms());
    }
    (void)zmq_close(self->handler); /* ours, and open */
    (void)zmq_close(self->control);
    atomic_store(&self->ended, !asked); /* the monitors stay: see seal_monitor_close */
    return NULL;
}

/* A thread that has ended takes none: whoever asks seal_zap_lives sees that. */
static void
give_order(seal_zap_t *self, const struct seal_monitor_order *order)
{
    int rc = -1;
    do {
        rc = zmq_send(self->orders, order, sizeof *order, 0);
    } while (rc < 0 && (errno == EINTR || errno == EAGAIN) && seal_zap_lives(self));
}

static void
start_thread(seal_zap_t *self)
{
    sigset_t all;
    sigset_t before;
    CHECK(sigfillset(&all) == 0); /* signals are for the main thread */
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    CHECK(pthread_create(&self->thread, NULL, run, self) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

err_t
seal_zap_open(seal_zap_t **self_p, const struct seal_zap_settings *settings, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL && settings->allow != NULL);
    CHECK(sodium_init() >= 0);
    seal_zap_t *self = mem_zeroed(sizeof *self);
    self->context = settings->context;
    self->allow = settings->allow;
    self->refusals.tell = settings->refused;
    self->refusals.context = settings->refused_context;
    CHECK(pthread_mutex_init(&self->mutex, NULL) == 0);
    char control[64];
    int none = 0;
    (void)snprintf(control, sizeof control, "inproc://seal-control-%p", (void *)self); /* fits */
    self->handler = zmq_socket(self->context, ZMQ_ROUTER);
    self->control = zmq_socket(self->context, ZMQ_PAIR);
    self->orders = zmq_socket(self->context, ZMQ_PAIR);
    CHECK(self->handler != NULL && self->control != NULL && self->orders != NULL);
    CHECK(zmq_setsockopt(self->handler, ZMQ_LINGER, &none, sizeof none) == 0);
    CHECK(zmq_setsockopt(self->orders, ZMQ_LINGER, &none, sizeof none) == 0);
    int patience_ms = ORDER_WAIT_MS;
    CHECK(zmq_setsockopt(self->orders, ZMQ_SNDTIMEO, &patience_ms, sizeof patience_ms) == 0);
    CHECK(zmq_bind(self->control, control) == 0 && zmq_connect(self->orders, control) == 0);
    if (zmq_bind(self->handler, ENDPOINT) != 0) {
        err_t rc = why_set(why, ERR_CONFLICT, "ZAP: %s", zmq_strerror(errno));
        (void)zmq_close(self->handler); /* ours, and open */
        (void)zmq_close(self->control);
        (void)zmq_close(self->orders);
        CHECK(pthread_mutex_destroy(&self->mutex) == 0);
        seal_allow_close(&self->allow);
        mem_free(self);
        return rc;
    }
    start_thread(self); /* the sockets are the thread's from here on, but for `orders` */
    *self_p = self;
    return ERR_OK;
}

void
seal_zap_close(seal_zap_t **self_p)
{
    seal_zap_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    const struct seal_monitor_order order = {.what = ORDER_END};
    give_order(self, &order);
    CHECK(pthread_join(self->thread, NULL) == 0);
    seal_monitor_close(self);
    (void)zmq_close(self->orders); /* ours, and open */
    CHECK(pthread_mutex_destroy(&self->mutex) == 0);
    seal_allow_close(&self->allow);
    mem_free(self);
    *self_p = NULL;
}

void
seal_zap_replace(seal_zap_t *self, seal_allow_t *allow)
{
    CHECK(pthread_mutex_lock(&self->mutex) == 0);
    seal_allow_t *before = self->allow;
    self->allow = allow;
    CHECK(pthread_mutex_unlock(&self->mutex) == 0);
    seal_allow_close(&before);
}

const seal_allow_t *
seal_zap_allow(const seal_zap_t *self)
{
    return self->allow; /* only the caller's thread changes it */
}

bool
seal_zap_lives(const seal_zap_t *self)
{
    return !atomic_load(&self->ended);
}

void
seal_zap_count(const seal_zap_t *self, struct seal_counts *counts)
{
    *counts = (struct seal_counts){
        .admitted = atomic_load(&self->admitted),
        .refused = atomic_load(&self->refused),
        .malformed = atomic_load(&self->malformed),
        .unsealed = atomic_load(&self->unsealed),
    };
}

void
seal_zap_watch(seal_zap_t *self, void *socket, enum seal_domain domain)
{
    struct seal_monitor_order order = {.what = ORDER_WATCH, .domain = domain};
    if (seal_monitor_begin(self, socket, &order)) {
        give_order(self, &order);
    }
}

void
seal_zap_expect(seal_zap_t *self, const uint8_t key[SEAL_KEY_BYTES])
{
    CHECK(pthread_mutex_lock(&self->mutex) == 0);
    memcpy(self->expected_key, key, SEAL_KEY_BYTES);
    self->expecting = true;
    CHECK(pthread_mutex_unlock(&self->mutex) == 0);
}

void
seal_zap_lend(seal_zap_t *self, const uint8_t key[SEAL_KEY_BYTES])
{
    CHECK(pthread_mutex_lock(&self->mutex) == 0);
    self->lent = key != NULL;
    if (key != NULL) {
        memcpy(self->lent_key, key, SEAL_KEY_BYTES);
    }
    CHECK(pthread_mutex_unlock(&self->mutex) == 0);
}

void
seal_zap_break(seal_zap_t *self)
{
    const struct seal_monitor_order order = {.what = ORDER_BREAK};
    give_order(self, &order);
}
