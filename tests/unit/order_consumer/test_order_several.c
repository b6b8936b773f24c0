/* Several processes on one order database in PostgreSQL, at once. */
#include "order_effects.h"
#include "order_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

TestSuite(order_several, .init = make_place, .fini = remove_place);

enum { SEVERAL = 3, BATCHES = 120, PART = 6, KEYS = BATCHES * PART };

/* What several do at once: batches over the same keys, in the same or in another order. */
struct story {
    const char *topic;
    bool has_order_each; /* else all keys are of two orders */
    bool is_shifted;     /* each begins elsewhere */
};

static char ids[KEYS][16];
static char payloads[KEYS][64];

static void
tell(const struct story *story)
{
    for (int key = 0; key < KEYS; key++) {
        (void)snprintf(ids[key], sizeof ids[key], "r%d", key);
        (void)snprintf(payloads[key], sizeof payloads[key],
                       "{\"order_id\":\"%d\",\"amount\":1,\"currency\":\"USD\"}",
                       story->has_order_each ? 1000 + key : 1 + key % 2);
    }
}

/* What was said of a key agrees with what is stored under it now, which is final. */
static bool
is_true(enum order_answer_outcome said, int key)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql, "SELECT status FROM notify_log WHERE biz_id = 'r%d'", key);
    const char *status = order_fixture_text(&fixture, sql);
    return said == ORDER_ANSWER_FENCED
               ? strcmp(status, "FENCED") == 0
               : (said == ORDER_ANSWER_DONE || said == ORDER_ANSWER_DUPLICATE) &&
                     strcmp(status, "SUCCESS") == 0;
}

/* The last of the several fences, the others apply, every second one backwards. */
static void
do_batch(int self, const struct story *story, int number, enum order_answer_outcome said[KEYS])
{
    struct order_item items[PART];
    struct order_answer answers[PART];
    int keys[PART];
    int shifted = story->is_shifted ? number + self * (BATCHES / SEVERAL) : number;
    for (int i = 0; i < PART; i++) {
        keys[i] = shifted % BATCHES * PART + (self % 2 == 0 ? i : PART - 1 - i);
        items[i] = order_fixture_item(ids[keys[i]], story->topic, payloads[keys[i]]);
    }
    struct order_db_batch batch = {.items = items, .answers = answers, .count = PART};
    struct why why;
    err_t err = self == SEVERAL - 1 ? order_db_fence(fixture.db, &batch, &why)
                                    : order_db_apply(fixture.db, &batch, &why);
    for (int i = 0; i < PART; i++) {
        if (err != ERR_OK || answers[i].outcome == ORDER_ANSWER_DOWN) {
            (void)fprintf(stderr, "%s\n", answers[i].reason);
            _exit(2);
        }
        said[keys[i]] = answers[i].outcome;
    }
}

/* Exits 1 when an answer was not true, 2 when the database gave up. */
static void
be_one_of_several(int self, const struct story *story, int ready, int go)
{
    static enum order_answer_outcome said[KEYS];
    order_fixture_open(&fixture);
    char byte = 'r';
    if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 0) {
        _exit(3);
    }
    for (int number = 0; number < BATCHES; number++) {
        do_batch(self, story, number, said);
    }
    for (int key = 0; key < KEYS; key++) {
        if (!is_true(said[key], key)) {
            (void)fprintf(stderr, "of r%d was said %s\n", key, order_answer_name(said[key]));
            _exit(1);
        }
    }
    _exit(0);
}

static void
run_several(const struct story *story)
{
    int ready[2];
    int go[2];
    pid_t children[SEVERAL];
    cr_assert(pipe(ready) == 0 && pipe(go) == 0);
    tell(story);
    order_effects_make(&fixture);
    order_db_close(&fixture.db);
    for (int i = 0; i < SEVERAL; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            (void)close(go[1]);
            be_one_of_several(i, story, ready[1], go[0]);
        }
    }
    char byte;
    for (int i = 0; i < SEVERAL; i++) {
        cr_assert_eq(read(ready[0], &byte, 1), 1);
    }
    (void)close(go[1]); /* now */
    for (int i = 0; i < SEVERAL; i++) {
        int status = 0;
        cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %d: %d", i, status);
    }
    order_fixture_open(&fixture);
}

Test(order_several, several_at_once_change_the_same_orders_and_lose_no_change, .timeout = 240)
{
    run_several(&(struct story){.topic = "payment.refunded", .is_shifted = true});
    order_effects_assert_once(&fixture, KEYS);
}

Test(order_several, of_several_at_once_with_the_same_key_one_wins_and_all_know_it, .timeout = 240)
{
    run_several(&(struct story){.topic = "order.created", .has_order_each = true});
    cr_assert_eq(order_fixture_number(&fixture, "SELECT count(*) FROM effect"),
                 order_fixture_number(&fixture, "SELECT count(*) - 2 FROM order_table"));
    cr_assert_eq(order_fixture_number(&fixture,
                                      "SELECT count(*) FROM notify_log JOIN order_table ON"
                                      " order_table.biz_id = order_id WHERE"
                                      " notify_log.status = 'FENCED'"),
                 0, "applied and fenced");
    cr_assert_eq(order_fixture_number(&fixture, "SELECT count(*) FROM notify_log"), KEYS + 4);
}
