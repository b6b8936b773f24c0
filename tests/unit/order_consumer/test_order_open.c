#include "order_fixture.h"

#include "order_faults.h"
#include "order_sqlite_schema.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct order_fixture fixture;

static void
make_directory(void)
{
    order_fixture_init(&fixture);
}

static void
remove_directory(void)
{
    order_fixture_fini(&fixture);
}

TestSuite(order_open, .init = make_directory, .fini = remove_directory);

static err_t
open_as(const char *group, struct why *why)
{
    struct order_db_options options = {.path = fixture.path, .group = group, .busy_ms = 100};
    return order_db_open(&fixture.db, &options, why);
}

static uint64_t
file_sum(void)
{
    FILE *file = fopen(fixture.path, "rb");
    cr_assert(file != NULL);
    uint64_t sum = 14695981039346656037U;
    for (int byte = getc(file); byte != EOF; byte = getc(file)) {
        sum = (sum ^ (uint64_t)byte) * 1099511628211U;
    }
    (void)fclose(file);
    return sum;
}

Test(order_open, a_new_database_is_private_to_its_owner)
{
    (void)umask(0);
    order_fixture_open(&fixture);
    struct stat file;
    cr_assert_eq(stat(fixture.path, &file), 0);
    cr_assert_eq(file.st_mode & 0777, 0600);
}

Test(order_open, settings_are_those_that_lose_nothing)
{
    order_fixture_open(&fixture);
    cr_assert_str_eq(order_fixture_text(&fixture, "PRAGMA journal_mode"), "wal");
    cr_assert_eq(order_fixture_number(&fixture, "PRAGMA user_version"),
                 ORDER_SQLITE_SCHEMA_VERSION);
    cr_assert_eq(order_fixture_number(&fixture, "PRAGMA application_id"),
                 ORDER_SQLITE_SCHEMA_APPLICATION_ID);
}

Test(order_open, data_and_identity_survive_a_restart)
{
    order_fixture_open(&fixture);
    uint8_t identity[ORDER_DB_IDENTITY_BYTES];
    memcpy(identity, order_db_identity(fixture.db), sizeof identity);
    (void)order_fixture_apply(&fixture, "n1", "order.created",
                              "{\"order_id\":\"1\",\"amount\":1,\"currency\":\"USD\"}");
    order_db_close(&fixture.db);
    order_fixture_open(&fixture);
    cr_assert_arr_eq(identity, order_db_identity(fixture.db), sizeof identity);
    cr_assert_eq(order_fixture_number(&fixture, "SELECT count(*) FROM order_table"), 1);
}

Test(order_open, two_databases_have_two_identities)
{
    struct order_fixture other;
    order_fixture_init(&other);
    order_fixture_open(&other);
    order_fixture_open(&fixture);
    cr_assert_arr_neq(order_db_identity(fixture.db), order_db_identity(other.db),
                      ORDER_DB_IDENTITY_BYTES);
    order_fixture_fini(&other);
}

Test(order_open, an_identity_can_be_renewed_and_lasts)
{
    order_fixture_open(&fixture);
    uint8_t old[ORDER_DB_IDENTITY_BYTES];
    uint8_t renewed[ORDER_DB_IDENTITY_BYTES];
    memcpy(old, order_db_identity(fixture.db), sizeof old);
    struct why why;
    cr_assert_eq(order_db_renew_identity(fixture.db, &why), ERR_OK);
    memcpy(renewed, order_db_identity(fixture.db), sizeof renewed);
    cr_assert_arr_neq(old, renewed, sizeof old);
    order_db_close(&fixture.db);
    order_fixture_open(&fixture);
    cr_assert_arr_eq(renewed, order_db_identity(fixture.db), sizeof old);
}

Test(order_open, the_database_of_another_group_is_refused)
{
    order_fixture_open(&fixture);
    order_db_close(&fixture.db);
    struct why why;
    cr_assert_eq(open_as("stock", &why), ERR_CONFLICT);
    cr_assert(strstr(why.text, "group orders") != NULL, "%s", why.text);
    cr_assert_null(fixture.db);
    order_fixture_open(&fixture);
}

Test(order_open, a_second_process_is_refused_and_told_who_has_it)
{
    order_fixture_open(&fixture);
    pid_t child = fork();
    if (child == 0) {
        order_db_t *db = NULL;
        struct order_db_options options = {.path = fixture.path, .group = "orders"};
        struct why why;
        char holder[32];
        (void)snprintf(holder, sizeof holder, "locked by pid %ld", (long)getppid());
        bool told = order_db_open(&db, &options, &why) == ERR_LOCKED && db == NULL &&
                    strstr(why.text, holder) != NULL;
        _exit(told ? 0 : 1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert_eq(order_fixture_apply(&fixture, "n1", "order.created",
                                     "{\"order_id\":\"1\",\"amount\":1,\"currency\":\"USD\"}"),
                 ORDER_ANSWER_DONE, "the first goes on");
}

Test(order_open, a_lock_ends_with_its_process)
{
    pid_t child = fork();
    if (child == 0) {
        order_fixture_open(&fixture);
        (void)raise(SIGKILL);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    order_fixture_open(&fixture);
}

Test(order_open, a_newer_format_is_refused_untouched)
{
    order_fixture_open(&fixture);
    order_db_close(&fixture.db);
    cr_assert_eq(order_fixture_execute(&fixture, "PRAGMA journal_mode=DELETE;"
                                                 "PRAGMA user_version=2"),
                 ORDER_FIXTURE_DONE);
    uint64_t sum = file_sum();
    struct why why;
    cr_assert_eq(open_as("orders", &why), ERR_UNSUPPORTED);
    cr_assert(strstr(why.text, "format 2") != NULL, "%s", why.text);
    cr_assert_eq(file_sum(), sum);
}

Test(order_open, a_newer_format_known_only_to_the_write_ahead_log_is_refused_untouched)
{
    order_fixture_open(&fixture);
    order_db_close(&fixture.db);
    pid_t child = fork();
    if (child == 0) { /* dies with its change in the log only */
        sqlite3 *db = NULL;
        if (sqlite3_open(fixture.path, &db) == SQLITE_OK &&
            sqlite3_exec(db, "PRAGMA user_version=2", NULL, NULL, NULL) == SQLITE_OK) {
            (void)raise(SIGKILL);
        }
        _exit(1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    uint64_t sum = file_sum();
    struct why why;
    cr_assert_eq(open_as("orders", &why), ERR_UNSUPPORTED);
    cr_assert_eq(file_sum(), sum);
}

Test(order_open, another_programs_file_is_refused_untouched)
{
    static const char *const makes[] = {"CREATE TABLE t (x)", "PRAGMA user_version=7",
                                        "PRAGMA application_id=5"};
    for (size_t i = 0; i < sizeof makes / sizeof makes[0]; i++) {
        (void)unlink(fixture.path);
        cr_assert_eq(close(open(fixture.path, O_CREAT | O_RDWR, 0600)), 0);
        cr_assert_eq(order_fixture_execute(&fixture, makes[i]), ORDER_FIXTURE_DONE);
        uint64_t sum = file_sum();
        struct why why;
        cr_assert_eq(open_as("orders", &why), ERR_CORRUPT, "%s", makes[i]);
        cr_assert_eq(file_sum(), sum);
    }
}

Test(order_open, a_file_that_is_no_database_is_refused_untouched)
{
    FILE *file = fopen(fixture.path, "wb");
    cr_assert(file != NULL);
    (void)fputs("not a database", file);
    (void)fclose(file);
    uint64_t sum = file_sum();
    struct why why;
    cr_assert_eq(open_as("orders", &why), ERR_CORRUPT);
    cr_assert_eq(file_sum(), sum);
}

Test(order_open, a_symbolic_link_and_a_missing_directory_are_refused)
{
    struct why why;
    cr_assert_eq(symlink("/nonexistent/elsewhere.db", fixture.path), 0);
    cr_assert_eq(open_as("orders", &why), ERR_DENIED);
    cr_assert_eq(unlink(fixture.path), 0);
    order_db_t *db = NULL;
    struct order_db_options options = {.path = "/nonexistent/x/orders.db", .group = "orders"};
    cr_assert_eq(order_db_open(&db, &options, &why), ERR_IO);
    cr_assert(strstr(why.text, "/nonexistent/x/orders.db") != NULL);
    cr_assert_null(db);
}

Test(order_open, a_kill_at_any_file_operation_of_the_creation_leaves_a_usable_file)
{
    bool finished = false;
    for (int n = 1; !finished; n++) {
        cr_assert_lt(n, 1000);
        pid_t child = fork();
        if (child == 0) {
            order_faults_install();
            order_faults_kill_at(n, ORDER_FAULTS_ANY);
            order_fixture_open(&fixture);
            _exit(0);
        }
        int status = 0;
        cr_assert_eq(waitpid(child, &status, 0), child);
        finished = WIFEXITED(status);
        cr_assert(finished || WTERMSIG(status) == SIGKILL);
        order_fixture_open(&fixture);
        cr_assert_eq(order_fixture_number(&fixture, "SELECT count(*) FROM database_identity"), 1);
        order_db_close(&fixture.db);
        cr_assert_eq(unlink(fixture.path), 0);
    }
}
