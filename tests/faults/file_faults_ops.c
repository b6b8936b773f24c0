#include "faults/file_faults_ops.h"

#include "journal/file_ops.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FDS 256

struct shared *shared;
static struct fault fault;
static uint64_t fault_at;
static bool failed_sync[FDS];
static bool is_position[FDS]; /* its one page is written anew by every claim, and only a hint */

/* Whether this operation is the one; kills at once when that is the fault. */
static bool
strikes(void)
{
    uint64_t n = ++shared->operations;
    if (n == fault_at && fault.kind == KILL_BEFORE) {
        (void)kill(getpid(), SIGKILL);
    }
    bool ever = fault.kind == FAIL_EVER || fault.kind == SHORT_EVER;
    return n == fault_at || (ever && n > fault_at);
}

static bool
fails(void)
{
    return strikes() && (fault.kind == FAIL || fault.kind == FAIL_EVER);
}

/* The operation's result, unless the process ends after it. */
static int64_t
done(int64_t result)
{
    if (shared->operations == fault_at && fault.kind == KILL_AFTER) {
        (void)kill(getpid(), SIGKILL);
    }
    return result;
}

#define SYSTEM(call) (int)done(fails() ? -fault.error : file_ops_system()->call)

static int
fault_open(int dir_fd, const char *name, int flags, unsigned mode)
{
    int fd = SYSTEM(open(dir_fd, name, flags, mode));
    if (fd >= 0 && fd < FDS) {
        failed_sync[fd] = false;
        is_position[fd] = strcmp(name, "position") == 0;
    }
    return fd;
}

/* Linux closes the descriptor also when it answers with an error. */
static int
fault_close(int fd)
{
    bool failing = fails();
    int rc = file_ops_system()->close(fd);
    return (int)done(failing ? -fault.error : rc);
}

static size_t
part_of(size_t size)
{
    bool cut = strikes() && (fault.kind == SHORT || fault.kind == SHORT_EVER) && size > 1;
    return cut ? 1 + (size_t)(shared->operations % (size - 1)) : size;
}

static bool
failing_now(void)
{
    bool ever = fault.kind == FAIL_EVER && shared->operations > fault_at;
    return ever ||
           (shared->operations == fault_at && (fault.kind == FAIL || fault.kind == FAIL_EVER));
}

static int64_t
fault_pread(int fd, void *to, size_t size, uint64_t offset)
{
    size_t part = part_of(size);
    return done(failing_now() ? -fault.error : file_ops_system()->pread(fd, to, part, offset));
}

static int64_t
fault_pwrite(int fd, const void *from, size_t size, uint64_t offset)
{
    shared->wrote_after_failed_sync |= failed_sync[fd];
    size_t part = part_of(size);
    return done(failing_now() ? -fault.error : file_ops_system()->pwrite(fd, from, part, offset));
}

static int
fault_sync_data(int fd)
{
    shared->wrote_after_failed_sync |= failed_sync[fd];
    int rc = SYSTEM(sync_data(fd));
    failed_sync[fd] |= rc != 0 && rc != -EINTR && !is_position[fd];
    return rc;
}

static int
fault_sync_directory(int fd)
{
    return SYSTEM(sync_directory(fd));
}

static int
fault_rename(int dir_fd, const char *from, const char *to)
{
    return SYSTEM(rename(dir_fd, from, to));
}

static int
fault_unlink(int dir_fd, const char *name)
{
    return SYSTEM(unlink(dir_fd, name));
}

static int
fault_mkdir(int dir_fd, const char *name, unsigned mode)
{
    return SYSTEM(mkdir(dir_fd, name, mode));
}

static int
fault_truncate(int fd, uint64_t bytes)
{
    return SYSTEM(truncate(fd, bytes));
}

static int
fault_allocate(int fd, uint64_t bytes)
{
    return SYSTEM(allocate(fd, bytes));
}

static int
fault_lock(int fd)
{
    return SYSTEM(lock(fd));
}

static int
fault_stat(int fd, struct file_stat *stat)
{
    return SYSTEM(stat(fd, stat));
}

static int
fault_stat_at(int dir_fd, const char *name, struct file_stat *stat)
{
    return SYSTEM(stat_at(dir_fd, name, stat));
}

static int
fault_list(int dir_fd, file_ops_entry_fn *entry, void *arg)
{
    return SYSTEM(list(dir_fd, entry, arg));
}

/* Allocations, by the linker's --wrap. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool
refused(void)
{
    return shared != NULL && ++shared->allocations == fault_at && fault.kind == MEMORY;
}

void *
__wrap_malloc(size_t size)
{
    return refused() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return refused() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
    return refused() ? NULL : __real_realloc(old, size);
}

void
file_faults_ops_install(const struct fault *kind, uint64_t at)
{
    static struct file_ops ops;
    ops = *file_ops_system();
    ops.open = fault_open;
    ops.close = fault_close;
    ops.pread = fault_pread;
    ops.pwrite = fault_pwrite;
    ops.sync_data = fault_sync_data;
    ops.sync_directory = fault_sync_directory;
    ops.rename = fault_rename;
    ops.unlink = fault_unlink;
    ops.mkdir = fault_mkdir;
    ops.truncate = fault_truncate;
    ops.allocate = fault_allocate;
    ops.lock = fault_lock;
    ops.stat = fault_stat;
    ops.stat_at = fault_stat_at;
    ops.list = fault_list;
    file_ops_install(&ops);
    fault = *kind;
    fault_at = at;
}
