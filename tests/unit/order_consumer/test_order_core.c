#include "order_core.h"

#include <criterion/criterion.h>
#include <signal.h>

static struct order_core
core_in(enum order_core_state state)
{
    struct order_core core;
    order_core_init(&core);
    if (state == ORDER_CORE_WAITING) {
        (void)order_core_fault(&core, ERR_FULL, 0);
    } else if (state == ORDER_CORE_ENDED) {
        (void)order_core_fault(&core, ERR_CORRUPT, 0);
    }
    cr_assert_eq(core.state, state);
    return core;
}

Test(order_core, every_fault_leads_where_the_table_says)
{
    static const struct {
        enum order_core_state from;
        err_t err;
        enum order_core_state to;
    } cells[] = {
        {ORDER_CORE_SERVING, ERR_FULL, ORDER_CORE_WAITING},
        {ORDER_CORE_SERVING, ERR_AGAIN, ORDER_CORE_WAITING},
        {ORDER_CORE_SERVING, ERR_INVALID, ORDER_CORE_ENDED},
        {ORDER_CORE_SERVING, ERR_IO, ORDER_CORE_ENDED},
        {ORDER_CORE_SERVING, ERR_DENIED, ORDER_CORE_ENDED},
        {ORDER_CORE_SERVING, ERR_CORRUPT, ORDER_CORE_ENDED},
        {ORDER_CORE_WAITING, ERR_FULL, ORDER_CORE_WAITING},
        {ORDER_CORE_WAITING, ERR_AGAIN, ORDER_CORE_WAITING},
        {ORDER_CORE_WAITING, ERR_INVALID, ORDER_CORE_ENDED},
        {ORDER_CORE_WAITING, ERR_IO, ORDER_CORE_WAITING},
        {ORDER_CORE_WAITING, ERR_DENIED, ORDER_CORE_WAITING},
        {ORDER_CORE_WAITING, ERR_LOCKED, ORDER_CORE_ENDED},
        {ORDER_CORE_WAITING, ERR_CONFLICT, ORDER_CORE_ENDED},
        {ORDER_CORE_WAITING, ERR_CORRUPT, ORDER_CORE_ENDED},
        {ORDER_CORE_WAITING, ERR_UNSUPPORTED, ORDER_CORE_ENDED},
    };
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        struct order_core core = core_in(cells[i].from);
        cr_assert_eq(order_core_fault(&core, cells[i].err, 10), cells[i].to, "cell %zu", i);
        cr_assert_eq(core.fault, cells[i].err);
    }
}

Test(order_core, a_fault_after_the_end_is_a_bug, .signal = SIGABRT)
{
    struct order_core core = core_in(ORDER_CORE_ENDED);
    (void)order_core_fault(&core, ERR_FULL, 0);
}

Test(order_core, pauses_double_up_to_their_cap_and_begin_anew_after_a_good_batch)
{
    static const int64_t pauses[] = {1000, 2000, 4000, 8000, 8000};
    struct order_core core;
    order_core_init(&core);
    int64_t now_ms = 5;
    for (size_t i = 0; i < 5; i++) {
        (void)order_core_fault(&core, ERR_FULL, now_ms);
        cr_assert_not(order_core_may_reopen(&core, now_ms + pauses[i] - 1));
        now_ms += pauses[i];
        cr_assert(order_core_may_reopen(&core, now_ms));
    }
    order_core_reopened(&core);
    cr_assert_not(order_core_may_reopen(&core, now_ms + 100000));
    (void)order_core_fault(&core, ERR_FULL, now_ms);
    cr_assert_not(order_core_may_reopen(&core, now_ms + 7999), "opening alone proves nothing");
    order_core_reopened(&core);
    order_core_count(&core, NULL, 0);
    (void)order_core_fault(&core, ERR_FULL, now_ms);
    cr_assert(order_core_may_reopen(&core, now_ms + 1000));
}

Test(order_core, answers_are_counted_by_outcome)
{
    struct order_core core;
    order_core_init(&core);
    static struct order_answer answers[4];
    answers[0].outcome = ORDER_ANSWER_DONE;
    answers[1].outcome = ORDER_ANSWER_DONE;
    answers[2].outcome = ORDER_ANSWER_REJECT;
    answers[3].outcome = ORDER_ANSWER_UNDONE;
    order_core_count(&core, answers, 4);
    order_core_count(&core, answers, 1);
    cr_assert_eq(core.answers[ORDER_ANSWER_DONE], 3);
    cr_assert_eq(core.answers[ORDER_ANSWER_REJECT], 1);
    cr_assert_eq(core.answers[ORDER_ANSWER_UNDONE], 1);
    cr_assert_eq(core.batches, 2);
}

Test(order_core, every_state_and_outcome_has_a_name_of_its_own)
{
    cr_assert_str_eq(order_core_state_name(ORDER_CORE_SERVING), "SERVING");
    cr_assert_str_eq(order_core_state_name(ORDER_CORE_WAITING), "WAITING");
    cr_assert_str_eq(order_core_state_name(ORDER_CORE_ENDED), "ENDED");
    static const char *const outcomes[] = {"DONE",   "DUPLICATE", "RETRY", "DOWN",
                                           "REJECT", "FENCED",    "UNDONE"};
    for (int i = 0; i < ORDER_ANSWER_OUTCOME_COUNT; i++) {
        cr_assert_str_eq(order_answer_name((enum order_answer_outcome)i), outcomes[i]);
    }
}
