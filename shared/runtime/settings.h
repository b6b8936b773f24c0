/*
 * A service's settings: one table says what there is; values come from, each over the one before,
 * the table's default, a ZPL file (--config), the environment (HERALD_FRONT_BIND for front/bind),
 * the command line (--set front/bind=...).
 *
 * ZPL (rfc.zeromq.org/spec/4): sections by indentation of four spaces, `name = value`, # comments,
 * values with spaces in quotes. A table's path may have one level `*`, which stands for any name:
 * subscriptions/ * /topic.
 *
 * Unknown names, wrong types and values out of range are errors that name source, line and range.
 */
#ifndef HERALD_RUNTIME_SETTINGS_H
#define HERALD_RUNTIME_SETTINGS_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum setting_type {
    SETTING_TEXT,
    SETTING_INTEGER,
    SETTING_DURATION, /* 250ms, 10s, 1h30m; in milliseconds */
    SETTING_SIZE,     /* 512, 64KiB, 64MiB, 2GiB; in bytes */
    SETTING_BOOLEAN,  /* true, false */
    SETTING_CHOICE,   /* one of `choices` */
};

struct setting {
    const char *path; /* NULL ends the table */
    enum setting_type type;
    const char *standard; /* the default, as text */
    int64_t min;          /* of numbers, inclusive */
    int64_t max;
    const char *choices; /* "a b c" */
    const char *help;
};

typedef struct settings settings_t;

settings_t *settings_new(const struct setting *table); /* borrowed, static */
void settings_destroy(settings_t **self_p);

/* Where a value was said; for error texts. */
struct settings_source {
    const char *name; /* borrowed */
    int line;         /* 0: none */
};

/* ERR_INVALID; ERR_NOT_FOUND: no such setting. */
err_t settings_set(settings_t *self, const char *path, const char *value,
                   struct settings_source source, struct why *why);
/* name: what errors call it; the text is taken apart. ERR_INVALID: why says name, line and what. */
err_t settings_read_text(settings_t *self, const char *name, char *text, struct why *why);
err_t settings_read_file(settings_t *self, const char *path, struct why *why);
err_t settings_read_environment(settings_t *self, char *const *environment, struct why *why);

/* Each HERALD_ name of the environment that no table has (a NULL behind the last) and that is no
 * other name of Herald's either: a slip, as a rule. Told without its value. */
typedef void settings_unknown_fn(const char *name);
void settings_each_unknown(const struct setting *const *tables, char *const *environment,
                           settings_unknown_fn *tell);

/* A value; asking for what the table does not have is a bug (CHECK). Borrowed until the next set.
 */
const char *settings_text(const settings_t *self, const char *path);
int64_t settings_number(const settings_t *self, const char *path); /* not for TEXT and CHOICE */

/* Names at a `*` level, in the order of their first appearance: settings_child(self,
 * "subscriptions", 0), ... NULL when there are no more. Borrowed
 * for the settings' life. With none set none is invented: services bring their own. */
const char *settings_child(const settings_t *self, const char *section, size_t index);
/* section/child/name */
const char *settings_child_text(const settings_t *self, const char *section, const char *child,
                                const char *name);
int64_t settings_child_number(const settings_t *self, const char *section, const char *child,
                              const char *name);

/* The paths, with commas between them and cut where they are too many, of what differs in two sets
 * of one table; but not of those that begin with `but`. */
void settings_changed(const settings_t *before, const settings_t *after, const char *but,
                      char *paths, size_t size);

/* Put `text` wherever `mark` stands in a text, defaults included. */
void settings_fill(settings_t *self, const char *mark, const char *text);

void settings_print_help(const settings_t *self, FILE *out);
void settings_print_values(const settings_t *self, FILE *out); /* as ZPL-like lines path = value */

#endif
