/*
 * A strict reader of ZPL: czmq's own keeps no line numbers and takes what it does not understand.
 */
#include "base/mem.h"
#include "runtime/settings.h"

#include <errno.h>
#include <string.h>

#define LINE_BYTES 1024
#define DEPTH_MAX 4
#define PATH_BYTES 200
#define INDENT 4

struct reader {
    settings_t *settings;
    const char *file;
    int line;
    char names[DEPTH_MAX][PATH_BYTES / DEPTH_MAX];
    size_t depth; /* sections open */
};

/* `text` ends at a comment outside quotes, or at the end; spaces before that go. */
static void
cut_comment(char *text)
{
    char quote = '\0';
    char *end = text;
    for (char *at = text; *at != '\0'; at++) {
        if (quote == '\0' && *at == '#') {
            break;
        }
        if (quote == '\0' && (*at == '"' || *at == '\'')) {
            quote = *at;
        } else if (*at == quote) {
            quote = '\0';
        }
        if (*at != ' ') {
            end = at + 1;
        }
    }
    *end = '\0';
}

static err_t
fault(const struct reader *reader, const char *what, struct why *why)
{
    return why_set(why, ERR_INVALID, "%s:%d: %s", reader->file, reader->line, what);
}

static err_t
read_value(struct reader *reader, char *value, const char *name, struct why *why)
{
    size_t size = strlen(value);
    if (size > 0 && (value[0] == '"' || value[0] == '\'')) {
        if (size < 2 || value[size - 1] != value[0]) {
            return fault(reader, "a quote is not closed", why);
        }
        value[size - 1] = '\0';
        value++;
    }
    char path[PATH_BYTES + PATH_BYTES];
    size_t used = 0;
    for (size_t i = 0; i < reader->depth; i++) {
        used += (size_t)snprintf(path + used, sizeof path - used, "%s/", reader->names[i]);
    }
    (void)snprintf(path + used, sizeof path - used, "%s", name); /* names are bounded */
    struct settings_source source = {.name = reader->file, .line = reader->line};
    return settings_set(reader->settings, path, value, source, why);
}

static err_t
read_line(struct reader *reader, char *text, struct why *why)
{
    if (strchr(text, '\t') != NULL) {
        return fault(reader, "a tab; indentation is four spaces a level", why);
    }
    cut_comment(text);
    size_t indent = strspn(text, " ");
    char *name = text + indent;
    if (*name == '\0') {
        return ERR_OK;
    }
    if (indent % INDENT != 0 || indent / INDENT > reader->depth) {
        return fault(reader, "indentation is four spaces a level", why);
    }
    reader->depth = indent / INDENT;
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
    char *rest = name + size + strspn(name + size, " ");
    if (size == 0 || size >= sizeof reader->names[0] || (*rest != '=' && *rest != '\0')) {
        return fault(reader, "must be `name` or `name = value`", why);
    }
    bool has_value = *rest == '=';
    name[size] = '\0'; /* may stand where the `=` was */
    if (has_value) {
        return read_value(reader, rest + 1 + strspn(rest + 1, " "), name, why);
    }
    if (reader->depth == DEPTH_MAX) {
        return fault(reader, "sections go at most four levels deep", why);
    }
    memcpy(reader->names[reader->depth++], name, size + 1);
    return ERR_OK;
}

err_t
settings_read_file(settings_t *self, const char *path, struct why *why)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return why_set(why, ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    }
    struct reader reader = {.settings = self, .file = path};
    char text[LINE_BYTES];
    err_t rc = ERR_OK;
    while (rc == ERR_OK && fgets(text, sizeof text, file) != NULL) {
        reader.line++;
        size_t size = strlen(text);
        if (size > 0 && text[size - 1] == '\n') {
            text[--size] = '\0';
        } else if (size == sizeof text - 1) {
            rc = fault(&reader, "the line is longer than 1,022 bytes", why);
        }
        if (rc == ERR_OK) {
            rc = read_line(&reader, text, why);
        }
    }
    if (rc == ERR_OK && ferror(file) != 0) {
        rc = why_set(why, ERR_IO, "%s: cannot be read", path);
    }
    (void)fclose(file); /* only read */
    return rc;
}
