#include "order_rules.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#define RETRY ORDER_ANSWER_RETRY
#define REJECT ORDER_ANSWER_REJECT
#define OK ORDER_ANSWER_DONE

struct cell {
    enum order_status from;
    enum order_event_kind event;
    enum order_answer_outcome outcome;
    enum order_status to; /* equals from where nothing may change */
};

#define S(status) ORDER_STATUS_##status
#define ROW(from, create, pay, ship, deliver, refund)                                              \
    {S(from), ORDER_EVENT_CREATED, create}, {S(from), ORDER_EVENT_PAID, pay},                      \
        {S(from), ORDER_EVENT_SHIPPED, ship}, {S(from), ORDER_EVENT_DELIVERED, deliver},           \
    {                                                                                              \
        S(from), ORDER_EVENT_REFUNDED, refund                                                      \
    }
#define GOES(to) OK, S(to)
#define EARLY RETRY, ORDER_STATUS_COUNT
#define NEVER REJECT, ORDER_STATUS_COUNT

static struct cell cells[] = {
    ROW(UNKNOWN, GOES(CREATED), EARLY, EARLY, EARLY, EARLY),
    ROW(CREATED, NEVER, GOES(PAID), EARLY, EARLY, EARLY),
    ROW(PAID, NEVER, NEVER, GOES(SHIPPED), EARLY, GOES(REFUNDED)),
    ROW(SHIPPED, NEVER, NEVER, NEVER, GOES(DELIVERED), GOES(REFUNDED)),
    ROW(DELIVERED, NEVER, NEVER, NEVER, NEVER, GOES(REFUNDED)),
    ROW(REFUNDED, NEVER, NEVER, NEVER, NEVER, NEVER),
    ROW(ON_HOLD, NEVER, EARLY, EARLY, EARLY, GOES(REFUNDED)),
};

static struct order_rules_order
order_in(enum order_status status)
{
    struct order_rules_order order = {.status = status};
    if (status != ORDER_STATUS_UNKNOWN) {
        order.amount = 1099;
        memcpy(order.currency, "USD", 4);
        order.refunded = status == ORDER_STATUS_REFUNDED ? 1099 : 0;
        order.held_from = status == ORDER_STATUS_ON_HOLD ? ORDER_STATUS_PAID : ORDER_STATUS_UNKNOWN;
    }
    return order;
}

static struct order_event
event_of(enum order_event_kind kind)
{
    return (struct order_event){
        .kind = kind, .order_id = "1001", .has_amount = true, .amount = 1099, .currency = "USD"};
}

ParameterizedTestParameters(order_rules, every_cell_of_the_table)
{
    return cr_make_param_array(struct cell, cells, sizeof cells / sizeof cells[0]);
}

ParameterizedTest(struct cell *cell, order_rules, every_cell_of_the_table)
{
    struct order_rules_order before = order_in(cell->from);
    struct order_rules_order order = before;
    struct order_event event = event_of(cell->event);
    struct order_answer answer;
    bool changed = order_rules_apply(&order, &event, &answer);
    cr_assert_eq(answer.outcome, cell->outcome, "%s, event %d", order_status_word(cell->from),
                 (int)cell->event);
    cr_assert_eq(changed, cell->outcome == OK);
    if (changed) {
        cr_assert_eq(order.status, cell->to);
        cr_assert_eq(order.held_from, ORDER_STATUS_UNKNOWN);
        cr_assert_str_empty(answer.reason);
    } else {
        cr_assert_eq(order.status, before.status);
        cr_assert_eq(order.refunded, before.refunded);
        cr_assert(strstr(answer.reason, "1001") != NULL, "the reason names the order");
    }
}

Test(order_rules, a_created_order_takes_amount_and_currency)
{
    struct order_rules_order order = order_in(ORDER_STATUS_UNKNOWN);
    struct order_event event = event_of(ORDER_EVENT_CREATED);
    struct order_answer answer;
    cr_assert(order_rules_apply(&order, &event, &answer));
    cr_assert_eq(order.amount, 1099);
    cr_assert_str_eq(order.currency, "USD");
}

Test(order_rules, a_payment_of_another_amount_or_currency_is_rejected)
{
    struct order_rules_order order = order_in(ORDER_STATUS_CREATED);
    struct order_event event = event_of(ORDER_EVENT_PAID);
    struct order_answer answer;
    event.amount = 1098;
    cr_assert_not(order_rules_apply(&order, &event, &answer));
    cr_assert_eq(answer.outcome, REJECT);
    event = event_of(ORDER_EVENT_PAID);
    memcpy(event.currency, "EUR", 4);
    cr_assert_not(order_rules_apply(&order, &event, &answer));
    cr_assert_eq(answer.outcome, REJECT);
    cr_assert_eq(order.status, ORDER_STATUS_CREATED);
}

Test(order_rules, an_older_version_never_overwrites_a_newer_one)
{
    for (int status = ORDER_STATUS_CREATED; status < ORDER_STATUS_COUNT; status++) {
        for (int kind = 0; kind < ORDER_EVENT_KIND_COUNT; kind++) {
            struct order_rules_order order = order_in((enum order_status)status);
            order.version = 5;
            struct order_event event = event_of((enum order_event_kind)kind);
            event.version = 4;
            struct order_answer answer;
            cr_assert_not(order_rules_apply(&order, &event, &answer));
            cr_assert_eq(answer.outcome, OK);
            cr_assert(strstr(answer.reason, "superseded") != NULL);
            cr_assert_eq((int)order.status, status);
            cr_assert_eq(order.version, 5);
        }
    }
}

Test(order_rules, the_version_rises_with_what_is_applied_and_never_falls)
{
    struct order_rules_order order = order_in(ORDER_STATUS_CREATED);
    struct order_event event = event_of(ORDER_EVENT_PAID);
    struct order_answer answer;
    event.version = 7;
    cr_assert(order_rules_apply(&order, &event, &answer));
    cr_assert_eq(order.version, 7);
    event = event_of(ORDER_EVENT_SHIPPED); /* a source that does not count: version 0 */
    cr_assert(order_rules_apply(&order, &event, &answer));
    cr_assert_eq(order.version, 7);
    event = event_of(ORDER_EVENT_DELIVERED);
    event.version = 7;
    cr_assert(order_rules_apply(&order, &event, &answer), "an equal version is not older");
}

Test(order_rules, a_refused_event_does_not_raise_the_version)
{
    struct order_rules_order order = order_in(ORDER_STATUS_CREATED);
    struct order_event event = event_of(ORDER_EVENT_SHIPPED);
    struct order_answer answer;
    event.version = 9;
    cr_assert_not(order_rules_apply(&order, &event, &answer));
    cr_assert_eq(order.version, 0);
}

Test(order_rules, refunds_add_up_to_the_amount_and_no_further)
{
    struct order_rules_order order = order_in(ORDER_STATUS_SHIPPED);
    struct order_event event = event_of(ORDER_EVENT_REFUNDED);
    struct order_answer answer;
    event.amount = 1000;
    cr_assert(order_rules_apply(&order, &event, &answer));
    cr_assert_eq(order.status, ORDER_STATUS_SHIPPED);
    cr_assert_eq(order.refunded, 1000);
    event.amount = 100;
    cr_assert_not(order_rules_apply(&order, &event, &answer));
    cr_assert_eq(answer.outcome, REJECT);
    cr_assert_eq(order.refunded, 1000);
    event.amount = 99;
    cr_assert(order_rules_apply(&order, &event, &answer));
    cr_assert_eq(order.status, ORDER_STATUS_REFUNDED);
}

Test(order_rules, a_refund_without_amount_is_of_all_that_is_left)
{
    struct order_rules_order order = order_in(ORDER_STATUS_PAID);
    order.refunded = 500;
    struct order_event event = {.kind = ORDER_EVENT_REFUNDED, .order_id = "1001"};
    struct order_answer answer;
    cr_assert(order_rules_apply(&order, &event, &answer));
    cr_assert_eq(order.status, ORDER_STATUS_REFUNDED);
    cr_assert_eq(order.refunded, 1099);
}

Test(order_rules, a_total_of_refunds_counts_once)
{
    struct order_rules_order order = order_in(ORDER_STATUS_PAID);
    struct order_event event = event_of(ORDER_EVENT_REFUNDED);
    struct order_answer answer;
    event.amount_is_total = true;
    event.amount = 600;
    cr_assert(order_rules_apply(&order, &event, &answer));
    cr_assert_eq(order.refunded, 600);
    cr_assert_not(order_rules_apply(&order, &event, &answer), "nothing new in it");
    cr_assert_eq(answer.outcome, REJECT);
    event.amount = 1099;
    cr_assert(order_rules_apply(&order, &event, &answer));
    cr_assert_eq(order.status, ORDER_STATUS_REFUNDED);
}

Test(order_rules, a_refund_in_another_currency_is_rejected)
{
    struct order_rules_order order = order_in(ORDER_STATUS_PAID);
    struct order_event event = event_of(ORDER_EVENT_REFUNDED);
    struct order_answer answer;
    memcpy(event.currency, "EUR", 4);
    cr_assert_not(order_rules_apply(&order, &event, &answer));
    cr_assert_eq(answer.outcome, REJECT);
    cr_assert_eq(order.refunded, 0);
}

Test(order_rules, a_hold_keeps_what_the_order_was)
{
    for (int status = ORDER_STATUS_CREATED; status <= ORDER_STATUS_DELIVERED; status++) {
        struct order_rules_order order = order_in((enum order_status)status);
        struct order_answer answer;
        cr_assert(order_rules_hold(&order, "1001", &answer));
        cr_assert_eq(answer.outcome, ORDER_ANSWER_UNDONE);
        cr_assert_eq(order.status, ORDER_STATUS_ON_HOLD);
        cr_assert_eq((int)order.held_from, status);
    }
}

Test(order_rules, a_hold_changes_nothing_where_there_is_nothing_to_hold)
{
    static const enum order_status statuses[] = {ORDER_STATUS_UNKNOWN, ORDER_STATUS_REFUNDED,
                                                 ORDER_STATUS_ON_HOLD};
    for (size_t i = 0; i < 3; i++) {
        struct order_rules_order before = order_in(statuses[i]);
        struct order_rules_order order = before;
        struct order_answer answer;
        cr_assert_not(order_rules_hold(&order, "1001", &answer));
        cr_assert_eq(answer.outcome, ORDER_ANSWER_UNDONE);
        cr_assert_eq(order.status, before.status);
        cr_assert_eq(order.held_from, before.held_from);
    }
}

Test(order_rules, every_status_has_a_word_of_its_own)
{
    for (int status = ORDER_STATUS_CREATED; status < ORDER_STATUS_COUNT; status++) {
        const char *word = order_status_word((enum order_status)status);
        cr_assert_eq((int)order_status_of_word(word), status);
    }
    cr_assert_eq(order_status_of_word("paid"), ORDER_STATUS_UNKNOWN);
    cr_assert_eq(order_status_of_word("UNKNOWN"), ORDER_STATUS_UNKNOWN);
    cr_assert_eq(order_status_of_word(NULL), ORDER_STATUS_UNKNOWN);
}
