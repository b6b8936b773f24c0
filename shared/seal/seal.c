#include "seal/seal.h"

#include "base/check.h"
#include "base/mem.h"
#include "seal/seal_self_test.h"
#include "seal/seal_socket.h"

#include <string.h>

struct seal {
    char allowed_path[SEAL_PATH_BYTES];
    seal_keys_t *keys; /* owned */
    seal_zap_t *zap;   /* owned */
    uint32_t removals;
};

/* What the directory of keys holds; *allow is the caller's. */
static err_t
read_files(seal_t *self, const struct seal_settings *settings, seal_allow_t **allow,
           struct why *why)
{
    const char *secret = settings->secret == NULL ? SEAL_SECRET_FILE : settings->secret;
    err_t rc = seal_path(self->allowed_path, settings->directory, SEAL_ALLOWED_FILE, why);
    if (rc == ERR_OK) {
        rc = seal_keys_open(&self->keys, settings->directory, secret, why);
    }
    return rc == ERR_OK ? seal_allow_open(allow, self->allowed_path, why) : rc;
}

static err_t
server_key(const seal_t *self, const char *server, const uint8_t **key, struct why *why)
{
    *key = seal_keys_server(self->keys, server);
    return *key != NULL ? ERR_OK
                        : why_set(why, ERR_NOT_FOUND, "%s has no key of the server %s",
                                  SEAL_SERVERS_FILE, server);
}

err_t
seal_check(const struct seal_settings *settings, const char *const *servers, struct why *why)
{
    seal_t *self = mem_zeroed(sizeof *self);
    seal_allow_t *allow = NULL;
    const uint8_t *key = NULL;
    err_t rc = read_files(self, settings, &allow, why);
    for (size_t i = 0; rc == ERR_OK && servers[i] != NULL; i++) {
        rc = server_key(self, servers[i], &key, why);
    }
    seal_allow_close(&allow);
    seal_close(&self);
    return rc;
}

err_t
seal_open(seal_t **self_p, const struct seal_settings *settings, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    seal_t *self = mem_zeroed(sizeof *self);
    seal_allow_t *allow = NULL;
    err_t rc = read_files(self, settings, &allow, why);
    if (rc == ERR_OK) {
        const struct seal_zap_settings zap = {
            .context = settings->context,
            .allow = allow,
            .refused = settings->refused,
            .refused_context = settings->refused_context,
        };
        rc = seal_zap_open(&self->zap, &zap, why);
    }
    if (rc == ERR_OK) {
        rc = seal_self_test(settings->context, self->zap, seal_keys_secret(self->keys), why);
    }
    if (rc != ERR_OK) {
        seal_close(&self);
        return rc;
    }
    *self_p = self;
    return ERR_OK;
}

void
seal_close(seal_t **self_p)
{
    seal_t *self = *self_p;
    if (self != NULL) {
        seal_zap_close(&self->zap);
        seal_keys_close(&self->keys);
        mem_free(self);
        *self_p = NULL;
    }
}

err_t
seal_bind(seal_t *self, void *socket, enum seal_domain domain, struct why *why)
{
    err_t rc =
        seal_socket_serve(socket, seal_keys_secret(self->keys), seal_domain_name(domain), why);
    if (rc == ERR_OK) {
        seal_zap_watch(self->zap, socket, domain);
    }
    return rc;
}

err_t
seal_connect_to(const seal_t *self, void *socket, const char *server, struct why *why)
{
    const uint8_t *key = NULL;
    err_t rc = server_key(self, server, &key, why);
    return rc == ERR_OK ? seal_socket_connect(socket, seal_keys_secret(self->keys), key, why) : rc;
}

const uint8_t *
seal_public(const seal_t *self)
{
    return seal_secret_public(seal_keys_secret(self->keys));
}

const uint8_t *
seal_server(const seal_t *self, const char *name)
{
    return seal_keys_server(self->keys, name);
}

const struct seal_allowed *
seal_sender(const seal_t *self, zmq_msg_t *message)
{
    const char *user_id = zmq_msg_gets(message, "User-Id");
    return user_id == NULL ? NULL : seal_allow_of_user_id(seal_zap_allow(self->zap), user_id);
}

err_t
seal_reload(seal_t *self, struct why *said)
{
    seal_allow_t *allow = NULL;
    err_t rc = seal_allow_open(&allow, self->allowed_path, said);
    if (rc == ERR_OK) {
        (void)why_set(said, ERR_OK, "%s: %zu keys", self->allowed_path, seal_allow_count(allow));
        self->removals += !seal_allow_has_all(allow, seal_zap_allow(self->zap));
        seal_zap_replace(self->zap, allow);
    }
    return rc;
}

size_t
seal_allowed_count(const seal_t *self)
{
    return seal_allow_count(seal_zap_allow(self->zap));
}

uint32_t
seal_removals(const seal_t *self)
{
    return self->removals;
}

bool
seal_lives(const seal_t *self)
{
    return seal_zap_lives(self->zap);
}

void
seal_count(const seal_t *self, struct seal_counts *counts)
{
    seal_zap_count(self->zap, counts);
}

void
seal_break(seal_t *self)
{
    seal_zap_break(self->zap);
}
