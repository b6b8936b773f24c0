#include "heraldctl/ctl_ids.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static err_t
line_of(const char *text, char biz_id[LIMIT_BIZ_ID_BYTES + 1])
{
    struct why why;
    return ctl_ids_line(biz_id, text, strlen(text), &why);
}

Test(ctl_ids, a_line_is_an_id_or_what_was_submitted)
{
    char biz_id[LIMIT_BIZ_ID_BYTES + 1];
    cr_assert_eq(line_of("1001-payment\n", biz_id), ERR_OK);
    cr_assert_str_eq(biz_id, "1001-payment");
    cr_assert_eq(line_of("  two words \r\n", biz_id), ERR_OK);
    cr_assert_str_eq(biz_id, "two words");
    cr_assert_eq(line_of("{\"topic\":\"t\",\"biz_id\":\"j\\u0031\",\"payload\":{}}\n", biz_id),
                 ERR_OK);
    cr_assert_str_eq(biz_id, "j1");
    cr_assert_eq(line_of(" \n", biz_id), ERR_NOT_FOUND);
    cr_assert_eq(line_of("{\"topic\":\"t\"}", biz_id), ERR_INVALID);
    cr_assert_eq(line_of("\xff\xfe", biz_id), ERR_INVALID);
    cr_assert_eq(
        line_of("12345678901234567890123456789012345678901234567890123456789012345", biz_id),
        ERR_INVALID, "65 bytes");
}

Test(ctl_ids, a_file_s_ids_are_loaded_and_sorted_once_each)
{
    char path[] = "/tmp/herald-ids-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "b\na\n\nb\n{\"topic\":\"t\",\"biz_id\":\"c\",\"payload\":1}";
    cr_assert_eq(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(fd);
    struct ctl ctl = {.values = {[CTL_FILE] = path}};
    struct ctl_ids ids;
    int code = -1;
    cr_assert_eq(ctl_ids_load(&ids, &ctl, &code), ERR_OK);
    cr_assert_eq(ids.count, 4);
    cr_assert_str_eq(ids.ids[0], "b");
    ctl_ids_sort(&ids);
    cr_assert_eq(ids.count, 3);
    cr_assert_str_eq(ids.ids[0], "a");
    cr_assert_str_eq(ids.ids[1], "b");
    cr_assert_str_eq(ids.ids[2], "c");
    cr_assert_eq(ctl_ids_code(&ids, 1), 1);
    ctl_ids_fini(&ids);
    unlink(path);
}

Test(ctl_ids, a_malformed_line_is_passed_over_and_counted)
{
    char path[] = "/tmp/herald-ids-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "a\n{}\nb\n\xff\n\nc\n";
    cr_assert_eq(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(fd);
    struct ctl ctl = {.values = {[CTL_FILE] = path}};
    struct ctl_ids ids;
    int code = -1;
    cr_assert_eq(ctl_ids_load(&ids, &ctl, &code), ERR_OK);
    cr_assert_eq(ids.count, 3);
    cr_assert_str_eq(ids.ids[2], "c");
    cr_assert_eq(ids.malformed, 2);
    cr_assert_eq(ctl_ids_code(&ids, 0), 65);
    cr_assert_eq(ctl_ids_code(&ids, 1), 65);
    cr_assert_eq(ctl_ids_code(&ids, 69), 69, "what is not known weighs more");
    ctl_ids_fini(&ids);
    unlink(path);
}
