/* What the files of settings share; nobody else includes it. */
#ifndef HERALD_RUNTIME_SETTINGS_PRIVATE_H
#define HERALD_RUNTIME_SETTINGS_PRIVATE_H

#include "runtime/settings.h"

#define SETTINGS_PATH_BYTES 200
#define SETTINGS_VALUES_MAX 1024

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

/* settings_parse.c: whether the text is what the setting accepts; numbers as such. */
bool settings_parse(const struct setting *setting, const char *text, int64_t *number);
/* What a setting accepts, for error texts and help; returns text. */
const char *settings_expectation(const struct setting *setting, char *text, size_t size);

#endif
