#include "sim_death.h"

#include "support/sim_disk.h"

#include <errno.h>

static bool dying;
static struct file_ops table;

static int64_t
dying_pwrite(int fd, const void *from, size_t size, uint64_t offset)
{
    return dying ? -EIO : sim_disk_table()->pwrite(fd, from, size, offset);
}

static int
dying_sync_data(int fd)
{
    return dying ? -EIO : sim_disk_table()->sync_data(fd);
}

static int
dying_sync_directory(int fd)
{
    return dying ? -EIO : sim_disk_table()->sync_directory(fd);
}

static int
dying_rename(int dir_fd, const char *from, const char *to)
{
    return dying ? -EIO : sim_disk_table()->rename(dir_fd, from, to);
}

static int
dying_unlink(int dir_fd, const char *name)
{
    return dying ? -EIO : sim_disk_table()->unlink(dir_fd, name);
}

static int
dying_truncate(int fd, uint64_t bytes)
{
    return dying ? -EIO : sim_disk_table()->truncate(fd, bytes);
}

static int
dying_allocate(int fd, uint64_t bytes)
{
    return dying ? -EIO : sim_disk_table()->allocate(fd, bytes);
}

void
sim_death_install(void)
{
    table = *sim_disk_table();
    table.pwrite = dying_pwrite;
    table.sync_data = dying_sync_data;
    table.sync_directory = dying_sync_directory;
    table.rename = dying_rename;
    table.unlink = dying_unlink;
    table.truncate = dying_truncate;
    table.allocate = dying_allocate;
    dying = false;
    file_ops_install(&table);
}

void
sim_death_set(bool now)
{
    dying = now;
}
