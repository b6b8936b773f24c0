#include "base/mem.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>

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
