#include "heraldctl/table.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *
printed(const table_t *table)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    table_print(table, out);
    cr_assert_eq(fclose(out), 0);
    return text;
}

Test(table, columns_are_as_wide_as_what_is_in_them)
{
    static const char *const headings[] = {"BIZ_ID", "STATE", NULL};
    table_t *table = table_new(headings);
    table_cell(table, "%s", "order-1001");
    table_cell(table, "%s", "DONE");
    table_cell(table, "%s", "\xc3\xa9");
    table_cell(table, "%s", "a\nb");
    cr_assert_eq(table_rows(table), 2);
    char *text = printed(table);
    cr_assert_str_eq(text, "BIZ_ID      STATE\norder-1001  DONE\n\xc3\xa9           a?b\n");
    free(text);
    table_destroy(&table);
    cr_assert_null(table);
}

Test(table, an_empty_one_prints_nothing)
{
    static const char *const headings[] = {"A", NULL};
    table_t *table = table_new(headings);
    char *text = printed(table);
    cr_assert_str_eq(text, "");
    free(text);
    table_destroy(&table);
    table_destroy(&table);
}
