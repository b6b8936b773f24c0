#include "table.h"

#include "base/check.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

struct table {
    const char *const *headings; /* borrowed from the caller */
    size_t columns;
    char **cells; /* owned, each owned */
    size_t count;
    size_t capacity;
};

table_t *
table_new(const char *const *headings)
{
    table_t *self = mem_zeroed(sizeof *self);
    self->headings = headings;
    while (headings[self->columns] != NULL) {
        self->columns++;
    }
    CHECK(self->columns > 0 && self->columns <= TABLE_COLUMNS);
    return self;
}

void
table_destroy(table_t **self_p)
{
    table_t *self = *self_p;
    if (self != NULL) {
        for (size_t i = 0; i < self->count; i++) {
            mem_free(self->cells[i]);
        }
        mem_free(self->cells);
        mem_free(self);
        *self_p = NULL;
    }
}

void
table_cell(table_t *self, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* a longer cell is cut */
    va_end(args);
    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = '?';
        }
    }
    if (self->count == self->capacity) {
        self->capacity = self->capacity == 0 ? 64 : self->capacity * 2;
        self->cells = mem_resize(self->cells, self->capacity * sizeof *self->cells);
    }
    self->cells[self->count++] = mem_text(text);
}

size_t
table_rows(const table_t *self)
{
    return self->count / self->columns;
}

/* Characters, not bytes: UTF-8 continuation bytes take no place. */
static size_t
table_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0U) != 0x80U;
    }
    return width;
}

static void
table_row(const table_t *self, const char *const *cells, const size_t *widths, FILE *out)
{
    for (size_t column = 0; column < self->columns; column++) {
        bool last = column + 1 == self->columns;
        size_t pad = last ? 0 : widths[column] - table_width(cells[column]) + 2;
        (void)fprintf(out, "%s%*s", cells[column], (int)pad, ""); /* stdout: checked at exit */
    }
    (void)fputc('\n', out);
}

void
table_print(const table_t *self, FILE *out)
{
    CHECK(self->count % self->columns == 0);
    if (self->count == 0) {
        return;
    }
    size_t widths[TABLE_COLUMNS];
    for (size_t column = 0; column < self->columns; column++) {
        widths[column] = table_width(self->headings[column]);
        for (size_t i = column; i < self->count; i += self->columns) {
            size_t width = table_width(self->cells[i]);
            widths[column] = width > widths[column] ? width : widths[column];
        }
    }
    table_row(self, self->headings, widths, out);
    for (size_t i = 0; i < self->count; i += self->columns) {
        table_row(self, (const char *const *)&self->cells[i], widths, out);
    }
}
