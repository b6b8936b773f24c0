/* A directory of keys for a test, and texts of lists. */
#ifndef HERALD_TEST_SEAL_FIXTURE_H
#define HERALD_TEST_SEAL_FIXTURE_H

#include "seal/seal.h"

struct seal_fixture {
    char directory[64];
    seal_secret_t *server; /* whose directory it is */
    seal_secret_t *submit;
    seal_secret_t *consume;
    seal_secret_t *service;
    seal_secret_t *stranger; /* in no list */
};

/* Makes the directory with secret.key, servers.zpl and allowed.zpl. */
void seal_fixture_open(struct seal_fixture *self);
void seal_fixture_close(struct seal_fixture *self);

/* DIRECTORY/NAME; static. */
const char *seal_fixture_path(const struct seal_fixture *self, const char *name);

/* Replace a file. */
void seal_fixture_write(const struct seal_fixture *self, const char *name, const char *text,
                        unsigned mode);

/* `user`, role and key, as in allowed.zpl. Returns text. */
const char *seal_fixture_entry(const char *user, const char *role, const seal_secret_t *secret,
                               char text[256]);

#endif
