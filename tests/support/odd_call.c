#include "support/odd_call.h"

#include "base/check.h"
#include "journal/file_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define BAD_MAX 4

struct bad_range {
    uint64_t inode;
    uint64_t from;
    uint64_t to;
};

static struct odd_call odd;
static struct bad_range bad[BAD_MAX];
static unsigned bad_count;
static unsigned seen;
static unsigned hits;
static struct file_ops table;
static const struct file_ops *below; /* what table stands in front of */

/* Whether this call is an odd one; then *answer is to be given instead of it. */
static bool
answers(enum odd_operation operation, const char *name, int *answer)
{
    if (operation != odd.operation || (odd.name != NULL && strcmp(name, odd.name) != 0)) {
        return false;
    }
    unsigned times = odd.times == 0 ? 1 : odd.times;
    if (seen++ < odd.after || hits >= times) {
        return false;
    }
    hits++;
    *answer = odd.answer;
    if (odd.meanwhile != NULL) {
        odd.meanwhile();
        return false;
    }
    return true;
}

static int
odd_open(int dir_fd, const char *name, int flags, unsigned mode)
{
    int answer;
    return answers(ODD_OPEN, name, &answer) ? answer : below->open(dir_fd, name, flags, mode);
}

/* As much of a read as can be read; 0: it begins with what cannot. */
static size_t
readable(int fd, size_t size, uint64_t offset)
{
    struct file_stat stat;
    if (bad_count == 0 || below->stat(fd, &stat) != 0) {
        return size;
    }
    for (unsigned i = 0; i < bad_count; i++) {
        if (bad[i].inode == stat.inode && offset < bad[i].to && offset + size > bad[i].from) {
            size = offset < bad[i].from ? (size_t)(bad[i].from - offset) : 0;
        }
    }
    return size;
}

static int64_t
odd_pread(int fd, void *to, size_t size, uint64_t offset)
{
    int answer;
    if (answers(ODD_PREAD, "", &answer)) {
        return answer;
    }
    size_t good = readable(fd, size, offset);
    if (good < size) {
        hits++;
    }
    return size > 0 && good == 0 ? -EIO : below->pread(fd, to, good, offset);
}

static int64_t
odd_pwrite(int fd, const void *from, size_t size, uint64_t offset)
{
    int answer;
    return answers(ODD_PWRITE, "", &answer) ? answer : below->pwrite(fd, from, size, offset);
}

static int
odd_sync_data(int fd)
{
    int answer;
    return answers(ODD_SYNC_DATA, "", &answer) ? answer : below->sync_data(fd);
}

static int
odd_sync_directory(int fd)
{
    int answer;
    return answers(ODD_SYNC_DIRECTORY, "", &answer) ? answer : below->sync_directory(fd);
}

static int
odd_rename(int dir_fd, const char *from, const char *to)
{
    int answer;
    return answers(ODD_RENAME, to, &answer) ? answer : below->rename(dir_fd, from, to);
}

static int
odd_unlink(int dir_fd, const char *name)
{
    int answer;
    return answers(ODD_UNLINK, name, &answer) ? answer : below->unlink(dir_fd, name);
}

static int
odd_allocate(int fd, uint64_t bytes)
{
    int answer;
    return answers(ODD_ALLOCATE, "", &answer) ? answer : below->allocate(fd, bytes);
}

static int
odd_lock(int fd)
{
    int answer;
    return answers(ODD_LOCK, "", &answer) ? answer : below->lock(fd);
}

static int
odd_stat(int fd, struct file_stat *stat)
{
    int answer;
    return answers(ODD_STAT, "", &answer) ? answer : below->stat(fd, stat);
}

static int
odd_stat_at(int dir_fd, const char *name, struct file_stat *stat)
{
    int answer;
    return answers(ODD_STAT_AT, name, &answer) ? answer : below->stat_at(dir_fd, name, stat);
}

static int
odd_space(int fd, struct file_space *space)
{
    int answer;
    return answers(ODD_SPACE, "", &answer) ? answer : below->space(fd, space);
}

static int
odd_list(int dir_fd, file_ops_entry_fn *entry, void *arg)
{
    int answer;
    return answers(ODD_LIST, "", &answer) ? answer : below->list(dir_fd, entry, arg);
}

static int
odd_random(void *to, size_t size)
{
    int answer;
    return answers(ODD_RANDOM, "", &answer) ? answer : below->random(to, size);
}

void
odd_call_set(const struct odd_call *call)
{
    odd = *call;
    bad_count = 0;
    seen = 0;
    hits = 0;
    if (file_ops_current() != &table) {
        below = file_ops_current();
    }
    table = *below;
    table.open = odd_open;
    table.pread = odd_pread;
    table.pwrite = odd_pwrite;
    table.sync_data = odd_sync_data;
    table.sync_directory = odd_sync_directory;
    table.rename = odd_rename;
    table.unlink = odd_unlink;
    table.allocate = odd_allocate;
    table.lock = odd_lock;
    table.stat = odd_stat;
    table.stat_at = odd_stat_at;
    table.space = odd_space;
    table.list = odd_list;
    table.random = odd_random;
    file_ops_install(&table);
}

void
odd_call_read_fails(uint64_t number, bool for_ever)
{
    odd_call_set(&(struct odd_call){.operation = number == 0 ? ODD_NONE : ODD_PREAD,
                                    .after = (unsigned)number - 1,
                                    .times = for_ever ? UINT_MAX : 1,
                                    .answer = -EIO});
}

void
odd_call_unreadable(const char *path, uint64_t from, uint64_t to)
{
    CHECK(bad_count < BAD_MAX);
    unsigned count = bad_count;
    struct file_stat stat;
    if (count == 0) {
        odd_call_set(&(struct odd_call){.operation = ODD_NONE});
    }
    CHECK(below->stat_at(AT_FDCWD, path, &stat) == 0);
    bad[count] = (struct bad_range){.inode = stat.inode, .from = from, .to = to};
    bad_count = count + 1;
}

unsigned
odd_call_count(void)
{
    return hits;
}
