#include "runtime/settings_private.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

settings_t *
settings_new(const struct setting *table)
{
    settings_t *self = mem_zeroed(sizeof *self);
    self->table = table;
    self->values = mem_array(SETTINGS_VALUES_MAX, sizeof *self->values);
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
    char where[SETTINGS_PATH_BYTES + 16];
    (void)snprintf(where, sizeof where, source.line > 0 ? "%.180s:%d" : "%.180s", source.name,
                   source.line);
    const struct setting *setting = find_setting(self, path);
    if (setting == NULL) {
        return why_set(why, ERR_NOT_FOUND, "%s: there is no setting \"%.100s\"", where, path);
    }
    int64_t number = 0;
    if (!settings_parse(setting, value, &number)) {
        char wanted[160];
        return why_set(why, ERR_INVALID, "%s: %.100s = \"%.60s\": must be %s", where, path, value,
                       settings_expectation(setting, wanted, sizeof wanted));
    }
    struct value *found = find_value(self, path);
    if (found == NULL) {
        if (self->count == SETTINGS_VALUES_MAX) {
            return why_set(why, ERR_INVALID, "%s: more than %d settings", where,
                           SETTINGS_VALUES_MAX);
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

/* `from` with `text` for every `mark`. */
static char *
filled(const char *from, const char *mark, const char *text)
{
    size_t size = strlen(from) + 1;
    for (const char *at = strstr(from, mark); at != NULL; at = strstr(at + 1, mark)) {
        size += strlen(text);
    }
    char *made = mem_zeroed(size);
    char *to = made;
    while (*from != '\0') {
        if (strncmp(from, mark, strlen(mark)) == 0) {
            memcpy(to, text, strlen(text));
            to += strlen(text);
            from += strlen(mark);
        } else {
            *to++ = *from++;
        }
    }
    return made;
}

void
settings_fill(settings_t *self, const char *mark, const char *text)
{
    static const struct settings_source source = {.name = "default"};
    for (const struct setting *setting = self->table; setting->path != NULL; setting++) {
        if (strstr(setting->standard, mark) != NULL && find_value(self, setting->path) == NULL) {
            CHECK(settings_set(self, setting->path, setting->standard, source, NULL) == ERR_OK);
        }
    }
    for (size_t i = 0; i < self->count; i++) {
        struct value *value = &self->values[i];
        if (value->setting->type == SETTING_TEXT && strstr(value->text, mark) != NULL) {
            char *made = filled(value->text, mark, text);
            mem_free(value->text);
            value->text = made;
        }
    }
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
    CHECK(settings_parse(setting, setting->standard, &number));
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
    int used = snprintf(path, SETTINGS_PATH_BYTES, "%s/%s/%s", section, child, name);
    CHECK(used > 0 && used < SETTINGS_PATH_BYTES);
}

const char *
settings_child_text(const settings_t *self, const char *section, const char *child,
                    const char *name)
{
    char path[SETTINGS_PATH_BYTES];
    child_path(path, section, child, name);
    return settings_text(self, path);
}

int64_t
settings_child_number(const settings_t *self, const char *section, const char *child,
                      const char *name)
{
    char path[SETTINGS_PATH_BYTES];
    child_path(path, section, child, name);
    return settings_number(self, path);
}

static void
note_changed(const settings_t *before, const settings_t *after, const char *path, char *paths,
             size_t size)
{
    size_t used = strlen(paths);
    if (strcmp(settings_text(before, path), settings_text(after, path)) != 0 &&
        used + strlen(path) + 3 < size) {
        (void)snprintf(paths + used, size - used, "%s%s", used == 0 ? "" : ", ", path);
    }
}

void
settings_changed(const settings_t *before, const settings_t *after, const char *but, char *paths,
                 size_t size)
{
    paths[0] = '\0';
    for (const struct setting *setting = after->table; setting->path != NULL; setting++) {
        if (strchr(setting->path, '*') == NULL && strncmp(setting->path, but, strlen(but)) != 0) {
            note_changed(before, after, setting->path, paths, size);
        }
    }
    for (size_t i = 0; i < before->count; i++) {
        if (before->values[i].child != NULL) {
            note_changed(before, after, before->values[i].path, paths, size);
        }
    }
    for (size_t i = 0; i < after->count; i++) {
        if (after->values[i].child != NULL && find_value(before, after->values[i].path) == NULL) {
            note_changed(before, after, after->values[i].path, paths, size);
        }
    }
}

void
settings_print_help(const settings_t *self, FILE *out)
{
    for (const struct setting *setting = self->table; setting->path != NULL; setting++) {
        char wanted[160];
        (void)fprintf(out, "  %s\n      %s; %s; default: %s\n", setting->path, setting->help,
                      settings_expectation(setting, wanted, sizeof wanted),
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
