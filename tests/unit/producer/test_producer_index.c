#include "producer_index.h"
#include "producer_open.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t
hash_of(uint64_t i)
{
    return (i + 1) * UINT64_C(0x9E3779B97F4A7C15) ^ (i << 7);
}

static struct producer_index_entry *
find(producer_index_t *index, uint64_t hash, uint64_t position)
{
    uint32_t cursor = 0;
    struct producer_index_entry *entry = NULL;
    while ((entry = producer_index_find(index, hash, &cursor)) != NULL &&
           producer_index_position(entry) != position) {
    }
    return entry;
}

Test(producer_index, finds_every_entry_at_every_size_within_25_bytes_each)
{
    producer_index_t *index = producer_index_new();
    for (uint64_t i = 1; i <= 300000; i++) {
        producer_index_add(index, hash_of(i), i, 0);
        if (i > 100000) {
            cr_assert_leq(producer_index_bytes(index), i * 25 + 64 * 1024);
        }
    }
    for (uint64_t i = 1; i <= 300000; i++) {
        cr_assert_not_null(find(index, hash_of(i), i));
    }
    cr_assert_null(find(index, hash_of(300001), 300001));
    cr_assert_eq(producer_index_count(index), 300000);
    producer_index_destroy(&index);
}

Test(producer_index, forgets_what_has_expired_but_for_what_is_pinned)
{
    producer_index_t *index = producer_index_new();
    for (uint64_t i = 1; i <= 50000; i++) {
        producer_index_add(index, hash_of(i), i, 0);
    }
    struct producer_index_entry *pinned = find(index, hash_of(7), 7);
    cr_assert_not_null(pinned);
    if (pinned != NULL) {
        producer_index_pin(pinned, true);
    }
    for (uint64_t i = 50001; i <= 250000; i++) {
        producer_index_add(index, hash_of(i), i, 50000);
    }
    cr_assert_null(find(index, hash_of(8), 8));
    cr_assert_not_null(find(index, hash_of(7), 7));
    cr_assert_not_null(find(index, hash_of(50001), 50001));
    producer_index_destroy(&index);
}

static uint32_t
times_found(producer_index_t *index, uint64_t hash, uint64_t position)
{
    uint32_t cursor = 0;
    uint32_t times = 0;
    const struct producer_index_entry *entry = NULL;
    while ((entry = producer_index_find(index, hash, &cursor)) != NULL) {
        times += producer_index_position(entry) == position;
    }
    return times;
}

/* Tables grow, are put together again as large as they are, and grow again as more is kept: what
 * stays where it was is found as what was moved is, and once. */
Test(producer_index, what_lives_is_found_once_through_growth_and_expiry, .timeout = 300)
{
    enum { COUNT = 600000, STEP = 25000 };
    producer_index_t *index = producer_index_new();
    uint64_t expired = 0;
    for (uint64_t i = 1; i <= COUNT; i++) {
        uint64_t kept = i <= COUNT / 2 ? 60000 : 140000;
        expired = i > kept && i - kept > expired ? i - kept : expired;
        producer_index_add(index, hash_of(i), i, expired);
        for (uint64_t j = i; i % STEP == 0 && j > 0 && j >= expired; j--) {
            cr_assert_eq(times_found(index, hash_of(j), j), 1);
        }
    }
    cr_assert_lt(producer_index_count(index), 2 * 140000);
    producer_index_destroy(&index);
}

Test(producer_index, reserving_beforehand_changes_nothing_but_the_room)
{
    producer_index_t *index = producer_index_new();
    producer_index_add(index, hash_of(1), 1, 0);
    producer_index_reserve(index, 100000);
    uint64_t bytes = producer_index_bytes(index);
    for (uint64_t i = 2; i <= 90000; i++) {
        producer_index_add(index, hash_of(i), i, 0);
    }
    cr_assert_eq(producer_index_bytes(index), bytes);
    cr_assert_not_null(find(index, hash_of(1), 1));
    producer_index_destroy(&index);
}

Test(producer_index, one_of_the_same_hash_is_another_and_the_same_one_is_restored_once)
{
    producer_index_t *index = producer_index_new();
    producer_index_restore(index, 77, 1);
    producer_index_restore(index, 77, 2);
    producer_index_restore(index, 77, 1);
    cr_assert_eq(producer_index_count(index), 2);
    uint32_t cursor = 0;
    uint64_t positions = 0;
    for (int i = 0; i < 2; i++) {
        const struct producer_index_entry *entry = producer_index_find(index, 77, &cursor);
        cr_assert_not_null(entry);
        positions += entry == NULL ? 0 : producer_index_position(entry);
    }
    cr_assert_eq(positions, 1 + 2);
    cr_assert_null(producer_index_find(index, 77, &cursor));
    producer_index_destroy(&index);
    producer_index_destroy(&index); /* nothing is there any more */
}

/* More than a group has places, and others whose control byte is the same. */
Test(producer_index, many_of_one_hash_are_all_found_and_none_of_another)
{
    enum { COUNT = 40 };
    const uint64_t hash = UINT64_C(0xfffffffc00000005);
    producer_index_t *index = producer_index_new();
    for (uint64_t i = 1; i <= COUNT; i++) {
        producer_index_add(index, hash, i, 0);
        producer_index_add(index, hash ^ i << 41, 1000 + i, 0);
    }
    uint64_t found = 0;
    uint32_t cursor = 0;
    const struct producer_index_entry *entry = NULL;
    while ((entry = producer_index_find(index, hash, &cursor)) != NULL) {
        uint64_t position = producer_index_position(entry);
        cr_assert(position >= 1 && position <= COUNT && (found >> position & 1) == 0);
        found |= UINT64_C(1) << position;
    }
    cr_assert_eq(found, (UINT64_C(1) << (COUNT + 1)) - 2);
    for (uint64_t i = 1; i <= COUNT; i++) {
        cr_assert_not_null(find(index, hash ^ i << 41, 1000 + i));
    }
    cr_assert_null(find(index, hash ^ UINT64_C(50) << 41, 1));
    producer_index_destroy(&index);
}

Test(producer_index, room_that_is_there_is_not_made_again)
{
    producer_index_t *index = producer_index_new();
    producer_index_reserve(index, 1000000);
    uint64_t bytes = producer_index_bytes(index);
    producer_index_reserve(index, 1000);
    cr_assert_eq(producer_index_bytes(index), bytes);
    producer_index_destroy(&index);
}

/* Searches go through all groups of a table, however many it has. */
Test(producer_index, a_table_of_one_hash_is_searched_to_its_last_group, .timeout = 300)
{
    producer_index_t *index = producer_index_new();
    for (uint64_t count = 1; count <= 3000; count++) {
        producer_index_add(index, 77, count, 0);
        uint64_t sum = 0;
        uint32_t cursor = 0;
        const struct producer_index_entry *entry = NULL;
        while ((entry = producer_index_find(index, 77, &cursor)) != NULL) {
            sum += producer_index_position(entry);
        }
        cr_assert_eq(sum, count * (count + 1) / 2);
    }
    producer_index_destroy(&index);
}

static uint64_t
mapped_pages(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%llu", &pages), 1);
    (void)fclose(file);
    return pages;
}

/* Tables of 32 groups have 229,376 places together, and the next part of all is the first that is
 * mapped for itself: 2 MiB, and then fetched (producer_slots). How many pages are mapped more by
 * the entry with which all are full to 2/3; so many of the first have expired. */
static uint64_t
mapped_at_two_thirds(uint64_t expired)
{
    enum { AHEAD = 152917 };
    producer_index_t *index = producer_index_new();
    for (uint64_t i = 1; i < AHEAD; i++) {
        producer_index_add(index, hash_of(i), i, 0);
    }
    uint64_t bytes = producer_index_bytes(index);
    uint64_t before = mapped_pages();
    producer_index_add(index, hash_of(AHEAD), AHEAD, expired + 1);
    uint64_t mapped = mapped_pages() - before;
    cr_assert_eq(producer_index_bytes(index), bytes, "no table has grown");
    producer_index_destroy(&index);
    return mapped;
}

/* Whoever adds one does not wait for memory. */
Test(producer_index, what_the_tables_grow_into_is_fetched_before_the_first_one_does)
{
    cr_assert_geq(mapped_at_two_thirds(0), 512);
}

/* As with a retention whose notifications fit: else it would have as much memory again for ever. */
Test(producer_index, nothing_is_fetched_for_tables_whose_entries_expire)
{
    cr_assert_lt(mapped_at_two_thirds(20000), 512);
}

Test(producer_open, what_a_checkpoint_says_out_of_order_or_behind_its_end_is_refused)
{
    struct producer_open open;
    producer_open_init(&open, 1);
    cr_assert_not(producer_open_restore(&open, 0, 1, 1000), "there is no position 0");
    cr_assert(producer_open_restore(&open, 64, 4, 1000));
    cr_assert_not(producer_open_restore(&open, 64, 1, 1000), "64 is not after 66");
    cr_assert_not(producer_open_restore(&open, 64, 16, 68), "68 is the end");
    cr_assert(producer_open_restore(&open, 64, 8, 68));
    cr_assert_eq(open.count, 2);
    producer_open_fini(&open);
}

Test(producer_open, agrees_with_a_plain_array)
{
    enum { COUNT = 200000 };
    static bool model[COUNT + 1];
    struct producer_open open;
    producer_open_init(&open, 1);
    srand(3);
    uint64_t lowest = 1;
    for (uint64_t i = 1; i <= COUNT; i++) {
        if (rand() % 3 != 0) {
            producer_open_add(&open, i);
            model[i] = true;
        }
        uint64_t gone = (uint64_t)rand() % i + 1;
        cr_assert_eq(producer_open_close(&open, gone), model[gone]);
        cr_assert_not(producer_open_close(&open, gone));
        model[gone] = false;
        if (i % 1000 == 0) {
            lowest = 1;
            while (lowest <= i && !model[lowest]) {
                lowest++;
            }
            cr_assert_eq(producer_open_low(&open, i + 1), lowest > i ? i + 1 : lowest);
        }
    }
    struct producer_open restored;
    producer_open_init(&restored, 1);
    for (uint64_t from = open.low & ~UINT64_C(63); from < open.next; from += 64) {
        cr_assert(
            producer_open_restore(&restored, from, producer_open_word(&open, from), COUNT + 1));
    }
    for (uint64_t i = 1; i <= COUNT; i++) {
        cr_assert_eq(producer_open_has(&open, i), model[i]);
        cr_assert_eq(producer_open_has(&restored, i), model[i]);
    }
    cr_assert_eq(restored.count, open.count);
    producer_open_fini(&restored);
    producer_open_fini(&open);
}
