/*
 * Settings from the environment: HERALD_ and the path in capitals, everything but letters and
 * digits as an underscore. What stands for a `*` is any name: HERALD_SUBSCRIPTIONS_ORDERS_TOPIC is
 * subscriptions/orders/topic. A name that is in the settings already, from a file, is found by how
 * it would be written here (my-shop by MY_SHOP); any other is taken in small letters.
 */
#include "runtime/settings_private.h"

#include <ctype.h>
#include <string.h>

#define PREFIX "HERALD_"

static char
shouted(char at)
{
    return isalnum((unsigned char)at) ? (char)toupper((unsigned char)at) : '_';
}

/* Whether `said`, of so many bytes, is how `text` is written in the environment. */
static bool
is_said(const char *said, size_t size, const char *text, size_t text_size)
{
    bool same = size == text_size;
    for (size_t i = 0; same && i < size; i++) {
        same = said[i] == shouted(text[i]);
    }
    return same;
}

/* The name that stands for the `*`: one that is there already, or as said. */
static void
find_child(const settings_t *self, const struct setting *setting, const char *said, size_t size,
           char *child)
{
    size_t section = (size_t)(strchr(setting->path, '*') - setting->path);
    for (size_t i = 0; i < self->count; i++) {
        const struct value *value = &self->values[i];
        if (value->child != NULL && strncmp(value->path, setting->path, section) == 0 &&
            is_said(said, size, value->child, strlen(value->child))) {
            memcpy(child, value->child, size + 1);
            return;
        }
    }
    for (size_t i = 0; i < size; i++) {
        child[i] = (char)tolower((unsigned char)said[i]);
    }
    child[size] = '\0';
}

/* Whether a variable is this setting; what stands for a `*` is any name. */
static bool
names(const struct setting *setting, const char *said, size_t size)
{
    const char *star = strchr(setting->path, '*');
    size_t whole = strlen(setting->path);
    if (star == NULL) {
        return is_said(said, size, setting->path, whole);
    }
    size_t before = (size_t)(star - setting->path);
    size_t after = whole - before - 1;
    return size > before + after && size + 1 < SETTINGS_PATH_BYTES &&
           is_said(said, before, setting->path, before) &&
           is_said(said + size - after, after, star + 1, after);
}

/* The path of the setting that is said. */
static void
find_path(const settings_t *self, const struct setting *setting, const char *said, size_t size,
          char path[SETTINGS_PATH_BYTES])
{
    const char *star = strchr(setting->path, '*');
    size_t whole = strlen(setting->path);
    if (star == NULL) {
        memcpy(path, setting->path, whole + 1);
        return;
    }
    size_t before = (size_t)(star - setting->path);
    size_t after = whole - before - 1;
    memcpy(path, setting->path, before);
    find_child(self, setting, said + before, size - before - after, path + before);
    memcpy(path + strlen(path), star + 1, after + 1); /* as long as what was said, which fits */
}

err_t
settings_read_environment(settings_t *self, char *const *environment, struct why *why)
{
    const size_t prefix = sizeof PREFIX - 1;
    for (; *environment != NULL; environment++) {
        const char *equal = strchr(*environment, '=');
        if (equal == NULL || strncmp(*environment, PREFIX, prefix) != 0) {
            continue;
        }
        size_t size = (size_t)(equal - *environment);
        for (const struct setting *setting = self->table; setting->path != NULL; setting++) {
            char path[SETTINGS_PATH_BYTES];
            if (!names(setting, *environment + prefix, size - prefix)) {
                continue;
            }
            find_path(self, setting, *environment + prefix, size - prefix, path);
            char name[SETTINGS_PATH_BYTES];
            (void)snprintf(name, sizeof name, "%.*s", (int)size, *environment); /* or cut */
            err_t rc =
                settings_set(self, path, equal + 1, (struct settings_source){.name = name}, why);
            if (rc != ERR_OK) {
                return rc;
            }
        }
    }
    return ERR_OK;
}

/* What else is called so, and is no setting: of clients and of the programs that alarms run, of the
 * images and compose files, of the build and the tests. A * at the end stands for anything. */
static const char *const others[] = {
    "DATA",       "KEYS",           "PRODUCER",      "SCHEDULER",  "COMPENSATOR", "ORDER_CONSUMER",
    "ALARM_KIND", "ALARM_TEXT",     "ALARM_SUBJECT", "ALARM_CASE", "ALARM_COUNT", "IMAGE",
    "TAG",        "PUBLISH",        "PORT",          "BIN",        "JOBS",        "AT_ONCE",
    "REPORTS",    "COMPOSE_PREFIX", "TEST_*",        "BENCH_*",    "BUILD",       "ASAN_BUILD",
    "TSAN_BUILD", "FUZZ_BUILD",     "MUTATION_BUILD"};

static bool
is_other(const char *said, size_t size)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        size_t length = strcspn(others[i], "*");
        bool open = others[i][length] == '*';
        if ((open ? size > length : size == length) && memcmp(said, others[i], length) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_known(const struct setting *const *tables, const char *said, size_t size)
{
    for (; *tables != NULL; tables++) {
        for (const struct setting *setting = *tables; setting->path != NULL; setting++) {
            if (names(setting, said, size)) {
                return true;
            }
        }
    }
    return is_other(said, size);
}

void
settings_each_unknown(const struct setting *const *tables, char *const *environment,
                      settings_unknown_fn *tell)
{
    const size_t prefix = sizeof PREFIX - 1;
    for (; *environment != NULL; environment++) {
        const char *equal = strchr(*environment, '=');
        if (equal == NULL || strncmp(*environment, PREFIX, prefix) != 0) {
            continue;
        }
        size_t size = (size_t)(equal - *environment);
        if (!is_known(tables, *environment + prefix, size - prefix)) {
            char name[SETTINGS_PATH_BYTES];
            (void)snprintf(name, sizeof name, "%.*s", (int)size, *environment); /* or cut */
            tell(name);
        }
    }
}
