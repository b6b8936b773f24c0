/*
 * The allow-list: which public keys may connect, whose they are, and what for.
 *
 *     shop-eu                  the user, as in logs
 *         role = "submit"
 *         key = "..."          Z85, in quotes
 *         key = "..."          one more, while keys are changed
 *
 * Read once, then never changed: a reload makes another list.
 */
#ifndef HERALD_SEAL_SEAL_ALLOW_H
#define HERALD_SEAL_SEAL_ALLOW_H

#include "base/why.h"
#include "seal/seal_key.h"
#include "seal/seal_role.h"

#define SEAL_ALLOW_MAX 256 /* keys */
#define SEAL_USER_BYTES 49 /* of a user's name */
#define SEAL_USER_ID_BYTES (17 + SEAL_USER_BYTES)

struct seal_allowed {
    uint8_t key[SEAL_KEY_BYTES];
    uint64_t id;  /* seal_key_id */
    uint8_t role; /* enum seal_role */
    char user[SEAL_USER_BYTES + 1];
};

typedef struct seal_allow seal_allow_t;

/*
 * file  its name for error texts, which name the line too
 * text  terminated; changed while it is read
 *
 * ERR_INVALID  malformed, an unknown role, a user without a role or a key, a key twice
 * ERR_DENIED   a published key
 */
err_t seal_allow_parse(seal_allow_t **self_p, const char *file, char *text, struct why *why);

/* The same from a file; errors of seal_file_read too. */
err_t seal_allow_open(seal_allow_t **self_p, const char *path, struct why *why);
void seal_allow_close(seal_allow_t **self_p);

size_t seal_allow_count(const seal_allow_t *self);
const struct seal_allowed *seal_allow_at(const seal_allow_t *self, size_t index);

/* NULL: not allowed. Takes as long for any key. */
const struct seal_allowed *seal_allow_find(const seal_allow_t *self,
                                           const uint8_t key[SEAL_KEY_BYTES]);

/* Whether every key of `before` is here still, with the same user and role. */
bool seal_allow_has_all(const seal_allow_t *self, const seal_allow_t *before);

/* What ZAP calls the User-Id: the key's id in 16 hexadecimal digits, a space, the user's name. So
 * a connection is known by its key, also when its user has another one by now. */
void seal_allow_print_user_id(const struct seal_allowed *allowed,
                              char text[SEAL_USER_ID_BYTES + 1]);
/* The entry that this is of in this list; NULL: none, or it was taken out. Cheap. */
const struct seal_allowed *seal_allow_of_user_id(const seal_allow_t *self, const char *user_id);

#endif
