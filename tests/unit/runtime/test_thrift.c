#include "runtime/thrift.h"

#include "delivery/delivery_cost.h"

#include <criterion/criterion.h>

#define FEW 100U
#define MANY DELIVERY_COST_GATHER_BYTES

Test(thrift, holds_nothing_back_while_there_is_room)
{
    struct thrift thrift = {0};
    for (int64_t now_ms = 1; now_ms < 100; now_ms++) {
        cr_assert_not(thrift_waits(&thrift, FEW, false, now_ms));
        cr_assert_eq(thrift_until_ms(&thrift), INT64_MAX);
    }
}

Test(thrift, few_records_wait_for_a_pause_and_many_do_not)
{
    struct thrift thrift = {0};
    cr_assert(thrift_waits(&thrift, FEW, true, 1000));
    cr_assert_eq(thrift_until_ms(&thrift), 1000 + THRIFT_PAUSE_MS);
    cr_assert(thrift_waits(&thrift, MANY - 1, true, 1000 + THRIFT_PAUSE_MS - 1));
    cr_assert_not(thrift_waits(&thrift, MANY, true, 1000 + THRIFT_PAUSE_MS - 1));
    cr_assert_eq(thrift_until_ms(&thrift), INT64_MAX);
    cr_assert(thrift_waits(&thrift, FEW, true, 2000));
    cr_assert_not(thrift_waits(&thrift, FEW, true, 2000 + THRIFT_PAUSE_MS));
    cr_assert_not(thrift_waits(&thrift, 0, true, 3000), "nothing to commit waits for nothing");
    cr_assert_eq(thrift_until_ms(&thrift), INT64_MAX);
}

Test(thrift, what_waits_goes_at_once_when_there_is_room_again)
{
    struct thrift thrift = {0};
    cr_assert(thrift_waits(&thrift, FEW, true, 1000));
    cr_assert_not(thrift_waits(&thrift, FEW, false, 1001));
    cr_assert_eq(thrift_until_ms(&thrift), INT64_MAX);
}

/* The padding that delivery_cost sets aside is 64 MiB a log; at worst a record comes as soon as the
 * one before was written. */
Test(thrift, nothing_but_lone_records_uses_up_their_padding_in_two_days_and_not_before)
{
    struct thrift thrift = {0};
    int64_t now_ms = 1;
    uint64_t padding = 0;
    while (padding < 64ULL * 1024 * 1024) {
        if (!thrift_waits(&thrift, FEW, true, now_ms)) {
            padding += 64 + 511;
        } else {
            now_ms = thrift_until_ms(&thrift);
        }
    }
    cr_assert_gt(now_ms, INT64_C(86400000) * 2);
    int64_t day_ms = now_ms + 86400000;
    uint64_t before = padding;
    while (now_ms < day_ms) {
        if (!thrift_waits(&thrift, FEW, true, now_ms)) {
            padding += 64 + 511;
        } else {
            now_ms = thrift_until_ms(&thrift);
        }
    }
    cr_assert_lt(padding - before, 16U * 1000 * 1000);
}

/* A delivery's lease runs while it waits for such a commit, and so does the patience of whoever has
 * said PING. */
Test(thrift, the_longest_pause_is_far_below_leases_and_heartbeats)
{
    struct thrift thrift = {.lone_commits = UINT64_MAX / 2};
    cr_assert(thrift_waits(&thrift, FEW, true, 1000));
    cr_assert_leq(thrift_until_ms(&thrift) - 1000, 4000);
}

Test(thrift, what_somebody_waits_for_goes_at_once_and_counts)
{
    struct thrift thrift = {0};
    for (unsigned i = 0; i < THRIFT_COMMITS; i++) {
        thrift_hurries(&thrift, FEW, true);
        thrift_hurries(&thrift, MANY, true);
        thrift_hurries(&thrift, 0, true);
        thrift_hurries(&thrift, FEW, false);
    }
    cr_assert_eq(thrift.lone_commits, THRIFT_COMMITS);
    cr_assert(thrift_waits(&thrift, FEW, true, 1000));
    cr_assert_eq(thrift_until_ms(&thrift), 1000 + 2 * THRIFT_PAUSE_MS);
}
