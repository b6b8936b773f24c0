#include "broken_reads.h"

#include "journal/file_ops.h"

#include <errno.h>

static struct file_ops ops;
static const struct file_ops *below;
static uint64_t left; /* reads until one fails; 0: none will */
static bool stays;
static bool hit;

static int64_t
read_or_fail(int fd, void *to, size_t size, uint64_t offset)
{
    if (left == 1) {
        left = stays ? 1 : 0;
        hit = true;
        return -EIO;
    }
    left -= left > 0;
    return below->pread(fd, to, size, offset);
}

void
broken_reads_install(void)
{
    below = file_ops_current();
    ops = *below;
    ops.pread = read_or_fail;
    broken_reads_at(0, false);
    file_ops_install(&ops);
}

void
broken_reads_at(uint64_t number, bool for_ever)
{
    left = number;
    stays = for_ever;
    hit = false;
}

bool
broken_reads_hit(void)
{
    return hit;
}
