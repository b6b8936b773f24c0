#include "runtime/shell_private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "support/sim_disk.h"
#include "wire/wire_socket.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <zmq.h>

#define PATIENCE_MS 20000
#define SIGNALS 2000

static sim_disk_t *disk;
static peers_t *peers;
static outbox_t *outbox;
static alarm_t *alarms;
static shell_t *shell;
static void *context;
static void *client;
static char directory[64];

static void
setup(void)
{
    struct why why = {{0}};
    const struct log_settings journal = {
        .directory = "j", .segment_bytes = 64U * 1024, .no_write_ahead = true};
    char front[96];
    char wake[96];
    strcpy(directory, "/tmp/herald-wait-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(front, sizeof front, "ipc://%s/front", directory); /* fits */
    (void)snprintf(wake, sizeof wake, "ipc://%s/wake", directory);
    disk = sim_disk_new(1);
    sim_disk_use(disk);
    cr_assert_eq(peers_open(&peers, &journal, LOG_SCHEDULER, &why), ERR_OK, "%s", why.text);
    outbox = outbox_new();
    cr_assert_eq(alarm_open(&alarms, "", &why), ERR_OK);
    const struct shell_settings settings = {.service = "retry-scheduler",
                                            .log = LOG_SCHEDULER,
                                            .front = front,
                                            .wake = wake,
                                            .alarm = alarms};
    cr_assert_eq(shell_open(&shell, &settings, peers_own(peers), outbox, &why), ERR_OK, "%s",
                 why.text);
    context = zmq_ctx_new();
    client = wire_socket_new(context, WIRE_SOCKET_CLIENT, 0, 16);
    cr_assert_eq(wire_socket_connect(client, front, &why), ERR_OK, "%s", why.text);
}

static void
teardown(void)
{
    wire_socket_close(&client);
    cr_assert_eq(zmq_ctx_term(context), 0);
    shell_close(&shell);
    alarm_close(&alarms);
    outbox_destroy(&outbox);
    peers_close(&peers);
    sim_disk_destroy(&disk);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory); /* fits */
    cr_assert_eq(system(command), 0);
}

TestSuite(shell_wait, .init = setup, .fini = teardown, .timeout = 120);

static int
front_events(void)
{
    int events = 0;
    size_t size = sizeof events;
    cr_assert_eq(zmq_getsockopt(shell->front, ZMQ_EVENTS, &events, &size), 0);
    return events;
}

/* All that has come is read, as a round does; how many frames that were. */
static unsigned
read_front(void)
{
    unsigned count = 0;
    uint8_t route[WIRE_ROUTE_MAX];
    size_t route_size;
    zmq_msg_t message;
    (void)zmq_msg_init(&message); /* cannot fail */
    while (wire_socket_receive_from(shell->front, route, &route_size, &message) == ERR_OK) {
        count++;
    }
    (void)zmq_msg_close(&message); /* was initialised */
    shell->holds[SHELL_FRONT] = false;
    return count;
}

/* A frame of the client has reached the front door, which has not been asked. */
static void
send_frame(void)
{
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while (zmq_send(client, "x", 1, ZMQ_DONTWAIT) < 0 && clock_mono_ms() < until_ms) {
        zmq_pollitem_t item = {.socket = client, .events = ZMQ_POLLOUT};
        (void)zmq_poll(&item, 1, PATIENCE_MS);
    }
}

/* Until the shell says that its front door holds something. */
static bool
heard(void)
{
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while (!shell->holds[SHELL_FRONT] && clock_mono_ms() < until_ms) {
        struct pollfd item = {.events = POLLIN};
        size_t size = sizeof item.fd;
        cr_assert_eq(zmq_getsockopt(shell->front, ZMQ_FD, &item.fd, &size), 0);
        (void)poll(&item, 1, 100);
        shell_wait(shell, true, 0);
    }
    return shell->holds[SHELL_FRONT];
}

/* The first news are of the connection; then the frame is there. */
static void
frame_arrives(void)
{
    unsigned count = 0;
    send_frame();
    while (count == 0) {
        cr_assert(heard());
        count = read_front();
    }
    cr_assert_eq(count, 1);
}

Test(shell_wait, what_arrives_is_heard_and_what_was_read_to_its_end_is_not_asked_again)
{
    for (int i = 0; i < 3; i++) {
        frame_arrives();
        shell_wait(shell, true, 0);
        cr_assert_not(shell->holds[SHELL_FRONT]);
    }
}

/* A send takes the news in passing; the descriptor is silent then. */
Test(shell_wait, a_socket_that_was_used_is_asked_before_the_sleep)
{
    frame_arrives();
    send_frame();
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while ((front_events() & ZMQ_POLLIN) == 0 && clock_mono_ms() < until_ms) {
    }
    shell_wait(shell, true, 0);
    cr_assert_not(shell->holds[SHELL_FRONT], "so it would be missed");
    shell->holds[SHELL_FRONT] = true; /* as the round does after a send */
    shell_wait(shell, true, PATIENCE_MS * 2);
    cr_assert(shell->holds[SHELL_FRONT]);
    cr_assert_eq(read_front(), 1);
    shell->holds[SHELL_FRONT] = true;
    shell_wait(shell, true, 0);
    cr_assert_not(shell->holds[SHELL_FRONT], "nothing is there");
}

Test(shell_wait, a_door_that_is_shut_is_not_heard_and_nothing_is_lost_by_it)
{
    frame_arrives();
    send_frame();
    struct pollfd item = {.events = POLLIN};
    size_t size = sizeof item.fd;
    cr_assert_eq(zmq_getsockopt(shell->front, ZMQ_FD, &item.fd, &size), 0);
    cr_assert_eq(poll(&item, 1, PATIENCE_MS), 1);
    shell_wait(shell, false, 0);
    cr_assert_not(shell->holds[SHELL_FRONT]);
    cr_assert(heard());
    cr_assert_eq(read_front(), 1);
}

Test(shell_wait, after_a_sleep_in_which_nothing_was_heard_all_are_asked)
{
    frame_arrives();
    shell_wait(shell, true, 1);
    while (!shell->holds[SHELL_WAKE]) { /* a signal, or late news of the connection */
        shell->holds[SHELL_FRONT] = false;
        shell_wait(shell, true, 1);
    }
    cr_assert(shell->holds[SHELL_FRONT]);
    cr_assert_not(shell->holds[SHELL_OUTCOME], "there is no such socket");
}

static volatile sig_atomic_t signals;

static void
count_signal(int number)
{
    (void)number; /* the only one */
    signals++;
}

/* libzmq ends any of its calls with EINTR, also one that does not wait. */
Test(shell_wait, signals_at_any_moment_end_nothing)
{
    const struct sigaction action = {.sa_handler = count_signal};
    const struct itimerval often = {.it_interval.tv_usec = 50, .it_value.tv_usec = 50};
    const struct itimerval never = {.it_value.tv_usec = 0};
    frame_arrives();
    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    while (signals < SIGNALS) {
        shell->holds[SHELL_FRONT] = true;
        shell_wait(shell, true, 0);
    }
    cr_assert_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    frame_arrives();
}
