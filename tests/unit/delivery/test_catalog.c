#include "delivery/catalog.h"
#include "delivery/record_codec.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static catalog_t *catalog;

static void
setup(void)
{
    catalog = catalog_new();
}

static void
teardown(void)
{
    catalog_destroy(&catalog);
    cr_assert_null(catalog);
}

TestSuite(catalog, .init = setup, .fini = teardown);

static struct record_text
text(const char *data)
{
    return (struct record_text){.data = data, .size = strlen(data)};
}

static err_t
take_subscription(uint16_t id, const char *name, const char *group, const char *policy)
{
    struct record_subscription record = {
        .id = id,
        .active = true,
        .compensation = COMPENSATION_UNDO,
        .lease_ms = 30000,
        .lease_limit_ms = 300000,
        .name = text(name),
        .pattern = text("order.#"),
        .group = text(group),
        .policy = text(policy),
    };
    uint8_t body[RECORD_SUBSCRIPTION_MAX];
    size_t size = record_subscription_encode(&record, body);
    return catalog_take(catalog, RECORD_SUBSCRIPTION, body, size, NULL);
}

static err_t
take_group(const char *name, uint8_t identity, bool can_fence)
{
    struct record_group record = {
        .name = text(name), .identity = {identity}, .can_fence = can_fence, .can_undo = true};
    uint8_t body[RECORD_GROUP_MAX];
    return catalog_take(catalog, RECORD_GROUP, body, record_group_encode(&record, body), NULL);
}

Test(catalog, a_fresh_one_knows_nothing)
{
    cr_assert_null(catalog_subscription(catalog, 0));
    cr_assert_null(catalog_subscription(catalog, 1));
    cr_assert_null(catalog_subscription(catalog, UINT16_MAX));
    cr_assert_null(catalog_subscription_named(catalog, "orders", 6));
    cr_assert_eq(catalog_group_at(catalog, 0)->name_size, 0);
}

Test(catalog, a_subscription_is_found_by_id_and_by_name)
{
    cr_assert_eq(take_subscription(7, "orders", "order-system", "1s,2s"), ERR_OK);
    const struct catalog_subscription *found = catalog_subscription(catalog, 7);
    cr_assert_not_null(found);
    cr_assert_eq(catalog_subscription_named(catalog, "orders", 6), found);
    cr_assert_null(catalog_subscription_named(catalog, "orders", 5));
    cr_assert(found->active);
    cr_assert_eq(found->compensation, COMPENSATION_UNDO);
    cr_assert_eq(found->lease_ms, 30000);
    cr_assert_eq(found->lease_limit_ms, 300000);
    cr_assert_str_eq(found->pattern, "order.#");
    cr_assert_str_eq(found->policy_text, "1s,2s");
    cr_assert_eq(found->policy.delay_count, 2);
    cr_assert_str_eq(catalog_group_at(catalog, found->group)->name, "order-system");
}

Test(catalog, a_later_record_replaces_an_earlier_one_in_its_place)
{
    cr_assert_eq(take_subscription(7, "orders", "order-system", "1s,2s"), ERR_OK);
    const struct catalog_subscription *found = catalog_subscription(catalog, 7);
    cr_assert_eq(take_subscription(7, "orders2", "other", "5s"), ERR_OK);
    cr_assert_eq(catalog_subscription(catalog, 7), found);
    cr_assert_str_eq(found->name, "orders2");
    cr_assert_eq(found->policy.delay_count, 1);
    cr_assert_str_eq(catalog_group_at(catalog, found->group)->name, "other");
}

Test(catalog, an_empty_text_replaces_the_one_before)
{
    cr_assert_eq(take_subscription(7, "orders", "order-system", "1s"), ERR_OK);
    const struct record_subscription record = {
        .id = 7, .name = text("orders"), .group = text("order-system"), .policy = text("2s")};
    uint8_t body[RECORD_SUBSCRIPTION_MAX];
    size_t size = record_subscription_encode(&record, body);
    cr_assert_eq(catalog_take(catalog, RECORD_SUBSCRIPTION, body, size, NULL), ERR_OK);
    cr_assert_str_eq(catalog_subscription(catalog, 7)->pattern, "");
    cr_assert_str_eq(catalog_subscription(catalog, 7)->policy_text, "2s");
}

Test(catalog, a_group_gets_its_identity_whenever_it_comes)
{
    cr_assert_eq(take_group("late", 9, true), ERR_OK);
    cr_assert_eq(take_subscription(1, "orders", "order-system", "1s"), ERR_OK);
    cr_assert_eq(take_group("order-system", 5, true), ERR_OK);
    const struct catalog_group *group =
        catalog_group_at(catalog, catalog_subscription(catalog, 1)->group);
    cr_assert_eq(group->identity[0], 5);
    cr_assert(group->can_fence && group->can_undo);
    cr_assert_eq(take_group("order-system", 6, false), ERR_OK);
    cr_assert_eq(group->identity[0], 6);
    cr_assert(!group->can_fence);
    cr_assert_eq(catalog_group(catalog, "late", 4), 0);
    cr_assert_eq(catalog_group(catalog, "order-system", 12), 1);
}

Test(catalog, other_kinds_are_ignored)
{
    cr_assert_eq(catalog_take(catalog, RECORD_DONE, (const uint8_t *)"", 0, NULL), ERR_OK);
}

Test(catalog, what_cannot_be_decoded_is_corrupt_and_changes_nothing)
{
    struct why why = {{0}};
    cr_assert_eq(catalog_take(catalog, RECORD_GROUP, (const uint8_t *)"\x01", 1, &why),
                 ERR_CORRUPT);
    cr_assert_eq(catalog_take(catalog, RECORD_SUBSCRIPTION, (const uint8_t *)"\x01", 1, &why),
                 ERR_CORRUPT);
    cr_assert_neq(why.text[0], '\0');
    cr_assert_eq(take_subscription(1, "orders", "order-system", "soon"), ERR_CORRUPT);
    cr_assert_null(catalog_subscription(catalog, 1));
    cr_assert_eq(catalog_group_at(catalog, 0)->name_size, 0);
}

Test(catalog, a_subscription_or_group_without_a_name_is_corrupt)
{
    cr_assert_eq(take_subscription(1, "orders", "", "1s"), ERR_CORRUPT);
    cr_assert_eq(take_subscription(1, "", "order-system", "1s"), ERR_CORRUPT);
    cr_assert_eq(take_group("", 1, true), ERR_CORRUPT);
}

Test(catalog, as_many_groups_as_are_allowed_and_not_one_more)
{
    for (unsigned i = 0; i < LIMIT_GROUPS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "group-%u", i);
        cr_assert_eq(take_group(name, 1, true), ERR_OK);
    }
    cr_assert_eq(take_group("one-more", 1, true), ERR_FULL);
    cr_assert_eq(take_subscription(1, "orders", "one-more", "1s"), ERR_FULL);
    cr_assert_eq(take_group("group-63", 2, true), ERR_OK);
}

Test(catalog, a_notification_may_bring_a_policy_of_its_own)
{
    cr_assert_eq(take_subscription(1, "orders", "order-system", "1s,2s"), ERR_OK);
    const struct catalog_subscription *found = catalog_subscription(catalog, 1);
    struct policy own;
    cr_assert_eq(catalog_policy(found, NULL, 0, &own), &found->policy);
    cr_assert_eq(catalog_policy(found, "5s,5s,5s", 8, &own), &own);
    cr_assert_eq(own.delay_count, 3);
    cr_assert_eq(catalog_policy(found, "nonsense", 8, &own), &found->policy);
}

Test(catalog, names_are_told_apart_to_the_last_letter)
{
    cr_assert_eq(take_subscription(1, "orders-a", "order-system", "1s"), ERR_OK);
    cr_assert_eq(take_subscription(2, "orders-b", "order-system", "1s"), ERR_OK);
    cr_assert_eq(catalog_subscription_named(catalog, "orders-b", 8)->id, 2);
    cr_assert_null(catalog_subscription_named(catalog, "orders-c", 8));
    cr_assert_eq(take_subscription(3, "orders-d", "", "1s"), ERR_CORRUPT);
    cr_assert_eq(take_subscription(3, "orders-d", "order-system", ""), ERR_CORRUPT);
}
