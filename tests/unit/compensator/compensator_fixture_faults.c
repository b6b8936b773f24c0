/* The journal's reads can be made to fail; everything else of the disk stays the system's. */
#include "compensator_fixture.h"
#include "journal/file_ops.h"

#include <errno.h>

static struct file_ops table;
static uint64_t reads_left; /* until one fails; 0: none will */
static bool has_failed;

static int64_t
read_or_fail(int fd, void *to, size_t size, uint64_t offset)
{
    if (reads_left > 1) {
        reads_left--;
    } else if (reads_left == 1) {
        has_failed = true;
        return -EIO;
    }
    return file_ops_system()->pread(fd, to, size, offset);
}

void
fixture_install_faults(void)
{
    table = *file_ops_system();
    table.pread = read_or_fail;
    file_ops_install(&table);
    fixture_fail_reads(0);
}

void
fixture_fail_reads(uint64_t at)
{
    reads_left = at;
    has_failed = at > 0 ? false : has_failed;
}

bool
fixture_read_failed(void)
{
    return has_failed;
}
