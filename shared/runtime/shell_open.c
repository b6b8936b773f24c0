/* Opening and closing the sockets of a service. */
#include "runtime/shell_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "runtime/refusal_log.h"
#include "wire/wire_endpoint.h"
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
    const char *endpoint = self->settings.peers[peer];
    void *socket = wire_socket_new(self->context, WIRE_SOCKET_PUSH, 0, SHELL_HIGH_WATER);
    self->peers[peer] = socket;
    err_t rc = wire_endpoint_check_connect(endpoint, why);
    if (rc == ERR_OK && self->seal != NULL) {
        rc = seal_connect_to(self->seal, socket, self->settings.peer_names[peer], why);
    }
    return rc == ERR_OK ? wire_socket_connect(socket, endpoint, why) : rc;
}

static bool
has_seal(const struct shell_settings *settings)
{
    return settings->curve != NULL && settings->curve[0] != '\0';
}

static err_t
open_seal(shell_t *self, struct why *why)
{
    const struct seal_settings settings = {
        .directory = self->settings.curve,
        .context = self->context,
        .refused = refusal_log,
    };
    err_t rc = has_seal(&self->settings) ? seal_open(&self->seal, &settings, why) : ERR_OK;
    self->door.seal = self->seal;
    return rc;
}

/* A port, or a name, of the system's choice in each endpoint of the list. */
static bool
is_chosen(const char *text)
{
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    bool all = true;
    while (all && wire_endpoint_next(&text, endpoint, NULL) == ERR_OK) {
        size_t size = strlen(endpoint);
        all = strcmp(endpoint, "ipc://*") == 0 ||
              (size > 2 && strcmp(endpoint + size - 2, ":*") == 0);
    }
    return all; /* one that is too long is refused as such */
}

/* What the lane is to be bound to: the setting, with the lane's number for %u. */
static err_t
lane_endpoints(const struct shell_settings *settings, uint32_t lane,
               char endpoints[LIMIT_ENDPOINT_BYTES + 1], struct why *why)
{
    const char *text = settings->lanes;
    const char *mark = strstr(text, "%u");
    if (mark == NULL && settings->lane_count > 1 && !is_chosen(text)) {
        return why_set(
            why, ERR_INVALID,
            "%u lanes cannot share %.100s: it needs %%u for the lane's number, or a port *",
            settings->lane_count, text);
    }
    int before = mark == NULL ? (int)strlen(text) : (int)(mark - text);
    int size = mark == NULL ? snprintf(endpoints, LIMIT_ENDPOINT_BYTES + 1, "%s", text)
                            : snprintf(endpoints, LIMIT_ENDPOINT_BYTES + 1, "%.*s%u%s", before,
                                       text, lane, mark + 2);
    return size >= 0 && size <= LIMIT_ENDPOINT_BYTES
               ? ERR_OK
               : why_set(why, ERR_INVALID, "an endpoint has at most %d bytes",
                         LIMIT_ENDPOINT_BYTES);
}

static err_t
open_lanes(shell_t *self, struct why *why)
{
    uint32_t count = self->settings.lanes == NULL ? 0 : self->settings.lane_count;
    CHECK(count <= SHELL_LANES_MAX);
    self->lanes = mem_array(count, sizeof *self->lanes);
    for (uint32_t i = 0; i < count; i++) {
        struct shell_lane *lane = &self->lanes[i];
        char wanted[LIMIT_ENDPOINT_BYTES + 1];
        err_t rc = lane_endpoints(&self->settings, i, wanted, why);
        if (rc != ERR_OK) {
            return rc;
        }
        lane->socket = wire_socket_new(self->context, WIRE_SOCKET_PUSH, 0, SHELL_LANE_HIGH_WATER);
        rc = bind_socket(self, lane->socket, SEAL_LANE, wanted, why);
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

/* An error of one setting, with its path. */
static err_t
name_setting(err_t rc, const char *path, const struct why *detail, struct why *why)
{
    return rc == ERR_OK ? ERR_OK : why_set(why, rc, "%s: %s", path, detail->text);
}

static err_t
check_bound(const struct shell_settings *settings, struct why *why)
{
    const struct {
        const char *path;
        const char *endpoints; /* NULL: there is no such socket */
    } bound[] = {
        {"wake/bind", settings->wake},
        {"outcome/bind", settings->outcome},
        {"front/bind", settings->front},
    };
    bool open = !settings->insecure && !has_seal(settings);
    struct why detail = {{0}};
    err_t rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < sizeof bound / sizeof bound[0]; i++) {
        if (bound[i].endpoints != NULL) {
            rc = wire_endpoint_check_bind(bound[i].endpoints, open, &detail);
            rc = name_setting(rc, bound[i].path, &detail, why);
        }
    }
    char lane[LIMIT_ENDPOINT_BYTES + 1];
    for (uint32_t i = 0; rc == ERR_OK && settings->lanes != NULL && i < settings->lane_count; i++) {
        rc = lane_endpoints(settings, i, lane, &detail);
        if (rc == ERR_OK) {
            rc = wire_endpoint_check_bind(lane, open, &detail);
        }
        rc = name_setting(rc, "lanes/bind", &detail, why);
    }
    return rc;
}

err_t
shell_check(const struct shell_settings *settings, struct why *why)
{
    const char *servers[SHELL_PEERS_MAX + 1] = {NULL};
    struct why detail = {{0}};
    size_t count = 0;
    err_t rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < SHELL_PEERS_MAX; i++) {
        if (settings->peers[i] != NULL) {
            servers[count++] = settings->peer_names[i];
            rc = wire_endpoint_check_connect(settings->peers[i], &detail);
        }
    }
    if (rc != ERR_OK) {
        return why_set(why, rc, "the wake endpoint of the %s: %s", servers[count - 1], detail.text);
    }
    const struct seal_settings seal = {.directory = settings->curve};
    rc = has_seal(settings) ? seal_check(&seal, servers, &detail) : ERR_OK;
    rc = name_setting(rc, "curve/directory", &detail, why);
    return rc == ERR_OK ? check_bound(settings, why) : rc;
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
    self->poll = settings->busy_poll;
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
