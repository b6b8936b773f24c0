#include "journal/file_slow.h"

#include "base/clock.h"
#include "journal/file_ops.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#define DELAY_US 20000

Test(file_slow, a_sync_takes_at_least_the_delay_and_still_answers_as_it_did)
{
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    file_slow_install(DELAY_US);
    const struct file_ops *slow = file_ops_current();
    int64_t before_ns = clock_mono_ns();
    cr_assert_eq(slow->sync_data(fileno(file)), 0);
    cr_assert_geq(clock_mono_ns() - before_ns, (int64_t)DELAY_US * 1000);
    cr_assert_lt(slow->sync_data(-1), 0, "an error is passed on");
    cr_assert_eq(slow->pwrite, file_ops_system()->pwrite, "nothing else is slower");
    file_slow_install(0);
    cr_assert_eq(file_ops_current(), file_ops_system(), "no delay: the system's own table");
    (void)fclose(file);
}
