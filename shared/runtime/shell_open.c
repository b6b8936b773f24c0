/* Opening and closing the sockets of a service. */
#include "runtime/shell_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "runtime/refusal_log.h"
#include "wire/wire_socket.h"

#include <stdio.h>
#include <string.h>

#define RENEW_MS 10000

/* A socket that is to be bound, with CURVE when there are keys. */
static err_t
bind_socket(shell_t *self, void *socket, enum seal_domain domain, const char *endpoints,
            struct why *why)
{
    err_t rc = self->seal == NULL ? ERR_OK : seal_bind(self->seal, socket, domain, why);
    return rc == ERR_OK ? wire_socket_bind(socket, endpoints, self->settings.insecure, why) : rc;
}

static err_t
connect_peer(shell_t *self, int peer, struct why *why)
{
    void *socket = wire_socket_new(self->context, WIRE_SOCKET_PUSH, 0, SHELL_HIGH_WATER);
    self->peers[peer] = socket;
    err_t rc = self->seal == NULL
                   ? ERR_OK
                   : seal_connect_to(self->seal, socket, self->settings.peer_names[peer], why);
    return rc == ERR_OK ? wire_socket_connect(socket, self->settings.peers[peer], why) : rc;
}

static err_t
open_seal(shell_t *self, struct why *why)
{
    const char *directory = self->settings.curve;
    if (directory == NULL || directory[0] == '\0') {
        return ERR_OK;
    }
    const struct seal_settings settings = {
        .directory = directory,
        .context = self->context,
        .refused = refusal_log,
    };
    err_t rc = seal_open(&self->seal, &settings, why);
    self->door.seal = self->seal;
    return rc;
}

static err_t
open_lanes(shell_t *self, struct why *why)
{
    uint32_t count = self->settings.lanes == NULL ? 0 : self->settings.lane_count;
    CHECK(count <= SHELL_LANES_MAX);
    self->lanes = mem_array(count, sizeof *self->lanes);
    for (uint32_t i = 0; i < count; i++) {
        struct shell_lane *lane = &self->lanes[i];
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
        lane->socket = wire_socket_new(self->context, WIRE_SOCKET_PUSH, 0, SHELL_LANE_HIGH_WATER);
        err_t rc = bind_socket(self, lane->socket, SEAL_LANE, wanted, why);
        if (rc != ERR_OK) {
            return rc;
        }
        CHECK(wire_socket_endpoint(lane->socket, lane->endpoint, sizeof lane->endpoint) == ERR_OK);
    }
    self->settings.lane_count = count;
    return ERR_OK;
}

/* The old listener goes in its own time. */
static err_t
bind_again(shell_t *self, struct shell_lane *lane, struct why *why)
{
    int64_t until_ms = clock_mono_ms() + RENEW_MS;
    lane->socket = wire_socket_new(self->context, WIRE_SOCKET_PUSH, 0, SHELL_LANE_HIGH_WATER);
    err_t rc = bind_socket(self, lane->socket, SEAL_LANE, lane->endpoint, why);
    while (rc == ERR_IO && clock_mono_ms() < until_ms) {
        (void)zmq_poll(NULL, 0, 1); /* EINTR: a shorter pause */
        rc = wire_socket_bind(lane->socket, lane->endpoint, self->settings.insecure, why);
    }
    return rc;
}

err_t
shell_lanes_renew(shell_t *self, struct why *why)
{
    err_t rc = ERR_OK;
    self->removals = seal_removals(self->seal);
    for (uint32_t i = 0; i < self->settings.lane_count; i++) {
        (void)zmq_unbind(self->lanes[i].socket, self->lanes[i].endpoint); /* or with the socket */
        wire_socket_close(&self->lanes[i].socket);
    }
    for (uint32_t i = 0; rc == ERR_OK && i < self->settings.lane_count; i++) {
        rc = bind_again(self, &self->lanes[i], why);
    }
    return rc;
}

static err_t
open_sockets(shell_t *self, struct why *why)
{
    const struct shell_settings *settings = &self->settings;
    self->front =
        wire_inlet_of(wire_socket_new(self->context, WIRE_SOCKET_FRONT, 0, SHELL_HIGH_WATER));
    self->wake =
        wire_inlet_of(wire_socket_new(self->context, WIRE_SOCKET_PULL, 0, SHELL_HIGH_WATER));
    err_t rc = bind_socket(self, self->wake.socket, SEAL_WAKE, settings->wake, why);
    if (rc == ERR_OK && settings->outcome != NULL) {
        self->outcome = wire_inlet_of(
            wire_socket_new(self->context, WIRE_SOCKET_PULL, 0, SHELL_LANE_HIGH_WATER));
        rc = bind_socket(self, self->outcome.socket, SEAL_OUTCOME, settings->outcome, why);
    }
    if (rc == ERR_OK && self->outcome.socket != NULL) {
        CHECK(wire_socket_endpoint(self->outcome.socket, self->outcome_endpoint,
                                   sizeof self->outcome_endpoint) == ERR_OK);
    }
    for (int i = 0; rc == ERR_OK && i < SHELL_PEERS_MAX; i++) {
        if (settings->peers[i] != NULL) {
            rc = connect_peer(self, i, why);
        }
    }
    if (rc == ERR_OK) {
        rc = open_lanes(self, why);
    }
    /* The front door last: whoever gets in finds everything there. */
    if (rc == ERR_OK) {
        rc = bind_socket(self, self->front.socket, SEAL_FRONT, settings->front, why);
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
    self->door = (struct front_door){
        .service = settings->service,
        .run = log_run(log),
        .started_ms = clock_mono_ms(),
        .reload = settings->reload,
        .reload_context = settings->reload_context,
    };
    CHECK(self->context != NULL);
    err_t rc = open_seal(self, why); /* before anything is bound */
    if (rc == ERR_OK) {
        rc = open_sockets(self, why);
    }
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
        struct shell_lane *lane = &self->lanes[i];
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
    wire_inlet_close(&self->outcome);
    wire_inlet_close(&self->wake);
    wire_inlet_close(&self->front);
    seal_close(&self->seal);
    wire_socket_end_context(self->context);
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

const uint8_t *
shell_key(const shell_t *self)
{
    return self->seal == NULL ? NULL : seal_public(self->seal);
}

const uint8_t *
shell_key_of(const shell_t *self, const char *server)
{
    return self->seal == NULL ? NULL : seal_server(self->seal, server);
}
