/*
 * A table for people: columns as wide as what is in them, a heading, two spaces between. Cells are
 * UTF-8; control characters in them are shown as '?', so that no payload plays with a terminal.
 */
#ifndef HERALDCTL_TABLE_H
#define HERALDCTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS 12

typedef struct table table_t;

/* headings: the columns' names, ended by NULL, at most TABLE_COLUMNS; borrowed. */
table_t *table_new(const char *const *headings);
void table_destroy(table_t **self_p);

/* Add the next cell, row by row (printf form). */
void table_cell(table_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

size_t table_rows(const table_t *self);
void table_print(const table_t *self, FILE *out); /* nothing when it has no rows */

#endif
