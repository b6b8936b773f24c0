#include "seal/seal_allow.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/zpl.h"
#include "seal/seal_file.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define FILE_BYTES 65536

static_assert(SEAL_USER_BYTES == ZPL_NAME_BYTES, "any name that can be written is taken");

struct seal_allow {
    struct seal_allowed keys[SEAL_ALLOW_MAX];
    size_t count;
};

/* A user, while the file is read: its lines need not stand together. */
struct user {
    char name[SEAL_USER_BYTES + 1];
    enum seal_role role;
    int line; /* of its first */
};

struct reading {
    const char *file;
    seal_allow_t *allow; /* borrowed */
    struct user users[SEAL_ALLOW_MAX];
    size_t user_count;
};

static struct user *
find_user(struct reading *reading, const char *name, size_t size, int line)
{
    for (size_t i = 0; i < reading->user_count; i++) {
        struct user *user = &reading->users[i];
        if (strlen(user->name) == size && memcmp(user->name, name, size) == 0) {
            return user;
        }
    }
    if (reading->user_count == SEAL_ALLOW_MAX) {
        return NULL;
    }
    struct user *added = &reading->users[reading->user_count++];
    memcpy(added->name, name, size);
    added->line = line;
    return added;
}

static err_t
take_key(struct reading *reading, const struct user *user, const char *value, int line,
         struct why *why)
{
    seal_allow_t *allow = reading->allow;
    if (allow->count == SEAL_ALLOW_MAX) {
        return why_set(why, ERR_INVALID, "%s:%d: more than %d keys", reading->file, line,
                       SEAL_ALLOW_MAX);
    }
    struct seal_allowed *added = &allow->keys[allow->count];
    if (!seal_key_parse(value, strlen(value), added->key)) {
        return why_set(why, ERR_INVALID, "%s:%d: a key has %d characters (Z85), in quotes",
                       reading->file, line, SEAL_KEY_TEXT);
    }
    if (seal_key_is_published(added->key)) {
        return why_set(why, ERR_DENIED,
                       "%s:%d: an example key of zmq_curve(7), which anybody knows", reading->file,
                       line);
    }
    const struct seal_allowed *other = seal_allow_find(allow, added->key);
    if (other != NULL) {
        return why_set(why, ERR_INVALID, "%s:%d: this key is in the list before, for %s",
                       reading->file, line, other->user);
    }
    added->id = seal_key_id(added->key);
    memcpy(added->user, user->name, sizeof added->user);
    allow->count++;
    return ERR_OK;
}

static err_t
take_role(const struct reading *reading, struct user *user, const char *value, int line,
          struct why *why)
{
    if (user->role != SEAL_NOBODY) {
        return why_set(why, ERR_INVALID, "%s:%d: %s has a role already", reading->file, line,
                       user->name);
    }
    user->role = seal_role_parse(value);
    return user->role != SEAL_NOBODY
               ? ERR_OK
               : why_set(why, ERR_INVALID,
                         "%s:%d: \"%.40s\" is no role; there are submit, consume, operate, service",
                         reading->file, line, value);
}

static err_t
take(void *context, const char *path, const char *value, int line, struct why *why)
{
    struct reading *reading = context;
    size_t size = strcspn(path, "/");
    const char *name = path[size] == '/' ? path + size + 1 : "";
    bool is_key = strcmp(name, "key") == 0;
    if (!is_key && strcmp(name, "role") != 0) {
        return why_set(why, ERR_INVALID, "%s:%d: \"%.60s\": must be a user's key or role",
                       reading->file, line, path);
    }
    struct user *user = find_user(reading, path, size, line);
    if (user == NULL) {
        return why_set(why, ERR_INVALID, "%s:%d: more than %d users", reading->file, line,
                       SEAL_ALLOW_MAX);
    }
    return is_key ? take_key(reading, user, value, line, why)
                  : take_role(reading, user, value, line, why);
}

/* Give every key its user's role; everybody must have both. */
static err_t
join(const struct reading *reading, struct why *why)
{
    for (size_t i = 0; i < reading->user_count; i++) {
        const struct user *user = &reading->users[i];
        bool has_key = false;
        for (size_t k = 0; k < reading->allow->count; k++) {
            struct seal_allowed *allowed = &reading->allow->keys[k];
            if (strcmp(allowed->user, user->name) == 0) {
                allowed->role = (uint8_t)user->role;
                has_key = true;
            }
        }
        if (!has_key || user->role == SEAL_NOBODY) {
            return why_set(why, ERR_INVALID, "%s:%d: %s has no %s", reading->file, user->line,
                           user->name, has_key ? "role" : "key");
        }
    }
    return ERR_OK;
}

err_t
seal_allow_parse(seal_allow_t **self_p, const char *file, char *text, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    CHECK(sodium_init() >= 0);
    struct reading *reading = mem_zeroed(sizeof *reading);
    reading->file = file;
    reading->allow = mem_zeroed(sizeof *reading->allow);
    err_t rc = zpl_read(file, text, take, reading, why);
    if (rc == ERR_OK) {
        rc = join(reading, why);
    }
    if (rc != ERR_OK) {
        seal_allow_close(&reading->allow);
    }
    *self_p = reading->allow;
    mem_free(reading);
    return rc;
}

err_t
seal_allow_open(seal_allow_t **self_p, const char *path, struct why *why)
{
    char *text = mem_zeroed(FILE_BYTES + 1);
    struct seal_content content = {.bytes = (uint8_t *)text, .room = FILE_BYTES};
    err_t rc = seal_file_read(path, SEAL_FILE_PUBLIC, &content, why);
    if (rc == ERR_OK && strlen(text) != content.size) {
        rc = why_set(why, ERR_INVALID, "%s: has a zero byte", path);
    }
    if (rc == ERR_OK) {
        rc = seal_allow_parse(self_p, path, text, why);
    }
    mem_free(text);
    return rc;
}

void
seal_allow_close(seal_allow_t **self_p)
{
    mem_free(*self_p);
    *self_p = NULL;
}

size_t
seal_allow_count(const seal_allow_t *self)
{
    return self->count;
}

const struct seal_allowed *
seal_allow_at(const seal_allow_t *self, size_t index)
{
    return index < self->count ? &self->keys[index] : NULL;
}

const struct seal_allowed *
seal_allow_find(const seal_allow_t *self, const uint8_t key[SEAL_KEY_BYTES])
{
    const struct seal_allowed *found = NULL;
    for (size_t i = 0; i < self->count; i++) { /* all of them, whichever it is */
        if (sodium_memcmp(self->keys[i].key, key, SEAL_KEY_BYTES) == 0) {
            found = &self->keys[i];
        }
    }
    return found;
}

bool
seal_allow_has_all(const seal_allow_t *self, const seal_allow_t *before)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct seal_allowed *was = &before->keys[i];
        const struct seal_allowed *is = seal_allow_find(self, was->key);
        if (is == NULL || is->role != was->role || strcmp(is->user, was->user) != 0) {
            return false;
        }
    }
    return true;
}

void
seal_allow_print_user_id(const struct seal_allowed *allowed, char text[SEAL_USER_ID_BYTES + 1])
{
    (void)snprintf(text, SEAL_USER_ID_BYTES + 1, "%016" PRIx64 " %s", allowed->id,
                   allowed->user); /* fits */
}

const struct seal_allowed *
seal_allow_of_user_id(const seal_allow_t *self, const char *user_id)
{
    uint64_t id = 0;
    for (size_t i = 0; i < 16; i++) {
        unsigned digit = (unsigned char)user_id[i];
        if (digit >= '0' && digit <= '9') {
            id = id << 4 | (digit - '0');
        } else if (digit >= 'a' && digit <= 'f') {
            id = id << 4 | (digit - 'a' + 10);
        } else {
            return NULL; /* the terminator too */
        }
    }
    for (size_t i = 0; i < self->count; i++) {
        if (self->keys[i].id == id) {
            return &self->keys[i];
        }
    }
    return NULL;
}
