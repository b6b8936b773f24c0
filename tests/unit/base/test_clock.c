#include "base/clock.h"
#include <string.h>

#include <criterion/criterion.h>

Test(clock, wall_time_is_shown_as_rfc_3339_in_utc)
{
    char text[CLOCK_TEXT_SIZE];
    cr_assert_str_eq(clock_text(0, text), "1970-01-01T00:00:00.000Z");
    cr_assert_str_eq(clock_text(1795421250123, text), "2026-11-23T08:07:30.123Z");
}

Test(clock, times_before_1970_and_absurd_ones_are_shown_too)
{
    char text[CLOCK_TEXT_SIZE];
    cr_assert_str_eq(clock_text(-1, text), "1969-12-31T23:59:59.999Z");
    cr_assert_str_eq(clock_text(-1500, text), "1969-12-31T23:59:58.500Z");
    (void)clock_text(INT64_MAX, text); /* terminated text, whatever it says */
    cr_assert_lt(strlen(text), (size_t)CLOCK_TEXT_SIZE);
    (void)clock_text(INT64_MIN, text);
    cr_assert_lt(strlen(text), (size_t)CLOCK_TEXT_SIZE);
}

Test(clock, monotonic_time_never_goes_back)
{
    int64_t last_ns = clock_mono_ns();
    for (int i = 0; i < 100000; i++) {
        int64_t now_ns = clock_mono_ns();
        cr_assert_geq(now_ns, last_ns);
        last_ns = now_ns;
    }
}
