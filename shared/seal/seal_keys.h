/*
 * A holder's directory of keys: its own secret one in `secret.key`, and the public keys of the
 * servers that it talks to in `servers.zpl`:
 *
 *     producer
 *         key = "..."
 */
#ifndef HERALD_SEAL_SEAL_KEYS_H
#define HERALD_SEAL_SEAL_KEYS_H

#include "seal/seal_key.h"

#define SEAL_SERVERS_MAX 16
#define SEAL_SECRET_FILE "secret.key"
#define SEAL_SERVERS_FILE "servers.zpl"
#define SEAL_ALLOWED_FILE "allowed.zpl"
#define SEAL_PATH_BYTES 4096

typedef struct seal_keys seal_keys_t;

/* secret: the file with the secret key, as a rule SEAL_SECRET_FILE. ERR_NOT_FOUND, ERR_DENIED,
 * ERR_INVALID, ERR_FULL, ERR_IO: why names the file. */
err_t seal_keys_open(seal_keys_t **self_p, const char *directory, const char *secret,
                     struct why *why);
void seal_keys_close(seal_keys_t **self_p);

const seal_secret_t *seal_keys_secret(const seal_keys_t *self);
/* NULL: servers.zpl has no such server. */
const uint8_t *seal_keys_server(const seal_keys_t *self, const char *name);

/* DIRECTORY/NAME; ERR_INVALID: too long. */
err_t seal_path(char path[SEAL_PATH_BYTES], const char *directory, const char *name,
                struct why *why);

#endif
