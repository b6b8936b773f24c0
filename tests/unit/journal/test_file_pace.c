/* By itself a log tells a disk that takes long to answer from one that takes long to write. */
#include "journal/spare_pool.h"
#include "unit/journal/journal_fixture.h"

#include <poll.h>
#include <stdatomic.h>

bool __wrap_spare_pool_filling(spare_pool_t *self); // NOLINT

#define COMMITS 100
#define RECORD 30000U

/* A disk whose syncs take a time of their own and one for each byte since the last, by the log's
 * clock. The simulated disk belongs to one thread: a sync touches nothing. */
static sim_disk_t *disk;
static struct file_ops paced;
static atomic_llong clock_ns;
static atomic_llong written;
static long long answer_ns;
static bool filling; /* a spare, so the log is told */
static long long byte_ns;

bool
__wrap_spare_pool_filling(spare_pool_t *self) // NOLINT
{
    (void)self;
    return filling;
}

static int64_t
paced_pwrite(int fd, const void *from, size_t size, uint64_t offset)
{
    (void)atomic_fetch_add(&written, (long long)size);
    return sim_disk_table()->pwrite(fd, from, size, offset);
}

static int
paced_sync(int fd)
{
    (void)fd;
    long long bytes = atomic_exchange(&written, 0);
    (void)atomic_fetch_add(&clock_ns, answer_ns + bytes * byte_ns);
    return 0;
}

static int64_t
paced_now(void)
{
    return atomic_load(&clock_ns);
}

static void
setup(void)
{
    disk = fixture_disk();
    paced = *sim_disk_table();
    paced.pwrite = paced_pwrite;
    paced.sync_data = paced_sync;
    paced.now_ns = paced_now;
}

static void
teardown(void)
{
    sim_disk_destroy(&disk);
}

TestSuite(file_pace, .init = setup, .fini = teardown, .timeout = 60);

static unsigned
commits_aside_of(log_t *log, unsigned records, int commits)
{
    unsigned aside = 0;
    for (int i = 0; i < commits; i++) {
        fixture_append(log, 5, records, RECORD);
        cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
        cr_assert_eq(log_reap(log, NULL), ERR_OK);
        aside += log_durable(log) + 1 < log_next(log);
        while (log_durable(log) + 1 < log_next(log)) {
            struct pollfd event = {.fd = log_fd(log), .events = POLLIN};
            cr_assert_eq(poll(&event, 1, 60000), 1);
            cr_assert_eq(log_reap(log, NULL), ERR_OK);
        }
    }
    return aside;
}

static log_t *
own(void)
{
    log_t *log = fixture_own(0); /* makes the files */
    log_close(&log);
    file_ops_install(&paced);
    struct log_settings settings = fixture_settings();
    settings.segment_bytes = 16U * 1024 * 1024;
    settings.sync = LOG_SYNC_AUTO;
    cr_assert_eq(log_own(&log, &settings, "producer", 0, NULL), ERR_OK);
    return log;
}

static unsigned
commits_aside(log_t *log, unsigned records)
{
    return commits_aside_of(log, records, COMMITS);
}

/* Each commit has so many records of RECORD bytes, and the disk takes so long. More than one
 * segment is filled, but for the smallest. */
static unsigned
aside_of(unsigned records, long long to_answer_ns, long long a_byte_ns)
{
    log_t *log = own();
    answer_ns = to_answer_ns;
    byte_ns = a_byte_ns;
    unsigned aside = commits_aside(log, records);
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), (uint64_t)COMMITS * records);
    log_close(&log);
    return aside;
}

Test(file_pace, what_takes_long_for_its_bytes_alone_is_synced_here)
{
    cr_assert_eq(aside_of(13, 300000, 2), 0,
                 "390 KB in 1.1 ms, of which 0.3 are not for the bytes");
}

Test(file_pace, a_disk_that_takes_long_to_answer_is_slow_with_any_size)
{
    cr_assert_gt(aside_of(13, 2000000, 2), 80);
}

Test(file_pace, a_small_commit_has_no_such_excuse)
{
    cr_assert_gt(aside_of(1, 1200000, 2), 80);
}

Test(file_pace, a_disk_that_writes_very_slowly_is_slow)
{
    cr_assert_gt(aside_of(13, 100000, 6), 80, "2.4 ms");
}

/* Prepared meanwhile, they are a fifth faster. */
Test(file_pace, a_commit_of_many_blocks_is_slow_for_its_bytes_too)
{
    cr_assert_gt(aside_of(30, 100000, 2), 80, "900 KB in 1.9 ms");
}

/* What the zeros of a spare make slow the disk's answer is not, and nothing that was learnt before
 * is forgotten meanwhile. */
Test(file_pace, no_sync_is_judged_while_a_spare_is_filled)
{
    log_t *log = own();
    answer_ns = 3000000;
    filling = true;
    cr_assert_eq(commits_aside(log, 1), 0, "they wait for zeros");
    filling = false;
    cr_assert_gt(commits_aside(log, 1), 80, "they do not");
    filling = true;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(commits_aside(log, 1), COMMITS, "nor is it found out anew");
    }
    filling = false;
    cr_assert_eq(commits_aside_of(log, 1, 1), 1);
    filling = true; /* just as it was to be */
    cr_assert_eq(commits_aside(log, 1), COMMITS - 1, "but for the one that was to decide");
    filling = false;
    answer_ns = 100000;
    cr_assert_leq(commits_aside(log, 1), 1, "it is, and they are quick");
    log_close(&log);
}
