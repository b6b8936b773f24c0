#include "base/clock.h"

#include "base/check.h"

#include <stdio.h>
#include <time.h>

static int64_t
clock_read_ns(clockid_t id)
{
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t
clock_mono_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

int64_t
clock_mono_ms(void)
{
    return clock_read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t
clock_unix_ms(void)
{
    return clock_read_ns(CLOCK_REALTIME) / 1000000;
}

char *
clock_text(int64_t unix_ms, char text[CLOCK_TEXT_SIZE])
{
    int64_t milli = unix_ms % 1000;
    time_t second = (time_t)(unix_ms / 1000);
    if (milli < 0) {
        milli += 1000;
        second -= 1;
    }
    struct tm parts;
    if (gmtime_r(&second, &parts) == NULL) {
        (void)snprintf(text, CLOCK_TEXT_SIZE, "%lldms", (long long)unix_ms); /* always fits */
        return text;
    }
    size_t used = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + used, CLOCK_TEXT_SIZE - used, ".%03dZ",
                   (int)milli); /* cut after year 9999 */
    return text;
}
