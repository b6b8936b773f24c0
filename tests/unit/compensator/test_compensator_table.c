#include "compensator_table.h"

#include <criterion/criterion.h>

TestSuite(compensator_table, .timeout = 60);

Test(compensator_table, every_cell_of_the_state_table_is_as_its_header_says)
{
    static const int expected[COMPENSATOR_STATE_COUNT][COMPENSATOR_EVENT_COUNT] = {
        [COMPENSATOR_NONE] = {COMPENSATOR_HELD, -1, -1, -1, COMPENSATOR_AWAY},
        [COMPENSATOR_HELD] = {-1, COMPENSATOR_CASE, -1, COMPENSATOR_ENDED, COMPENSATOR_AWAY},
        [COMPENSATOR_CASE] = {-1, -1, COMPENSATOR_AWAY, COMPENSATOR_ENDED, COMPENSATOR_AWAY},
        [COMPENSATOR_AWAY] = {COMPENSATOR_HELD, -1, -1, COMPENSATOR_ENDED, -1},
        [COMPENSATOR_ENDED] = {-1, -1, -1, -1, -1},
    };
    for (int state = 0; state < COMPENSATOR_STATE_COUNT; state++) {
        for (int event = 0; event < COMPENSATOR_EVENT_COUNT; event++) {
            struct compensator_entry entry = {.state = (uint8_t)state};
            bool good = compensator_table_to(&entry, (enum compensator_event)event);
            int wanted = expected[state][event];
            cr_assert_eq(good, wanted >= 0, "%d %d", state, event);
            cr_assert_eq(entry.state, wanted >= 0 ? wanted : state, "%d %d", state, event);
        }
    }
}

/* Any walk of adds and drops finds exactly what is there. */
Test(compensator_table, finds_what_was_added_until_it_is_dropped)
{
    enum { KEYS = 3000, STEPS = 60000 };
    static bool there[KEYS];
    compensator_table_t *table = compensator_table_new();
    uint64_t random = 7;
    uint32_t count = 0;
    for (int step = 0; step < STEPS; step++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t number = (uint32_t)(random >> 33) % KEYS;
        struct delivery_key key = {.position = 1 + number / 3,
                                   .subscription = (uint16_t)(1 + number % 3)};
        struct compensator_entry *entry = compensator_table_find(table, key);
        cr_assert_eq(entry != NULL, there[number]);
        if (entry == NULL) {
            entry = compensator_table_add(table, key);
            cr_assert_eq(compensator_table_at(table, entry->slot), entry);
            count++;
        } else {
            cr_assert_eq(entry->key.position, key.position);
            cr_assert_eq(entry->key.subscription, key.subscription);
            compensator_table_drop(table, entry);
            count--;
        }
        there[number] = !there[number];
        cr_assert_eq(compensator_table_count(table), count);
    }
    cr_assert_leq(compensator_table_slots(table), KEYS);
    compensator_table_destroy(&table);
    compensator_table_destroy(&table); /* NULL by now */
}

/* It grows while places of it are empty. */
Test(compensator_table, what_stays_is_found_when_it_grows_around_gaps)
{
    enum { KEYS = 31, MORE = 200 };
    compensator_table_t *table = compensator_table_new();
    for (uint64_t i = 1; i <= KEYS; i++) {
        (void)compensator_table_add(table, (struct delivery_key){i, 1});
    }
    for (uint64_t i = 1; i <= KEYS; i += 2) {
        compensator_table_drop(table, compensator_table_find(table, (struct delivery_key){i, 1}));
    }
    /* Fewer buckets than entries would need: the spare places are used up last. */
    for (uint64_t i = KEYS + 1; i <= MORE; i++) {
        struct compensator_entry *entry = compensator_table_add(table, (struct delivery_key){i, 1});
        if (i % 3 == 0) {
            compensator_table_drop(table, entry);
        }
    }
    for (uint64_t i = 1; i <= MORE; i++) {
        bool there = i <= KEYS ? i % 2 == 0 : i % 3 != 0;
        cr_assert_eq(compensator_table_find(table, (struct delivery_key){i, 1}) != NULL, there,
                     "%llu", (unsigned long long)i);
    }
    compensator_table_destroy(&table);
}
