#include "keygen.h"

#include "seal/seal_allow.h"
#include "seal/seal_file.h"
#include "seal/seal_keys.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define LIST_BYTES 4096
#define FRONT_FILE "front.key" /* of a holder that is a client too, with another key */

/* Everybody who has a key. */
enum holder {
    PRODUCER,
    SCHEDULER,
    COMPENSATOR,
    CONSUMER,
    SUBMIT,
    CONSUME,
    OPERATE,
    HOLDER_COUNT,
};
#define BIT(holder) (1U << (holder))
#define SERVICES (BIT(PRODUCER) | BIT(SCHEDULER) | BIT(COMPENSATOR))

struct holder_facts {
    const char *name; /* of its directory, of it as a server, and as a user in allow-lists */
    enum seal_role role;
    bool is_server;    /* has an allow-list */
    bool second_key;   /* serves with a key of its own */
    unsigned talks_to; /* itself too, if it is a server: so it is asked whether it is well */
    unsigned allows;
};

static const struct holder_facts holders[HOLDER_COUNT] = {
    [PRODUCER] = {"producer", SEAL_SERVICE, true, false, SERVICES,
                  SERVICES | BIT(CONSUMER) | BIT(SUBMIT) | BIT(CONSUME) | BIT(OPERATE)},
    [SCHEDULER] = {"retry-scheduler", SEAL_SERVICE, true, false, SERVICES,
                   SERVICES | BIT(CONSUMER) | BIT(CONSUME) | BIT(OPERATE)},
    [COMPENSATOR] = {"compensator", SEAL_SERVICE, true, false, SERVICES,
                     SERVICES | BIT(CONSUMER) | BIT(CONSUME) | BIT(OPERATE)},
    [CONSUMER] = {"order-consumer", SEAL_CONSUME, true, true, BIT(PRODUCER) | BIT(CONSUMER),
                  BIT(CONSUMER) | BIT(OPERATE)},
    [SUBMIT] = {"submit", SEAL_SUBMIT, false, false, BIT(PRODUCER), 0},
    [CONSUME] = {"consume", SEAL_CONSUME, false, false, BIT(PRODUCER), 0},
    [OPERATE] = {"operate", SEAL_OPERATE, false, false, SERVICES | BIT(CONSUMER), 0},
};

struct keygen {
    const char *directory; /* borrowed, as the next */
    FILE *out;
    FILE *warnings;
    char client_keys[HOLDER_COUNT][SEAL_KEY_TEXT + 1]; /* public */
    char server_keys[HOLDER_COUNT][SEAL_KEY_TEXT + 1];
};

static err_t
path_of(const struct keygen *self, enum holder holder, const char *file, char path[SEAL_PATH_BYTES],
        struct why *why)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s%s%s", holders[holder].name, file[0] == '\0' ? "" : "/",
                   file); /* fits */
    return seal_path(path, self->directory, name, why);
}

static err_t
make_directory(const char *path, struct why *why)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST) {
        return ERR_OK;
    }
    return why_set(why, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: cannot be made: %s", path,
                   strerror(errno));
}

/* The holder's secret key in this file, made when it is not there; its public one as text. */
static err_t
make_secret(const struct keygen *self, enum holder holder, const char *file,
            char text[SEAL_KEY_TEXT + 1], struct why *why)
{
    char path[SEAL_PATH_BYTES];
    seal_secret_t *secret = NULL;
    err_t rc = path_of(self, holder, file, path, why);
    if (rc == ERR_OK) {
        rc = seal_secret_open(&secret, path, why);
    }
    bool found = rc == ERR_OK;
    if (rc == ERR_NOT_FOUND) {
        secret = seal_secret_new();
        rc = seal_secret_save(secret, path, why);
    }
    if (rc == ERR_OK) {
        seal_key_print(seal_secret_public(secret), text);
        (void)fprintf(self->out, "%s %s\n", found ? "kept" : "made", path);
    }
    seal_secret_close(&secret);
    return rc;
}

static err_t
make_secrets(struct keygen *self, enum holder holder, struct why *why)
{
    char path[SEAL_PATH_BYTES];
    char *client = self->client_keys[holder];
    char *server = self->server_keys[holder];
    err_t rc = path_of(self, holder, "", path, why);
    if (rc == ERR_OK) {
        rc = make_directory(path, why);
    }
    if (rc == ERR_OK) {
        rc = make_secret(self, holder, SEAL_SECRET_FILE, client, why);
    }
    if (rc == ERR_OK && holders[holder].second_key) {
        return make_secret(self, holder, FRONT_FILE, server, why);
    }
    memcpy(server, client, SEAL_KEY_TEXT + 1);
    return rc;
}

/* A list of keys, as written: servers with theirs, or users with role and key. */
static void
write_list(const struct keygen *self, unsigned whom, bool users, char text[LIST_BYTES])
{
    size_t used = (size_t)snprintf(
        text, LIST_BYTES, "%s",
        users
            ? "# Who may connect, and what for. Read again by `heraldctl reload SERVICE`. A user\n"
              "# may have two keys while they are changed.\n"
            : "# The public keys of the servers that this holder talks to.\n");
    for (int i = 0; i < HOLDER_COUNT; i++) {
        if ((whom & BIT(i)) == 0) {
            continue;
        }
        used += (size_t)snprintf(text + used, LIST_BYTES - used, "%s\n", holders[i].name);
        if (users) {
            used += (size_t)snprintf(text + used, LIST_BYTES - used, "    role = \"%s\"\n",
                                     seal_role_name(holders[i].role));
        }
        used += (size_t)snprintf(text + used, LIST_BYTES - used, "    key = \"%s\"\n",
                                 users ? self->client_keys[i] : self->server_keys[i]);
    } /* seven holders at most, each less than 200 bytes */
}

/* A list that is there already may be older than a key: it is a person's to change. */
static err_t
compare_list(const struct keygen *self, const char *path, unsigned whom, bool users,
             struct why *why)
{
    char text[65536];
    struct seal_content content = {.bytes = (uint8_t *)text, .room = sizeof text - 1};
    err_t rc = seal_file_read(path, SEAL_FILE_PUBLIC, &content, why);
    text[rc == ERR_OK ? content.size : 0] = '\0';
    for (int i = 0; rc == ERR_OK && i < HOLDER_COUNT; i++) {
        const char *key = users ? self->client_keys[i] : self->server_keys[i];
        if ((whom & BIT(i)) != 0 && strstr(text, key) == NULL) {
            (void)fprintf(self->warnings, "%s does not have this key of %s:\n    key = \"%s\"\n",
                          path, holders[i].name, key);
        }
    }
    return rc;
}

static err_t
make_list(const struct keygen *self, enum holder holder, bool users, struct why *why)
{
    char path[SEAL_PATH_BYTES];
    char text[LIST_BYTES];
    unsigned whom = users ? holders[holder].allows : holders[holder].talks_to;
    err_t rc = path_of(self, holder, users ? SEAL_ALLOWED_FILE : SEAL_SERVERS_FILE, path, why);
    if (rc != ERR_OK) {
        return rc;
    }
    write_list(self, whom, users, text);
    rc = seal_file_make(path, SEAL_FILE_PUBLIC, text, strlen(text), why);
    if (rc == ERR_CONFLICT) {
        (void)fprintf(self->out, "kept %s\n", path);
        return compare_list(self, path, whom, users, why);
    }
    if (rc == ERR_OK) {
        (void)fprintf(self->out, "made %s\n", path);
    }
    return rc;
}

err_t
keygen_make(const char *directory, FILE *out, FILE *warnings, struct why *why)
{
    struct keygen self = {.directory = directory, .out = out, .warnings = warnings};
    err_t rc = make_directory(directory, why);
    for (int i = 0; rc == ERR_OK && i < HOLDER_COUNT; i++) {
        rc = make_secrets(&self, (enum holder)i, why);
    }
    for (int i = 0; rc == ERR_OK && i < HOLDER_COUNT; i++) {
        rc = make_list(&self, (enum holder)i, false, why);
        if (rc == ERR_OK && holders[i].is_server) {
            rc = make_list(&self, (enum holder)i, true, why);
        }
    }
    return rc;
}
