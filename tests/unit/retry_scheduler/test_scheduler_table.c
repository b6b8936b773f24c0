#include "base/mem.h"
#include "scheduler_table.h"

#include <criterion/criterion.h>

static struct delivery_key
key_of(uint32_t number)
{
    return (struct delivery_key){.position = number / 3 + 1,
                                 .subscription = (uint16_t)(number % 3 + 1)};
}

Test(scheduler_table, finds_each_of_many_by_its_key_and_none_after_removal)
{
    enum { MANY = 50000 };
    struct scheduler_table table;
    scheduler_table_init(&table);
    struct scheduler_entry **entries = mem_array(MANY, sizeof *entries);
    for (uint32_t i = 0; i < MANY; i++) {
        cr_assert_null(scheduler_table_find(&table, key_of(i)));
        entries[i] = scheduler_table_add(&table, key_of(i));
    }
    cr_assert_eq(scheduler_table_count(&table), MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        cr_assert_eq(scheduler_table_find(&table, key_of(i)), entries[i]);
        cr_assert_eq(scheduler_table_at(&table, scheduler_entry_index(entries[i])), entries[i]);
    }
    for (uint32_t i = 0; i < MANY; i += 2) {
        scheduler_table_remove(&table, entries[i]);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        cr_assert_eq(scheduler_table_find(&table, key_of(i)), i % 2 == 0 ? NULL : entries[i]);
    }
    mem_free(entries);
    scheduler_table_fini(&table);
}

Test(scheduler_table, a_place_used_again_has_another_generation)
{
    struct scheduler_table table;
    scheduler_table_init(&table);
    struct scheduler_entry *entry = scheduler_table_add(&table, key_of(1));
    uint32_t index = scheduler_entry_index(entry);
    uint64_t generation = entry->generation;
    scheduler_table_remove(&table, entry);
    cr_assert_null(scheduler_table_at(&table, index));
    entry = scheduler_table_add(&table, key_of(2));
    cr_assert_eq(scheduler_entry_index(entry), index);
    cr_assert_neq(entry->generation, generation);
    cr_assert_eq(table.used, 1);
    scheduler_table_fini(&table);
}

Test(scheduler_table, a_line_is_first_in_first_out_and_can_be_left_from_anywhere)
{
    struct scheduler_table table;
    scheduler_table_init(&table);
    struct scheduler_entry *entries[5];
    for (uint32_t i = 0; i < 5; i++) {
        entries[i] = scheduler_table_add(&table, key_of(i));
        scheduler_table_ready(&table, entries[i], 7, INT64_MAX);
    }
    scheduler_table_out(&table, entries[2]);    /* the middle */
    scheduler_table_away(&table, entries[0]);   /* the first */
    scheduler_table_remove(&table, entries[4]); /* the last */
    cr_assert_eq(table.lines[7].count, 2);
    cr_assert_eq(scheduler_table_first(&table, 7), entries[1]);
    scheduler_table_out(&table, entries[1]);
    cr_assert_eq(scheduler_table_first(&table, 7), entries[3]);
    scheduler_table_ready(&table, entries[2], 7, INT64_MAX);
    scheduler_table_out(&table, entries[3]);
    cr_assert_eq(scheduler_table_first(&table, 7), entries[2]);
    scheduler_table_out(&table, entries[2]);
    cr_assert_null(scheduler_table_first(&table, 7));
    cr_assert_eq(table.lines[7].count, 0);
    cr_assert_eq(table.counts[SCHEDULER_OUT], 3);
    cr_assert_eq(table.counts[SCHEDULER_AWAY], 1);
    scheduler_table_fini(&table);
}

Test(scheduler_table, the_heap_holds_what_waits_and_what_has_a_deadline_and_nothing_else)
{
    struct scheduler_table table;
    scheduler_table_init(&table);
    struct scheduler_entry *one = scheduler_table_add(&table, key_of(1));
    struct scheduler_entry *two = scheduler_table_add(&table, key_of(2));
    uint32_t index;
    scheduler_table_wait(&table, one, 100);
    scheduler_table_wait(&table, two, 50);
    cr_assert(deadline_heap_due(&table.heap, 50, &index));
    cr_assert_eq(index, scheduler_entry_index(two));
    scheduler_table_ready(&table, two, 0, INT64_MAX);
    cr_assert_not(deadline_heap_due(&table.heap, 99, &index));
    scheduler_table_ready(&table, two, 0, 70);
    cr_assert(deadline_heap_due(&table.heap, 70, &index));
    scheduler_table_out(&table, two);
    scheduler_table_remove(&table, one);
    cr_assert_eq(deadline_heap_next_ms(&table.heap), INT64_MAX);
    scheduler_table_fini(&table);
}

/* OPERATIONS, "Memory", and a million of them in at most 96 bytes each, growth included. */
Test(scheduler_table, costs_at_most_88_bytes_an_entry_that_waits_at_every_count)
{
    struct scheduler_table table;
    scheduler_table_init(&table);
    for (uint32_t i = 0; i < 1200000; i++) {
        struct delivery_key key = {.position = UINT64_C(3) * i + 1, .subscription = 1};
        struct scheduler_entry *entry = scheduler_table_add(&table, key);
        scheduler_table_wait(&table, entry, (int64_t)((i * UINT64_C(2654435761)) % 3600000));
        if (i >= 100000 && i % 1000 == 0) {
            double each = (double)scheduler_table_bytes(&table) / (double)(i + 1);
            cr_assert_leq(each, 88.0, "%.1f at %u", each, i + 1);
        }
    }
    scheduler_table_fini(&table);
}

Test(scheduler_table, every_field_holds_its_largest_and_touches_no_other)
{
    struct scheduler_table table;
    scheduler_table_init(&table);
    const uint64_t far = SCHEDULER_POSITION(UINT64_MAX);
    struct delivery_key key = {.position = far, .subscription = LIMIT_SUBSCRIPTIONS};
    struct scheduler_entry *entry = scheduler_table_add(&table, key);
    entry->last = SCHEDULER_POSITION(far - 1);
    entry->taken = SCHEDULER_POSITION(far - 2);
    entry->copy = SCHEDULER_POSITION(far - 3);
    entry->first_sent_unix_ms = SCHEDULER_TIME(INT64_MAX);
    entry->deadline_unix_ms = SCHEDULER_TIME((INT64_C(1) << 47) - 2);
    entry->attempts = UINT8_MAX;
    entry->unburnt = UINT16_MAX - 1;
    entry->back = UINT8_MAX;
    entry->turn = UINT16_MAX;
    entry->cancel_turn = UINT16_MAX - 1;
    entry->is_case = true;
    scheduler_table_ready(&table, entry, LIMIT_GROUPS - 1, 5);
    cr_assert_eq(scheduler_table_find(&table, key), entry);
    cr_assert_eq(entry->position, far);
    cr_assert_eq(entry->subscription, LIMIT_SUBSCRIPTIONS);
    cr_assert_eq(entry->last, far - 1);
    cr_assert_eq(entry->taken, far - 2);
    cr_assert_eq(entry->copy, far - 3);
    cr_assert_eq(entry->first_sent_unix_ms, (INT64_C(1) << 47) - 1);
    cr_assert_eq(entry->deadline_unix_ms, (INT64_C(1) << 47) - 2);
    cr_assert_eq(entry->attempts, UINT8_MAX);
    cr_assert_eq(entry->turn, UINT16_MAX);
    cr_assert_eq(entry->cancel_turn, UINT16_MAX - 1);
    cr_assert_eq(entry->unburnt, UINT16_MAX - 1);
    cr_assert_eq(entry->back, UINT8_MAX);
    cr_assert_eq(entry->group, LIMIT_GROUPS - 1);
    cr_assert_eq(entry->state, SCHEDULER_READY);
    cr_assert(entry->is_case && !entry->sent && !entry->alone && !entry->described);
    scheduler_table_wait(&table, entry, 77);
    cr_assert_eq(scheduler_table_due_ms(&table, entry), 77);
    scheduler_table_fini(&table);
}

Test(scheduler_table, tells_keys_of_one_bucket_apart_and_passes_free_places_over_when_it_grows)
{
    enum { MANY = 3000 };
    struct scheduler_table table;
    scheduler_table_init(&table);
    for (uint32_t i = 0; i < 1000; i++) {
        (void)scheduler_table_add(&table,
                                  (struct delivery_key){.position = i + 1, .subscription = 1});
    }
    for (uint32_t i = 1; i < 1000; i += 2) {
        scheduler_table_remove(
            &table, scheduler_table_find(
                        &table, (struct delivery_key){.position = i + 1, .subscription = 1}));
    }
    table.free = SCHEDULER_NONE; /* so that they stay free while it grows */
    for (uint32_t i = 0; i < MANY; i++) {
        (void)scheduler_table_add(&table,
                                  (struct delivery_key){.position = i / 60 + 5000,
                                                        .subscription = (uint16_t)(i % 60 + 1)});
    }
    for (uint32_t i = 0; i < MANY + 200; i++) {
        struct delivery_key key = {.position = i / 60 + 5000,
                                   .subscription = (uint16_t)(i % 60 + 1)};
        cr_assert_eq(scheduler_table_find(&table, key) != NULL, i < MANY);
        key.subscription = 64;
        cr_assert_null(scheduler_table_find(&table, key));
    }
    scheduler_table_fini(&table);
}
