#define _GNU_SOURCE /* renameat2, fallocate, statx */
#include "journal/file_ops.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <unistd.h>

static int
answer(int rc)
{
    return rc < 0 ? -errno : rc;
}

static int
system_open(int dir_fd, const char *name, int flags, unsigned mode)
{
    return answer(openat(dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode));
}

static int
system_close(int fd)
{
    return answer(close(fd));
}

static int64_t
system_pread(int fd, void *to, size_t size, uint64_t offset)
{
    ssize_t count = pread(fd, to, size, (off_t)offset);
    return count < 0 ? -(int64_t)errno : (int64_t)count;
}

static int64_t
system_pwrite(int fd, const void *from, size_t size, uint64_t offset)
{
    ssize_t count = pwrite(fd, from, size, (off_t)offset);
    return count < 0 ? -(int64_t)errno : (int64_t)count;
}

static int
system_sync_data(int fd)
{
    return answer(fdatasync(fd));
}

static int
system_sync_directory(int fd)
{
    return answer(fsync(fd));
}

static int
system_rename(int dir_fd, const char *from, const char *to)
{
    if (renameat2(dir_fd, from, dir_fd, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -errno;
    }
    /* An old kernel or file system without the flag. The lock makes us the only one who renames
     * here, so asking first is as good. */
    struct stat stat;
    if (fstatat(dir_fd, to, &stat, AT_SYMLINK_NOFOLLOW) == 0) {
        return -EEXIST;
    }
    return answer(renameat(dir_fd, from, dir_fd, to));
}

static int
system_unlink(int dir_fd, const char *name)
{
    return answer(unlinkat(dir_fd, name, 0));
}

static int
system_mkdir(int dir_fd, const char *name, unsigned mode)
{
    return answer(mkdirat(dir_fd, name, (mode_t)mode));
}

static int
system_truncate(int fd, uint64_t bytes)
{
    return answer(ftruncate(fd, (off_t)bytes));
}

static int
system_allocate(int fd, uint64_t bytes)
{
    return answer(fallocate(fd, 0, 0, (off_t)bytes));
}

static int
system_lock(int fd)
{
    return answer(flock(fd, LOCK_EX | LOCK_NB));
}

/*
 * statx, since it can be asked for these and no times. stat asks for the times too, and from Linux
 * 6.13 on a file whose times were asked for has its next write noted to the nanosecond instead of
 * to the tick: the inode is dirty again with each write, and each fdatasync may have to write it as
 * well. Source: "multigrain timestamps" in the kernel's filesystems/multigrain-ts.
 */
static int
stat_named(int dir_fd, const char *name, int flags, struct file_stat *to)
{
    struct statx from;
    const unsigned wanted = STATX_TYPE | STATX_MODE | STATX_UID | STATX_INO | STATX_SIZE;
    if (statx(dir_fd, name, flags, wanted, &from) != 0) {
        return -errno;
    }
    *to = (struct file_stat){
        .device = makedev(from.stx_dev_major, from.stx_dev_minor),
        .inode = from.stx_ino,
        .bytes = from.stx_size,
        .owner = from.stx_uid,
        .mode = from.stx_mode & 07777U,
        .is_directory = S_ISDIR(from.stx_mode),
    };
    return 0;
}

static int
system_stat(int fd, struct file_stat *to)
{
    return stat_named(fd, "", AT_EMPTY_PATH, to);
}

static int
system_stat_at(int dir_fd, const char *name, struct file_stat *to)
{
    return stat_named(dir_fd, name, AT_SYMLINK_NOFOLLOW, to);
}

static int
system_space(int fd, struct file_space *space)
{
    struct statvfs volume;
    struct statfs type;
    if (fstatvfs(fd, &volume) != 0 || fstatfs(fd, &type) != 0) {
        return -errno;
    }
    space->free_bytes = (uint64_t)volume.f_bavail * (uint64_t)volume.f_frsize;
    space->type = (uint64_t)(uint32_t)type.f_type;
    return 0;
}

static int
system_list(int dir_fd, file_ops_entry_fn *entry, void *arg)
{
    /* A descriptor of its own: closedir closes what fdopendir was given. */
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        int rc = -errno;
        (void)close(fd); /* read only */
        return rc;
    }
    bool go_on = true;
    errno = 0;
    for (struct dirent *found; go_on && (found = readdir(dir)) != NULL; errno = 0) {
        if (strcmp(found->d_name, ".") != 0 && strcmp(found->d_name, "..") != 0) {
            go_on = entry(arg, found->d_name);
        }
    }
    int rc = go_on ? -errno : 0;
    (void)closedir(dir); /* read only */
    return rc;
}

static int
system_random(void *to, size_t size)
{
    for (uint8_t *next = to; size > 0;) {
        ssize_t count = getrandom(next, size, 0);
        if (count < 0 && errno != EINTR) {
            return -errno;
        }
        if (count > 0) {
            next += count;
            size -= (size_t)count;
        }
    }
    return 0;
}

static unsigned
system_user(void)
{
    return (unsigned)geteuid();
}

static void
system_forget(int fd, uint64_t offset, uint64_t size)
{
    (void)posix_fadvise(fd, (off_t)offset, (off_t)size, POSIX_FADV_DONTNEED); /* a hint */
}

static const struct file_ops system_ops = {
    .open = system_open,
    .close = system_close,
    .pread = system_pread,
    .pwrite = system_pwrite,
    .sync_data = system_sync_data,
    .sync_directory = system_sync_directory,
    .rename = system_rename,
    .unlink = system_unlink,
    .mkdir = system_mkdir,
    .truncate = system_truncate,
    .allocate = system_allocate,
    .forget = system_forget,
    .lock = system_lock,
    .stat = system_stat,
    .stat_at = system_stat_at,
    .space = system_space,
    .list = system_list,
    .random = system_random,
    .now_ms = clock_mono_ms,
    .now_ns = clock_mono_ns,
    .user = system_user,
};

static const struct file_ops *installed = &system_ops;

const struct file_ops *
file_ops_current(void)
{
    return installed;
}

void
file_ops_install(const struct file_ops *ops)
{
    installed = ops == NULL ? &system_ops : ops;
}

const struct file_ops *
file_ops_system(void)
{
    return &system_ops;
}
