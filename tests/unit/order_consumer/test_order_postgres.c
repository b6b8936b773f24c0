/* What only PostgreSQL brings: several at once, connections that break, settings of a server. */
#include "order_cut.h"
#include "order_effects.h"
#include "order_fixture.h"
#include "order_postgres_link.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define REFUND_OF_1 "{\"order_id\":\"1\",\"amount\":1}"
#define REFUND_OF_2 "{\"order_id\":\"2\",\"amount\":1}"

static struct order_fixture fixture;

static void
make_place(void)
{
    order_fixture_init(&fixture);
}

static void
remove_place(void)
{
    order_fixture_fini(&fixture);
}

TestSuite(order_postgres, .init = make_place, .fini = remove_place);

static err_t
open_with(const char *url, const char *group, struct why *why)
{
    struct order_db_options options = {.url = url, .group = group, .busy_ms = 5000};
    return order_db_open(&fixture.db, &options, why);
}

Test(order_postgres, several_that_find_no_tables_make_them_once, .timeout = 120)
{
    pid_t children[5];
    for (int i = 0; i < 5; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct why why;
            err_t err;
            do { /* AGAIN: the others hold the lock for long on a busy machine */
                err = open_with(fixture.url, "orders", &why);
            } while (err == ERR_AGAIN);
            _exit(err == ERR_OK ? 0 : 1);
        }
    }
    for (int i = 0; i < 5; i++) {
        int status = 0;
        cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    cr_assert_eq(order_fixture_number(&fixture, "SELECT count(*) FROM database_identity"), 1);
}

Test(order_postgres, all_on_one_database_have_its_one_identity)
{
    order_fixture_open(&fixture);
    uint8_t first[ORDER_DB_IDENTITY_BYTES];
    uint8_t renewed[ORDER_DB_IDENTITY_BYTES];
    memcpy(first, order_db_identity(fixture.db), sizeof first);
    order_db_t *one = fixture.db;
    fixture.db = NULL;
    order_fixture_open(&fixture);
    cr_assert_arr_eq(first, order_db_identity(fixture.db), sizeof first);
    struct why why;
    cr_assert_eq(order_db_renew_identity(fixture.db, &why), ERR_OK, "%s", why.text);
    memcpy(renewed, order_db_identity(fixture.db), sizeof renewed);
    cr_assert_arr_neq(first, renewed, sizeof first);
    order_db_close(&fixture.db);
    order_fixture_open(&fixture);
    cr_assert_arr_eq(renewed, order_db_identity(fixture.db), sizeof renewed);
    order_db_close(&one);
}

Test(order_postgres, what_is_not_its_database_is_refused_and_left_alone)
{
    struct why why;
    order_fixture_open(&fixture);
    order_db_close(&fixture.db);
    cr_assert_eq(open_with(fixture.url, "stock", &why), ERR_CONFLICT);
    cr_assert(strstr(why.text, "group orders") != NULL, "%s", why.text);
    cr_assert_null(fixture.db);
    cr_assert_eq(order_fixture_execute(&fixture, "UPDATE database_identity SET format = 2"),
                 ORDER_FIXTURE_DONE);
    cr_assert_eq(open_with(fixture.url, "orders", &why), ERR_UNSUPPORTED);
    cr_assert(strstr(why.text, "format 2") != NULL, "%s", why.text);
    cr_assert_eq(order_fixture_execute(&fixture, "DROP TABLE database_identity"),
                 ORDER_FIXTURE_DONE);
    cr_assert_eq(open_with(fixture.url, "orders", &why), ERR_CORRUPT);
    cr_assert_eq(order_fixture_number(&fixture, "SELECT count(*) FROM information_schema.tables"
                                                " WHERE table_name = 'database_identity' AND"
                                                " table_schema = current_schema"),
                 0);
}

Test(order_postgres, a_session_that_may_lose_a_commit_is_refused_by_the_settings_name)
{
    struct why why;
    char url[400];
    (void)snprintf(url, sizeof url, "%s options='-csynchronous_commit=off'",
                   getenv("HERALD_TEST_POSTGRES"));
    cr_assert_eq(open_with(url, "orders", &why), ERR_INVALID);
    cr_assert(strstr(why.text, "synchronous_commit is off, it must be on") != NULL, "%s", why.text);
}

Test(order_postgres, no_server_means_later_and_says_where)
{
    struct why why;
    cr_assert_eq(open_with("host=/nonexistent/dir dbname=x", "orders", &why), ERR_AGAIN);
    cr_assert(strstr(why.text, "/nonexistent/dir") != NULL, "%s", why.text);
    cr_assert_null(strchr(why.text, '\n'));
}

Test(order_postgres, a_backend_that_is_killed_at_commit_has_its_effect_once)
{
    order_effects_make(&fixture);
    cr_assert_eq(order_fixture_execute(
                     &fixture,
                     "CREATE SEQUENCE tries;"
                     "CREATE FUNCTION die_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                     "  IF nextval('tries') = 1 THEN"
                     "    PERFORM pg_terminate_backend(pg_backend_pid()); END IF;"
                     "  RETURN NULL; END $$;"
                     "CREATE CONSTRAINT TRIGGER die_once AFTER INSERT ON notify_log"
                     "  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die_once()"),
                 ORDER_FIXTURE_DONE);
    cr_assert_eq(order_fixture_apply(&fixture, "r", "payment.refunded", REFUND_OF_1),
                 ORDER_ANSWER_DONE);
    cr_assert_eq(order_fixture_number(&fixture, "SELECT last_value FROM tries"), 2, "it died");
    order_effects_assert_once(&fixture, 1);
}

/* A connection through a process that cuts it at the COMMIT of the only batch. */
static enum order_answer_outcome
apply_and_cut(bool before, const char *biz_id)
{
    order_db_close(&fixture.db);
    const char *server = getenv("HERALD_TEST_POSTGRES");
    char host[128];
    cr_assert_eq(sscanf(server, "host=%127s", host), 1);
    struct order_cut cut;
    order_cut_start(&cut, host, 2, before); /* the first COMMIT is of the look at the tables */
    char url[400];
    (void)snprintf(url, sizeof url, "host=%s%s", cut.dir,
                   fixture.url + strlen("host=") + strlen(host));
    struct why why;
    cr_assert_eq(open_with(url, "orders", &why), ERR_OK, "%s", why.text);
    enum order_answer_outcome said =
        order_fixture_apply(&fixture, biz_id, "payment.refunded", REFUND_OF_1);
    order_db_close(&fixture.db);
    order_cut_stop(&cut);
    return said;
}

Test(order_postgres, a_connection_that_breaks_at_commit_is_made_anew_and_looked_through)
{
    order_effects_make(&fixture);
    cr_assert_eq(apply_and_cut(true, "r1"), ORDER_ANSWER_DONE, "it was not committed");
    cr_assert_eq(apply_and_cut(false, "r2"), ORDER_ANSWER_DUPLICATE, "it was committed");
    order_fixture_open(&fixture);
    order_effects_assert_once(&fixture, 2);
}

Test(order_postgres, a_connection_that_breaks_between_batches_is_made_anew)
{
    order_effects_make(&fixture);
    cr_assert_eq(order_fixture_execute(&fixture,
                                       "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                       " WHERE application_name = 'herald-order-consumer'"
                                       " AND query NOT LIKE '%pg_stat_activity%'"),
                 ORDER_FIXTURE_DONE);
    cr_assert_eq(order_fixture_apply(&fixture, "r", "payment.refunded", REFUND_OF_1),
                 ORDER_ANSWER_DONE);
    order_effects_assert_once(&fixture, 1);
}

static PGresult *
run(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    PQclear(result);
    return NULL;
}

/* A person's transaction, which takes the orders the other way round. */
struct other {
    PGconn *conn;
    pthread_t thread;
};

static void *
take_the_first(void *context)
{
    struct other *self = context;
    (void)run(self->conn, "UPDATE order_table SET updated_time = 7 WHERE biz_id = '1'");
    (void)run(self->conn, "ROLLBACK"); /* whether or not it was the victim */
    return NULL;
}

Test(order_postgres, a_deadlock_with_another_transaction_ends_with_the_effect, .timeout = 120)
{
    order_effects_make(&fixture);
    struct other other = {.conn = PQconnectdb(fixture.url)};
    cr_assert_eq(PQstatus(other.conn), CONNECTION_OK);
    (void)run(other.conn, "BEGIN");
    (void)run(other.conn, "UPDATE order_table SET updated_time = 7 WHERE biz_id = '2'");
    struct order_item items[] = {order_fixture_item("r1", "payment.refunded", REFUND_OF_1),
                                 order_fixture_item("r2", "payment.refunded", REFUND_OF_2)};
    struct order_answer answers[2];
    struct order_db_batch batch = {.items = items, .answers = answers, .count = 2};
    /* The batch takes 1 and waits for 2; the other has 2 and waits for 1. Should it come first
     * after all, there is no deadlock, and the same end. */
    cr_assert_eq(pthread_create(&other.thread, NULL, take_the_first, &other), 0);
    struct why why;
    cr_assert_eq(order_db_apply(fixture.db, &batch, &why), ERR_OK);
    cr_assert_eq(pthread_join(other.thread, NULL), 0);
    PQfinish(other.conn);
    cr_assert_eq(answers[0].outcome, ORDER_ANSWER_DONE, "%s", answers[0].reason);
    cr_assert_eq(answers[1].outcome, ORDER_ANSWER_DONE, "%s", answers[1].reason);
    order_effects_assert_once(&fixture, 2);
}

Test(order_postgres, a_lock_that_lasts_answers_down_in_bounded_time_and_goes_on_when_it_is_gone,
     .timeout = 120)
{
    order_effects_make(&fixture);
    PGconn *person = PQconnectdb(fixture.url);
    (void)run(person, "BEGIN");
    (void)run(person, "UPDATE order_table SET updated_time = 7");
    struct order_item item = order_fixture_item("r1", "payment.refunded", REFUND_OF_1);
    int64_t start_ms = clock_mono_ms();
    struct order_answer answer = order_fixture_one(&fixture, ORDER_FIXTURE_APPLY, &item);
    cr_assert_lt(clock_mono_ms() - start_ms, 30000);
    cr_assert_eq(answer.outcome, ORDER_ANSWER_DOWN);
    cr_assert(strstr(answer.reason, "lock timeout") != NULL, "%s", answer.reason);
    (void)run(person, "ROLLBACK");
    PQfinish(person);
    cr_assert_eq(order_fixture_one(&fixture, ORDER_FIXTURE_APPLY, &item).outcome,
                 ORDER_ANSWER_DONE);
    order_effects_assert_once(&fixture, 1);
}

Test(order_postgres, a_server_that_may_not_write_answers_down)
{
    order_effects_make(&fixture);
    cr_assert_eq(order_fixture_execute(&fixture, "REVOKE ALL ON notify_log FROM CURRENT_USER;"
                                                 "CREATE FUNCTION full_disk() RETURNS trigger"
                                                 " LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
                                                 " 'no space' USING ERRCODE = '53100'; END $$;"
                                                 "CREATE TRIGGER full_disk BEFORE INSERT ON"
                                                 " notify_log EXECUTE FUNCTION full_disk()"),
                 ORDER_FIXTURE_DONE);
    struct order_item item = order_fixture_item("r1", "payment.refunded", REFUND_OF_1);
    struct order_answer answer = order_fixture_one(&fixture, ORDER_FIXTURE_APPLY, &item);
    cr_assert_eq(answer.outcome, ORDER_ANSWER_DOWN);
    cr_assert_str_eq(answer.reason, "order database: no space");
    cr_assert_eq(order_fixture_execute(&fixture, "DROP TRIGGER full_disk ON notify_log"),
                 ORDER_FIXTURE_DONE);
    cr_assert_eq(order_fixture_one(&fixture, ORDER_FIXTURE_APPLY, &item).outcome,
                 ORDER_ANSWER_DONE);
}

Test(order_postgres, tables_that_are_gone_end_it)
{
    order_effects_make(&fixture);
    cr_assert_eq(order_fixture_execute(&fixture, "ALTER TABLE notify_log RENAME TO gone"),
                 ORDER_FIXTURE_DONE);
    struct order_item item = order_fixture_item("r1", "payment.refunded", REFUND_OF_1);
    struct order_answer answer;
    struct order_db_batch batch = {.items = &item, .answers = &answer, .count = 1};
    struct why why;
    cr_assert_eq(order_db_apply(fixture.db, &batch, &why), ERR_CORRUPT);
    cr_assert(strstr(why.text, "notify_log") != NULL, "%s", why.text);
}

Test(order_postgres, a_batch_of_one_order_and_one_key_many_times_is_written_in_its_order)
{
    order_effects_make(&fixture);
    enum { COUNT = 300 };
    static char names[COUNT][16];
    static struct order_item items[COUNT];
    static struct order_answer answers[COUNT];
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof names[i], "r%d", i / 2);
        items[i] = order_fixture_item(names[i], "payment.refunded", REFUND_OF_1);
    }
    struct order_db_batch batch = {.items = items, .answers = answers, .count = COUNT};
    struct why why;
    cr_assert_eq(order_db_apply(fixture.db, &batch, &why), ERR_OK);
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(answers[i].outcome, i % 2 == 0 ? ORDER_ANSWER_DONE : ORDER_ANSWER_DUPLICATE,
                     "%d: %s", i, answers[i].reason);
    }
    order_effects_assert_once(&fixture, COUNT / 2);
}
