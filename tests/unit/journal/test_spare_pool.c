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
                          void *arg); // NOLINT

static sim_disk_t *disk;
static const struct file_ops *ops;
static int dir_fd;
static bool no_thread;

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, // NOLINT
                      void *(*start)(void *), void *arg)
{
    return no_thread ? EAGAIN : __real_pthread_create(thread, attr, start, arg);
}

static void
setup(void)
{
    disk = fixture_disk();
    odd_call_set(&(struct odd_call){ODD_NONE});
    ops = file_ops_current();
    dir_fd = ops->open(AT_FDCWD, "/", O_RDONLY, 0);
}

static void
teardown(void)
{
    sim_disk_destroy(&disk);
}

TestSuite(spare_pool, .init = setup, .fini = teardown);

Test(spare_pool, what_is_filled_is_taken_and_an_empty_pool_says_so)
{
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0, false);
    struct spare spare;
    cr_assert_not(spare_pool_take(pool, &spare));
    cr_assert_eq(spare_pool_fill(pool), 0);
    cr_assert_eq(spare_pool_bytes(pool), FIXTURE_SEGMENT);
    cr_assert(spare_pool_take(pool, &spare));
    cr_assert_eq(spare_pool_bytes(pool), 0);
    struct file_stat stat;
    cr_assert_eq(ops->stat(spare.fd, &stat), 0);
    cr_assert_eq(stat.bytes, FIXTURE_SEGMENT);
    spare_pool_return(pool, &spare);
    cr_assert_eq(spare_pool_bytes(pool), FIXTURE_SEGMENT);
    spare_pool_destroy(&pool);
}

Test(spare_pool, spares_outlive_a_restart)
{
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0, false);
    cr_assert_eq(spare_pool_fill(pool), 0);
    cr_assert_eq(spare_pool_fill(pool), 0);
    spare_pool_destroy(&pool);
    pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0, false);
    cr_assert_eq(spare_pool_bytes(pool), 2 * FIXTURE_SEGMENT);
    spare_pool_destroy(&pool);
    pool = spare_pool_new(ops, dir_fd, 2 * FIXTURE_SEGMENT, 0, false);
    cr_assert_eq(spare_pool_bytes(pool), 0, "another size is of no use");
    spare_pool_destroy(&pool);
}

Test(spare_pool, a_full_disk_leaves_nothing_behind)
{
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0, false);
    sim_disk_set_capacity(disk, 1000);
    cr_assert_eq(spare_pool_fill(pool), -ENOSPC);
    cr_assert_eq(spare_pool_bytes(pool), 0);
    sim_disk_set_capacity(disk, 1U << 30);
    cr_assert_eq(spare_pool_fill(pool), 0);
    spare_pool_destroy(&pool);
}

Test(spare_pool, retired_files_are_kept_up_to_a_few)
{
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0, false);
    for (int i = 0; i < SPARE_POOL_MAX + 2; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d.seg", i);
        int fd = ops->open(dir_fd, name, O_RDWR | O_CREAT, 0600);
        cr_assert_eq(ops->allocate(fd, FIXTURE_SEGMENT), 0);
        (void)ops->close(fd);
        size_t size;
        cr_assert_eq(spare_pool_recycle(pool, name), i < SPARE_POOL_MAX);
        cr_assert_eq(sim_disk_bytes(disk, name, &size) == NULL, i < SPARE_POOL_MAX);
    }
    spare_pool_destroy(&pool);
    pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0, false);
    struct spare spare;
    cr_assert(spare_pool_take(pool, &spare));
    (void)ops->close(spare.fd);
    int fd = ops->open(dir_fd, "short.seg", O_RDWR | O_CREAT, 0600);
    (void)ops->close(fd);
    cr_assert_not(spare_pool_recycle(pool, "short.seg"), "another size");
    cr_assert_not(spare_pool_recycle(pool, "none.seg"));
    spare_pool_destroy(&pool);
}

Test(spare_pool, takes_nothing_of_what_is_to_be_kept_free)
{
    sim_disk_set_capacity(disk, 3 * FIXTURE_SEGMENT);
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 2 * FIXTURE_SEGMENT, false);
    cr_assert_eq(spare_pool_fill(pool), 0);
    cr_assert_eq(spare_pool_fill(pool), -ENOSPC);
    cr_assert_eq(spare_pool_bytes(pool), FIXTURE_SEGMENT);
    spare_pool_keep_free(pool, FIXTURE_SEGMENT);
    cr_assert_eq(spare_pool_fill(pool), 0);
    cr_assert_eq(spare_pool_bytes(pool), 2 * FIXTURE_SEGMENT);
    spare_pool_destroy(&pool);
}

Test(spare_pool, keeps_more_free_than_there_is_by_filling_nothing)
{
    sim_disk_set_capacity(disk, 3 * FIXTURE_SEGMENT);
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 4 * FIXTURE_SEGMENT, false);
    cr_assert_eq(spare_pool_fill(pool), -ENOSPC);
    spare_pool_destroy(&pool);
}

static bool
none(void *arg, const char *name)
{
    (void)arg;
    cr_assert_fail("%s was left behind", name);
    return true;
}

Test(spare_pool, a_file_that_cannot_be_filled_or_synced_or_named_is_removed)
{
    static const enum odd_operation operations[] = {ODD_OPEN, ODD_PWRITE, ODD_SYNC_DATA,
                                                    ODD_RENAME};
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0, false);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        odd_call_set(&(struct odd_call){.operation = operations[i], .answer = -EIO});
        cr_assert_eq(spare_pool_fill(pool), -EIO);
        cr_assert_eq(spare_pool_bytes(pool), 0);
        cr_assert_eq(ops->list(dir_fd, none, NULL), 0);
    }
    spare_pool_destroy(&pool);
}

Test(spare_pool, what_is_given_back_to_a_full_pool_is_removed)
{
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0, false);
    struct spare spare;
    cr_assert_eq(spare_pool_fill(pool), 0);
    cr_assert(spare_pool_take(pool, &spare));
    for (int i = 0; i < SPARE_POOL_MAX; i++) {
        cr_assert_eq(spare_pool_fill(pool), 0);
    }
    spare_pool_return(pool, &spare);
    cr_assert_eq(spare_pool_bytes(pool), SPARE_POOL_MAX * FIXTURE_SEGMENT);
    size_t size;
    cr_assert_null(sim_disk_bytes(disk, spare.name, &size));
    spare_pool_destroy(&pool);
}

/* Files that no version of ours has made: a name that is longer than ours stays where it is, and a
 * number beyond all of ours does not push the next file's name out of its room. */
Test(spare_pool, odd_names_do_no_harm)
{
    static const char *const names[] = {"a-name-that-is-longer-than-any-of-ours.spare",
                                        "99999999999.spare"};
    for (size_t i = 0; i < 2; i++) {
        int fd = ops->open(dir_fd, names[i], O_RDWR | O_CREAT, 0600);
        cr_assert_eq(ops->allocate(fd, FIXTURE_SEGMENT), 0);
        (void)ops->close(fd);
    }
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0, false);
    cr_assert_eq(spare_pool_bytes(pool), FIXTURE_SEGMENT, "the second is one");
    cr_assert_eq(spare_pool_fill(pool), 0);
    size_t size;
    cr_assert_not_null(sim_disk_bytes(disk, "2.spare", &size));
    cr_assert_not_null(sim_disk_bytes(disk, names[0], &size));
    spare_pool_destroy(&pool);
}

Test(spare_pool, without_its_thread_it_keeps_none_in_stock)
{
    no_thread = true;
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0, true);
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
Test(spare_pool, a_thread_keeps_one_in_stock_and_stops_at_once)
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
    spare_pool_t *pool = spare_pool_new(&counting, real_fd, 8U * 1024 * 1024, 0, true);
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
