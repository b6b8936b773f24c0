#include "journal/file_slow.h"

#include "base/clock.h"
#include "journal/file_ops.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define DELAY_US 20000

int __real_nanosleep(const struct timespec *delay, struct timespec *left); // NOLINT
int __wrap_nanosleep(const struct timespec *delay, struct timespec *left); // NOLINT

static int sleep_errnos[2]; /* of the first calls; 0: they sleep */
static unsigned sleep_count;

int
__wrap_nanosleep(const struct timespec *delay, struct timespec *left) // NOLINT
{
    int error = sleep_count < 2 ? sleep_errnos[sleep_count] : 0;
    sleep_count++;
    if (error == 0) {
        return __real_nanosleep(delay, left);
    }
    errno = error;
    *left = *delay;
    return -1;
}

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

Test(file_slow, a_delay_that_is_interrupted_goes_on_and_one_that_cannot_be_ends)
{
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    file_slow_install(1);
    sleep_errnos[0] = EINTR;
    cr_assert_eq(file_ops_current()->sync_data(fileno(file)), 0);
    cr_assert_eq(sleep_count, 2);
    sleep_errnos[0] = EINVAL;
    sleep_count = 0;
    cr_assert_eq(file_ops_current()->sync_data(fileno(file)), 0);
    cr_assert_eq(sleep_count, 1);
    file_slow_install(0);
    (void)fclose(file);
}
