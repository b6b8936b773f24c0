#include "client/client_context.h"

#include "base/clock.h"
#include "client/herald_client.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIENTS 24
#define PATIENCE_MS 20000
#define QUIET_LOOKS 20

static unsigned
threads(void)
{
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    cr_assert_not_null(tasks);
    while (readdir(tasks) != NULL) {
        count++;
    }
    cr_assert_eq(closedir(tasks), 0);
    return count;
}

/* A thread that was joined may be listed for a moment longer. */
static bool
become(unsigned count)
{
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while (threads() != count && clock_mono_ms() < until_ms) {
        (void)sched_yield(); /* always succeeds */
    }
    return threads() == count;
}

/* Whether all threads but this one sleep. */
static bool
quiet(void)
{
    bool asleep = true;
    struct dirent *entry = NULL;
    DIR *tasks = opendir("/proc/self/task");
    cr_assert_not_null(tasks);
    while ((entry = readdir(tasks)) != NULL) {
        char path[64];
        char text[256] = {0};
        long task = strtol(entry->d_name, NULL, 10);
        (void)snprintf(path, sizeof path, "/proc/self/task/%ld/stat", task); /* fits */
        FILE *file = task == 0 || task == getpid() ? NULL : fopen(path, "r");
        if (file != NULL) {
            const char *name_end =
                fgets(text, sizeof text, file) == NULL ? NULL : strrchr(text, ')');
            asleep = asleep && (name_end == NULL || name_end[2] == 'S');
            cr_assert_eq(fclose(file), 0);
        }
    }
    cr_assert_eq(closedir(tasks), 0);
    return asleep;
}

/* A lock that another thread holds at a fork stays locked in the child. The C library looks after
 * its allocator's, AddressSanitizer's does not: so fork when nobody allocates. */
static void
settle(void)
{
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    for (int looks = 0; looks < QUIET_LOOKS && clock_mono_ms() < until_ms;) {
        looks = quiet() ? looks + 1 : 0;
    }
}

static herald_client_t *
client(void)
{
    herald_client_t *self = NULL;
    struct why why;
    const struct herald_client_options options = {.producer = "ipc:///tmp/herald-nobody"};
    cr_assert_eq(herald_client_new(&self, &options, &why), ERR_OK, "%s", why.text);
    return self;
}

Test(client_context, many_clients_have_the_threads_of_one_and_none_are_left)
{
    unsigned before = threads();
    herald_client_t *clients[CLIENTS] = {client()};
    const unsigned with_one = before + 2; /* for input and output, and the reaper */
    cr_assert(become(with_one), "those that were tried first are gone");
    for (int i = 1; i < CLIENTS; i++) {
        clients[i] = client();
    }
    cr_assert_eq(threads(), with_one);
    for (int i = 0; i < CLIENTS; i++) {
        cr_assert_eq(threads(), with_one, "the others need it");
        herald_client_destroy(&clients[i]);
    }
    cr_assert(become(before));
}

Test(client_context, the_next_after_the_last_has_a_new_one)
{
    unsigned before = threads();
    for (int i = 0; i < 3; i++) {
        herald_client_t *self = client();
        cr_assert_gt(threads(), before);
        herald_client_destroy(&self);
        cr_assert(become(before));
    }
}

/* libzmq's threads are not in the child: with the parent's context a client would have none, and
 * the last would wait for ever. */
Test(client_context, a_child_has_its_own_and_leaves_its_parents_alone, .timeout = 60)
{
    herald_client_t *inherited = client();
    void *parents = NULL;
    cr_assert_eq(client_context_hold(&parents, 0, NULL), ERR_OK);
    const unsigned alone = 3; /* itself, and the two names that every directory has */
    settle();
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        bool good = become(alone);
        herald_client_t *own = client();
        good = good && threads() > alone;
        client_context_release(&parents);
        good = good && threads() > alone; /* its own client is still there */
        herald_client_destroy(&own);
        _exit(good && become(alone) ? 0 : 1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    client_context_release(&parents);
    herald_client_destroy(&inherited);
}

static void
on_alarm(int number)
{
    (void)number; /* that it comes is enough */
}

/* libzmq ends what it is at with EINTR. */
Test(client_context, signals_at_any_moment_change_nothing, .timeout = 120)
{
    const struct sigaction action = {.sa_handler = on_alarm}; /* without SA_RESTART */
    const struct itimerval often = {.it_interval = {.tv_usec = 50}, .it_value = {.tv_usec = 50}};
    const struct itimerval never = {.it_value = {0}};
    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    for (int i = 0; i < 300; i++) {
        herald_client_t *self = client();
        herald_client_destroy(&self);
    }
    cr_assert_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
}
