#include "seal/seal_keys.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/zpl.h"
#include "seal/seal_file.h"

#include <stdio.h>
#include <string.h>

#define FILE_BYTES 16384

struct server {
    char name[ZPL_NAME_BYTES + 1];
    uint8_t key[SEAL_KEY_BYTES];
};

struct seal_keys {
    seal_secret_t *secret; /* owned */
    struct server servers[SEAL_SERVERS_MAX];
    size_t count;
};

struct reading {
    seal_keys_t *keys; /* borrowed */
    const char *file;
};

err_t
seal_path(char path[SEAL_PATH_BYTES], const char *directory, const char *name, struct why *why)
{
    int size = snprintf(path, SEAL_PATH_BYTES, "%s/%s", directory, name);
    return size > 0 && size < SEAL_PATH_BYTES
               ? ERR_OK
               : why_set(why, ERR_INVALID, "%.60s...: the path is too long", directory);
}

static err_t
take(void *context, const char *path, const char *value, int line, struct why *why)
{
    struct reading *reading = context;
    seal_keys_t *keys = reading->keys;
    size_t size = strcspn(path, "/");
    if (strcmp(path + size, "/key") != 0) {
        return why_set(why, ERR_INVALID, "%s:%d: \"%.60s\": must be a server's key", reading->file,
                       line, path);
    }
    struct server added = {{0}, {0}};
    memcpy(added.name, path, size);
    if (seal_keys_server(keys, added.name) != NULL) {
        return why_set(why, ERR_INVALID, "%s:%d: %s has a key already", reading->file, line,
                       added.name);
    }
    if (keys->count == SEAL_SERVERS_MAX) {
        return why_set(why, ERR_INVALID, "%s:%d: more than %d servers", reading->file, line,
                       SEAL_SERVERS_MAX);
    }
    if (!seal_key_parse(value, strlen(value), added.key)) {
        return why_set(why, ERR_INVALID, "%s:%d: a key has %d characters (Z85), in quotes",
                       reading->file, line, SEAL_KEY_TEXT);
    }
    if (seal_key_is_published(added.key)) {
        return why_set(why, ERR_DENIED,
                       "%s:%d: an example key of zmq_curve(7), which anybody knows", reading->file,
                       line);
    }
    keys->servers[keys->count++] = added;
    return ERR_OK;
}

static err_t
read_servers(seal_keys_t *self, const char *path, struct why *why)
{
    char *text = mem_zeroed(FILE_BYTES + 1);
    struct seal_content content = {.bytes = (uint8_t *)text, .room = FILE_BYTES};
    struct reading reading = {.keys = self, .file = path};
    err_t rc = seal_file_read(path, SEAL_FILE_PUBLIC, &content, why);
    if (rc == ERR_OK && strlen(text) != content.size) {
        rc = why_set(why, ERR_INVALID, "%s: has a zero byte", path);
    }
    if (rc == ERR_OK) {
        rc = zpl_read(path, text, take, &reading, why);
    }
    mem_free(text);
    return rc;
}

err_t
seal_keys_open(seal_keys_t **self_p, const char *directory, const char *secret, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    char path[SEAL_PATH_BYTES];
    seal_keys_t *self = mem_zeroed(sizeof *self);
    err_t rc = seal_path(path, directory, secret, why);
    if (rc == ERR_OK) {
        rc = seal_secret_open(&self->secret, path, why);
    }
    if (rc == ERR_OK) {
        rc = seal_path(path, directory, SEAL_SERVERS_FILE, why);
    }
    if (rc == ERR_OK) {
        rc = read_servers(self, path, why);
    }
    if (rc != ERR_OK) {
        seal_keys_close(&self);
        return rc;
    }
    *self_p = self;
    return ERR_OK;
}

void
seal_keys_close(seal_keys_t **self_p)
{
    seal_keys_t *self = *self_p;
    if (self != NULL) {
        seal_secret_close(&self->secret);
        mem_free(self);
        *self_p = NULL;
    }
}

const seal_secret_t *
seal_keys_secret(const seal_keys_t *self)
{
    return self->secret;
}

const uint8_t *
seal_keys_server(const seal_keys_t *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->servers[i].name, name) == 0) {
            return self->servers[i].key;
        }
    }
    return NULL;
}
