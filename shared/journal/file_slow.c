#include "journal/file_slow.h"

#include "journal/file_ops.h"

#include <errno.h>
#include <time.h>

#define US_A_SECOND 1000000U

static struct timespec delay;
static struct file_ops slow_ops;

static int
slow_sync_data(int fd)
{
    int rc = file_ops_system()->sync_data(fd);
    struct timespec left = delay;
    while (rc == 0 && nanosleep(&left, &left) != 0 && errno == EINTR) {
        continue;
    }
    return rc;
}

void
file_slow_install(uint32_t delay_us)
{
    delay.tv_sec = delay_us / US_A_SECOND;
    delay.tv_nsec = (long)(delay_us % US_A_SECOND) * 1000;
    slow_ops = *file_ops_system();
    slow_ops.sync_data = slow_sync_data;
    file_ops_install(delay_us > 0 ? &slow_ops : NULL);
}
