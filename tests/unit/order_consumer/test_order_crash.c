#include "order_fixture.h"

#include "order_faults.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PRICE "\"amount\":1000,\"currency\":\"USD\"}"
#define ONE "{\"order_id\":\"1\"," PRICE
#define TWO "{\"order_id\":\"2\"," PRICE
#define REFUND_OF_1 "{\"order_id\":\"1\",\"amount\":1}"

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

TestSuite(order_crash, .init = make_directory, .fini = remove_directory);

/* A life in seven batches; every refund of 1 shows in the order if it is applied twice. */
static const struct line {
    int batch;
    enum order_fixture_action action;
    const char *biz_id;
    const char *topic;
    const char *payload;
    enum order_answer_outcome first;
    enum order_answer_outcome again;
} script[] = {
    {0, ORDER_FIXTURE_APPLY, "c1", "order.created", ONE, ORDER_ANSWER_DONE, ORDER_ANSWER_DUPLICATE},
    {0, ORDER_FIXTURE_APPLY, "c2", "order.created", TWO, ORDER_ANSWER_DONE, ORDER_ANSWER_DUPLICATE},
    {0, ORDER_FIXTURE_APPLY, "g", "order.created", "{", ORDER_ANSWER_REJECT, ORDER_ANSWER_REJECT},
    {1, ORDER_FIXTURE_APPLY, "p1", "payment.succeeded", ONE, ORDER_ANSWER_DONE,
     ORDER_ANSWER_DUPLICATE},
    {2, ORDER_FIXTURE_APPLY, "r1", "payment.refunded", REFUND_OF_1, ORDER_ANSWER_DONE,
     ORDER_ANSWER_DUPLICATE},
    {2, ORDER_FIXTURE_APPLY, "r2", "payment.refunded", REFUND_OF_1, ORDER_ANSWER_DONE,
     ORDER_ANSWER_DUPLICATE},
    {3, ORDER_FIXTURE_FENCE, "f", "payment.refunded", REFUND_OF_1, ORDER_ANSWER_FENCED,
     ORDER_ANSWER_FENCED},
    {4, ORDER_FIXTURE_APPLY, "f", "payment.refunded", REFUND_OF_1, ORDER_ANSWER_FENCED,
     ORDER_ANSWER_FENCED},
    {5, ORDER_FIXTURE_UNDO, "p2", "payment.succeeded", TWO, ORDER_ANSWER_UNDONE,
     ORDER_ANSWER_UNDONE},
    {6, ORDER_FIXTURE_APPLY, "r3", "payment.refunded", REFUND_OF_1, ORDER_ANSWER_DONE,
     ORDER_ANSWER_DUPLICATE},
};
#define LINES (sizeof script / sizeof script[0])
#define BATCHES 7

/* Run one batch; false: an answer is neither that of the first time nor of a repeat. */
static bool
run_batch(int number, bool must_repeat)
{
    struct order_item items[LINES];
    struct order_answer answers[LINES];
    const struct line *lines[LINES];
    size_t count = 0;
    for (size_t i = 0; i < LINES; i++) {
        if (script[i].batch == number) {
            lines[count] = &script[i];
            items[count++] =
                order_fixture_item(script[i].biz_id, script[i].topic, script[i].payload);
        }
    }
    struct order_db_batch batch = {.items = items, .answers = answers, .count = count};
    struct why why;
    err_t err = lines[0]->action == ORDER_FIXTURE_FENCE  ? order_db_fence(fixture.db, &batch, &why)
                : lines[0]->action == ORDER_FIXTURE_UNDO ? order_db_undo(fixture.db, &batch, &why)
                                                         : order_db_apply(fixture.db, &batch, &why);
    bool agrees = err == ERR_OK;
    for (size_t i = 0; agrees && i < count; i++) {
        agrees = answers[i].outcome == lines[i]->again ||
                 (!must_repeat && answers[i].outcome == lines[i]->first);
    }
    return agrees;
}

/* Run the script in a process of its own that dies at the n-th file operation. Returns the number
 * of batches that were answered before; *finished: it was not killed. */
static int
run_killed(int n, bool *finished)
{
    int acks[2];
    cr_assert_eq(pipe(acks), 0);
    pid_t child = fork();
    if (child == 0) {
        order_faults_install();
        order_faults_kill_at(n, ORDER_FAULTS_ANY);
        order_fixture_open(&fixture);
        for (int number = 0; number < BATCHES; number++) {
            if (!run_batch(number, false) || write(acks[1], "a", 1) != 1) {
                _exit(1);
            }
        }
        order_db_close(&fixture.db);
        _exit(0);
    }
    (void)close(acks[1]);
    int answered = 0;
    char ack;
    while (read(acks[0], &ack, 1) == 1) {
        answered++;
    }
    (void)close(acks[0]);
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    *finished = WIFEXITED(status);
    cr_assert(*finished ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
    return answered;
}

/* Effects and their rows in notify_log agree, whenever it is looked. */
static void
assert_consistent(void)
{
    cr_assert_eq(order_fixture_number(&fixture,
                                      "SELECT coalesce(sum(refunded), 0) - (SELECT count(*) FROM"
                                      " notify_log WHERE topic='payment.refunded'"
                                      " AND status='SUCCESS') FROM order_table"),
                 0);
    cr_assert_eq(order_fixture_number(&fixture, "SELECT count(*) - (SELECT count(*) FROM notify_log"
                                                " WHERE topic='order.created' AND"
                                                " status='SUCCESS') FROM order_table"),
                 0);
    cr_assert_eq(order_fixture_number(&fixture,
                                      "SELECT (SELECT count(*) FROM order_table WHERE"
                                      " status='PAID') - (SELECT count(*) FROM notify_log WHERE"
                                      " topic='payment.succeeded' AND status='SUCCESS')"),
                 0);
    cr_assert_eq(order_fixture_number(&fixture, "SELECT (SELECT count(*) FROM order_table WHERE"
                                                " status='ON_HOLD') - (SELECT count(undo_result)"
                                                " FROM notify_log)"),
                 0);
    cr_assert_str_eq(order_fixture_text(&fixture, "PRAGMA integrity_check"), "ok");
}

Test(order_crash, a_kill_at_any_file_operation_loses_no_answered_effect_and_doubles_none,
     .timeout = 240)
{
    bool finished = false;
    int points = 0;
    for (int n = 1; !finished; n++) {
        int answered = run_killed(n, &finished);
        points++;
        order_fixture_open(&fixture);
        assert_consistent();
        for (int number = 0; number < BATCHES; number++) {
            cr_assert(run_batch(number, number < answered), "killed at %d, batch %d", n, number);
        }
        assert_consistent();
        cr_assert_eq(order_fixture_number(&fixture, "SELECT sum(refunded) FROM order_table"), 3);
        order_db_close(&fixture.db);
        cr_assert_eq(unlink(fixture.path), 0);
    }
    cr_assert_gt(points, 20, "the script has many points to die at");
}

static struct order_answer
apply_one(void)
{
    struct order_item item = order_fixture_item("c1", "order.created", ONE);
    return order_fixture_one(&fixture, ORDER_FIXTURE_APPLY, &item);
}

Test(order_crash, after_a_final_fault_nothing_is_answered_and_a_reopened_database_is_whole)
{
    static const struct {
        int operation;
        int result;
        err_t err;
    } faults[] = {
        {ORDER_FAULTS_SYNC, SQLITE_IOERR_FSYNC, ERR_IO},
        {ORDER_FAULTS_WRITE, SQLITE_FULL, ERR_FULL},
        {ORDER_FAULTS_WRITE, SQLITE_CORRUPT, ERR_CORRUPT},
    };
    order_faults_install();
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        order_fixture_open(&fixture);
        order_faults_fail_from(1, faults[i].operation, faults[i].result);
        struct order_item item = order_fixture_item("c1", "order.created", ONE);
        struct order_answer answer;
        struct order_db_batch batch = {.items = &item, .answers = &answer, .count = 1};
        struct why why = {""};
        cr_assert_eq(order_db_apply(fixture.db, &batch, &why), faults[i].err);
        cr_assert(why.text[0] != '\0');
        order_db_close(&fixture.db); /* must not write either: its checkpoint would fail */
        order_faults_clear();
        order_fixture_open(&fixture);
        assert_consistent();
        enum order_answer_outcome outcome = apply_one().outcome;
        cr_assert(outcome == ORDER_ANSWER_DONE || outcome == ORDER_ANSWER_DUPLICATE);
        assert_consistent();
        order_db_close(&fixture.db);
        cr_assert_eq(unlink(fixture.path), 0);
    }
}

Test(order_crash, another_fault_answers_down_and_passes_when_it_is_over)
{
    order_faults_install();
    order_fixture_open(&fixture);
    order_faults_fail_from(1, ORDER_FAULTS_WRITE, SQLITE_IOERR_WRITE);
    struct order_answer answer = apply_one();
    cr_assert_eq(answer.outcome, ORDER_ANSWER_DOWN);
    cr_assert(answer.reason[0] != '\0');
    order_faults_clear();
    cr_assert_eq(apply_one().outcome, ORDER_ANSWER_DONE);
    assert_consistent();
}

Test(order_crash, a_file_that_may_not_grow_answers_down)
{
    order_fixture_open(&fixture);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit old;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit none = {.rlim_cur = 1, .rlim_max = old.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    enum order_answer_outcome outcome = apply_one().outcome;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    cr_assert_eq(outcome, ORDER_ANSWER_DOWN);
    cr_assert_eq(apply_one().outcome, ORDER_ANSWER_DONE);
}

Test(order_crash, a_locked_database_answers_down_and_goes_on_when_the_lock_is_gone)
{
    order_fixture_open(&fixture);
    sqlite3 *person = NULL;
    cr_assert_eq(sqlite3_open(fixture.path, &person), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(person, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct order_answer answer = apply_one();
    cr_assert_eq(answer.outcome, ORDER_ANSWER_DOWN);
    cr_assert(strstr(answer.reason, "locked") != NULL, "%s", answer.reason);
    cr_assert_eq(sqlite3_exec(person, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_close(person), SQLITE_OK);
    cr_assert_eq(apply_one().outcome, ORDER_ANSWER_DONE);
}
