#define _GNU_SOURCE /* O_DIRECT */
#include "unit/journal/journal_fixture.h"

#include "journal/spare_pool.h"
#include "support/odd_call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static sim_disk_t *disk;
static const struct file_ops *ops;
static int dir_fd;

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

TestSuite(spare_pool, .init = setup, .fini = teardown);

/* As large as a spare. */
static void
make_file(const char *name)
{
    int fd = ops->open(dir_fd, name, O_RDWR | O_CREAT, 0600);
    cr_assert_eq(ops->allocate(fd, FIXTURE_SEGMENT), 0);
    (void)ops->close(fd);
}

Test(spare_pool, what_is_filled_is_taken_and_an_empty_pool_says_so)
{
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
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
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
    cr_assert_eq(spare_pool_fill(pool), 0);
    cr_assert_eq(spare_pool_fill(pool), 0);
    spare_pool_destroy(&pool);
    pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
    cr_assert_eq(spare_pool_bytes(pool), 2 * FIXTURE_SEGMENT);
    spare_pool_destroy(&pool);
    pool = spare_pool_new(ops, dir_fd, 2 * FIXTURE_SEGMENT, 0);
    cr_assert_eq(spare_pool_bytes(pool), 0, "another size is of no use");
    spare_pool_destroy(&pool);
}

Test(spare_pool, a_full_disk_leaves_nothing_behind)
{
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
    sim_disk_set_capacity(disk, 1000);
    cr_assert_eq(spare_pool_fill(pool), -ENOSPC);
    cr_assert_eq(spare_pool_bytes(pool), 0);
    sim_disk_set_capacity(disk, 1U << 30);
    cr_assert_eq(spare_pool_fill(pool), 0);
    spare_pool_destroy(&pool);
}

Test(spare_pool, a_file_system_that_does_not_say_its_room_is_tried)
{
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, FIXTURE_SEGMENT);
    odd_call_set(&(struct odd_call){.operation = ODD_SPACE, .answer = -ENOSYS});
    cr_assert_eq(spare_pool_fill(pool), 0);
    cr_assert_eq(odd_call_count(), 1);
    spare_pool_destroy(&pool);
}

static size_t
file_count(void)
{
    size_t count = 0;
    for (int i = 0; i < 20; i++) {
        char name[16];
        size_t size;
        (void)snprintf(name, sizeof name, "%d.spare", i);
        count += sim_disk_bytes(disk, name, &size) != NULL;
    }
    return count;
}

Test(spare_pool, one_more_than_are_kept_is_removed_when_filled_and_when_found)
{
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
    for (int i = 0; i <= SPARE_POOL_MAX; i++) {
        cr_assert_eq(spare_pool_fill(pool), 0);
    }
    cr_assert_eq(spare_pool_bytes(pool), SPARE_POOL_MAX * FIXTURE_SEGMENT);
    cr_assert_eq(file_count(), SPARE_POOL_MAX);
    spare_pool_destroy(&pool);
    make_file("19.spare");
    pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
    cr_assert_eq(file_count(), SPARE_POOL_MAX);
    spare_pool_destroy(&pool);
}

Test(spare_pool, one_that_cannot_be_opened_is_of_no_use)
{
    static const struct odd_call calls[] = {
        {.operation = ODD_OPEN, .name = "2.spare", .answer = -EIO},
        {.operation = ODD_STAT, .answer = -EIO},
    };
    for (size_t i = 0; i < 2; i++) {
        spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
        cr_assert_eq(spare_pool_fill(pool), 0);
        spare_pool_destroy(&pool);
        odd_call_set(&calls[i]);
        pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
        cr_assert_eq(spare_pool_bytes(pool), 0);
        cr_assert_eq(file_count(), 0);
        make_file("1.seg");
        odd_call_set(&(struct odd_call){.operation = ODD_OPEN, .name = "1.seg", .answer = -EIO});
        cr_assert_not(spare_pool_recycle(pool, "1.seg"), "the caller removes it");
        spare_pool_destroy(&pool);
        teardown();
        setup();
    }
}

Test(spare_pool, retired_files_are_kept_up_to_a_few)
{
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
    for (int i = 0; i < SPARE_POOL_MAX + 2; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d.seg", i);
        make_file(name);
        size_t size;
        cr_assert_eq(spare_pool_recycle(pool, name), i < SPARE_POOL_MAX);
        cr_assert_eq(sim_disk_bytes(disk, name, &size) == NULL, i < SPARE_POOL_MAX);
    }
    spare_pool_destroy(&pool);
    pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
    struct spare spare;
    cr_assert(spare_pool_take(pool, &spare));
    (void)ops->close(spare.fd);
    int fd = ops->open(dir_fd, "short.seg", O_RDWR | O_CREAT, 0600);
    (void)ops->close(fd);
    cr_assert_not(spare_pool_recycle(pool, "short.seg"), "another size");
    cr_assert_not(spare_pool_recycle(pool, "none.seg"));
    spare_pool_destroy(&pool);
}

/* A power cut could bring the old name back, with what has been written to the file since. */
Test(spare_pool, a_retired_segment_is_handed_out_only_once_the_directory_is_synced)
{
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
    struct spare spare;
    make_file("1.seg");
    make_file("2.seg");
    odd_call_set(&(struct odd_call){.operation = ODD_SYNC_DIRECTORY, .answer = -EIO});
    cr_assert_eq(spare_pool_recycle(pool, "1.seg"), -EIO);
    cr_assert_eq(odd_call_count(), 1);
    cr_assert_not(spare_pool_take(pool, &spare));
    cr_assert_eq(spare_pool_recycle(pool, "2.seg"), 1);
    cr_assert(spare_pool_take(pool, &spare));
    spare_pool_return(pool, &spare);
    spare_pool_destroy(&pool);
}

Test(spare_pool, takes_nothing_of_what_is_to_be_kept_free)
{
    sim_disk_set_capacity(disk, 3 * FIXTURE_SEGMENT);
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 2 * FIXTURE_SEGMENT);
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
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 4 * FIXTURE_SEGMENT);
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
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
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
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
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
        make_file(names[i]);
    }
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT, 0);
    cr_assert_eq(spare_pool_bytes(pool), FIXTURE_SEGMENT, "the second is one");
    cr_assert_eq(spare_pool_fill(pool), 0);
    size_t size;
    cr_assert_not_null(sim_disk_bytes(disk, "2.spare", &size));
    cr_assert_not_null(sim_disk_bytes(disk, names[0], &size));
    spare_pool_destroy(&pool);
}

Test(spare_pool, fills_also_what_is_no_whole_number_of_pages)
{
    spare_pool_t *pool = spare_pool_new(ops, dir_fd, FIXTURE_SEGMENT + 512, 0);
    struct spare spare;
    size_t size;
    cr_assert_eq(spare_pool_fill(pool), 0);
    cr_assert(spare_pool_take(pool, &spare));
    cr_assert_not_null(sim_disk_bytes(disk, spare.name, &size));
    cr_assert_eq(size, FIXTURE_SEGMENT + 512);
    (void)ops->close(spare.fd);
    spare_pool_destroy(&pool);
}

/* A file system that has no O_DIRECT, or refuses this use of it. */
static struct file_ops indirect;
static int direct_fd;
static bool opens_direct;
static int direct_answer; /* of a direct write; 0: it is carried out */
static int direct_writes;

static int
open_indirect(int at_fd, const char *name, int flags, unsigned mode)
{
    bool direct = (flags & O_DIRECT) != 0;
    int fd = direct && !opens_direct ? -EINVAL : ops->open(at_fd, name, flags, mode);
    direct_fd = direct ? fd : direct_fd;
    return fd;
}

static int64_t
pwrite_indirect(int fd, const void *from, size_t size, uint64_t offset)
{
    direct_writes += fd == direct_fd;
    return fd == direct_fd && direct_answer != 0 ? direct_answer
                                                 : ops->pwrite(fd, from, size, offset);
}

Test(spare_pool, is_filled_past_the_page_cache_and_also_where_that_is_refused)
{
    static const int answers[] = {-EINVAL, -EOPNOTSUPP, 0};
    indirect = *ops;
    indirect.open = open_indirect;
    indirect.pwrite = pwrite_indirect;
    spare_pool_t *pool = spare_pool_new(&indirect, dir_fd, FIXTURE_SEGMENT, 0);
    for (int i = -1; i < 3; i++) {
        direct_fd = -1;
        direct_writes = 0;
        opens_direct = i >= 0;
        direct_answer = i >= 0 ? answers[i] : 0;
        struct spare spare;
        cr_assert_eq(spare_pool_fill(pool), 0);
        cr_assert(spare_pool_take(pool, &spare));
        size_t size;
        cr_assert_not_null(sim_disk_bytes(disk, spare.name, &size));
        cr_assert_eq(size, FIXTURE_SEGMENT);
        cr_assert_eq(direct_writes > 0, opens_direct);
        (void)ops->close(spare.fd);
    }
    spare_pool_destroy(&pool);
}

static struct file_ops forgetting;
static uint64_t forgotten; /* the range's end */
static unsigned forgets;

static void
count_forget(int fd, uint64_t offset, uint64_t size)
{
    (void)fd;
    cr_assert_eq(offset, forgotten, "step by step");
    forgotten = offset + size;
    forgets++;
}

Test(spare_pool, an_old_segment_is_forgotten_while_a_spare_is_filled)
{
    const uint64_t bytes = 3U * 1024 * 1024;
    forgetting = *ops;
    forgetting.forget = count_forget;
    spare_pool_t *pool = spare_pool_new(&forgetting, dir_fd, bytes, 0);
    spare_pool_forget(pool, "retired.seg");
    cr_assert_eq(spare_pool_fill(pool), 0);
    cr_assert_eq(forgets, 0, "it is not there any more");
    int fd = ops->open(dir_fd, "old.seg", O_RDWR | O_CREAT, 0600);
    (void)ops->close(fd);
    spare_pool_forget(pool, "old.seg");
    struct spare spare;
    cr_assert(spare_pool_take(pool, &spare));
    cr_assert_eq(spare_pool_fill(pool), 0);
    cr_assert_eq(forgotten, bytes);
    spare_pool_return(pool, &spare);
    cr_assert(spare_pool_take(pool, &spare));
    cr_assert_eq(spare_pool_fill(pool), 0);
    cr_assert_eq(forgets, 3, "once is enough");
    spare_pool_return(pool, &spare);
    spare_pool_destroy(&pool);
}

static spare_pool_t *watched;
static unsigned filling_seen;

static int64_t
pwrite_watched(int fd, const void *from, size_t size, uint64_t offset)
{
    cr_assert_eq(spare_pool_filling(watched), offset > 0);
    filling_seen += offset > 0;
    return ops->pwrite(fd, from, size, offset);
}

Test(spare_pool, says_while_it_fills_one)
{
    static struct file_ops watching;
    watching = *ops;
    watching.pwrite = pwrite_watched;
    watched = spare_pool_new(&watching, dir_fd, 3U * 1024 * 1024, 0);
    cr_assert_not(spare_pool_filling(watched));
    cr_assert_eq(spare_pool_fill(watched), 0);
    cr_assert_eq(filling_seen, 2, "of three steps");
    cr_assert_not(spare_pool_filling(watched));
    spare_pool_destroy(&watched);
}
