#include "unit/journal/journal_fixture.h"

#include "journal/sync_worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

int __real_eventfd(unsigned count, int flags); // NOLINT
int __wrap_eventfd(unsigned count, int flags); // NOLINT
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *arg); // NOLINT
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *arg); // NOLINT

static bool no_event;
static bool no_thread;
static int last_event_fd;

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

static atomic_int synced;
static atomic_int answer;

static int
sync_of_test(int fd)
{
    atomic_store(&synced, fd);
    return atomic_load(&answer);
}

static const struct file_ops worker_ops = {.sync_data = sync_of_test};

Test(sync_worker, syncs_the_descriptor_and_tells_by_the_event)
{
    sync_worker_t *worker = sync_worker_new(&worker_ops);
    cr_assert_not_null(worker);
    cr_assert_not(sync_worker_busy(worker));
    for (int fd = 10; fd < 200; fd++) {
        int result = 1;
        sync_worker_start(worker, fd);
        cr_assert(sync_worker_busy(worker));
        struct pollfd event = {.fd = sync_worker_fd(worker), .events = POLLIN};
        cr_assert_eq(poll(&event, 1, 60000), 1);
        cr_assert(sync_worker_take(worker, false, &result));
        cr_assert_eq(result, 0);
        cr_assert_eq(atomic_load(&synced), fd);
        cr_assert_not(sync_worker_busy(worker));
        cr_assert_eq(poll(&event, 1, 0), 0, "the event was taken too");
    }
    sync_worker_destroy(&worker);
    cr_assert_null(worker);
}

Test(sync_worker, waiting_brings_the_result_of_a_failure)
{
    sync_worker_t *worker = sync_worker_new(&worker_ops);
    int result = 0;
    atomic_store(&answer, -EIO);
    sync_worker_start(worker, 3);
    cr_assert(sync_worker_take(worker, true, &result));
    cr_assert_eq(result, -EIO);
    sync_worker_destroy(&worker);
}

Test(sync_worker, may_be_destroyed_while_a_sync_is_under_way)
{
    sync_worker_t *worker = sync_worker_new(&worker_ops);
    sync_worker_start(worker, 3);
    sync_worker_destroy(&worker);
    sync_worker_destroy(&worker);
}

Test(sync_worker, without_a_thread_or_its_event_there_is_none)
{
    no_thread = true;
    cr_assert_null(sync_worker_new(&worker_ops));
    cr_assert_eq(close(last_event_fd), -1, "nothing is left open");
    cr_assert_eq(errno, EBADF);
    no_event = true;
    cr_assert_null(sync_worker_new(&worker_ops));
}
