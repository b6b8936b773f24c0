/* Settings from a ZPL file. */
#include "base/mem.h"
#include "base/zpl.h"
#include "runtime/settings.h"

#include <errno.h>
#include <string.h>

struct reading {
    settings_t *settings; /* borrowed */
    const char *file;
};

static err_t
take(void *context, const char *path, const char *value, int line, struct why *why)
{
    struct reading *reading = context;
    struct settings_source source = {.name = reading->file, .line = line};
    return settings_set(reading->settings, path, value, source, why);
}

/* The whole file, terminated. */
static err_t
read_text(const char *path, char **text_p, struct why *why)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return why_set(why, ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    }
    char *text = mem_zeroed(ZPL_FILE_BYTES + 1);
    size_t size = fread(text, 1, ZPL_FILE_BYTES, file);
    err_t rc = ERR_OK;
    if (ferror(file) != 0) {
        rc = why_set(why, ERR_IO, "%s: cannot be read", path);
    } else if (fgetc(file) != EOF) {
        rc = why_set(why, ERR_INVALID, "%s: longer than %d bytes", path, ZPL_FILE_BYTES);
    } else if (strlen(text) != size) {
        rc = why_set(why, ERR_INVALID, "%s: has a zero byte at %zu", path, strlen(text));
    }
    (void)fclose(file); /* only read */
    if (rc != ERR_OK) {
        mem_free(text);
        return rc;
    }
    *text_p = text;
    return ERR_OK;
}

err_t
settings_read_text(settings_t *self, const char *name, char *text, struct why *why)
{
    struct reading reading = {.settings = self, .file = name};
    return zpl_read(name, text, take, &reading, why);
}

err_t
settings_read_file(settings_t *self, const char *path, struct why *why)
{
    char *text = NULL;
    err_t rc = read_text(path, &text, why);
    if (rc != ERR_OK) {
        return rc;
    }
    rc = settings_read_text(self, path, text, why);
    mem_free(text);
    return rc;
}
