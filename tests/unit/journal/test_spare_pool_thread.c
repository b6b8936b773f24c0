#include "unit/journal/journal_fixture.h"

#include "base/clock.h"
#include "journal/spare_pool.h"
#include "support/odd_call.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *arg); // NOLINT
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *arg);                     // NOLINT
int __real_pthread_join(pthread_t thread, void **result); // NOLINT
int __wrap_pthread_join(pthread_t thread, void **result); // NOLINT

static sim_disk_t *disk;
static const struct file_ops *ops;
static int dir_fd;
static bool no_thread;
static atomic_bool joining; /* the pool is told to stop */

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, // NOLINT
                      void *(*start)(void *), void *arg)
{
    return no_thread ? EAGAIN : __real_pthread_create(thread, attr, start, arg);
}

int
__wrap_pthread_join(pthread_t thread, void **result) // NOLINT
{
    atomic_store(&joining, true);
    return __real_pthread_join(thread, result);
}

static void
setup(void)
{
    disk = fixture_disk();
    odd_call_set(&(struct odd_call){.operation = ODD_NONE});
    ops = file_ops_current();
    dir_fd = ops->open(AT_FDCWD, "/", O_RDONLY, 0);
}

static void
teardown(void)
{
    sim_disk_destroy(&disk);
}

TestSuite(spare_pool_thread, .init = setup, .fini = teardown);

static bool
none(void *arg, const char *name)
{
    (void)arg;
    cr_assert_fail("%s was left behind", name);
    return true;
}

static atomic_bool met;

static bool
wait_for(atomic_bool *flag)
{
    int64_t until = clock_mono_ms() + 60000;
    while (!atomic_load(flag) && clock_mono_ms() < until) {
        (void)sched_yield();
    }
    return atomic_load(flag);
}

static void
meet(void)
{
    atomic_store(&met, true);
}

static void
meet_and_wait(void)
{
    meet();
    (void)wait_for(&joining); /* else the file is filled, and found */
}

/* The disk belongs to the thread that fills, until that has ended. */
Test(spare_pool_thread, its_thread_ends_in_the_middle_of_a_file_and_leaves_nothing)
{
    const uint64_t bytes = 3U * 1024 * 1024;
    odd_call_set(
        &(struct odd_call){.operation = ODD_PWRITE, .after = 1, .meanwhile = meet_and_wait});
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, bytes, 0);
    spare_pool_in_background(pool);
    cr_assert(wait_for(&met));
    spare_pool_destroy(&pool);
    cr_assert_eq(ops->list(dir_fd, none, NULL), 0);
}

Test(spare_pool_thread, its_thread_ends_while_it_waits_for_room)
{
    sim_disk_set_capacity(disk, 0);
    odd_call_set(&(struct odd_call){.operation = ODD_SPACE, .meanwhile = meet});
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
    spare_pool_in_background(pool);
    cr_assert(wait_for(&met));
    spare_pool_destroy(&pool);
    cr_assert_eq(ops->list(dir_fd, none, NULL), 0);
}

Test(spare_pool_thread, without_its_thread_it_keeps_none_in_stock)
{
    no_thread = true;
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
    spare_pool_in_background(pool);
    struct spare spare;
    cr_assert_not(spare_pool_take(pool, &spare));
    cr_assert_eq(spare_pool_fill(pool), 0);
    spare_pool_destroy(&pool);
}

/* What is written and synced of the one file that is being filled, in order. How many blocks a file
 * system counts for zeros is its own business: some count none for what is certainly on disk. */
static struct file_ops counting;
static atomic_ullong filled;
static atomic_ullong synced;
static atomic_bool skipped;

static int64_t
count_pwrite(int fd, const void *from, size_t size, uint64_t offset)
{
    int64_t count = file_ops_system()->pwrite(fd, from, size, offset);
    if (offset == 0) {
        atomic_store(&filled, 0);
        atomic_store(&synced, 0);
    }
    if (offset != atomic_load(&filled)) {
        atomic_store(&skipped, true);
    }
    if (count > 0) {
        atomic_fetch_add(&filled, (unsigned long long)count);
    }
    return count;
}

static int
count_sync(int fd)
{
    unsigned long long written = atomic_load(&filled);
    int rc = file_ops_system()->sync_data(fd);
    if (rc == 0) {
        atomic_store(&synced, written);
    }
    return rc;
}

static int
rename_filled(int fd, const char *from, const char *to)
{
    if (atomic_load(&synced) != 8U * 1024 * 1024) {
        atomic_store(&skipped, true); /* named before all of it was on disk */
    }
    return file_ops_system()->rename(fd, from, to);
}

/* On the system's files: the simulated disk belongs to one thread. */
Test(spare_pool_thread, a_thread_keeps_one_in_stock_and_stops_at_once)
{
    file_ops_install(NULL);
    char path[64];
    const char *base = getenv("TMPDIR");
    (void)snprintf(path, sizeof path, "%s/herald-spare-XXXXXX", base == NULL ? "/tmp" : base);
    cr_assert_not_null(mkdtemp(path));
    int real_fd = open(path, O_RDONLY | O_DIRECTORY);
    counting = *file_ops_system();
    counting.pwrite = count_pwrite;
    counting.sync_data = count_sync;
    counting.rename = rename_filled;
    spare_pool_t *pool = spare_pool_new(&counting, real_fd, 8U * 1024 * 1024, 0);
    spare_pool_in_background(pool);
    int64_t until = clock_mono_ms() + 60000;
    for (int i = 0; i < 2; i++) {
        struct spare spare;
        while (!spare_pool_take(pool, &spare)) {
            cr_assert_lt(clock_mono_ms(), until);
            (void)sched_yield();
        }
        struct stat stat;
        cr_assert_eq(fstat(spare.fd, &stat), 0);
        cr_assert_eq(stat.st_size, 8 * 1024 * 1024);
        cr_assert_not(atomic_load(&skipped), "every byte written in order and synced, no hole");
        (void)close(spare.fd);
    }
    spare_pool_destroy(&pool); /* in the middle of the next */
    (void)close(real_fd);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r '%s'", path);
    cr_assert_eq(system(command), 0);
}

static struct file_ops forgetting;
static atomic_bool forgot_all;

static void
see_forget(int fd, uint64_t offset, uint64_t size)
{
    (void)fd;
    atomic_store(&forgot_all, offset + size == 2U * 1024 * 1024);
}

/* A log whose retired segments are used again needs none to be filled. */
Test(spare_pool_thread, its_thread_forgets_an_old_segment_also_when_there_is_nothing_to_fill)
{
    int fd = ops->open(dir_fd, "old.seg", O_RDWR | O_CREAT, 0600);
    (void)ops->close(fd);
    forgetting = *ops;
    forgetting.forget = see_forget;
    spare_pool_t *pool = spare_pool_new(&forgetting, dir_fd, 2U * 1024 * 1024, 0);
    cr_assert_eq(spare_pool_fill(pool), 0);
    spare_pool_in_background(pool);
    spare_pool_forget(pool, "old.seg");
    cr_assert(wait_for(&forgot_all));
    spare_pool_destroy(&pool);
}
