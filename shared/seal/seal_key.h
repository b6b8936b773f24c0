/*
 * CURVE keys. A secret one stays in memory that is locked, guarded and wiped (libsodium); libzmq
 * keeps a copy in each socket that uses it.
 */
#ifndef HERALD_SEAL_SEAL_KEY_H
#define HERALD_SEAL_SEAL_KEY_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_KEY_BYTES 32
#define SEAL_KEY_TEXT 40 /* characters of a key in Z85 */

/* Z85. False: not 40 characters of it. */
bool seal_key_parse(const char *text, size_t size, uint8_t key[SEAL_KEY_BYTES]);
void seal_key_print(const uint8_t key[SEAL_KEY_BYTES], char text[SEAL_KEY_TEXT + 1]);

/* One of those printed in zmq_curve(7), whose secret halves anybody can read there. */
bool seal_key_is_published(const uint8_t key[SEAL_KEY_BYTES]);

/* What names a key in logs and to the rest of a service: it cannot be used as one. */
uint64_t seal_key_id(const uint8_t key[SEAL_KEY_BYTES]);

typedef struct seal_secret seal_secret_t;

/*
 * Read a secret key: a line of 40 characters.
 *
 * ERR_DENIED   its file is not for this user alone (seal_file.h), or it is a published key
 * ERR_INVALID  not a key; why has the file, never what is in it
 */
err_t seal_secret_open(seal_secret_t **self_p, const char *path, struct why *why);

/* A new key, in memory only. */
seal_secret_t *seal_secret_new(void);
void seal_secret_close(seal_secret_t **self_p);

/* A new file with the key; ERR_CONFLICT: there is one. */
err_t seal_secret_save(const seal_secret_t *self, const char *path, struct why *why);

const uint8_t *seal_secret_bytes(const seal_secret_t *self);
const uint8_t *seal_secret_public(const seal_secret_t *self);

#endif
