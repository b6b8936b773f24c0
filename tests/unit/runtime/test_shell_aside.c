/* A service's loop where syncs are slow: several are under way, and each answers for itself. */
#include "shell_fixture.h"

#include "base/clock.h"
#include "base/mem.h"
#include "journal/file_ops.h"
#include "journal/sync_pool.h"
#include "support/sim_disk.h"
#include "wire/wire_submit.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define FRAMES 2
#define PAYLOAD_BYTES (60U * 1024)
#define NOTIFICATIONS 3 /* of a frame: together more than a sync of its own is made for */
#define PATIENCE_MS 60000
#define HASTE_MS 500 /* in which a service that waits for nothing has ended */

static sim_disk_t *disk;
static peers_t *peers;
static outbox_t *outbox;
static alarm_t *alarm;
static shell_t *shell;
static char directory[64];
static char front_endpoint[96];

/* The simulated disk belongs to one thread: a sync aside touches nothing, and ends when it may. */
static struct file_ops ops;
static atomic_bool aside; /* the log is open: what is synced now is synced aside */
static atomic_uint begun;
static atomic_uint may_end;
static atomic_bool returned; /* the service has ended */

/* Which the pool opened last, in the order in which it uses them. */
static int files[SYNC_POOL_THREADS];

static int
open_noted(int dir_fd, const char *name, int flags, unsigned mode)
{
    int fd = sim_disk_table()->open(dir_fd, name, flags, mode);
    if (flags == O_WRONLY) {
        memmove(files, files + 1, sizeof files - sizeof files[0]);
        files[SYNC_POOL_THREADS - 1] = fd;
    }
    return fd;
}

static int
sync_aside(int fd)
{
    if (!atomic_load(&aside)) {
        return sim_disk_table()->sync_data(fd);
    }
    unsigned number = 0;
    while (number < SYNC_POOL_THREADS - 1 && files[number] != fd) {
        number++;
    }
    (void)atomic_fetch_add(&begun, 1);
    while (atomic_load(&may_end) <= number) {
        (void)sched_yield();
    }
    return 0;
}

static void
setup(void)
{
    struct why why = {{0}};
    const struct log_settings journal = {.directory = "j",
                                         .segment_bytes = 1024U * 1024,
                                         .no_write_ahead = true,
                                         .sync = LOG_SYNC_ASIDE};
    strcpy(directory, "/tmp/herald-shell-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    disk = sim_disk_new(1);
    sim_disk_use(disk);
    ops = *sim_disk_table();
    ops.sync_data = sync_aside;
    ops.open = open_noted;
    file_ops_install(&ops);
    cr_assert_eq(peers_open(&peers, &journal, LOG_SCHEDULER, &why), ERR_OK, "%s", why.text);
    atomic_store(&aside, true);
    outbox = outbox_new();
}

static void
open_shell(const struct busy_poll *poll)
{
    struct why why = {{0}};
    char wake[96];
    cr_assert_eq(alarm_open(&alarm, "", &why), ERR_OK);
    (void)snprintf(front_endpoint, sizeof front_endpoint, "ipc://%s/front", directory); /* fits */
    (void)snprintf(wake, sizeof wake, "ipc://%s/wake", directory);
    const struct shell_settings settings = {.service = "producer",
                                            .log = LOG_SCHEDULER,
                                            .front = front_endpoint,
                                            .wake = wake,
                                            .alarm = alarm,
                                            .busy_poll = *poll};
    cr_assert_eq(shell_open(&shell, &settings, peers_own(peers), outbox, &why), ERR_OK, "%s",
                 why.text);
}

static void
teardown(void)
{
    atomic_store(&may_end, 1000);
    shell_close(&shell);
    alarm_close(&alarm);
    outbox_destroy(&outbox);
    peers_close(&peers);
    file_ops_install(NULL);
    sim_disk_destroy(&disk);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory); /* fits */
    cr_assert_eq(system(command), 0);
}

TestSuite(shell_aside, .init = setup, .fini = teardown, .timeout = 120);

static void
take(void *self, const struct outbox_route *route, const uint8_t *body, size_t size)
{
    (void)self;
    (void)body;
    (void)size;
    (void)log_append(peers_own(peers), RECORD_NOTIFICATION, "x", 1);
    outbox_front(outbox, log_next(peers_own(peers)) - 1, route, mem_zeroed(1), 1);
}

static err_t
step(void *self, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    (void)self;
    (void)now_ms;
    (void)now_unix_ms;
    (void)why;
    return ERR_OK;
}

static void
submit(void *socket)
{
    static uint8_t payload[PAYLOAD_BYTES];
    const struct wire_notification notification = {
        .topic = {.data = "t", .size = 1},
        .biz_id = {.data = "b", .size = 1},
        .payload = {.data = payload, .size = sizeof payload},
    };
    struct wire_out out;
    wire_out_init(&out, 2 * NOTIFICATIONS * PAYLOAD_BYTES);
    struct wire_submit_out frame = wire_submit_begin(&out, 1);
    for (int i = 0; i < NOTIFICATIONS; i++) {
        wire_submit_add(&frame, &notification);
    }
    wire_submit_end(&frame);
    cr_assert_gt(zmq_send(socket, out.data, wire_out_size(&out), 0), 0);
    wire_out_fini(&out);
}

static struct {
    unsigned together; /* syncs that were under way before one ended */
    unsigned answered;
} seen;

/* Lets one sync end after the other, and wants an answer for each before the next may. */
static void *
let_end(void *socket)
{
    int64_t limit_ms = clock_mono_ms() + PATIENCE_MS;
    while (atomic_load(&begun) < FRAMES && clock_mono_ms() < limit_ms) {
        (void)sched_yield();
    }
    seen.together = atomic_load(&begun);
    bool good = true;
    for (unsigned i = 1; good && i <= FRAMES; i++) {
        char answer[8];
        atomic_store(&may_end, i);
        good = zmq_recv(socket, answer, sizeof answer, 0) == 1;
        seen.answered += good;
    }
    atomic_store(&may_end, 1000);
    shell_stop();
    return NULL;
}

/* Ends the service while both syncs are under way; they end when it would have gone without them.
 */
static void *
let_stop(void *socket)
{
    (void)socket;
    int64_t limit_ms = clock_mono_ms() + PATIENCE_MS;
    while (atomic_load(&begun) < FRAMES && clock_mono_ms() < limit_ms) {
        (void)sched_yield();
    }
    shell_stop();
    limit_ms = clock_mono_ms() + HASTE_MS;
    while (!atomic_load(&returned) && clock_mono_ms() < limit_ms) {
        (void)poll(NULL, 0, 1); /* looked at again either way */
    }
    atomic_store(&may_end, 1000);
    return NULL;
}

/* Each frame is large enough to be a commit, and has come before the first is taken. */
static void
serve(void *(*client)(void *), int answers, const struct busy_poll *poll)
{
    struct why why = {{0}};
    open_shell(poll);
    struct shell_core core = shell_fixture_core(peers);
    core.takes = FRONT_TAKES(WIRE_SUBMIT);
    core.front = take;
    core.step = step;
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_DEALER);
    const int patience_ms = PATIENCE_MS;
    const int linger_ms = 0;
    cr_assert_eq(zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms), 0);
    cr_assert_eq(zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms), 0);
    cr_assert_eq(zmq_connect(socket, front_endpoint), 0);
    for (int i = 0; i < FRAMES; i++) {
        submit(socket);
    }
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, client, socket), 0);
    cr_assert_eq(shell_run(shell, &core, &why), ERR_OK, "%s", why.text);
    atomic_store(&returned, true);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    for (int i = 0; i < answers; i++) {
        char answer[8];
        cr_assert_eq(zmq_recv(socket, answer, sizeof answer, 0), 1);
    }
    cr_assert_eq(zmq_close(socket), 0);
    cr_assert_eq(zmq_ctx_term(context), 0);
}

static const struct busy_poll no_polls;

static void
each_is_answered_for_itself(const struct busy_poll *poll)
{
    serve(let_end, 0, poll);
    cr_assert_eq(seen.together, FRAMES, "both syncs were under way at once");
    cr_assert_eq(seen.answered, FRAMES, "and the first one's answer left during the second");
}

Test(shell_aside, what_comes_during_a_sync_is_synced_beside_it_and_answered_for_itself)
{
    each_is_answered_for_itself(&no_polls);
}

Test(shell_aside, a_sync_that_ends_while_the_loop_polls_is_answered)
{
    each_is_answered_for_itself(&shell_fixture_polls);
}

Test(shell_aside, at_the_end_what_is_being_synced_is_waited_for_and_answered)
{
    serve(let_stop, FRAMES, &no_polls);
}

Test(shell_aside, a_loop_that_polls_ends_when_it_is_told_to)
{
    serve(let_stop, FRAMES, &shell_fixture_polls);
}
