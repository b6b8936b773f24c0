#include "wire/wire_inlet.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define SIGNALS 2000

static char directory[64];
static void *context;
static void *client;
static struct wire_inlet front;   /* a DEALER too, so that it can be sent on */
static struct wire_inlet nothing; /* has no socket */

static void
setup(void)
{
    struct why why = {{0}};
    char endpoint[96];
    strcpy(directory, "/tmp/herald-inlet-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(endpoint, sizeof endpoint, "ipc://%s/front", directory); /* fits */
    context = zmq_ctx_new();
    front = wire_inlet_of(wire_socket_new(context, WIRE_SOCKET_CLIENT, 0, 4));
    cr_assert_eq(wire_socket_bind(front.socket, endpoint, false, &why), ERR_OK, "%s", why.text);
    client = wire_socket_new(context, WIRE_SOCKET_CLIENT, 0, 16);
    cr_assert_eq(wire_socket_connect(client, endpoint, &why), ERR_OK, "%s", why.text);
}

static void
teardown(void)
{
    char command[96];
    wire_socket_close(&client);
    wire_inlet_close(&front);
    cr_assert_not(front.holds);
    cr_assert_null(front.socket);
    cr_assert_eq(zmq_ctx_term(context), 0);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory); /* fits */
    cr_assert_eq(system(command), 0);
}

TestSuite(wire_inlet, .init = setup, .fini = teardown, .timeout = 120);

/* False: a signal. */
static bool
wait_for_front(long wait_ms)
{
    struct wire_inlet *const inlets[] = {NULL, &front, &nothing};
    return wire_inlets_wait(inlets, 3, NULL, wait_ms);
}

static int
front_events(void)
{
    int events = 0;
    size_t size = sizeof events;
    cr_assert_eq(zmq_getsockopt(front.socket, ZMQ_EVENTS, &events, &size), 0);
    return events;
}

/* All that it may hold; how many frames that were. */
static unsigned
read_front(void)
{
    unsigned count = 0;
    zmq_msg_t message;
    (void)zmq_msg_init(&message); /* cannot fail */
    while (wire_inlet_receive(&front, &message) == ERR_OK) {
        count++;
    }
    (void)zmq_msg_close(&message); /* was initialised */
    cr_assert_not(front.holds);
    return count;
}

/* On its way to the inlet, which is not asked. */
static void
send_frame(void)
{
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while (zmq_send(client, "x", 1, ZMQ_DONTWAIT) < 0 && clock_mono_ms() < until_ms) {
        zmq_pollitem_t item = {.socket = client, .events = ZMQ_POLLOUT};
        (void)zmq_poll(&item, 1, PATIENCE_MS);
    }
}

static int
front_descriptor(void)
{
    int fd = -1;
    size_t size = sizeof fd;
    cr_assert_eq(zmq_getsockopt(front.socket, ZMQ_FD, &fd, &size), 0);
    return fd;
}

/* Until the inlet says that it may hold something, from its descriptor alone. */
static bool
heard(void)
{
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    struct pollfd item = {.fd = front_descriptor(), .events = POLLIN};
    while (!front.holds && clock_mono_ms() < until_ms) {
        (void)poll(&item, 1, 100);
        (void)wait_for_front(0); /* silence is no news then */
    }
    return front.holds;
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

Test(wire_inlet, a_new_socket_is_asked_and_none_never)
{
    zmq_msg_t message;
    (void)zmq_msg_init(&message); /* cannot fail */
    cr_assert(front.holds);
    cr_assert_not(wire_inlet_of(NULL).holds);
    cr_assert_eq(wire_inlet_receive(&nothing, &message), ERR_AGAIN);
    (void)zmq_msg_close(&message); /* was initialised */
}

Test(wire_inlet, what_arrives_is_heard_and_what_was_read_to_its_end_is_not_asked_again)
{
    for (int i = 0; i < 3; i++) {
        frame_arrives();
        (void)wait_for_front(0);
        cr_assert_not(front.holds);
    }
}

Test(wire_inlet, a_message_that_is_refused_is_not_the_end)
{
    zmq_msg_t message;
    (void)zmq_msg_init(&message); /* cannot fail */
    frame_arrives();
    cr_assert_eq(zmq_send(client, "x", 1, ZMQ_SNDMORE), 1);
    cr_assert_eq(zmq_send(client, "x", 1, 0), 1);
    send_frame();
    err_t rc = ERR_AGAIN;
    while (rc == ERR_AGAIN) { /* other news before it */
        cr_assert(heard());
        rc = wire_inlet_receive(&front, &message);
    }
    cr_assert_eq(rc, ERR_INVALID, "of more frames than one");
    cr_assert(front.holds);
    (void)zmq_msg_close(&message); /* was initialised */
    unsigned count = read_front();
    while (count == 0) { /* it came later */
        cr_assert(heard());
        count = read_front();
    }
    cr_assert_eq(count, 1);
}

/* A use takes the news in passing; the descriptor is silent then. */
Test(wire_inlet, a_socket_that_was_used_is_asked_before_the_sleep)
{
    frame_arrives();
    send_frame();
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while ((front_events() & ZMQ_POLLIN) == 0 && clock_mono_ms() < until_ms) {
    }
    (void)wait_for_front(0);
    cr_assert_not(front.holds, "so it would be missed");
    front.holds = true; /* as whoever uses it says */
    int64_t started_ms = clock_mono_ms();
    (void)wait_for_front(2L * PATIENCE_MS);
    cr_assert(front.holds);
    cr_assert_lt(clock_mono_ms() - started_ms, PATIENCE_MS, "not by silence");
    cr_assert_eq(read_front(), 1);
    front.holds = true;
    (void)wait_for_front(0);
    cr_assert_not(front.holds, "nothing is there");
}

Test(wire_inlet, one_that_is_left_out_is_not_heard_and_nothing_is_lost_by_it)
{
    struct wire_inlet *const none[] = {NULL};
    frame_arrives();
    send_frame();
    struct pollfd item = {.fd = front_descriptor(), .events = POLLIN};
    cr_assert_eq(poll(&item, 1, PATIENCE_MS), 1);
    (void)wire_inlets_wait(none, 1, NULL, 0);
    cr_assert_not(front.holds);
    cr_assert(heard());
    cr_assert_eq(read_front(), 1);
}

Test(wire_inlet, after_a_sleep_in_which_nothing_was_heard_all_are_asked)
{
    struct wire_inlet other = wire_inlet_of(wire_socket_new(context, WIRE_SOCKET_PULL, 0, 4));
    struct wire_inlet *const inlets[] = {&front, &other, &nothing};
    frame_arrives();
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while (!other.holds || !front.holds) { /* a signal, or late news of the connection */
        cr_assert_lt(clock_mono_ms(), until_ms);
        front.holds = false;
        other.holds = false;
        (void)wire_inlets_wait(inlets, 3, NULL, 1);
    }
    cr_assert_not(nothing.holds, "there is no such socket");
    wire_inlet_close(&other);
}

/* Who waits to send hears that he can, even when that is no news. */
Test(wire_inlet, what_waits_to_be_sent_is_told_when_it_can_be)
{
    frame_arrives();
    front.sends = true;
    cr_assert_neq(front_events() & ZMQ_POLLOUT, 0, "so the descriptor is silent");
    int64_t started_ms = clock_mono_ms();
    (void)wait_for_front(PATIENCE_MS);
    cr_assert(front.holds);
    cr_assert_lt(clock_mono_ms() - started_ms, PATIENCE_MS);
    front.sends = false;
    (void)wait_for_front(0);
    cr_assert_not(front.holds, "nobody asked");
    wire_socket_close(&client);
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while ((front_events() & ZMQ_POLLOUT) != 0) {
        cr_assert_lt(clock_mono_ms(), until_ms);
    }
    front.sends = true;
    (void)wait_for_front(0);
    cr_assert_not(front.holds, "it has no peer");
}

Test(wire_inlet, a_descriptor_of_another_kind_ends_the_sleep)
{
    struct pollfd own = {.fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN, .revents = POLLIN};
    struct wire_inlet *const inlets[] = {&front};
    cr_assert_geq(own.fd, 0);
    frame_arrives();
    while (!wire_inlets_wait(inlets, 1, &own, 0)) { /* a signal */
    }
    cr_assert_eq(own.revents, 0);
    cr_assert_eq(eventfd_write(own.fd, 1), 0);
    (void)wire_inlets_wait(inlets, 1, &own, 2L * PATIENCE_MS);
    cr_assert_eq(own.revents, POLLIN);
    cr_assert_eq(close(own.fd), 0);
}

static volatile sig_atomic_t signals;

static void
count_signal(int number)
{
    (void)number; /* the only one */
    signals++;
}

/* libzmq ends any of its calls with EINTR, also one that does not wait. */
Test(wire_inlet, signals_at_any_moment_end_nothing)
{
    const struct sigaction action = {.sa_handler = count_signal};
    const struct itimerval often = {.it_interval.tv_usec = 50, .it_value.tv_usec = 50};
    const struct itimerval never = {.it_value.tv_usec = 0};
    frame_arrives();
    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    bool ended = false;
    unsigned sent = 0;
    unsigned came = 0;
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while (signals < SIGNALS || !ended || came < sent) {
        if (sent - came < 4 && signals < SIGNALS) {
            sent += zmq_send(client, "x", 1, ZMQ_DONTWAIT) == 1;
        }
        front.holds = front.holds || signals % 2 == 0;
        ended = !wait_for_front(0) || ended;
        ended = !wait_for_front(1) || ended;
        came += read_front();
        cr_assert_lt(clock_mono_ms(), until_ms);
    }
    cr_assert_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    cr_assert_gt(sent, 0);
    cr_assert_eq(came, sent);
    frame_arrives();
}
