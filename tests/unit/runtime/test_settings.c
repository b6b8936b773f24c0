#include "runtime/settings.h"

#include "base/zpl.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct setting table[] = {
    {"front/bind", SETTING_TEXT, "ipc://x", 0, 0, NULL, "a text"},
    {"window", SETTING_INTEGER, "5", 1, 100, NULL, "a number"},
    {"lease", SETTING_DURATION, "10s", 100, 60000, NULL, "a duration"},
    {"segment", SETTING_SIZE, "1MiB", 1024, 1 << 30, NULL, "a size"},
    {"insecure", SETTING_BOOLEAN, "false", 0, 1, NULL, "a boolean"},
    {"level", SETTING_CHOICE, "info", 0, 0, "debug info warn", "a choice"},
    {"subscriptions/*/topic", SETTING_TEXT, "", 0, 0, NULL, "a child's text"},
    {"subscriptions/*/lease", SETTING_DURATION, "7s", 1, 60000, NULL, "a child's duration"},
    {.path = NULL},
};

Test(settings, have_their_defaults)
{
    settings_t *settings = settings_new(table);
    cr_assert_str_eq(settings_text(settings, "front/bind"), "ipc://x");
    cr_assert_eq(settings_number(settings, "window"), 5);
    cr_assert_eq(settings_number(settings, "lease"), 10000);
    cr_assert_eq(settings_number(settings, "segment"), 1048576);
    cr_assert_eq(settings_number(settings, "insecure"), 0);
    cr_assert_null(settings_child(settings, "subscriptions", 0));
    settings_destroy(&settings);
}

Test(settings, refuse_what_is_unknown_of_another_type_or_out_of_range_by_source_and_line)
{
    static const struct {
        const char *path;
        const char *value;
        err_t expected;
    } cases[] = {
        {"windows", "5", ERR_NOT_FOUND},
        {"window", "0", ERR_INVALID},
        {"window", "101", ERR_INVALID},
        {"window", "5x", ERR_INVALID},
        {"window", "", ERR_INVALID},
        {"lease", "10", ERR_INVALID},
        {"lease", "2m", ERR_INVALID},
        {"segment", "1TiB", ERR_INVALID},
        {"segment", "-1MiB", ERR_INVALID},
        {"segment", "-17592186044415MiB", ERR_INVALID}, /* 1 MiB less 2^64 bytes */
        {"segment", "9223372036854775807KiB", ERR_INVALID},
        {"insecure", "yes", ERR_INVALID},
        {"level", "loud", ERR_INVALID},
        {"subscriptions//topic", "a", ERR_NOT_FOUND},
        {"subscriptions/a/b/topic", "a", ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        settings_t *settings = settings_new(table);
        struct why why = {{0}};
        struct settings_source source = {.name = "herald.zpl", .line = 7};
        cr_assert_eq(settings_set(settings, cases[i].path, cases[i].value, source, &why),
                     cases[i].expected, "%s = %s", cases[i].path, cases[i].value);
        cr_assert_not_null(strstr(why.text, "herald.zpl:7"), "%s", why.text);
        cr_assert_eq(settings_number(settings, "window"), 5);
        settings_destroy(&settings);
    }
}

Test(settings, children_keep_their_names_and_order_however_many_there_are)
{
    settings_t *settings = settings_new(table);
    const struct settings_source source = {.name = "test"};
    char path[64];
    for (int i = 0; i < 40; i++) {
        (void)snprintf(path, sizeof path, "subscriptions/s%d/topic", i);
        cr_assert_eq(settings_set(settings, path, path, source, NULL), ERR_OK);
        (void)snprintf(path, sizeof path, "subscriptions/s%d/lease", i / 2);
        cr_assert_eq(settings_set(settings, path, "1s", source, NULL), ERR_OK);
    }
    const char *names[41];
    for (size_t i = 0; i <= 40; i++) {
        names[i] = settings_child(settings, "subscriptions", i);
    }
    cr_assert_null(names[40]);
    for (size_t i = 0; i < 40; i++) {
        (void)snprintf(path, sizeof path, "s%zu", i);
        cr_assert_str_eq(names[i], path, "each stays what it was");
    }
    cr_assert_eq(settings_child_number(settings, "subscriptions", "s3", "lease"), 1000);
    cr_assert_eq(settings_child_number(settings, "subscriptions", "s30", "lease"), 7000);
    settings_destroy(&settings);
}

Test(settings, are_read_from_a_file_and_overridden_by_the_environment)
{
    char path[] = "/tmp/herald-settings-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    static const char text[] = "#   a comment\n"
                               "window = 7\n"
                               "subscriptions\n"
                               "    orders\n"
                               "        topic = \"order.* payment.*\"\n"
                               "    ledger\n"
                               "        topic = payment.refunded\n";
    cr_assert_eq(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    (void)close(fd);
    settings_t *settings = settings_new(table);
    struct why why = {{0}};
    cr_assert_eq(settings_read_file(settings, path, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(settings_number(settings, "window"), 7);
    cr_assert_str_eq(settings_child(settings, "subscriptions", 0), "orders");
    cr_assert_str_eq(settings_child(settings, "subscriptions", 1), "ledger");
    cr_assert_str_eq(settings_child_text(settings, "subscriptions", "orders", "topic"),
                     "order.* payment.*");
    char entry[] = "HERALD_WINDOW=9";
    char other[] = "HERALD_NOTHING_OF_OURS=1";
    char *environment[] = {entry, other, NULL};
    cr_assert_eq(settings_read_environment(settings, environment, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(settings_number(settings, "window"), 9);
    settings_destroy(&settings);
    (void)unlink(path);
}

Test(settings, of_children_come_from_the_environment_too)
{
    settings_t *settings = settings_new(table);
    const struct settings_source source = {.name = "file"};
    cr_assert_eq(settings_set(settings, "subscriptions/my-shop/topic", "a", source, NULL), ERR_OK);
    char known[] = "HERALD_SUBSCRIPTIONS_MY_SHOP_TOPIC=order.*";
    char lease[] = "HERALD_SUBSCRIPTIONS_MY_SHOP_LEASE=3s";
    char other[] = "HERALD_SUBSCRIPTIONS_BOOKS_TOPIC=book.*";
    char nobody[] = "HERALD_SUBSCRIPTIONS__TOPIC=x";
    char *environment[] = {known, lease, other, nobody, NULL};
    struct why why;
    cr_assert_eq(settings_read_environment(settings, environment, &why), ERR_OK, "%s", why.text);
    cr_assert_str_eq(settings_child(settings, "subscriptions", 0), "my-shop");
    cr_assert_str_eq(settings_child(settings, "subscriptions", 1), "books");
    cr_assert_null(settings_child(settings, "subscriptions", 2), "a name has at least one letter");
    cr_assert_str_eq(settings_child_text(settings, "subscriptions", "my-shop", "topic"), "order.*");
    cr_assert_eq(settings_child_number(settings, "subscriptions", "my-shop", "lease"), 3000);
    cr_assert_str_eq(settings_child_text(settings, "subscriptions", "books", "topic"), "book.*");

    char wrong[] = "HERALD_SUBSCRIPTIONS_BOOKS_LEASE=long";
    char *bad[] = {wrong, NULL};
    cr_assert_eq(settings_read_environment(settings, bad, &why), ERR_INVALID);
    cr_assert_not_null(strstr(why.text, "HERALD_SUBSCRIPTIONS_BOOKS_LEASE"), "%s", why.text);
    cr_assert_not_null(strstr(why.text, "from 1ms to 1m"), "%s", why.text);
    settings_destroy(&settings);
}

static char unknown[256];

static void
note_unknown(const char *name)
{
    size_t used = strlen(unknown);
    (void)snprintf(unknown + used, sizeof unknown - used, "%s ", name);
}

Test(settings, of_no_table_in_the_environment_are_told_by_name_but_not_herald_s_other_names)
{
    static const struct setting another[] = {
        {"database/url", SETTING_TEXT, "", 0, 0, NULL, "another service's"},
        {.path = NULL},
    };
    const struct setting *const tables[] = {table, another, NULL};
    static const char *const texts[] = {
        "HERALD_WINDOW=9",
        "HERALD_SUBSCRIPTIONS_BOOKS_TOPIC=b",
        "HERALD_DATABASE_URL=secret",
        "HERALD_DATA=/d",
        "HERALD_ALARM_KIND=x",
        "HERALD_TEST_PATIENCE=1",
        "HERALD_TAG=1",
        "HERALD_WINDOWS=secret",
        "HERALD_SUBSCRIPTIONS__TOPIC=x",
        "HERALD_ALARM_SORT=x",
        "HERALD_DATABASE_URLS=x",
        "HERALDIC_LEASE=x",
        "HERALD_front_bind=x",
        "HERALD_TEST_=x",
        "NO_EQUAL_SIGN",
        "HERALD_=x",
    };
    char *environment[sizeof texts / sizeof texts[0] + 1] = {NULL};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        environment[i] = strdup(texts[i]);
    }
    unknown[0] = '\0';
    settings_each_unknown(tables, environment, note_unknown);
    cr_assert_str_eq(unknown, "HERALD_WINDOWS HERALD_SUBSCRIPTIONS__TOPIC HERALD_ALARM_SORT "
                              "HERALD_DATABASE_URLS HERALD_front_bind HERALD_TEST_ HERALD_ ");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(environment[i]);
    }
}

Test(settings, are_filled_in_defaults_included)
{
    static const struct setting places[] = {
        {"socket", SETTING_TEXT, "ipc://{data}/run/x", 0, 0, NULL, "by default"},
        {"file", SETTING_TEXT, "", 0, 0, NULL, "set"},
        {"plain", SETTING_TEXT, "as it is", 0, 0, NULL, "without a mark"},
        {.path = NULL},
    };
    settings_t *settings = settings_new(places);
    const struct settings_source source = {.name = "test"};
    cr_assert_eq(settings_set(settings, "file", "{data}{data}", source, NULL), ERR_OK);
    settings_fill(settings, "{data}", "/d");
    cr_assert_str_eq(settings_text(settings, "socket"), "ipc:///d/run/x");
    cr_assert_str_eq(settings_text(settings, "file"), "/d/d");
    cr_assert_str_eq(settings_text(settings, "plain"), "as it is");
    settings_destroy(&settings);
}

/* The file's name and what is wrong with it; the settings are as they were. */
static void
refuses_file(const char *path, err_t expected, const char *says)
{
    struct why why = {{0}};
    settings_t *settings = settings_new(table);
    cr_assert_eq(settings_read_file(settings, path, &why), expected, "%s: %s", path, why.text);
    cr_assert_not_null(strstr(why.text, path), "%s", why.text);
    cr_assert_not_null(strstr(why.text, says), "%s", why.text);
    cr_assert_eq(settings_number(settings, "window"), 5);
    settings_destroy(&settings);
}

Test(settings, a_file_that_cannot_be_read_or_is_no_text_is_refused_by_its_name)
{
    char path[] = "/tmp/herald-settings-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "window = 7\n\0", 12), 12);
    refuses_file(path, ERR_INVALID, "zero byte at 11");
    cr_assert_eq(ftruncate(fd, 0), 0);
    cr_assert_eq(pwrite(fd, "window = 700\n", 13, 0), 13);
    refuses_file(path, ERR_INVALID, "1 to 100");
    cr_assert_eq(ftruncate(fd, ZPL_FILE_BYTES + 1), 0);
    refuses_file(path, ERR_INVALID, "longer than");
    cr_assert_eq(close(fd), 0);
    cr_assert_eq(unlink(path), 0);
    refuses_file(path, ERR_IO, "cannot be opened");
    refuses_file("/", ERR_IO, "cannot be read");
}
