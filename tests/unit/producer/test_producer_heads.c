#include "producer_heads.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define LEAF ((uint64_t)PRODUCER_HEADS_LEAF)
#define NODE (LEAF * PRODUCER_HEADS_NODE)

Test(producer_heads, what_was_never_said_is_its_own_newest)
{
    struct producer_heads heads;
    producer_heads_init(&heads);
    uint64_t bytes = heads.bytes;
    cr_assert_eq(producer_heads_newest(&heads, 1), 1);
    cr_assert_eq(producer_heads_newest(&heads, UINT64_MAX), UINT64_MAX);
    uint64_t kept[] = {7}; /* there is nothing to be kept */
    producer_heads_forget(&heads, PRODUCER_HEADS_POSITION_MAX, kept, 1);
    cr_assert_eq(producer_heads_newest(&heads, 7), 7);
    cr_assert_eq(heads.bytes, bytes, "nothing was noted");
    producer_heads_fini(&heads);
    producer_heads_fini(&heads); /* nothing is there any more */
}

Test(producer_heads, the_last_and_the_largest_are_told_as_they_were_noted)
{
    static const uint64_t positions[] = {1,
                                         2,
                                         LEAF - 1,
                                         LEAF,
                                         LEAF + 1,
                                         NODE - 1,
                                         NODE,
                                         3 * NODE + 5,
                                         PRODUCER_HEADS_POSITION_MAX - 1};
    enum { COUNT = sizeof positions / sizeof positions[0] };
    struct producer_heads heads;
    producer_heads_init(&heads);
    for (int i = 0; i < COUNT; i++) {
        producer_heads_set(&heads, positions[i], positions[i] + 1);
        producer_heads_set(&heads, positions[i], PRODUCER_HEADS_POSITION_MAX - (uint64_t)i);
    }
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(producer_heads_newest(&heads, positions[i]),
                     PRODUCER_HEADS_POSITION_MAX - (uint64_t)i);
    }
    cr_assert_eq(producer_heads_newest(&heads, 3), 3);
    cr_assert_eq(producer_heads_newest(&heads, 3 * NODE + 6), 3 * NODE + 6);
    producer_heads_fini(&heads);
}

Test(producer_heads, what_is_below_is_forgotten_a_leaf_at_a_time)
{
    struct producer_heads heads;
    producer_heads_init(&heads);
    uint64_t bytes = heads.bytes;
    for (uint64_t i = 1; i < 10 * LEAF; i += LEAF / 2) {
        producer_heads_set(&heads, i, i + 1);
    }
    producer_heads_forget(&heads, 5 * LEAF - 1, NULL, 0);
    cr_assert_eq(producer_heads_newest(&heads, 4 * LEAF - LEAF / 2 + 1), 4 * LEAF - LEAF / 2 + 1);
    cr_assert_eq(producer_heads_newest(&heads, 4 * LEAF + 1), 4 * LEAF + 2, "its leaf goes on");
    producer_heads_forget(&heads, 3 * LEAF, NULL, 0); /* that has gone already */
    cr_assert_eq(heads.low, 4 * LEAF);
    producer_heads_forget(&heads, 20 * NODE, NULL, 0);
    cr_assert_eq(heads.bytes, bytes);
    producer_heads_fini(&heads);
}

Test(producer_heads, what_is_kept_is_told_and_noted_however_old_it_grows)
{
    struct producer_heads heads;
    producer_heads_init(&heads);
    uint64_t bytes = heads.bytes;
    producer_heads_set(&heads, 5, 50);
    producer_heads_set(&heads, 6, 60);
    producer_heads_set(&heads, NODE + 5, NODE + 50);
    producer_heads_set(&heads, 4 * NODE, 4 * NODE + 1);
    uint64_t below = 2 * NODE;
    for (int i = 0; i < 3; i++, below += LEAF) {
        uint64_t kept[] = {4 * NODE, NODE + 5, 5, NODE + 5, 9};
        producer_heads_forget(&heads, below, kept, 5);
        cr_assert_eq(heads.old_count, 2 + (i > 0), "5, NODE + 5, and later 9");
        cr_assert_eq(producer_heads_newest(&heads, 5), 50 + (uint64_t)i);
        cr_assert_eq(producer_heads_newest(&heads, 6), 6);
        cr_assert_eq(producer_heads_newest(&heads, 9), i == 0 ? 9 : 90);
        cr_assert_eq(producer_heads_newest(&heads, NODE + 5), NODE + 50);
        cr_assert_eq(producer_heads_newest(&heads, 4 * NODE), 4 * NODE + 1);
        producer_heads_set(&heads, 5, 51 + (uint64_t)i); /* as when an old case is cancelled */
        producer_heads_set(&heads, 9, 90);               /* of which nothing was known */
        cr_assert_eq(producer_heads_newest(&heads, 9), 90);
    }
    producer_heads_forget(&heads, 10 * NODE, NULL, 0);
    cr_assert_eq(producer_heads_newest(&heads, 5), 5);
    cr_assert_eq(heads.bytes, bytes);
    producer_heads_fini(&heads);
}

Test(producer_heads, agrees_with_a_plain_array)
{
    enum { COUNT = 200000 };
    static uint64_t model[COUNT];
    struct producer_heads heads;
    producer_heads_init(&heads);
    srand(5);
    uint64_t gone = 0;
    for (uint64_t i = 1; i < 2 * COUNT; i++) {
        uint64_t position = (uint64_t)rand() % COUNT;
        if (position >= gone) {
            producer_heads_set(&heads, position, COUNT + i);
            model[position] = COUNT + i;
        }
        if (i % 20000 == 0) {
            gone = i / 4 / LEAF * LEAF;
            producer_heads_forget(&heads, gone, NULL, 0);
        }
    }
    for (uint64_t i = 0; i < COUNT; i++) {
        uint64_t newest = i < gone || model[i] == 0 ? i : model[i];
        cr_assert_eq(producer_heads_newest(&heads, i), newest, "position %zu", (size_t)i);
    }
    producer_heads_fini(&heads);
}
