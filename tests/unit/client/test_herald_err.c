#include "client/herald_err.h"

#include "base/err_name.h"

#include <criterion/criterion.h>

Test(herald_err, names_every_code_as_the_services_do)
{
    for (err_t err = ERR_TIMEOUT - 1; err <= ERR_OK + 1; err++) {
        cr_assert_str_eq(herald_err_name(err), err_name(err));
    }
    cr_assert_str_eq(herald_err_name(ERR_FULL), "ERR_FULL");
}
