/* A receiver that is killed; with every database that there is. */
#include "order_fixture.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define REFUND_OF_1 "{\"order_id\":\"1\",\"amount\":1}"

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

TestSuite(order_kill, .init = make_place, .fini = remove_place);

Test(order_kill, kills_at_random_moments_lose_and_double_nothing, .timeout = 240)
{
    order_fixture_open(&fixture);
    (void)order_fixture_apply(&fixture, "c", "order.created",
                              "{\"order_id\":\"1\",\"amount\":1000000,\"currency\":\"USD\"}");
    (void)order_fixture_apply(&fixture, "p", "payment.succeeded",
                              "{\"order_id\":\"1\",\"amount\":1000000,\"currency\":\"USD\"}");
    order_db_close(&fixture.db);
    int64_t acknowledged = 0;
    unsigned seed = 20261123;
    for (int round = 0; round < 25; round++) {
        int acks[2];
        cr_assert_eq(pipe(acks), 0);
        pid_t child = fork();
        if (child == 0) {
            order_fixture_open(&fixture);
            for (int i = 0;; i++) {
                char biz_id[32];
                (void)snprintf(biz_id, sizeof biz_id, "r%d.%d", round, i);
                if (order_fixture_apply(&fixture, biz_id, "payment.refunded", REFUND_OF_1) !=
                        ORDER_ANSWER_DONE ||
                    write(acks[1], "a", 1) != 1) {
                    _exit(1);
                }
            }
        }
        (void)close(acks[1]);
        seed = seed * 1103515245U + 12345U;
        char ack;
        for (unsigned wanted = 1 + (seed >> 16) % 40; wanted > 0; wanted--) {
            cr_assert_eq(read(acks[0], &ack, 1), 1);
            acknowledged++;
        }
        cr_assert_eq(kill(child, SIGKILL), 0);
        cr_assert_eq(waitpid(child, NULL, 0), child);
        while (read(acks[0], &ack, 1) == 1) {
            acknowledged++;
        }
        (void)close(acks[0]);
        order_fixture_open(&fixture);
        cr_assert_eq(order_fixture_number(&fixture,
                                          "SELECT sum(refunded) - (SELECT count(*) FROM notify_log"
                                          " WHERE topic='payment.refunded' AND status='SUCCESS')"
                                          " FROM order_table"),
                     0);
        int64_t applied = order_fixture_number(&fixture, "SELECT refunded FROM order_table");
        cr_assert_geq(applied, acknowledged);
        acknowledged = applied; /* at most one a round was committed and not told */
        order_db_close(&fixture.db);
    }
}
