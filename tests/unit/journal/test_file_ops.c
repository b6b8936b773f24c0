#define _GNU_SOURCE /* statx */
#include "unit/journal/journal_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/* Calls of the C library that a test can make fail, or looks at. */
int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to,
                     unsigned flags); // NOLINT
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to,
                     unsigned flags);                            // NOLINT
int __real_fstatfs(int fd, struct statfs *stat);                 // NOLINT
int __wrap_fstatfs(int fd, struct statfs *stat);                 // NOLINT
DIR *__real_fdopendir(int fd);                                   // NOLINT
DIR *__wrap_fdopendir(int fd);                                   // NOLINT
ssize_t __real_getrandom(void *to, size_t size, unsigned flags); // NOLINT
ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags); // NOLINT
int __real_statx(int from_fd, const char *name, int flags, unsigned wanted,
                 struct statx *to); // NOLINT
int __wrap_statx(int from_fd, const char *name, int flags, unsigned wanted,
                 struct statx *to); // NOLINT

/* The errno with which the next such call fails; 0: it goes as always. */
static int next_errno;

static bool
fails(void)
{
    errno = next_errno;
    next_errno = 0;
    return errno != 0;
}

int
__wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) // NOLINT
{
    return fails() ? -1 : __real_renameat2(from_fd, from, to_fd, to, flags);
}

int
__wrap_fstatfs(int fd, struct statfs *stat) // NOLINT
{
    return fails() ? -1 : __real_fstatfs(fd, stat);
}

DIR *
__wrap_fdopendir(int fd) // NOLINT
{
    return fails() ? NULL : __real_fdopendir(fd);
}

ssize_t
__wrap_getrandom(void *to, size_t size, unsigned flags) // NOLINT
{
    return fails() ? -1 : __real_getrandom(to, size, flags);
}

/* What all calls so far have asked for. */
static unsigned asked_for;

int
__wrap_statx(int from_fd, const char *name, int flags, unsigned wanted, // NOLINT
             struct statx *to)
{
    asked_for |= wanted;
    return __real_statx(from_fd, name, flags, wanted, to);
}

static char path[64];
static int dir_fd;
static const struct file_ops *ops;

static void
setup(void)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(path, sizeof path, "%s/herald-ops-XXXXXX", base == NULL ? "/tmp" : base);
    cr_assert_not_null(mkdtemp(path));
    ops = file_ops_system();
    dir_fd = ops->open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    cr_assert_geq(dir_fd, 0);
}

static bool
remove_each(void *arg, const char *name)
{
    (void)arg;
    (void)unlinkat(dir_fd, name, 0);
    return true;
}

static void
teardown(void)
{
    cr_assert_eq(ops->list(dir_fd, remove_each, NULL), 0);
    (void)ops->close(dir_fd);
    cr_assert_eq(rmdir(path), 0);
}

TestSuite(file_ops, .init = setup, .fini = teardown);

static int
make(const char *name)
{
    int fd = ops->open(dir_fd, name, O_RDWR | O_CREAT | O_EXCL, 0600);
    cr_assert_geq(fd, 0);
    return fd;
}

Test(file_ops, what_is_written_is_read)
{
    char text[8] = {0};
    int fd = make("a");
    cr_assert_eq(ops->pwrite(fd, "hello", 5, 3), 5);
    cr_assert_eq(ops->sync_data(fd), 0);
    cr_assert_eq(ops->pread(fd, text, 8, 3), 5);
    cr_assert_str_eq(text, "hello");
    struct file_stat stat;
    cr_assert_eq(ops->stat(fd, &stat), 0);
    cr_assert_eq(stat.bytes, 8);
    cr_assert_eq(stat.mode, 0600);
    cr_assert_eq(stat.owner, ops->user());
    cr_assert_eq(ops->truncate(fd, 4), 0);
    cr_assert_eq(ops->stat_at(dir_fd, "a", &stat), 0);
    cr_assert_eq(stat.bytes, 4);
    cr_assert_eq(ops->close(fd), 0);
}

Test(file_ops, what_is_forgotten_is_read_from_the_disk)
{
    char text[8] = {0};
    int fd = make("a");
    cr_assert_eq(ops->pwrite(fd, "hello", 5, 0), 5);
    ops->forget(fd, 0, 4096); /* not synced: it stays */
    cr_assert_eq(ops->sync_data(fd), 0);
    ops->forget(fd, 0, 4096);
    cr_assert_eq(ops->pread(fd, text, 8, 0), 5);
    cr_assert_str_eq(text, "hello");
    cr_assert_eq(ops->close(fd), 0);
}

/* A file whose times were asked for has its inode written with each sync that follows a write. */
Test(file_ops, what_a_file_is_is_asked_without_its_times)
{
    struct file_stat by_fd;
    struct file_stat by_name;
    struct stat expected;
    int fd = make("a");
    cr_assert_eq(ops->pwrite(fd, "hello", 5, 0), 5);
    cr_assert_eq(ops->stat(fd, &by_fd), 0);
    cr_assert_eq(ops->stat_at(dir_fd, "a", &by_name), 0);
    cr_assert_neq(asked_for, 0);
    cr_assert_eq(asked_for & (STATX_ATIME | STATX_MTIME | STATX_CTIME | STATX_BTIME), 0);
    cr_assert_eq(fstat(fd, &expected), 0);
    cr_assert_eq(by_fd.device, expected.st_dev);
    cr_assert_eq(by_fd.inode, expected.st_ino);
    cr_assert_eq(by_fd.bytes, 5);
    cr_assert_not(by_fd.is_directory);
    cr_assert_eq(by_name.device, by_fd.device);
    cr_assert_eq(by_name.inode, by_fd.inode);
    cr_assert_eq(ops->close(fd), 0);
    cr_assert_eq(ops->stat(dir_fd, &by_fd), 0);
    cr_assert(by_fd.is_directory);
    cr_assert_eq(ops->stat(fd, &by_fd), -EBADF);
    cr_assert_eq(ops->stat_at(dir_fd, "b", &by_name), -ENOENT);
}

Test(file_ops, rename_never_replaces)
{
    (void)ops->close(make("a"));
    (void)ops->close(make("b"));
    cr_assert_eq(ops->rename(dir_fd, "a", "b"), -EEXIST);
    cr_assert_eq(ops->rename(dir_fd, "a", "c"), 0);
    cr_assert_eq(ops->rename(dir_fd, "a", "d"), -ENOENT);
    cr_assert_eq(ops->sync_directory(dir_fd), 0);
}

/* As on an old kernel, or a file system that knows no such flag. */
Test(file_ops, rename_never_replaces_where_the_system_cannot_promise_it)
{
    static const int unknown[] = {EINVAL, ENOSYS};
    (void)ops->close(make("a"));
    (void)ops->close(make("b"));
    for (int i = 0; i < 2; i++) {
        const char *from = i == 0 ? "a" : "c";
        next_errno = unknown[i];
        cr_assert_eq(ops->rename(dir_fd, from, "b"), -EEXIST);
        next_errno = unknown[i];
        cr_assert_eq(ops->rename(dir_fd, from, i == 0 ? "c" : "d"), 0);
        next_errno = unknown[i];
        cr_assert_eq(ops->rename(dir_fd, from, "e"), -ENOENT);
    }
    struct file_stat stat;
    cr_assert_eq(ops->stat_at(dir_fd, "d", &stat), 0);
}

Test(file_ops, a_symbolic_link_is_not_followed)
{
    cr_assert_eq(symlinkat("/etc/passwd", dir_fd, "link"), 0);
    cr_assert_eq(ops->open(dir_fd, "link", O_RDONLY, 0), -ELOOP);
}

Test(file_ops, a_second_lock_is_refused_and_ends_with_its_descriptor)
{
    int first = make("lock");
    int second = ops->open(dir_fd, "lock", O_RDWR, 0);
    cr_assert_eq(ops->lock(first), 0);
    cr_assert_eq(ops->lock(second), -EWOULDBLOCK);
    (void)ops->close(first);
    cr_assert_eq(ops->lock(second), 0);
    (void)ops->close(second);
}

static bool
count_until_two(void *arg, const char *name)
{
    (void)name;
    return ++*(int *)arg < 2;
}

Test(file_ops, listing_stops_when_asked_to)
{
    (void)ops->close(make("a"));
    (void)ops->close(make("b"));
    (void)ops->close(make("c"));
    int count = 0;
    cr_assert_eq(ops->list(dir_fd, count_until_two, &count), 0);
    cr_assert_eq(count, 2);
}

Test(file_ops, errors_are_negative_errnos)
{
    char byte = 0;
    struct file_stat stat;
    struct file_space space;
    cr_assert_eq(ops->open(dir_fd, "none", O_RDONLY, 0), -ENOENT);
    cr_assert_eq(ops->unlink(dir_fd, "none"), -ENOENT);
    cr_assert_eq(ops->stat_at(dir_fd, "none", &stat), -ENOENT);
    cr_assert_eq(ops->mkdir(AT_FDCWD, path, 0700), -EEXIST);
    cr_assert_eq(ops->pread(-1, &byte, 1, 0), -EBADF);
    cr_assert_eq(ops->pwrite(-1, &byte, 1, 0), -EBADF);
    cr_assert_eq(ops->sync_data(-1), -EBADF);
    cr_assert_eq(ops->sync_directory(-1), -EBADF);
    cr_assert_eq(ops->allocate(-1, 1), -EBADF);
    cr_assert_eq(ops->truncate(-1, 1), -EBADF);
    cr_assert_eq(ops->lock(-1), -EBADF);
    cr_assert_eq(ops->stat(-1, &stat), -EBADF);
    cr_assert_eq(ops->space(-1, &space), -EBADF);
    cr_assert_eq(ops->list(-1, remove_each, NULL), -EBADF);
    next_errno = EIO;
    cr_assert_eq(ops->space(dir_fd, &space), -EIO);
    next_errno = ENOMEM;
    cr_assert_eq(ops->list(dir_fd, remove_each, NULL), -ENOMEM);
    next_errno = ENOSYS;
    cr_assert_eq(ops->random(&byte, 1), -ENOSYS);
}

Test(file_ops, randomness_that_is_interrupted_goes_on)
{
    uint64_t number = 0;
    next_errno = EINTR;
    cr_assert_eq(ops->random(&number, sizeof number), 0);
    cr_assert_neq(number, 0);
}

Test(file_ops, space_time_and_randomness_are_there)
{
    struct file_space space;
    uint64_t a = 0;
    uint64_t b = 0;
    cr_assert_eq(ops->space(dir_fd, &space), 0);
    cr_assert_neq(space.type, 0);
    cr_assert_eq(ops->random(&a, sizeof a), 0);
    cr_assert_eq(ops->random(&b, sizeof b), 0);
    cr_assert_neq(a, b);
    cr_assert_leq(ops->now_ms(), ops->now_ms());
}

Test(file_ops, a_table_may_be_installed_and_put_back)
{
    struct file_ops other = *file_ops_system();
    file_ops_install(&other);
    cr_assert_eq(file_ops_current(), &other);
    file_ops_install(NULL);
    cr_assert_eq(file_ops_current(), file_ops_system());
}
