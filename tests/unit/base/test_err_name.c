#include "base/err_name.h"

#include <criterion/criterion.h>

Test(err_name, every_code_has_its_name)
{
    cr_assert_str_eq(err_name(ERR_OK), "ERR_OK");
    cr_assert_str_eq(err_name(ERR_CONFLICT), "ERR_CONFLICT");
    cr_assert_str_eq(err_name(ERR_TIMEOUT), "ERR_TIMEOUT");
    for (err_t err = ERR_TIMEOUT; err <= ERR_OK; err++) {
        cr_assert_str_neq(err_name(err), "ERR_?");
    }
}

Test(err_name, a_number_that_is_not_listed_is_named_so)
{
    cr_assert_str_eq(err_name(1), "ERR_?");
    cr_assert_str_eq(err_name(ERR_TIMEOUT - 1), "ERR_?");
}
