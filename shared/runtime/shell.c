#include "runtime/shell.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "runtime/logger.h"
#include "wire/wire_socket.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define FRAMES_A_ROUND 256
#define BYTES_A_ROUND (4U * 1024 * 1024)
#define FRONT_HIGH_WATER 64
#define LANE_HIGH_WATER 1000
#define LANE_PATIENCE_MS                                                                           \
    5000 /* a frame for a lane without a peer is dropped; its lease remains                        \
          */
#define IDLE_WAIT_MS 1000
#define LANE_RETRY_MS 5

/* A frame whose lane had no peer yet, or a full queue. */
struct held {
    uint8_t *body; /* owned */
    size_t size;
    int64_t until_ms;
};

struct lane {
    void *socket; /* owned */
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    struct held *held; /* owned */
    size_t held_count;
};

struct shell {
    struct shell_settings settings;
    log_t *log;       /* borrowed */
    outbox_t *outbox; /* borrowed */
    void *context;    /* owned */
    void *front;      /* owned */
    void *outcome;    /* owned; NULL: none */
    void *wake;       /* owned */
    void *peers[SHELL_PEERS_MAX];
    struct lane *lanes; /* owned */
    char outcome_endpoint[LIMIT_ENDPOINT_BYTES + 1];
    int64_t started_ms;
    uint64_t woken; /* our log's position that the peers were told */
    uint64_t frames_in;
    uint64_t frames_out;
    uint64_t refused; /* malformed frames */
    uint64_t dropped; /* answers that a peer's full queue did not take */
    uint64_t rounds;
};

static atomic_bool stopping;

void
shell_stop(void)
{
    atomic_store(&stopping, true);
}

static err_t
open_lanes(shell_t *self, struct why *why)
{
    uint32_t count = self->settings.lanes == NULL ? 0 : self->settings.lane_count;
    CHECK(count <= SHELL_LANES_MAX);
    self->lanes = mem_array(count, sizeof *self->lanes);
    for (uint32_t i = 0; i < count; i++) {
        struct lane *lane = &self->lanes[i];
        const char *mark = strstr(self->settings.lanes, "%u");
        int before =
            mark == NULL ? (int)strlen(self->settings.lanes) : (int)(mark - self->settings.lanes);
        char wanted[LIMIT_ENDPOINT_BYTES + 1];
        int size = mark == NULL ? snprintf(wanted, sizeof wanted, "%s", self->settings.lanes)
                                : snprintf(wanted, sizeof wanted, "%.*s%u%s", before,
                                           self->settings.lanes, i, mark + 2);
        if (size < 0 || (size_t)size >= sizeof wanted) {
            return why_set(why, ERR_INVALID, "lanes: an endpoint has at most %d bytes",
                           LIMIT_ENDPOINT_BYTES);
        }
        lane->socket = wire_socket_new(self->context, WIRE_SOCKET_PUSH, 0, LANE_HIGH_WATER);
        err_t rc = wire_socket_bind(lane->socket, wanted, self->settings.insecure, why);
        if (rc != ERR_OK) {
            return rc;
        }
        CHECK(wire_socket_endpoint(lane->socket, lane->endpoint, sizeof lane->endpoint) == ERR_OK);
    }
    self->settings.lane_count = count;
    return ERR_OK;
}

static err_t
open_sockets(shell_t *self, struct why *why)
{
    const struct shell_settings *settings = &self->settings;
    self->front = wire_socket_new(self->context, WIRE_SOCKET_FRONT, 0, FRONT_HIGH_WATER);
    self->wake = wire_socket_new(self->context, WIRE_SOCKET_PULL, 0, FRONT_HIGH_WATER);
    err_t rc = wire_socket_bind(self->wake, settings->wake, settings->insecure, why);
    if (rc == ERR_OK && settings->outcome != NULL) {
        self->outcome = wire_socket_new(self->context, WIRE_SOCKET_PULL, 0, LANE_HIGH_WATER);
        rc = wire_socket_bind(self->outcome, settings->outcome, settings->insecure, why);
    }
    if (rc == ERR_OK && self->outcome != NULL) {
        CHECK(wire_socket_endpoint(self->outcome, self->outcome_endpoint,
                                   sizeof self->outcome_endpoint) == ERR_OK);
    }
    for (int i = 0; rc == ERR_OK && i < SHELL_PEERS_MAX; i++) {
        if (settings->peers[i] != NULL) {
            self->peers[i] = wire_socket_new(self->context, WIRE_SOCKET_PUSH, 0, FRONT_HIGH_WATER);
            rc = wire_socket_connect(self->peers[i], settings->peers[i], why);
        }
    }
    if (rc == ERR_OK) {
        rc = open_lanes(self, why);
    }
    /* The front door last: whoever gets in finds everything there. */
    if (rc == ERR_OK) {
        rc = wire_socket_bind(self->front, settings->front, settings->insecure, why);
    }
    return rc;
}

err_t
shell_open(shell_t **self_p, const struct shell_settings *settings, log_t *log, outbox_t *outbox,
           struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    shell_t *self = mem_zeroed(sizeof *self);
    self->settings = *settings;
    self->log = log;
    self->outbox = outbox;
    self->context = zmq_ctx_new();
    self->started_ms = clock_mono_ms();
    CHECK(self->context != NULL);
    err_t rc = open_sockets(self, why);
    if (rc != ERR_OK) {
        shell_close(&self);
        return rc;
    }
    *self_p = self;
    return ERR_OK;
}

void
shell_close(shell_t **self_p)
{
    shell_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    for (uint32_t i = 0; self->lanes != NULL && i < self->settings.lane_count; i++) {
        struct lane *lane = &self->lanes[i];
        wire_socket_close(&lane->socket);
        for (size_t k = 0; k < lane->held_count; k++) {
            mem_free(lane->held[k].body);
        }
        mem_free(lane->held);
    }
    mem_free(self->lanes);
    for (int i = 0; i < SHELL_PEERS_MAX; i++) {
        wire_socket_close(&self->peers[i]);
    }
    wire_socket_close(&self->outcome);
    wire_socket_close(&self->wake);
    wire_socket_close(&self->front);
    CHECK(zmq_ctx_term(self->context) == 0);
    mem_free(self);
    *self_p = NULL;
}

const char *
shell_lane_endpoint(const shell_t *self, uint32_t lane)
{
    CHECK(lane < self->settings.lane_count);
    return self->lanes[lane].endpoint;
}

const char *
shell_outcome_endpoint(const shell_t *self)
{
    return self->outcome_endpoint;
}

static void
answer(shell_t *self, const struct outbox_route *route, struct wire_out *out)
{
    size_t size = 0;
    uint8_t *body = wire_out_take(out, &size);
    outbox_front(self->outbox, log_next(self->log) - 1, route, body, size);
}

static void
answer_stats(shell_t *self, const struct shell_core *core, const struct outbox_route *route,
             uint64_t request)
{
    struct wire_counter counters[WIRE_COUNTERS_MAX];
    uint32_t count = core->counters(core->self, counters, WIRE_COUNTERS_MAX - 8);
    const struct {
        const char *name;
        uint64_t value;
    } own[] = {
        {"uptime_ms", (uint64_t)(clock_mono_ms() - self->started_ms)},
        {"rounds", self->rounds},
        {"frames_in", self->frames_in},
        {"frames_out", self->frames_out},
        {"frames_refused", self->refused},
        {"answers_dropped", self->dropped},
        {"log_durable", log_durable(self->log)},
        {"log_lines_dropped", logger_dropped()},
    };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        counters[count].name = (struct wire_text){.data = own[i].name, .size = strlen(own[i].name)};
        counters[count++].value = own[i].value;
    }
    struct wire_out out;
    wire_out_init(&out, 1024);
    wire_counters_encode(&out, request, self->settings.service, counters, count);
    answer(self, route, &out);
}

/* PING from anybody but a consumer, STATS and RELOAD are answered here; all else is the core's. */
static void
take_front(shell_t *self, const struct shell_core *core, const struct outbox_route *route,
           zmq_msg_t *message)
{
    struct wire_in in;
    struct wire_head head;
    struct why why;
    const uint8_t *body = zmq_msg_data(message);
    size_t size = zmq_msg_size(message);
    struct wire_out out;
    err_t rc = wire_message_open(&in, body, size, &head, &why);
    if (rc != ERR_OK) {
        self->refused++;
        wire_out_init(&out, 256);
        wire_status_encode(&out, WIRE_ERROR, head.request,
                           rc == ERR_UNSUPPORTED ? WIRE_UNSUPPORTED : WIRE_REFUSED, why.text);
        answer(self, route, &out);
        return;
    }
    struct wire_ping ping;
    if (head.type == WIRE_PING && wire_ping_decode(&in, &head, &ping, &why) == ERR_OK &&
        ping.nonce == 0) {
        struct wire_pong pong = {
            .service = {.data = self->settings.service, .size = strlen(self->settings.service)},
            .run = log_run(self->log),
            .uptime_ms = (uint64_t)(clock_mono_ms() - self->started_ms),
            .known = true,
        };
        wire_out_init(&out, 128);
        wire_pong_encode(&out, head.request, &pong);
        answer(self, route, &out);
    } else if (head.type == WIRE_STATS) {
        answer_stats(self, core, route, head.request);
    } else if (head.type == WIRE_RELOAD) {
        wire_out_init(&out, 128);
        wire_status_encode(&out, WIRE_STATUS, head.request, WIRE_OK,
                           "nothing here can be reloaded; restart to change settings");
        answer(self, route, &out);
    } else {
        core->front(core->self, route, body, size);
    }
}

static void
take_fronts(shell_t *self, const struct shell_core *core, zmq_msg_t *message)
{
    size_t bytes = 0;
    for (int i = 0; i < FRAMES_A_ROUND && bytes < BYTES_A_ROUND; i++) {
        struct outbox_route route;
        size_t route_size = 0;
        static_assert(OUTBOX_ROUTE_BYTES == WIRE_ROUTE_MAX, "a route fits");
        err_t rc = wire_socket_receive_from(self->front, route.id, &route_size, message);
        if (rc == ERR_AGAIN) {
            return;
        }
        self->frames_in++;
        if (rc != ERR_OK) {
            self->refused++;
            continue;
        }
        route.size = (uint8_t)route_size;
        bytes += zmq_msg_size(message);
        take_front(self, core, &route, message);
    }
}

static void
take_outcomes(shell_t *self, const struct shell_core *core, zmq_msg_t *message)
{
    err_t rc = self->outcome == NULL ? ERR_AGAIN : ERR_OK;
    for (int i = 0; i < FRAMES_A_ROUND && rc != ERR_AGAIN; i++) {
        rc = wire_socket_receive(self->outcome, message);
        if (rc == ERR_OK) {
            self->frames_in++;
            core->outcome(core->self, zmq_msg_data(message), zmq_msg_size(message));
        } else if (rc != ERR_AGAIN) {
            self->refused++;
        }
    }
}

static void
hold(struct lane *lane, uint8_t *body, size_t size, int64_t now_ms)
{
    lane->held = mem_resize(lane->held, (lane->held_count + 1) * sizeof *lane->held);
    lane->held[lane->held_count++] =
        (struct held){.body = body, .size = size, .until_ms = now_ms + LANE_PATIENCE_MS};
}

/* In order: a frame waits while an older one of its lane does. */
static bool
send_held(shell_t *self, int64_t now_ms)
{
    bool any = false;
    for (uint32_t i = 0; i < self->settings.lane_count; i++) {
        struct lane *lane = &self->lanes[i];
        size_t done = 0;
        while (done < lane->held_count) {
            struct held *oldest = &lane->held[done];
            if (wire_socket_offer(lane->socket, &oldest->body, oldest->size) != ERR_OK &&
                oldest->until_ms > now_ms) {
                break;
            }
            mem_free(oldest->body);
            done++;
        }
        lane->held_count -= done;
        if (done > 0 && lane->held_count > 0) {
            memmove(lane->held, lane->held + done, lane->held_count * sizeof *lane->held);
        }
        any = any || lane->held_count > 0;
    }
    return any;
}

static void
send_one(shell_t *self, struct outbox_message *message, int64_t now_ms)
{
    uint8_t *body = message->body;
    message->body = NULL;
    if (message->channel == OUTBOX_FRONT) {
        err_t rc = wire_socket_send_to(self->front, message->route.id, message->route.size, body,
                                       message->size);
        self->dropped += rc == ERR_AGAIN;
    } else if (message->channel == OUTBOX_LANE) {
        struct lane *lane = &self->lanes[message->lane];
        if (lane->held_count > 0 ||
            wire_socket_offer(lane->socket, &body, message->size) != ERR_OK) {
            hold(lane, body, message->size, now_ms);
        }
    } else {
        mem_free(body); /* the shell makes its own wakes */
    }
    self->frames_out++;
}

/* Tell the peers that our log has grown: once a round, and only hints. */
static void
send_wakes(shell_t *self)
{
    uint64_t durable = log_durable(self->log);
    if (durable == self->woken) {
        return;
    }
    self->woken = durable;
    for (int i = 0; i < SHELL_PEERS_MAX; i++) {
        if (self->peers[i] != NULL) {
            struct wire_out out;
            size_t size = 0;
            wire_out_init(&out, 64);
            wire_wake_encode(&out, self->settings.log, durable);
            uint8_t *body = wire_out_take(&out, &size);
            (void)wire_socket_send(self->peers[i], body, size); /* lost: the peer looks by itself */
        }
    }
}

static long
wait_ms(const shell_t *self, const struct shell_core *core, bool held)
{
    int64_t next_ms = core->next_ms(core->self);
    int64_t now_ms = clock_mono_ms();
    int64_t wait = next_ms <= now_ms ? 0 : next_ms - now_ms;
    int64_t most = held ? LANE_RETRY_MS : IDLE_WAIT_MS;
    (void)self; /* nothing of it limits the wait today but what is passed */
    return (long)(wait < most ? wait : most);
}

static void
take_wakes(shell_t *self, zmq_msg_t *message)
{
    while (wire_socket_receive(self->wake, message) != ERR_AGAIN) {
        /* What it says does not matter: the core looks at the logs in every round. */
    }
}

static err_t
persist(shell_t *self, struct why *why)
{
    err_t rc = log_commit(self->log, LOG_STORE_FINISHING, why);
    if (rc != ERR_OK && rc != ERR_FULL) { /* FULL: the same records again next time */
        return rc;
    }
    return log_reap(self->log, why);
}

static err_t
round_once(shell_t *self, const struct shell_core *core, zmq_msg_t *message, struct why *why)
{
    core->now(core->self, clock_mono_ms(), clock_unix_ms());
    take_wakes(self, message);
    take_outcomes(self, core, message);
    take_fronts(self, core, message);
    err_t rc = core->step(core->self, clock_mono_ms(), clock_unix_ms(), why);
    if (rc == ERR_OK) {
        rc = persist(self, why);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    int64_t now_ms = clock_mono_ms();
    struct outbox_message *next = NULL;
    while ((next = outbox_next(self->outbox, log_durable(self->log))) != NULL) {
        send_one(self, next, now_ms);
        outbox_pop(self->outbox);
    }
    send_wakes(self);
    self->rounds++;
    return ERR_OK;
}

err_t
shell_run(shell_t *self, const struct shell_core *core, struct why *why)
{
    zmq_msg_t message;
    CHECK(zmq_msg_init(&message) == 0);
    err_t rc = ERR_OK;
    bool held = false;
    while (rc == ERR_OK && !atomic_load(&stopping)) {
        zmq_pollitem_t items[4] = {{.socket = self->front, .events = ZMQ_POLLIN},
                                   {.socket = self->wake, .events = ZMQ_POLLIN}};
        int count = 2;
        if (self->outcome != NULL) {
            items[count++] = (zmq_pollitem_t){.socket = self->outcome, .events = ZMQ_POLLIN};
        }
        if (log_fd(self->log) >= 0) {
            items[count++] = (zmq_pollitem_t){.fd = log_fd(self->log), .events = ZMQ_POLLIN};
        }
        (void)zmq_poll(items, count, wait_ms(self, core, held)); /* EINTR: a signal, look again */
        rc = round_once(self, core, &message, why);
        held = send_held(self, clock_mono_ms());
    }
    CHECK(zmq_msg_close(&message) == 0);
    return rc;
}
