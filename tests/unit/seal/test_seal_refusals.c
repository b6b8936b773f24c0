#include "seal/seal_refusals.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static uint64_t told;
static struct seal_refused last;

static void
tell(void *context, const struct seal_refused *refused)
{
    (void)context;
    told++;
    last = *refused;
}

static void
refuse(struct seal_refusals *refusals, uint64_t key, const char *address, int64_t now_ms)
{
    const struct seal_refused refused = {.key = key,
                                         .domain = "herald.front",
                                         .reason = "unknown_key",
                                         .user = "",
                                         .address = address};
    seal_refusals_take(refusals, &refused, now_ms);
}

Test(seal_refusals, are_told_once_and_counted_after_that)
{
    struct seal_refusals refusals = {.tell = tell};
    for (int i = 0; i < 1000; i++) {
        refuse(&refusals, 7, "192.0.2.1", 1000 + i);
    }
    cr_assert_eq(told, 1);
    cr_assert_eq(last.key, 7);
    cr_assert_eq(last.count, 1);
    refuse(&refusals, 7, "192.0.2.2", 3000);
    cr_assert_eq(told, 2, "another address is another one");
    refuse(&refusals, 8, "192.0.2.1", 3000);
    cr_assert_eq(told, 3, "another key too");
    seal_refusals_tick(&refusals, 1000 + SEAL_REFUSALS_PERIOD_MS - 1);
    cr_assert_eq(told, 3);
    seal_refusals_tick(&refusals, 1000 + SEAL_REFUSALS_PERIOD_MS);
    cr_assert_eq(told, 4, "how often meanwhile; what did not come again is not told again");
    cr_assert_eq(last.key, 7);
    cr_assert_eq(last.count, 999);
    seal_refusals_tick(&refusals, 1000 + 2 * SEAL_REFUSALS_PERIOD_MS);
    cr_assert_eq(told, 4, "it has stopped");
    refuse(&refusals, 7, "192.0.2.1", 1001 + 2 * SEAL_REFUSALS_PERIOD_MS);
    cr_assert_eq(told, 5, "and begun again");
}

Test(seal_refusals, of_a_flood_of_keys_are_told_as_one)
{
    struct seal_refusals refusals = {.tell = tell};
    for (uint64_t key = 1; key <= 10000; key++) {
        refuse(&refusals, key, "192.0.2.1", 1000);
    }
    cr_assert_eq(told, SEAL_REFUSALS_MAX);
    seal_refusals_tick(&refusals, 1000 + SEAL_REFUSALS_PERIOD_MS);
    cr_assert_eq(told, SEAL_REFUSALS_MAX + 1);
    cr_assert_eq(last.others, 10000 - SEAL_REFUSALS_MAX);
}
