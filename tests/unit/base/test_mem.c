#include "base/mem.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

Test(mem, zeroed_memory_is_zero_and_size_zero_is_valid)
{
    unsigned char *memory = mem_zeroed(100);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(memory[i], 0);
    }
    mem_free(memory);
    void *none = mem_alloc(0);
    cr_assert_not_null(none);
    mem_free(none);
    mem_free(NULL);
}

Test(mem, a_product_that_overflows_aborts, .signal = SIGABRT)
{
    volatile size_t half = SIZE_MAX / 2; /* the compiler would warn of a constant */
    mem_free(mem_array(half, 4));
}

Test(mem, running_out_aborts, .signal = SIGABRT)
{
    volatile size_t more_than_there_is = SIZE_MAX / 4;
    mem_free(mem_alloc(more_than_there_is));
}

Test(mem, copies_are_equal_and_of_their_own)
{
    char *copy = mem_text("herald");
    cr_assert_str_eq(copy, "herald");
    copy = mem_resize(copy, 100);
    cr_assert_str_eq(copy, "herald");
    mem_free(copy);
    cr_assert_null(mem_text(NULL));
}

static size_t
resident_pages(void *start, size_t bytes)
{
    static unsigned char pages[4096];
    cr_assert_leq(bytes / 4096, sizeof pages);
    cr_assert_eq(mincore(start, bytes, pages), 0);
    size_t count = 0;
    for (size_t i = 0; i < bytes / 4096; i++) {
        count += pages[i] & 1;
    }
    return count;
}

Test(mem, what_was_fetched_is_there_and_keeps_what_is_in_it)
{
    size_t bytes = 5 * 1024 * 1024; /* not a whole number of pieces */
    unsigned char *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    memory[4096] = 7;
    if (madvise(memory, 4096, MADV_POPULATE_WRITE) != 0 && errno == EINVAL) {
        cr_skip_test("this kernel cannot fetch memory (Linux before 5.14)");
    }
    cr_assert_lt(resident_pages(memory, bytes), bytes / 4096);
    mem_fetch(memory, bytes);
    cr_assert_eq(resident_pages(memory, bytes), bytes / 4096);
    cr_assert_eq(memory[4096], 7);
    cr_assert_eq(memory[bytes - 1], 0);
    mem_fetch(memory, 0);
    cr_assert_eq(munmap(memory, bytes), 0);
    mem_fetch(memory, bytes); /* nothing is there: a hint only */
}
