#include "client/client_private.h"

#include "base/check.h"
#include "client/client_host.h"
#include "wire/wire_session.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define NAME_DEFAULT "client"

static_assert(CLIENT_ENDPOINTS >= WIRE_ENDPOINTS_MAX, "whatever WELCOME names is remembered");

static void
remember(herald_client_t *self, const struct wire_welcome *welcome)
{
    self->place_count = 0;
    for (uint32_t i = 0; i < welcome->endpoint_count; i++) {
        const struct wire_endpoint *said = &welcome->endpoints[i];
        struct herald_client_place *place = &self->places[self->place_count].place;
        char *name = self->places[self->place_count].name;
        if (said->name.size <= LIMIT_NAME_BYTES &&
            client_host_fill(self->options.producer, said->endpoint, place->endpoint, NULL) ==
                ERR_OK) {
            (void)snprintf(name, LIMIT_NAME_BYTES + 1, "%.*s", (int)said->name.size,
                           said->name.data); /* fits */
            place->has_key = said->key.size == sizeof place->key;
            if (place->has_key) {
                memcpy(place->key, said->key.data, sizeof place->key);
            }
            self->place_count++;
        }
    }
    self->places_connection = self->connections;
}

static err_t
greet(herald_client_t *self, struct why *why)
{
    const char *name = self->options.name;
    name = name == NULL || name[0] == '\0' ? NAME_DEFAULT : name;
    struct wire_hello hello = {
        .party = WIRE_PARTY_CLIENT,
        .name = {.data = name, .size = strlen(name)},
    };
    CHECK(getrandom(&hello.nonce, sizeof hello.nonce, 0) == sizeof hello.nonce);
    struct wire_out out;
    wire_out_init(&out, 256);
    wire_hello_encode(&out, client_ask_request(self), &hello);
    err_t rc = client_ask(self, &out, WIRE_WELCOME, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct wire_welcome welcome;
    rc = wire_welcome_decode(&self->ask.in, &self->ask.head, &welcome, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (welcome.status != WIRE_OK) {
        return why_set(why, client_ask_refused(welcome.status), "%s: %.*s",
                       wire_status_name(welcome.status), (int)welcome.text.size,
                       welcome.text.size == 0 ? "" : welcome.text.data);
    }
    remember(self, &welcome);
    return ERR_OK;
}

err_t
herald_client_place(herald_client_t *self, const char *name, struct herald_client_place *place,
                    struct why *why)
{
    CHECK(!self->calling);
    /* Another connection may be another start of the producer, with other places to tell. */
    bool known = self->place_count > 0 && self->places_connection == self->connections;
    err_t rc = known ? ERR_OK : greet(self, why);
    if (rc != ERR_OK) {
        return rc;
    }
    for (uint32_t i = 0; i < self->place_count; i++) {
        if (strcmp(self->places[i].name, name) == 0) {
            *place = self->places[i].place;
            return ERR_OK;
        }
    }
    return why_set(why, ERR_NOT_FOUND, "%s advertises no endpoint named %s", self->options.producer,
                   name);
}

err_t
herald_client_endpoint(herald_client_t *self, const char *name,
                       char endpoint[LIMIT_ENDPOINT_BYTES + 1], struct why *why)
{
    struct herald_client_place place;
    err_t rc = herald_client_place(self, name, &place, why);
    if (rc == ERR_OK) {
        memcpy(endpoint, place.endpoint, sizeof place.endpoint);
    }
    return rc;
}
