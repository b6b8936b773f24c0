#include "base/mem.h"
#include "producer_moved.h"

#include <criterion/criterion.h>
#include <string.h>

#define WIDE ((UINT64_C(1) << 40) - 1)

static struct producer_moved_entry
entry_of(uint64_t position, uint16_t subscription)
{
    return (struct producer_moved_entry){
        .key = {.position = position, .subscription = subscription},
        .scheduler_last = position + 1,
        .due_unix_ms = (int64_t)position * 1000,
        .weight = (uint32_t)(position % 70000) + 1,
        .fold = {.latest = position, .turn = 2, .custodian = LOG_SCHEDULER},
    };
}

Test(producer_moved, an_entry_comes_back_as_it_was_put_in_with_every_field_at_its_largest)
{
    struct producer_moved moved = {0};
    struct producer_moved_entry entry;
    memset(&entry, 0, sizeof entry); /* padding too: it is compared */
    entry.key.position = WIDE;
    entry.key.subscription = LIMIT_SUBSCRIPTIONS;
    entry.scheduler_last = WIDE - 1;
    entry.compensator_last = WIDE - 2;
    entry.case_at = WIDE - 3;
    entry.due_unix_ms = (INT64_C(1) << 48) - 1;
    entry.weight = (1U << 24) - 1;
    entry.fold.latest = WIDE - 4;
    entry.fold.turn = UINT32_MAX;
    entry.fold.cancel_turn = UINT32_MAX - 1;
    entry.fold.attempts = UINT16_MAX;
    entry.fold.custodian = LOG_COMPENSATOR;
    entry.fold.end = END_RESOLVED;
    bool *const flags[] = {&entry.fold.taken, &entry.fold.is_case, &entry.fold.fenced,
                           &entry.fold.broken};
    for (unsigned set = 0; set < 16; set++) {
        for (unsigned i = 0; i < 4; i++) {
            *flags[i] = (set >> i & 1) != 0;
        }
        producer_moved_put(&moved, &entry);
        cr_assert_eq(moved.count, 1);
        struct producer_moved_entry found;
        memset(&found, 0, sizeof found);
        cr_assert(producer_moved_find(&moved, entry.key, &found));
        cr_assert_eq(memcmp(&found, &entry, sizeof found), 0);
    }
    producer_moved_fini(&moved);
}

Test(producer_moved, tells_the_deliveries_of_one_notification_apart)
{
    struct producer_moved moved = {0};
    struct producer_moved_entry found;
    for (uint64_t position = 1; position <= 1000; position++) {
        for (uint16_t subscription = 1; subscription < LIMIT_SUBSCRIPTIONS; subscription++) {
            struct producer_moved_entry entry = entry_of(position, subscription);
            producer_moved_put(&moved, &entry);
        }
    }
    for (uint64_t position = 1; position <= 1000; position++) {
        for (uint16_t subscription = 1; subscription <= LIMIT_SUBSCRIPTIONS; subscription++) {
            struct delivery_key key = {.position = position, .subscription = subscription};
            cr_assert_eq(producer_moved_find(&moved, key, &found),
                         subscription < LIMIT_SUBSCRIPTIONS);
        }
    }
    producer_moved_fini(&moved);
}

Test(producer_moved, keys_that_differ_in_one_part_are_different)
{
    struct producer_moved moved = {0};
    const uint64_t positions[] = {1, 2, UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1};
    struct producer_moved_entry found;
    for (unsigned i = 0; i < 4; i++) {
        for (uint16_t subscription = 1; subscription <= LIMIT_SUBSCRIPTIONS; subscription++) {
            struct producer_moved_entry entry = entry_of(positions[i], subscription);
            cr_assert_not(producer_moved_find(&moved, entry.key, &found));
            producer_moved_put(&moved, &entry);
        }
    }
    cr_assert_eq(moved.count, 4 * LIMIT_SUBSCRIPTIONS);
    for (unsigned i = 0; i < 4; i++) {
        for (uint16_t subscription = 1; subscription <= LIMIT_SUBSCRIPTIONS; subscription++) {
            struct delivery_key key = {.position = positions[i], .subscription = subscription};
            cr_assert(producer_moved_find(&moved, key, &found));
            cr_assert_eq(found.key.position, key.position);
            cr_assert_eq(found.key.subscription, key.subscription);
        }
    }
    producer_moved_fini(&moved);
}

/* OPERATIONS, "Memory", says so. */
Test(producer_moved, costs_at_most_60_bytes_an_entry_at_every_count)
{
    struct producer_moved moved = {0};
    for (uint64_t position = 1; position <= 1000000; position++) {
        struct producer_moved_entry entry = entry_of(position * 3, 1);
        producer_moved_put(&moved, &entry);
        if (position >= 100000 && position % 1000 == 0) {
            double each = (double)producer_moved_bytes(&moved) / (double)moved.count;
            cr_assert_leq(each, 60.0, "%.1f at %u", each, moved.count);
        }
    }
    producer_moved_fini(&moved);
}

static bool
is_gone(uint64_t position, uint64_t expired)
{
    return position < expired && position % 3 != 0;
}

Test(producer_moved, forgets_what_is_old_and_has_ended_and_nothing_else)
{
    struct producer_moved moved = {0};
    const uint64_t count = 20000;
    for (uint64_t position = 1; position <= count; position++) {
        struct producer_moved_entry entry = entry_of(position, 1);
        entry.fold.end = position % 3 == 0 ? END_NONE : END_DONE;
        producer_moved_put(&moved, &entry);
    }
    uint64_t before = producer_moved_bytes(&moved);
    for (uint64_t expired = 1000; expired <= count + 1; expired += 9500) {
        for (uint64_t looked = 0; looked < 2 * count; looked += 777) {
            producer_moved_expire(&moved, expired, 777);
        }
        uint32_t left = 0;
        for (uint64_t position = 1; position <= count; position++) {
            struct producer_moved_entry found;
            struct delivery_key key = {.position = position, .subscription = 1};
            bool there = producer_moved_find(&moved, key, &found);
            cr_assert_eq(there, !is_gone(position, expired), "%llu", (unsigned long long)position);
            cr_assert(!there || found.weight == entry_of(position, 1).weight);
            left += there;
        }
        cr_assert_eq(left, moved.count);
    }
    cr_assert_lt(producer_moved_bytes(&moved), before / 2, "what is forgotten is given back");
    for (uint64_t position = 1; position <= count; position++) { /* places are used again */
        struct producer_moved_entry entry = entry_of(position, 1);
        producer_moved_put(&moved, &entry);
    }
    cr_assert_eq(moved.count, count);
    producer_moved_fini(&moved);
}
