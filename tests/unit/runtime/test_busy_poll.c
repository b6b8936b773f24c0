#include "runtime/busy_poll.h"

#include <criterion/criterion.h>

#define TIME_NS INT64_C(300000)
#define NOW_NS INT64_C(1000000000000)

static struct busy_poll
busy(void)
{
    struct busy_poll poll = {.time_ns = TIME_NS};
    for (int i = 0; i < 100; i++) {
        busy_poll_waited(&poll, TIME_NS - 1);
    }
    return poll;
}

static int
waits_until(struct busy_poll *poll, bool begins, int64_t waited_ns)
{
    int waits = 0;
    while (busy_poll_begins(poll, NOW_NS) != begins && waits < 1000) {
        busy_poll_waited(poll, waited_ns);
        waits++;
    }
    return waits;
}

Test(busy_poll, begins_when_news_mostly_comes_in_time_and_ends_when_it_does_not)
{
    struct busy_poll poll = {.time_ns = TIME_NS};
    cr_assert_not(busy_poll_begins(&poll, NOW_NS), "nothing is known yet");
    int until = waits_until(&poll, true, TIME_NS - 1);
    cr_assert(until >= 5 && until <= 20, "%d waits", until);
    poll = busy();
    until = waits_until(&poll, false, TIME_NS);
    cr_assert(until >= 2 && until <= 5, "%d waits", until);
}

Test(busy_poll, is_not_worth_it_when_every_second_wait_is_long)
{
    struct busy_poll poll = busy();
    for (int i = 0; i < 20; i++) {
        busy_poll_waited(&poll, i % 2 == 0 ? TIME_NS : 1);
    }
    for (int i = 0; i < 100; i++) {
        cr_assert_not(busy_poll_begins(&poll, NOW_NS));
        busy_poll_waited(&poll, i % 2 == 0 ? TIME_NS : 1);
    }
}

Test(busy_poll, goes_on_although_one_wait_in_eight_is_long)
{
    struct busy_poll poll = busy();
    for (int i = 0; i < 800; i++) {
        busy_poll_waited(&poll, i % 8 == 0 ? TIME_NS : 1);
        cr_assert(busy_poll_begins(&poll, NOW_NS), "wait %d", i);
    }
}

Test(busy_poll, of_no_time_never_begins)
{
    struct busy_poll poll = {.time_ns = 0};
    for (int i = 0; i < 100; i++) {
        cr_assert_not(busy_poll_begins(&poll, NOW_NS));
        busy_poll_waited(&poll, 0);
    }
}

Test(busy_poll, ends_with_its_time)
{
    struct busy_poll poll = busy();
    int64_t last_ns = NOW_NS + TIME_NS - 1;
    cr_assert(busy_poll_goes_on(&poll, NOW_NS, NOW_NS, NOW_NS));
    cr_assert(busy_poll_goes_on(&poll, NOW_NS, last_ns - 1000, last_ns));
    cr_assert_not(busy_poll_goes_on(&poll, NOW_NS, last_ns - 1000, last_ns + 1));
    cr_assert(busy_poll_begins(&poll, last_ns + 1));
}

Test(busy_poll, ends_when_others_had_the_processor_meanwhile)
{
    struct busy_poll poll = busy();
    int64_t now_ns = NOW_NS + BUSY_POLL_YIELDED_NS;
    cr_assert(busy_poll_goes_on(&poll, NOW_NS, NOW_NS + 1, now_ns));
    cr_assert_not(busy_poll_goes_on(&poll, NOW_NS, NOW_NS, now_ns));
    cr_assert(busy_poll_begins(&poll, now_ns), "the next wait may poll");
}

Test(busy_poll, pauses_when_the_process_was_stopped)
{
    struct busy_poll poll = busy();
    int64_t now_ns = NOW_NS + BUSY_POLL_STOPPED_NS;
    cr_assert_not(busy_poll_goes_on(&poll, NOW_NS, NOW_NS, now_ns));
    cr_assert_not(busy_poll_begins(&poll, now_ns + BUSY_POLL_PAUSE_NS - 1));
    cr_assert(busy_poll_begins(&poll, now_ns + BUSY_POLL_PAUSE_NS));
}
