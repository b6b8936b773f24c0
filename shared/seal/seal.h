/*
 * A service's seal: its keys, its allow-list, the ZAP handler, and the options of its sockets.
 *
 * One for each ZeroMQ context that binds. One thread, but for what seal_zap.h says of others.
 */
#ifndef HERALD_SEAL_SEAL_H
#define HERALD_SEAL_SEAL_H

#include "seal/seal_keys.h"
#include "seal/seal_zap.h"

#include <zmq.h>

typedef struct seal seal_t;

struct seal_settings {
    const char *directory;    /* of keys: the secret key, servers.zpl, allowed.zpl; copied */
    const char *secret;       /* its file there; NULL: secret.key */
    void *context;            /* of ZeroMQ; borrowed */
    seal_refused_fn *refused; /* called from the handler's thread */
    void *refused_context;    /* borrowed */
};

/*
 * Read the keys, start the handler, and see for ourselves that an unknown key is refused and a
 * known one is not. Before any socket of the context is bound.
 *
 * ERR_NOT_FOUND, ERR_DENIED, ERR_INVALID  a file; why names it, and what is wrong with it
 * ERR_UNSUPPORTED                         this libzmq does not do what is asked of it
 */
err_t seal_open(seal_t **self_p, const struct seal_settings *settings, struct why *why);
/*
 * Whether the files are as seal_open wants them: the same reading, and no handler, no socket.
 *
 * servers  names that will be connected to, a NULL behind the last
 *
 * ERR_NOT_FOUND  also: servers.zpl lacks one of them
 */
err_t seal_check(const struct seal_settings *settings, const char *const *servers, struct why *why);
/* After the sockets are closed, before the context is terminated. */
void seal_close(seal_t **self_p);

/* Before the socket is bound: a CURVE server, each connection of which the handler decides. What
 * was set is read back. ERR_UNSUPPORTED. */
err_t seal_bind(seal_t *self, void *socket, enum seal_domain domain, struct why *why);

/* Before the socket is connected to the server of this name. ERR_NOT_FOUND: it is not in
 * servers.zpl. */
err_t seal_connect_to(const seal_t *self, void *socket, const char *server, struct why *why);

const uint8_t *seal_public(const seal_t *self);
const uint8_t *seal_server(const seal_t *self, const char *name); /* NULL: not in servers.zpl */

/* Whose message this is, as the allow-list has it now; NULL: nobody's any more. Borrowed until the
 * next reload. */
const struct seal_allowed *seal_sender(const seal_t *self, zmq_msg_t *message);

/* Read the allow-list again. said: how many keys there are now; or what is wrong, and then the list
 * of before stays in force. */
err_t seal_reload(seal_t *self, struct why *said);

size_t seal_allowed_count(const seal_t *self); /* keys of the list in force */

/* How many reloads have taken a key out. What it has connected to sockets that cannot tell who is
 * who, lanes, is there still: they are to be closed. */
uint32_t seal_removals(const seal_t *self);

bool seal_lives(const seal_t *self);
void seal_count(const seal_t *self, struct seal_counts *counts);

/* For tests, as seal_zap_break. */
void seal_break(seal_t *self);

#endif
