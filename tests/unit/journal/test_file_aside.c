/* Syncs on threads of their own: what a result proves, and when the log goes without them. */
#include "journal/sync_pool.h"
#include "unit/journal/store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>

int __real_eventfd(unsigned count, int flags); // NOLINT
int __wrap_eventfd(unsigned count, int flags); // NOLINT

static sim_disk_t *disk;
static bool no_event;

int
__wrap_eventfd(unsigned count, int flags) // NOLINT
{
    return no_event ? -1 : __real_eventfd(count, flags);
}

static void
setup(void)
{
    disk = fixture_disk();
}

static void
teardown(void)
{
    sim_disk_destroy(&disk);
}

TestSuite(file_aside, .init = setup, .fini = teardown, .timeout = 60);

/* The simulated disk belongs to one thread: a sync on another answers and touches nothing. Each
 * thread's comes through the files that the pool opened last, in turn. */
static struct file_ops threaded;
static atomic_int sync_answers[SYNC_POOL_THREADS];
static atomic_bool sync_held[SYNC_POOL_THREADS]; /* as long as this is so, its sync does not end */
static atomic_int sync_files[SYNC_POOL_THREADS];
static int opened;
static bool no_descriptors;       /* for the pool */
static atomic_uint sync_takes_us; /* by the log's clock */
static atomic_llong clock_ns;

static int64_t
now_of_test(void)
{
    return atomic_load(&clock_ns);
}

static int
open_counted(int dir_fd, const char *name, int flags, unsigned mode)
{
    int fd = sim_disk_table()->open(dir_fd, name, flags, mode);
    if (flags == O_WRONLY && strstr(name, ".seg") != NULL) {
        if (no_descriptors) {
            (void)sim_disk_table()->close(fd);
            return -EMFILE;
        }
        atomic_store(&sync_files[opened++ % SYNC_POOL_THREADS], fd);
    }
    return fd;
}

static int
sync_elsewhere(int fd)
{
    int i = 0;
    while (i < SYNC_POOL_THREADS && atomic_load(&sync_files[i]) != fd) {
        i++;
    }
    while (i < SYNC_POOL_THREADS && atomic_load(&sync_held[i])) { /* not on the caller's thread */
        (void)sched_yield();
    }
    (void)atomic_fetch_add(&clock_ns, (long long)atomic_load(&sync_takes_us) * 1000);
    return atomic_load(&sync_answers[i % SYNC_POOL_THREADS]);
}

static log_store_t *
own_threaded(void)
{
    threaded = *sim_disk_table();
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE); /* makes the files */
    log_store_close(&store);
    threaded.sync_data = sync_elsewhere;
    threaded.open = open_counted;
    threaded.now_ns = now_of_test;
    file_ops_install(&threaded);
    return store_fixture_own(LOG_SYNC_ASIDE);
}

static void
answer_all(int answer)
{
    for (int i = 0; i < SYNC_POOL_THREADS; i++) {
        atomic_store(&sync_answers[i], answer);
    }
}

static void
hold_all(bool held)
{
    for (int i = 0; i < SYNC_POOL_THREADS; i++) {
        atomic_store(&sync_held[i], held);
    }
}

static void
await_event(log_store_t *store)
{
    struct pollfd event = {.fd = log_store_fd(store), .events = POLLIN};
    cr_assert_eq(poll(&event, 1, 60000), 1);
}

static err_t
reap_when_told(log_store_t *store, struct why *why)
{
    uint64_t tag, position;
    err_t rc = log_store_reap(store, &tag, &position, why); /* begins a sync */
    if (rc == ERR_AGAIN) {
        await_event(store);
        rc = log_store_reap(store, &tag, &position, why);
    }
    return rc;
}

Test(file_aside, a_sync_that_fails_on_its_thread_is_final)
{
    log_store_t *store = own_threaded();
    struct why why = {{0}};
    store_fixture_append(store, 1, 3, 5);
    cr_assert_eq(reap_when_told(store, &why), ERR_OK);
    store_fixture_append(store, 4, 3, 5);
    answer_all(-EIO);
    cr_assert_eq(reap_when_told(store, &why), ERR_LOST);
    cr_assert_not_null(strstr(why.text, "cannot sync j/producer/"), "%s", why.text);
    log_store_close(&store);
}

/* Three at once, one behind the other; what comes while all threads are at work waits. */
Test(file_aside, a_sync_proves_only_what_was_written_before_it_began)
{
    log_store_t *store = own_threaded();
    uint64_t tag, position;
    hold_all(true);
    for (uint64_t first = 1; first <= 3 * SYNC_POOL_THREADS + 1; first += 3) {
        cr_assert_eq(log_store_syncs_aside(store), first < 3 * SYNC_POOL_THREADS);
        store_fixture_append(store, first, 3, 5);
        cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN);
        cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN, "it is under way");
    }
    const uint64_t all = 3 * (SYNC_POOL_THREADS + 1);
    for (uint64_t i = 0; i == 0 || position < all; i++) {
        if (i < SYNC_POOL_THREADS) {
            atomic_store(&sync_held[i], false);
        }
        err_t rc = ERR_AGAIN;
        while (rc == ERR_AGAIN) { /* what waited may be finished before an older one */
            await_event(store);
            rc = log_store_reap(store, &tag, &position, NULL);
        }
        cr_assert_eq(rc, ERR_OK);
        cr_assert_eq(tag, position);
        bool last = i >= SYNC_POOL_THREADS - 1; /* nothing is held: both may come together */
        cr_assert(position == 3 * (i + 1) || (last && position == all));
    }
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN);
    log_store_close(&store);
}

/* The second one's success says nothing while the first one's outcome is unknown. */
Test(file_aside, what_a_later_sync_proves_waits_for_the_earlier_one)
{
    for (int fails = 0; fails < 2; fails++) {
        sim_disk_destroy(&disk);
        disk = fixture_disk();
        answer_all(0);
        log_store_t *store = own_threaded();
        uint64_t tag, position;
        atomic_store(&sync_held[0], true);
        store_fixture_append(store, 1, 3, 5);
        cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN);
        store_fixture_append(store, 4, 3, 5);
        cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN);
        await_event(store);
        cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN);
        atomic_store(&sync_answers[0], fails ? -EIO : 0);
        atomic_store(&sync_held[0], false);
        await_event(store);
        err_t rc = log_store_reap(store, &tag, &position, NULL);
        cr_assert_eq(rc, fails ? ERR_LOST : ERR_OK);
        cr_assert(fails || position == 6, "both at once");
        log_store_close(&store);
    }
}

/* With syncs under way, and something that was not begun. */
Test(file_aside, whoever_cannot_go_on_waits_for_all_of_them)
{
    for (int fails = 0; fails < 2; fails++) {
        sim_disk_destroy(&disk);
        disk = fixture_disk();
        answer_all(0);
        log_store_t *store = own_threaded();
        uint64_t tag;
        uint64_t position;
        struct why why = {{0}};
        answer_all(fails ? -EIO : 0);
        for (uint64_t first = 1; first <= 3 * SYNC_POOL_THREADS; first += 3) {
            store_fixture_append(store, first, 3, 5);
            err_t rc = log_store_reap(store, &tag, &position, NULL);
            cr_assert(rc == ERR_AGAIN || rc == (fails ? ERR_LOST : ERR_OK));
            if (rc == ERR_LOST) {
                break;
            }
        }
        if (fails) {
            cr_assert_eq(log_store_sync(store, &why), ERR_LOST);
            cr_assert_eq(log_store_sync(store, &why), ERR_LOST);
            cr_assert_not_null(strstr(why.text, "cannot sync j/producer/"), "%s", why.text);
        } else {
            store_fixture_append(store, 3 * SYNC_POOL_THREADS + 1, 3, 5);
            cr_assert_eq(log_store_sync(store, &why), ERR_OK);
            cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
            cr_assert_eq(position, 3 * (SYNC_POOL_THREADS + 1));
        }
        log_store_close(&store);
    }
}

/* Whether the next sync was made aside; either way it is durable then. */
static bool
syncs_one_aside(log_store_t *store, uint64_t *next)
{
    uint64_t tag, position;
    store_fixture_append(store, *next, 3, 5);
    *next += 3;
    bool aside = false;
    err_t rc = ERR_AGAIN;
    while ((rc = log_store_reap(store, &tag, &position, NULL)) == ERR_AGAIN) {
        aside = true;
        await_event(store);
    }
    cr_assert_eq(rc, ERR_OK);
    cr_assert_eq(position, *next - 1);
    struct pollfd event = {.fd = log_store_fd(store), .events = POLLIN};
    cr_assert_eq(poll(&event, 1, 0), 0, "the pool has nothing more to tell");
    return aside;
}

static unsigned
count_aside(log_store_t *store, uint64_t *next, unsigned syncs)
{
    unsigned aside = 0;
    for (unsigned i = 0; i < syncs; i++) {
        aside += syncs_one_aside(store, next);
    }
    return aside;
}

/* Slow syncs go to the threads, and come back from them when they are quick again. A disk that
 * stops for a moment now and then has quick ones. */
Test(file_aside, by_itself_a_log_syncs_aside_as_long_as_syncs_are_slow)
{
    log_store_t *store = own_threaded();
    log_store_close(&store);
    store = store_fixture_own(LOG_SYNC_AUTO);
    uint64_t next = 1;
    cr_assert_eq(log_store_fd(store), -1, "threads that are not wanted are not there");
    for (unsigned i = 0; i < 200; i++) {
        sync_takes_us = i % 11 == 10 ? 500 * 1000 : 400;
        cr_assert_eq(count_aside(store, &next, 1), 0);
    }
    sync_takes_us = 3000;
    unsigned aside = count_aside(store, &next, 1000);
    cr_assert(aside > 960 && aside < 996, "%u: but for the first, and now and then one to see",
              aside);
    sync_takes_us = 300;
    aside = count_aside(store, &next, 1000);
    cr_assert_leq(aside, 128, "until the next one that is made here: %u", aside);
    cr_assert_eq(count_aside(store, &next, 200), 0);
    log_store_close(&store);
}

/* When the next sync is to be made here, what is under way aside is taken as it ends. */
Test(file_aside, nobody_waits_for_the_last_ones_aside)
{
    log_store_t *store = own_threaded();
    log_store_close(&store);
    store = store_fixture_own(LOG_SYNC_AUTO);
    uint64_t next = 1, tag, position;
    sync_takes_us = 3000;
    while (!syncs_one_aside(store, &next)) {
    }
    hold_all(true);
    bool last = false;
    for (; !last; next += 3) {
        store_fixture_append(store, next, 3, 5);
        cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN, "it was begun");
        last = !log_store_syncs_aside(store);
        if (!last) {
            hold_all(false);
            await_event(store);
            cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
            hold_all(true);
        }
    }
    store_fixture_append(store, next, 3, 5);
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN, "nor does it wait");
    hold_all(false);
    await_event(store);
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    cr_assert_eq(position, next + 2);
    log_store_close(&store);
}

/* Without descriptors for the threads the log goes on as if it had none. */
Test(file_aside, a_segment_that_the_threads_cannot_open_is_synced_here)
{
    log_store_t *store = own_threaded();
    log_store_close(&store);
    no_descriptors = true;
    store = store_fixture_own(LOG_SYNC_ASIDE);
    uint64_t tag;
    uint64_t position;
    store_fixture_append(store, 1, 3, 5);
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    cr_assert_eq(position, 3);
    no_descriptors = false;
    store_fixture_append(store, 4, 500, 5); /* fills the segment, */
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    store_fixture_append(store, 504, 500, 5); /* and the next one can be opened */
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN);
    await_event(store);
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    cr_assert_eq(position, 1003);
    no_descriptors = true;
    store_fixture_append(store, 1004, 500, 5); /* and this one not */
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    cr_assert_eq(position, 1503);
    log_store_close(&store);
}

/* With the thread at rest and at work, and when it finds that the disk fails. */
Test(file_aside, a_roll_waits_for_the_thread_that_syncs)
{
    for (int i = 0; i < 3; i++) {
        sim_disk_destroy(&disk);
        disk = fixture_disk();
        answer_all(0);
        log_store_t *store = own_threaded();
        uint64_t tag;
        uint64_t position;
        store_fixture_append(store, 1, 500, 5);
        cr_assert_eq(reap_when_told(store, NULL), ERR_OK);
        if (i > 0) {
            store_fixture_append(store, 501, 10, 5);
            answer_all(i == 2 ? -EIO : 0);
            cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN);
        }
        uint64_t next = i > 0 ? 511 : 501;
        log_block_t *block = fixture_block(next, 500, 5, 100);
        err_t rc = log_store_append(store, block, 0, &tag);
        log_block_release(&block);
        cr_assert_eq(rc, i == 2 ? ERR_LOST : ERR_OK);
        cr_assert_eq(i == 2 || reap_when_told(store, NULL) == ERR_OK, true);
        log_store_close(&store);
    }
}

Test(file_aside, without_a_thread_that_was_asked_for_the_log_is_not_served)
{
    struct file_store_settings settings = {.directory = "j",
                                           .name = "producer",
                                           .segment_bytes = FIXTURE_SEGMENT,
                                           .sync = LOG_SYNC_ASIDE};
    log_store_t *store = NULL;
    struct why why = {{0}};
    settings.no_write_ahead = true;
    no_event = true;
    cr_assert_eq(file_store_own(&store, &settings, 0, &why), ERR_IO);
    cr_assert_str_eq(why.text, "j/producer: cannot start threads that sync");
    cr_assert_null(store);
    no_event = false;
    store = own_threaded(); /* nobody has asked for them: slow syncs are made here */
    log_store_close(&store);
    store = store_fixture_own(LOG_SYNC_AUTO);
    no_event = true;
    sync_takes_us = 3000;
    uint64_t next = 1;
    cr_assert_eq(count_aside(store, &next, 50), 0);
    cr_assert_eq(log_store_fd(store), -1);
    log_store_close(&store);
}
