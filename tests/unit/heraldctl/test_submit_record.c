#include "heraldctl/submit_record.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/herald-record-XXXXXX";
static char path[64];

static void
prepare(void)
{
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/accepted", directory);
}

static void
clean(void)
{
    unlink(path);
    rmdir(directory);
}

static void
write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

static void
file_is(const char *text)
{
    char read[512] = {0};
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    cr_assert_eq(fread(read, 1, sizeof read - 1, file), strlen(text));
    cr_assert_eq(fclose(file), 0);
    cr_assert_str_eq(read, text);
}

TestSuite(submit_record, .init = prepare, .fini = clean);

Test(submit_record, ids_are_in_the_file_after_a_sync_and_not_before)
{
    struct submit_record record;
    struct why why;
    cr_assert_eq(submit_record_open(&record, path, &why), ERR_OK, "%s", why.text);
    submit_record_add(&record, "a");
    submit_record_add(&record, "b");
    file_is("");
    cr_assert_eq(submit_record_sync(&record, &why), ERR_OK);
    file_is("a\nb\n");
    cr_assert_eq(submit_record_sync(&record, &why), ERR_OK);
    file_is("a\nb\n");
    submit_record_close(&record);
    cr_assert_eq(submit_record_open(&record, path, &why), ERR_OK);
    submit_record_add(&record, "c");
    cr_assert_eq(submit_record_sync(&record, &why), ERR_OK);
    submit_record_close(&record);
    file_is("a\nb\nc\n");
}

Test(submit_record, half_a_line_of_a_crash_is_cut_off)
{
    struct submit_record record;
    struct why why;
    write_file("a\nb\nhal");
    cr_assert_eq(submit_record_open(&record, path, &why), ERR_OK);
    submit_record_add(&record, "c");
    cr_assert_eq(submit_record_sync(&record, &why), ERR_OK);
    submit_record_close(&record);
    file_is("a\nb\nc\n");
}

Test(submit_record, a_file_that_is_no_record_is_left_alone)
{
    char text[200];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct submit_record record;
    struct why why;
    write_file(text);
    cr_assert_eq(submit_record_open(&record, path, &why), ERR_INVALID);
    submit_record_close(&record);
    file_is(text);
}

Test(submit_record, without_a_path_nothing_is_kept)
{
    struct submit_record record;
    struct why why;
    cr_assert_eq(submit_record_open(&record, NULL, &why), ERR_OK);
    submit_record_add(&record, "a");
    cr_assert_eq(submit_record_sync(&record, &why), ERR_OK);
    submit_record_close(&record);
}
