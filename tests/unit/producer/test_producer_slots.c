#include "producer_slots.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS 64U

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

/* Each part of each slot with a value of its own: none touches another, whatever comes later. */
static void
fill_and_look(size_t first_bytes, unsigned parts)
{
    struct producer_slots slots;
    producer_slots_init(&slots, SLOTS, first_bytes);
    for (unsigned part = 0; part < parts; part++) {
        size_t bytes = producer_slots_bytes(&slots, part);
        cr_assert_eq(bytes, part == 0 ? first_bytes : first_bytes << (part - 1));
        producer_slots_reach(&slots, part);
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            uint8_t *memory = producer_slots_at(&slots, slot, part);
            cr_assert(is_all(memory, bytes, 0), "slot %u, part %u", slot, part);
            memset(memory, (int)(1 + slot * parts + part) % 251, bytes);
        }
        producer_slots_reach(&slots, part); /* it is there */
    }
    for (unsigned part = 0; part < parts; part++) {
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            cr_assert(is_all(producer_slots_at(&slots, slot, part),
                             producer_slots_bytes(&slots, part),
                             (uint8_t)((1 + slot * parts + part) % 251)),
                      "slot %u, part %u", slot, part);
        }
    }
    producer_slots_fini(&slots);
    for (unsigned part = 0; part < PRODUCER_SLOTS_PARTS; part++) {
        cr_assert_null(slots.regions[part]);
    }
    producer_slots_fini(&slots); /* nothing is there any more */
}

Test(producer_slots, every_part_is_zeroed_and_touches_no_other)
{
    fill_and_look(65536, 5);
}

Test(producer_slots, parts_smaller_than_a_page_work_too)
{
    fill_and_look(128, 9);
}

Test(producer_slots, small_and_large_parts_lie_beside_each_other)
{
    fill_and_look(128, 11); /* from the tenth on a region is as large as what the others share */
}

/* The first notifications do not wait for it. */
Test(producer_slots, what_the_small_parts_share_is_fetched_at_once)
{
    struct producer_slots slots;
    producer_slots_init(&slots, SLOTS, 128);
    if (madvise(slots.small, 4096, MADV_POPULATE_WRITE) != 0 && errno == EINVAL) {
        cr_skip_test("this kernel cannot fetch memory (Linux before 5.14)");
    }
    static unsigned char pages[512];
    cr_assert_eq(mincore(slots.small, sizeof pages * 4096, pages), 0);
    for (size_t i = 0; i < sizeof pages; i++) {
        cr_assert(pages[i] & 1, "page %zu", i);
    }
    producer_slots_fini(&slots);
}

Test(producer_slots, a_large_part_is_fetched_whole_before_it_is_touched)
{
    struct producer_slots slots;
    producer_slots_init(&slots, SLOTS, 65536);
    producer_slots_reach(&slots, 0);
    if (madvise(slots.regions[0], 4096, MADV_POPULATE_WRITE) != 0 && errno == EINVAL) {
        cr_skip_test("this kernel cannot fetch memory (Linux before 5.14)");
    }
    producer_slots_reach(&slots, 1); /* 4 MiB; the next one waits for its fetching */
    producer_slots_reach(&slots, 2);
    static unsigned char pages[1024];
    cr_assert_eq(mincore(slots.regions[1], sizeof pages * 4096, pages), 0);
    for (size_t i = 0; i < sizeof pages; i++) {
        cr_assert(pages[i] & 1, "page %zu", i);
    }
    producer_slots_fini(&slots); /* while the last part is fetched */
}
