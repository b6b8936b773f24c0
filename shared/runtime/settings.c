#include "runtime/settings.h"

#include "base/check.h"
#include "base/mem.h"
#include "delivery/policy.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 200
#define VALUES_MAX 1024

struct value {
    char *path;  /* owned */
    char *child; /* owned; the name at the `*` level; NULL: there is none */
    char *text;  /* owned */
    int64_t number;
    const struct setting *setting; /* borrowed from the table */
};

struct settings {
    const struct setting *table; /* borrowed */
    struct value *values;        /* owned; only what was set */
    size_t count;
};

settings_t *
settings_new(const struct setting *table)
{
    settings_t *self = mem_zeroed(sizeof *self);
    self->table = table;
    self->values = mem_array(VALUES_MAX, sizeof *self->values);
    return self;
}

void
settings_destroy(settings_t **self_p)
{
    settings_t *self = *self_p;
    if (self != NULL) {
        for (size_t i = 0; i < self->count; i++) {
            mem_free(self->values[i].path);
            mem_free(self->values[i].child);
            mem_free(self->values[i].text);
        }
        mem_free(self->values);
        mem_free(self);
        *self_p = NULL;
    }
}

/* Whether a path is what the table's path, with its `*` level, describes. */
static bool
path_match(const char *wanted, const char *path)
{
    while (*wanted != '\0') {
        size_t level = strcspn(wanted, "/");
        size_t size = strcspn(path, "/");
        bool any = level == 1 && wanted[0] == '*' && size > 0;
        if (!any && (level != size || memcmp(wanted, path, level) != 0)) {
            return false;
        }
        wanted += level;
        path += size;
        if (*wanted != *path) {
            return false;
        }
        if (*wanted == '/') {
            wanted++;
            path++;
        }
    }
    return *path == '\0';
}

static const struct setting *
find_setting(const settings_t *self, const char *path)
{
    for (const struct setting *setting = self->table; setting->path != NULL; setting++) {
        if (path_match(setting->path, path)) {
            return setting;
        }
    }
    return NULL;
}

static bool
parse_integer(const char *text, int64_t *number)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *number = value;
    return errno == 0 && end != text && *end == '\0';
}

static bool
parse_size(const char *text, int64_t *number)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {{"", 1}, {"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}};
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    for (size_t i = 0; errno == 0 && end != text && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].name) == 0 && value <= INT64_MAX / units[i].bytes) {
            *number = value * units[i].bytes;
            return true;
        }
    }
    return false;
}

static bool
is_choice(const char *choices, const char *text)
{
    size_t size = strlen(text);
    for (const char *at = choices; *at != '\0'; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");
        if (word == size && memcmp(at, text, size) == 0) {
            return true;
        }
        at += word;
    }
    return false;
}

/* What a setting accepts, for error texts and help. */
static const char *
expectation(const struct setting *setting, char *text, size_t size)
{
    char low[POLICY_DURATION_SIZE];
    char high[POLICY_DURATION_SIZE];
    switch (setting->type) {
    case SETTING_INTEGER:
        (void)snprintf(text, size, "a number from %lld to %lld", (long long)setting->min,
                       (long long)setting->max);
        break;
    case SETTING_DURATION:
        (void)snprintf(text, size, "a duration from %s to %s",
                       policy_duration_text(setting->min, low),
                       policy_duration_text(setting->max, high));
        break;
    case SETTING_SIZE:
        (void)snprintf(text, size, "a size in bytes (KiB, MiB, GiB) from %lld to %lld",
                       (long long)setting->min, (long long)setting->max);
        break;
    case SETTING_BOOLEAN:
        (void)snprintf(text, size, "true or false");
        break;
    case SETTING_CHOICE:
        (void)snprintf(text, size, "one of: %s", setting->choices);
        break;
    case SETTING_TEXT:
    default:
        (void)snprintf(text, size, "text");
        break;
    }
    return text;
}

static bool
parse_value(const struct setting *setting, const char *text, int64_t *number)
{
    bool good = true;
    *number = 0;
    switch (setting->type) {
    case SETTING_INTEGER:
        good = parse_integer(text, number);
        break;
    case SETTING_DURATION:
        good = policy_duration_parse(text, strlen(text), number, NULL) == ERR_OK;
        break;
    case SETTING_SIZE:
        good = parse_size(text, number);
        break;
    case SETTING_BOOLEAN:
        *number = strcmp(text, "true") == 0;
        return *number == 1 || strcmp(text, "false") == 0;
    case SETTING_CHOICE:
        return is_choice(setting->choices, text);
    case SETTING_TEXT:
    default:
        return true;
    }
    return good && *number >= setting->min && *number <= setting->max;
}

static struct value *
find_value(const settings_t *self, const char *path)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->values[i].path, path) == 0) {
            return &self->values[i];
        }
    }
    return NULL;
}

/* What stands at the level where the table's path has its `*`; NULL: it has none. */
static char *
child_of(const char *wanted, const char *path)
{
    const char *star = strchr(wanted, '*');
    if (star == NULL) {
        return NULL;
    }
    const char *from = path + (star - wanted); /* the levels before are the same */
    size_t size = strcspn(from, "/");
    char *child = mem_zeroed(size + 1);
    memcpy(child, from, size);
    return child;
}

err_t
settings_set(settings_t *self, const char *path, const char *value, struct settings_source source,
             struct why *why)
{
    char where[PATH_BYTES + 16];
    (void)snprintf(where, sizeof where, source.line > 0 ? "%.180s:%d" : "%.180s", source.name,
                   source.line);
    const struct setting *setting = find_setting(self, path);
    if (setting == NULL) {
        return why_set(why, ERR_NOT_FOUND, "%s: there is no setting \"%.100s\"", where, path);
    }
    int64_t number = 0;
    if (!parse_value(setting, value, &number)) {
        char wanted[160];
        return why_set(why, ERR_INVALID, "%s: %.100s = \"%.60s\": must be %s", where, path, value,
                       expectation(setting, wanted, sizeof wanted));
    }
    struct value *found = find_value(self, path);
    if (found == NULL) {
        if (self->count == VALUES_MAX) {
            return why_set(why, ERR_INVALID, "%s: more than %d settings", where, VALUES_MAX);
        }
        found = &self->values[self->count++];
        found->path = mem_text(path);
        found->child = child_of(setting->path, path);
        found->setting = setting;
    }
    mem_free(found->text);
    found->text = mem_text(value);
    found->number = number;
    return ERR_OK;
}

err_t
settings_read_environment(settings_t *self, char *const *environment, struct why *why)
{
    for (; *environment != NULL; environment++) {
        const char *equal = strchr(*environment, '=');
        if (equal == NULL || strncmp(*environment, "HERALD_", 7) != 0) {
            continue;
        }
        for (const struct setting *setting = self->table; setting->path != NULL; setting++) {
            char name[PATH_BYTES] = "HERALD_";
            size_t used = 7;
            for (const char *at = setting->path; *at != '\0' && used < sizeof name - 1; at++) {
                name[used++] =
                    isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at) : '_';
            }
            if (used == (size_t)(equal - *environment) && memcmp(name, *environment, used) == 0) {
                struct settings_source source = {.name = name};
                err_t rc = settings_set(self, setting->path, equal + 1, source, why);
                if (rc != ERR_OK) {
                    return rc;
                }
            }
        }
    }
    return ERR_OK;
}

const char *
settings_text(const settings_t *self, const char *path)
{
    const struct value *found = find_value(self, path);
    if (found != NULL) {
        return found->text;
    }
    const struct setting *setting = find_setting(self, path);
    CHECK(setting != NULL);
    return setting->standard;
}

int64_t
settings_number(const settings_t *self, const char *path)
{
    const struct value *found = find_value(self, path);
    if (found != NULL) {
        return found->number;
    }
    const struct setting *setting = find_setting(self, path);
    CHECK(setting != NULL);
    int64_t number = 0;
    CHECK(parse_value(setting, setting->standard, &number));
    return number;
}

/* Whether an earlier value has the same child in the same section. */
static bool
is_repeated(const settings_t *self, size_t at, size_t prefix)
{
    const struct value *value = &self->values[at];
    for (size_t i = 0; i < at; i++) {
        const struct value *other = &self->values[i];
        if (other->child != NULL && strcmp(other->child, value->child) == 0 &&
            strncmp(other->path, value->path, prefix + 1) == 0) {
            return true;
        }
    }
    return false;
}

const char *
settings_child(const settings_t *self, const char *section, size_t index)
{
    size_t prefix = strlen(section);
    size_t seen = 0;
    for (size_t i = 0; i < self->count; i++) {
        const struct value *value = &self->values[i];
        if (value->child == NULL || strncmp(value->path, section, prefix) != 0 ||
            value->path[prefix] != '/' || is_repeated(self, i, prefix)) {
            continue;
        }
        if (seen++ == index) {
            return value->child;
        }
    }
    return NULL;
}

static void
child_path(char *path, const char *section, const char *child, const char *name)
{
    int used = snprintf(path, PATH_BYTES, "%s/%s/%s", section, child, name);
    CHECK(used > 0 && used < PATH_BYTES);
}

const char *
settings_child_text(const settings_t *self, const char *section, const char *child,
                    const char *name)
{
    char path[PATH_BYTES];
    child_path(path, section, child, name);
    return settings_text(self, path);
}

int64_t
settings_child_number(const settings_t *self, const char *section, const char *child,
                      const char *name)
{
    char path[PATH_BYTES];
    child_path(path, section, child, name);
    return settings_number(self, path);
}

void
settings_print_help(const settings_t *self, FILE *out)
{
    for (const struct setting *setting = self->table; setting->path != NULL; setting++) {
        char wanted[160];
        (void)fprintf(out, "  %s\n      %s; %s; default: %s\n", setting->path, setting->help,
                      expectation(setting, wanted, sizeof wanted),
                      setting->standard[0] == '\0' ? "(empty)" : setting->standard);
    }
}

void
settings_print_values(const settings_t *self, FILE *out)
{
    for (const struct setting *setting = self->table; setting->path != NULL; setting++) {
        if (strchr(setting->path, '*') == NULL) {
            (void)fprintf(out, "%s = \"%s\"\n", setting->path, settings_text(self, setting->path));
        }
    }
    for (size_t i = 0; i < self->count; i++) {
        if (strchr(self->values[i].setting->path, '*') != NULL) {
            (void)fprintf(out, "%s = \"%s\"\n", self->values[i].path, self->values[i].text);
        }
    }
}
