#include "producer_slots.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#define SLOTS 64U
#define SMALLEST 65536U

static bool
is_all(const uint8_t *memory, size_t size, uint8_t value)
{
    for (size_t i = 0; i < size; i++) {
        if (memory[i] != value) {
            return false;
        }
    }
    return true;
}

Test(producer_slots, slots_are_zeroed_and_do_not_touch)
{
    struct producer_slots slots;
    producer_slots_init(&slots, SLOTS, SMALLEST);
    uint8_t *memory[SLOTS];
    for (uint32_t i = 0; i < SLOTS; i++) {
        memory[i] = producer_slots_take(&slots, i, SMALLEST);
        cr_assert(is_all(memory[i], SMALLEST, 0));
        memset(memory[i], (int)(i + 1), SMALLEST);
    }
    for (uint32_t i = 0; i < SLOTS; i++) {
        cr_assert(is_all(memory[i], SMALLEST, (uint8_t)(i + 1)), "slot %u", i);
    }
    producer_slots_fini(&slots);
}

Test(producer_slots, who_leaves_takes_nothing_from_the_others_and_the_last_one_the_region)
{
    struct producer_slots slots;
    producer_slots_init(&slots, SLOTS, SMALLEST);
    uint8_t *memory[SLOTS];
    for (uint32_t i = 0; i < SLOTS; i++) {
        memory[i] = producer_slots_take(&slots, i, SMALLEST);
        memset(memory[i], 0xa5, SMALLEST);
    }
    for (uint32_t i = 0; i < SLOTS; i++) {
        uint8_t *larger = producer_slots_take(&slots, i, 4 * SMALLEST);
        cr_assert(is_all(larger, 4 * (size_t)SMALLEST, 0));
        producer_slots_leave(&slots, i, SMALLEST);
        for (uint32_t k = i + 1; k < SLOTS; k++) {
            cr_assert(is_all(memory[k], SMALLEST, 0xa5), "slot %u after %u has left", k, i);
        }
    }
    cr_assert_null(slots.regions[0].base, "all have left");
    cr_assert_not_null(slots.regions[2].base);
    producer_slots_fini(&slots);
    cr_assert_null(slots.regions[2].base);
}

Test(producer_slots, a_place_that_is_left_goes_back_to_the_system)
{
    struct producer_slots slots;
    producer_slots_init(&slots, SLOTS, SMALLEST);
    uint8_t *first = producer_slots_take(&slots, 0, SMALLEST);
    uint8_t *second = producer_slots_take(&slots, 1, SMALLEST);
    memset(first, 9, SMALLEST);
    memset(second, 7, SMALLEST);
    producer_slots_leave(&slots, 0, SMALLEST);
    cr_assert(is_all(first, SMALLEST, 0), "what was there is gone");
    cr_assert(is_all(second, SMALLEST, 7));
    producer_slots_fini(&slots);
}

Test(producer_slots, slots_smaller_than_a_page_work_too)
{
    struct producer_slots slots;
    producer_slots_init(&slots, SLOTS, 1024);
    uint8_t *first = producer_slots_take(&slots, 0, 1024);
    uint8_t *second = producer_slots_take(&slots, 1, 1024);
    memset(second, 7, 1024);
    memset(first, 9, 1024);
    producer_slots_leave(&slots, 0, 1024);
    cr_assert(is_all(second, 1024, 7));
    producer_slots_fini(&slots);
}
