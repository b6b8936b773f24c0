#include "unit/journal/journal_fixture.h"

#include "journal/sync_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

int __real_eventfd(unsigned count, int flags); // NOLINT
int __wrap_eventfd(unsigned count, int flags); // NOLINT
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *arg); // NOLINT
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *arg);                         // NOLINT
ssize_t __real_write(int fd, const void *bytes, size_t size); // NOLINT
ssize_t __wrap_write(int fd, const void *bytes, size_t size); // NOLINT
int __real_sem_wait(sem_t *semaphore);                        // NOLINT
int __wrap_sem_wait(sem_t *semaphore);                        // NOLINT

static bool no_event;
static bool no_thread;
static int last_event_fd = -1;
static atomic_bool event_held;
static atomic_int written; /* events */
static atomic_int interrupted;

int
__wrap_eventfd(unsigned count, int flags) // NOLINT
{
    last_event_fd = no_event ? -1 : __real_eventfd(count, flags);
    return last_event_fd;
}

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, // NOLINT
                      void *(*start)(void *), void *arg)
{
    return no_thread ? EAGAIN : __real_pthread_create(thread, attr, start, arg);
}

/* Now and then a signal comes first. */
int
__wrap_sem_wait(sem_t *semaphore) // NOLINT
{
    if (atomic_fetch_add(&interrupted, 1) % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    return __real_sem_wait(semaphore);
}

/* An event is told of when it is let go. */
ssize_t
__wrap_write(int fd, const void *bytes, size_t size) // NOLINT
{
    while (fd == last_event_fd && atomic_load(&event_held)) {
        (void)sched_yield();
    }
    ssize_t count = __real_write(fd, bytes, size);
    (void)atomic_fetch_add(&written, fd == last_event_fd);
    return count;
}

#define FILES 16

/* Files are numbers from 10 on; a sync of one ends when it is let go. */
static struct {
    atomic_int next;
    atomic_bool open[FILES];
    atomic_bool held[FILES];
    atomic_int begun[FILES];
    atomic_int answer[FILES];
} files;

static int
open_of_test(int dir_fd, const char *name, int flags, unsigned mode)
{
    (void)mode;
    cr_assert_eq(dir_fd, 7);
    cr_assert_str_eq(name, "a.seg");
    cr_assert_eq(flags, O_WRONLY);
    int file = atomic_fetch_add(&files.next, 1);
    if (file == FILES) {
        return -EMFILE;
    }
    atomic_store(&files.open[file], true);
    return 10 + file;
}

static int
close_of_test(int fd)
{
    cr_assert(atomic_exchange(&files.open[fd - 10], false), "closed once");
    return 0;
}

static int
sync_of_test(int fd)
{
    (void)atomic_fetch_add(&files.begun[fd - 10], 1);
    while (atomic_load(&files.held[fd - 10])) {
        (void)sched_yield();
    }
    return atomic_load(&files.answer[fd - 10]);
}

static const struct file_ops ops_of_test = {
    .open = open_of_test, .close = close_of_test, .sync_data = sync_of_test};

static sync_pool_t *
pool_of_test(void)
{
    sync_pool_t *pool = sync_pool_new(&ops_of_test);
    cr_assert_not_null(pool);
    cr_assert_not(sync_pool_can_start(pool), "no file is open");
    cr_assert_eq(sync_pool_open(pool, 7, "a.seg"), 0);
    return pool;
}

static void
start(sync_pool_t *pool, uint64_t position)
{
    cr_assert(sync_pool_can_start(pool));
    sync_pool_start(pool, (struct sync_pool_mark){.position = position, .offset = position * 100});
}

static void
await_event(const sync_pool_t *pool)
{
    struct pollfd event = {.fd = sync_pool_fd(pool), .events = POLLIN};
    cr_assert_eq(poll(&event, 1, 60000), 1);
}

/* What a result was taken without is heard at a later question. */
static void
await_silence(sync_pool_t *pool)
{
    struct sync_pool_result result;
    struct pollfd event = {.fd = sync_pool_fd(pool), .events = POLLIN};
    do {
        cr_assert_not(sync_pool_take(pool, false, &result));
    } while (poll(&event, 1, 0) != 0);
}

static void
await_begun(int file)
{
    while (atomic_load(&files.begun[file]) == 0) {
        (void)sched_yield();
    }
}

Test(sync_pool, syncs_and_tells_by_the_event, .timeout = 60)
{
    sync_pool_t *pool = pool_of_test();
    cr_assert_not(sync_pool_busy(pool));
    for (uint64_t i = 1; i < 200; i++) {
        struct sync_pool_result result = {.rc = 1};
        start(pool, i);
        cr_assert(sync_pool_busy(pool));
        await_event(pool);
        cr_assert(sync_pool_take(pool, false, &result));
        cr_assert_eq(result.rc, 0);
        cr_assert_eq(result.mark.position, i);
        cr_assert_eq(result.mark.offset, i * 100);
        cr_assert_not(sync_pool_busy(pool));
        struct pollfd event = {.fd = sync_pool_fd(pool), .events = POLLIN};
        cr_assert_eq(poll(&event, 1, 0), 0, "the event was taken too");
    }
    sync_pool_destroy(&pool);
    cr_assert_null(pool);
    for (int i = 0; i < FILES; i++) {
        cr_assert_not(atomic_load(&files.open[i]));
    }
}

/* Each through an open file of its own, and results in the order of the starts. */
Test(sync_pool, several_are_under_way_and_the_oldest_is_taken_first, .timeout = 60)
{
    sync_pool_t *pool = pool_of_test();
    struct sync_pool_result result;
    for (int i = 0; i < SYNC_POOL_THREADS; i++) {
        atomic_store(&files.held[i], true);
        start(pool, 1 + (uint64_t)i);
        await_begun(i);
    }
    cr_assert_not(sync_pool_can_start(pool), "all are at work");
    atomic_store(&files.held[SYNC_POOL_THREADS - 1], false);
    await_event(pool);
    cr_assert_not(sync_pool_take(pool, false, &result), "the last one's result waits");
    for (int i = 0; i < SYNC_POOL_THREADS; i++) {
        atomic_store(&files.held[i], false);
        if (i < SYNC_POOL_THREADS - 1) {
            await_event(pool);
        }
        cr_assert(sync_pool_take(pool, i == SYNC_POOL_THREADS - 1, &result));
        cr_assert_eq(result.mark.position, 1 + (uint64_t)i);
        cr_assert(sync_pool_can_start(pool));
        cr_assert_eq(atomic_load(&files.begun[i]), 1);
    }
    cr_assert_not(sync_pool_busy(pool));
    sync_pool_destroy(&pool);
}

Test(sync_pool, waiting_brings_the_result_of_a_failure, .timeout = 60)
{
    sync_pool_t *pool = pool_of_test();
    struct sync_pool_result result = {.rc = 0};
    atomic_store(&files.answer[0], -EIO);
    start(pool, 1);
    cr_assert(sync_pool_take(pool, true, &result));
    cr_assert_eq(result.rc, -EIO);
    await_silence(pool);
    sync_pool_destroy(&pool);
}

/* Else the descriptor would be readable from then on, with nothing to ask for. */
Test(sync_pool, an_event_that_comes_behind_its_result_is_heard_all_the_same, .timeout = 60)
{
    sync_pool_t *pool = pool_of_test();
    struct sync_pool_result result = {.rc = 1};
    atomic_store(&event_held, true);
    start(pool, 1);
    while (!sync_pool_take(pool, false, &result)) {
        (void)sched_yield();
    }
    cr_assert_eq(result.mark.position, 1);
    cr_assert_not(sync_pool_busy(pool));
    cr_assert_not(sync_pool_take(pool, false, &result), "it is not written yet");
    atomic_store(&event_held, false);
    await_event(pool);
    await_silence(pool);
    start(pool, 2);
    await_event(pool);
    cr_assert(sync_pool_take(pool, false, &result), "and the next is told of");
    cr_assert_eq(result.mark.position, 2);
    await_silence(pool);
    sync_pool_destroy(&pool);
}

/* Let the second go, and the first once the second has been heard of. */
static void *
let_go(void *arg)
{
    const sync_pool_t *pool = arg;
    struct pollfd event = {.fd = sync_pool_fd(pool), .events = POLLIN};
    atomic_store(&files.held[1], false);
    do {
        (void)sched_yield();
    } while (atomic_load(&written) == 0 || poll(&event, 1, 0) != 0);
    atomic_store(&files.held[0], false);
    return NULL;
}

Test(sync_pool, waiting_for_the_oldest_goes_on_when_another_is_told_of, .timeout = 60)
{
    sync_pool_t *pool = pool_of_test();
    struct sync_pool_result result;
    for (int i = 0; i < 2; i++) {
        atomic_store(&files.held[i], true);
        start(pool, 1 + (uint64_t)i);
        await_begun(i);
    }
    pthread_t other;
    cr_assert_eq(pthread_create(&other, NULL, let_go, pool), 0);
    cr_assert(sync_pool_take(pool, true, &result));
    cr_assert_eq(result.mark.position, 1);
    cr_assert_eq(pthread_join(other, NULL), 0);
    cr_assert(sync_pool_take(pool, false, &result));
    cr_assert_eq(result.mark.position, 2);
    await_silence(pool);
    sync_pool_destroy(&pool);
}

Test(sync_pool, another_file_is_synced_from_its_opening_on, .timeout = 60)
{
    sync_pool_t *pool = pool_of_test();
    struct sync_pool_result result;
    cr_assert_eq(sync_pool_open(pool, 7, "a.seg"), 0);
    start(pool, 1);
    cr_assert(sync_pool_take(pool, true, &result));
    for (int i = 0; i < SYNC_POOL_THREADS; i++) {
        cr_assert_not(atomic_load(&files.open[i]), "the first one is closed");
        cr_assert_eq(atomic_load(&files.begun[i]), 0);
        cr_assert(atomic_load(&files.open[SYNC_POOL_THREADS + i]));
    }
    cr_assert_eq(atomic_load(&files.begun[SYNC_POOL_THREADS]), 1);
    sync_pool_destroy(&pool);
}

Test(sync_pool, a_file_that_cannot_be_opened_as_often_as_is_needed_is_none, .timeout = 60)
{
    sync_pool_t *pool = pool_of_test();
    atomic_store(&files.next, FILES - SYNC_POOL_THREADS + 1);
    cr_assert_eq(sync_pool_open(pool, 7, "a.seg"), -EMFILE);
    cr_assert_not(sync_pool_can_start(pool));
    for (int i = 0; i < FILES; i++) {
        cr_assert_not(atomic_load(&files.open[i]), "and nothing is left open");
    }
    sync_pool_destroy(&pool);
}

Test(sync_pool, may_be_destroyed_while_a_sync_is_under_way, .timeout = 60)
{
    sync_pool_t *pool = pool_of_test();
    for (uint64_t i = 1; i <= SYNC_POOL_THREADS; i++) {
        start(pool, i);
    }
    sync_pool_destroy(&pool);
    for (int i = 0; i < SYNC_POOL_THREADS; i++) {
        cr_assert_eq(atomic_load(&files.begun[i]), 1, "what was asked for is done");
    }
    sync_pool_destroy(&pool);
}

Test(sync_pool, without_a_thread_or_its_event_there_is_none)
{
    no_thread = true;
    cr_assert_null(sync_pool_new(&ops_of_test));
    cr_assert_eq(close(last_event_fd), -1, "nothing is left open");
    cr_assert_eq(errno, EBADF);
    no_event = true;
    cr_assert_null(sync_pool_new(&ops_of_test));
}
