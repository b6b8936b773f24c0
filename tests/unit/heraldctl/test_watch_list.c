#include "heraldctl/watch_list.h"

#include "wire/wire_query.h"

#include <criterion/criterion.h>
#include <stdio.h>

static char one[] = "1";
static char two[] = "2";
static char three[] = "3";
static char *const ids[] = {one, two, three};

static void
find(watch_list_t *list, const char *biz_id, size_t deliveries)
{
    static const char *const names[] = {"orders", "ledger"};
    struct herald_client_delivery found_deliveries[2] = {0};
    struct herald_client_found found = {.found = deliveries > 0, .deliveries = found_deliveries};
    (void)snprintf(found.biz_id, sizeof found.biz_id, "%s", biz_id);
    found.delivery_count = deliveries;
    for (size_t i = 0; i < deliveries; i++) {
        (void)snprintf(found_deliveries[i].subscription, sizeof found_deliveries[i].subscription,
                       "%s", names[i]);
    }
    watch_list_found(list, &found);
}

Test(watch_list, a_notification_is_waited_for_until_each_delivery_has_an_end)
{
    watch_list_t *list = watch_list_new(ids, 3);
    const char *waiting[3];
    cr_assert_eq(watch_list_waiting(list, 0, 3, waiting), 3, "before anything is asked");
    find(list, "1", 1);
    find(list, "2", 2);
    find(list, "3", 1);
    cr_assert(watch_list_state(list, "1", "orders", WIRE_STATE_DONE));
    cr_assert(watch_list_state(list, "2", "orders", WIRE_STATE_CANCELLED));
    cr_assert_eq(watch_list_waiting(list, 0, 3, waiting), 2);
    cr_assert_str_eq(waiting[0], "2");
    cr_assert_str_eq(waiting[1], "3");
    cr_assert(watch_list_state(list, "2", "ledger", WIRE_STATE_DONE));
    cr_assert_eq(watch_list_waiting(list, 1, 1, NULL), 0);
    cr_assert_eq(watch_list_waiting(list, 2, 100, NULL), 1);
    cr_assert_eq(watch_list_count(list, WIRE_STATE_DONE), 2);
    cr_assert_eq(watch_list_count(list, WIRE_STATE_PENDING), 1);
    watch_list_destroy(&list);
}

Test(watch_list, the_same_end_is_news_once)
{
    watch_list_t *list = watch_list_new(ids, 3);
    find(list, "1", 1);
    cr_assert_not(watch_list_state(list, "1", "orders", WIRE_STATE_PENDING));
    cr_assert(watch_list_state(list, "1", "orders", WIRE_STATE_DONE));
    cr_assert_not(watch_list_state(list, "1", "orders", WIRE_STATE_DONE));
    cr_assert_not(watch_list_state(list, "1", "orders", WIRE_STATE_CASE), "an end is final");
    find(list, "1", 1);
    cr_assert_eq(watch_list_count(list, WIRE_STATE_DONE), 1, "found again changes nothing");
    cr_assert_eq(watch_list_count(list, WIRE_STATE_PENDING), 0);
    watch_list_destroy(&list);
}

Test(watch_list, a_case_is_not_waited_for_and_its_end_is_news)
{
    watch_list_t *list = watch_list_new(ids, 3);
    find(list, "1", 1);
    cr_assert(watch_list_state(list, "1", "orders", WIRE_STATE_CASE));
    cr_assert_eq(watch_list_waiting(list, 0, 1, NULL), 0);
    cr_assert_eq(watch_list_count(list, WIRE_STATE_CASE), 1);
    cr_assert(watch_list_state(list, "1", "orders", WIRE_STATE_RESOLVED));
    cr_assert_eq(watch_list_count(list, WIRE_STATE_CASE), 0);
    watch_list_destroy(&list);
}

Test(watch_list, what_is_not_known_is_not_waited_for)
{
    watch_list_t *list = watch_list_new(ids, 3);
    find(list, "2", 0);
    find(list, "2", 0);
    cr_assert_eq(watch_list_missing(list), 1);
    cr_assert_eq(watch_list_waiting(list, 1, 1, NULL), 0);
    cr_assert_not(watch_list_state(list, "2", "orders", WIRE_STATE_DONE));
    cr_assert_not(watch_list_state(list, "9", "orders", WIRE_STATE_DONE));
    find(list, "9", 1);
    cr_assert_eq(watch_list_count(list, WIRE_STATE_PENDING), 0);
    watch_list_destroy(&list);
}
