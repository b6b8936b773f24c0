#include "client/client_room.h"

#include "client/client_call.h"
#include "client/herald_client.h"
#include "client/herald_consumer.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY "ipc:///tmp/herald-nobody"
#define NOBODYS_UID 61234 /* has no other process, so that its threads can be counted */
#define MOST 64           /* descriptors, and threads: with so many there is room */

enum { MADE, REFUSED, OTHER };
typedef int make_fn(void); /* one of the enum */

static int
verdict(err_t rc, const void *made, const struct why *why)
{
    if (rc == ERR_OK) {
        return MADE;
    }
    return rc == ERR_FULL && made == NULL && why->text[0] != '\0' ? REFUSED : OTHER;
}

static int
make_client(void)
{
    herald_client_t *self = NULL;
    struct why why = {{0}};
    const struct herald_client_options options = {.producer = NOBODY};
    int said = verdict(herald_client_new(&self, &options, &why), self, &why);
    herald_client_destroy(&self);
    return said;
}

static bool
on_apply(void *context, const struct herald_consumer_delivery *deliveries,
         struct herald_consumer_answer *answers, size_t count)
{
    (void)context;
    (void)deliveries;
    (void)answers;
    (void)count; /* nobody sends any */
    return false;
}

static int
make_consumer(void)
{
    herald_consumer_t *self = NULL;
    struct why why = {{0}};
    const struct herald_consumer_options options = {
        .producer = NOBODY, .group = "orders", .name = "test", .apply = on_apply};
    int said = verdict(herald_consumer_new(&self, &options, &why), self, &why);
    herald_consumer_destroy(&self);
    return said;
}

static int
make_call(void)
{
    client_call_t *self = NULL;
    struct why why = {{0}};
    const struct wire_bytes no_key = {NULL, 0};
    int said = verdict(client_call_new(&self, NOBODY, NULL, no_key, &why), self, &why);
    client_call_destroy(&self);
    return said;
}

/* Its first client has what a context takes already. */
static int
make_second_client(rlim_t limit)
{
    herald_client_t *first = NULL;
    const struct herald_client_options options = {.producer = NOBODY};
    const struct rlimit wanted = {.rlim_cur = limit, .rlim_max = limit};
    if (herald_client_new(&first, &options, NULL) != ERR_OK ||
        setrlimit(RLIMIT_NOFILE, &wanted) != 0) {
        return OTHER;
    }
    int said = make_client();
    herald_client_destroy(&first);
    return said;
}

static bool
limit_child(bool threads, rlim_t limit)
{
    const struct rlimit none = {0, 0};
    const struct rlimit wanted = {.rlim_cur = limit, .rlim_max = limit};
    bool good = setrlimit(RLIMIT_CORE, &none) == 0;
    if (threads && geteuid() == 0) { /* root may have as many as it likes */
        good = good && setuid(NOBODYS_UID) == 0;
    }
    return good && (threads ? setrlimit(RLIMIT_NPROC, &wanted) == 0
                            : setrlimit(RLIMIT_NOFILE, &wanted) == 0);
}

/* make NULL: a second client. What it said; -1: a signal has ended it. */
static int
in_child(make_fn *make, bool threads, rlim_t limit)
{
    int status = 0;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0 && make == NULL) {
        _exit(make_second_client(limit));
    }
    if (child == 0) {
        _exit(limit_child(threads, limit) ? make() : OTHER);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* From `least` on until there is room; returns how often there was none. */
static rlim_t
sweep(make_fn *make, bool threads, rlim_t least)
{
    rlim_t limit = least;
    int said;
    while ((said = in_child(make, threads, limit)) == REFUSED && limit < MOST) {
        limit++;
    }
    cr_assert_eq(said, MADE, "said %d where %lu are allowed", said, (unsigned long)limit);
    return limit - least;
}

Test(client_room, too_few_descriptors_are_an_error_wherever_they_end, .timeout = 120)
{
    cr_assert_geq(sweep(make_client, false, 3), 8);
    cr_assert_geq(sweep(make_call, false, 3), 8);
    cr_assert_geq(sweep(make_consumer, false, 3), 9);
    cr_assert_geq(sweep(NULL, false, 3), 8 + 3);
}

Test(client_room, too_few_threads_are_an_error_wherever_they_end, .timeout = 120)
{
    make_fn *const all[] = {make_client, make_call, make_consumer};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (geteuid() == 0) {
            cr_assert_geq(sweep(all[i], true, 1), 2);
        } else { /* how many this user has besides is not known */
            cr_assert_eq(in_child(all[i], true, 1), REFUSED);
        }
    }
}
