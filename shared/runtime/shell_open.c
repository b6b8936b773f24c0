/* Opening and closing the sockets of a service. */
#include "runtime/shell_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "wire/wire_socket.h"

#include <stdio.h>
#include <string.h>

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
    self->front = wire_socket_new(self->context, WIRE_SOCKET_FRONT, 0, SHELL_HIGH_WATER);
    self->wake = wire_socket_new(self->context, WIRE_SOCKET_PULL, 0, SHELL_HIGH_WATER);
    err_t rc = wire_socket_bind(self->wake, settings->wake, settings->insecure, why);
    if (rc == ERR_OK && settings->outcome != NULL) {
        self->outcome = wire_socket_new(self->context, WIRE_SOCKET_PULL, 0, SHELL_LANE_HIGH_WATER);
        rc = wire_socket_bind(self->outcome, settings->outcome, settings->insecure, why);
    }
    if (rc == ERR_OK && self->outcome != NULL) {
        CHECK(wire_socket_endpoint(self->outcome, self->outcome_endpoint,
                                   sizeof self->outcome_endpoint) == ERR_OK);
    }
    for (int i = 0; rc == ERR_OK && i < SHELL_PEERS_MAX; i++) {
        if (settings->peers[i] != NULL) {
            self->peers[i] = wire_socket_new(self->context, WIRE_SOCKET_PUSH, 0, SHELL_HIGH_WATER);
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
    self->door = (struct front_door){
        .service = settings->service,
        .run = log_run(log),
        .started_ms = clock_mono_ms(),
    };
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
