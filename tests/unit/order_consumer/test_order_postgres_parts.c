/* The parts of the PostgreSQL store that need no server. */
#include "order_db.h"
#include "order_postgres_array.h"
#include "order_postgres_link.h"
#include "order_postgres_password.h"
#include "order_postgres_state.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Test(order_postgres_array, is_in_the_servers_binary_format)
{
    struct order_postgres_array array = {0};
    order_postgres_array_start(&array, ORDER_POSTGRES_ARRAY_TEXT);
    order_postgres_array_add_word(&array, "ab");
    order_postgres_array_add_null(&array);
    static const uint8_t texts[] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0,   0,   25,   0,    0,    0,
                                    2, 0, 0, 0, 1, 0, 0, 0, 2, 'a', 'b', 0xff, 0xff, 0xff, 0xff};
    cr_assert_eq(array.size, sizeof texts);
    cr_assert_arr_eq(array.data, texts, sizeof texts);
    order_postgres_array_start(&array, ORDER_POSTGRES_ARRAY_INT8);
    order_postgres_array_add_number(&array, -2);
    static const uint8_t numbers[] = {0,  0, 0,    1,    0,    0,    0,    0,    0,    0,   0,
                                      20, 0, 0,    0,    1,    0,    0,    0,    1,    0,   0,
                                      0,  8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
    cr_assert_eq(array.size, sizeof numbers);
    cr_assert_arr_eq(array.data, numbers, sizeof numbers);
    order_postgres_array_start(&array, ORDER_POSTGRES_ARRAY_TEXT);
    static char large[70000];
    for (int i = 0; i < 3; i++) {
        order_postgres_array_add(&array, large, sizeof large);
    }
    cr_assert_eq(array.size, 20 + 3 * (4 + sizeof large));
    order_postgres_array_fini(&array);
}

Test(order_postgres_state, each_class_leads_where_it_must)
{
    static const struct {
        const char *state;
        enum order_store_result result;
    } states[] = {
        {"40001", ORDER_STORE_AGAIN},   {"40P01", ORDER_STORE_AGAIN},
        {"55P03", ORDER_STORE_AGAIN},   {"08006", ORDER_STORE_LOST},
        {"57P01", ORDER_STORE_LOST},    {"57P02", ORDER_STORE_LOST},
        {"57P03", ORDER_STORE_LOST},    {"25P03", ORDER_STORE_LOST},
        {"57014", ORDER_STORE_DOWN},    {"53100", ORDER_STORE_DOWN},
        {"53200", ORDER_STORE_DOWN},    {"25006", ORDER_STORE_DOWN},
        {"58030", ORDER_STORE_DOWN},    {"XX000", ORDER_STORE_DOWN},
        {"40003", ORDER_STORE_DOWN},    {"23514", ORDER_STORE_REFUSED},
        {"22021", ORDER_STORE_REFUSED}, {"P0001", ORDER_STORE_REFUSED},
        {"54000", ORDER_STORE_REFUSED}, {"XX001", ORDER_STORE_ENDED},
        {"XX002", ORDER_STORE_ENDED},   {"42P01", ORDER_STORE_ENDED},
        {"42501", ORDER_STORE_DOWN},    {"", ORDER_STORE_DOWN},
    };
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        cr_assert_eq(order_postgres_state_class(states[i].state), states[i].result, "%s",
                     states[i].state);
    }
}

Test(order_postgres_link, a_password_in_the_connection_string_is_refused_and_not_repeated)
{
    static const char *const urls[] = {"host=x password=geheim", "postgresql://u:geheim@x/d",
                                       "host=x sslpassword=geheim"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct why why;
        cr_assert_eq(order_postgres_link_check(urls[i], &why), ERR_INVALID, "%s", urls[i]);
        cr_assert(strstr(why.text, "database/password_file") != NULL, "%s", why.text);
        cr_assert_null(strstr(why.text, "geheim"));
    }
}

Test(order_postgres_link, a_connection_string_that_is_none_is_refused_and_not_repeated)
{
    struct why why;
    cr_assert_eq(order_postgres_link_check("host=x pass=geheim", &why), ERR_INVALID);
    cr_assert(strstr(why.text, "database/url") != NULL && strstr(why.text, "geheim") == NULL, "%s",
              why.text);
    cr_assert_eq(order_postgres_link_check("host=x", &why), ERR_OK);
    cr_assert_eq(order_postgres_link_check("postgresql://u@x/d?sslmode=require", &why), ERR_OK);
}

static char path[] = "/tmp/herald-password-XXXXXX";

static err_t
read_of(const char *content, mode_t mode, char **password)
{
    struct why why;
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    cr_assert_eq(fchmod(fd, mode), 0);
    cr_assert_eq(close(fd), 0);
    err_t err = order_postgres_password_read(path, password, &why);
    cr_assert(err == ERR_OK || strstr(why.text, path) != NULL);
    cr_assert_eq(unlink(path), 0);
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    return err;
}

Test(order_postgres_password, is_the_files_first_line)
{
    static const char *const contents[] = {"geheim", "geheim\n", "geheim\r\nmore\n"};
    for (size_t i = 0; i < 3; i++) {
        char *password = NULL;
        cr_assert_eq(read_of(contents[i], 0400, &password), ERR_OK);
        cr_assert_str_eq(password, "geheim");
        order_postgres_password_forget(&password);
        cr_assert_null(password);
    }
}

Test(order_postgres_password, what_cannot_be_one_is_refused)
{
    char *password = NULL;
    cr_assert_eq(read_of("", 0400, &password), ERR_INVALID);
    cr_assert_eq(read_of("\nlate\n", 0400, &password), ERR_INVALID);
    static char line[2048];
    memset(line, 'x', sizeof line - 1);
    cr_assert_eq(read_of(line, 0400, &password), ERR_INVALID);
    cr_assert_eq(read_of("geheim", 0444, &password), ERR_DENIED);
    struct why why;
    cr_assert_eq(order_postgres_password_read("/nonexistent", &password, &why), ERR_INVALID);
    cr_assert_eq(order_postgres_password_read("/tmp", &password, &why), ERR_INVALID);
    cr_assert_null(password);
    cr_assert_eq(order_postgres_password_read("", &password, &why), ERR_OK);
    cr_assert_null(password);
}

Test(order_db, a_check_refuses_the_connection_string_and_password_file_that_a_start_refuses)
{
    struct order_db_options options = {.group = "orders", .path = "/nowhere/orders.db"};
    struct why why = {{0}};
    cr_assert_eq(order_db_check(&options, &why), ERR_OK, "what becomes of a path is the start's");
    options.url = "host=/nowhere dbname=herald";
    cr_assert_eq(order_db_check(&options, &why), ERR_OK, "%s", why.text);
    options.password_file = "/nowhere/password";
    cr_assert_eq(order_db_check(&options, &why), ERR_INVALID);
    cr_assert_not_null(strstr(why.text, "/nowhere/password"), "%s", why.text);
    options.url = "no connection string";
    cr_assert_eq(order_db_check(&options, &why), ERR_INVALID);
    cr_assert_not_null(strstr(why.text, "database/url"), "%s", why.text);
}
