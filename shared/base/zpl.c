#include "base/zpl.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define INDENT 4

struct reader {
    const char *file;
    int line;
    char names[ZPL_DEPTH_MAX][ZPL_NAME_BYTES + 1];
    size_t depth; /* sections open */
    zpl_value_fn *value;
    void *context;
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
    char path[ZPL_PATH_BYTES];
    size_t used = 0;
    static_assert((ZPL_DEPTH_MAX + 1) * (ZPL_NAME_BYTES + 1) < ZPL_PATH_BYTES, "any path fits");
    for (size_t i = 0; i < reader->depth; i++) {
        used += (size_t)snprintf(path + used, sizeof path - used, "%s/", reader->names[i]);
    }
    (void)snprintf(path + used, sizeof path - used, "%s", name); /* names are bounded */
    return reader->value(reader->context, path, value, reader->line, why);
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
    if (size == 0 || size > ZPL_NAME_BYTES || (*rest != '=' && *rest != '\0')) {
        return fault(reader, "must be `name` or `name = value`", why);
    }
    bool has_value = *rest == '=';
    name[size] = '\0'; /* may stand where the `=` was */
    if (has_value) {
        return read_value(reader, rest + 1 + strspn(rest + 1, " "), name, why);
    }
    if (reader->depth == ZPL_DEPTH_MAX) {
        return fault(reader, "sections go at most four levels deep", why);
    }
    memcpy(reader->names[reader->depth++], name, size + 1);
    return ERR_OK;
}

err_t
zpl_read(const char *file, char *text, zpl_value_fn *value, void *context, struct why *why)
{
    struct reader reader = {.file = file, .value = value, .context = context};
    err_t rc = ERR_OK;
    while (rc == ERR_OK && *text != '\0') {
        size_t size = strcspn(text, "\n");
        char *next = text + size + (text[size] == '\n' ? 1 : 0);
        reader.line++;
        text[size] = '\0';
        rc = size > ZPL_LINE_BYTES ? fault(&reader, "the line is longer than 1,022 bytes", why)
                                   : read_line(&reader, text, why);
        text = next;
    }
    return rc;
}
