#include "wire/wire_socket.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <zmq.h>

int __real_zmq_msg_recv(zmq_msg_t *message, void *socket, int flags); // NOLINT
int __wrap_zmq_msg_recv(zmq_msg_t *message, void *socket, int flags); // NOLINT

static void *context;
static void *front;
static void *client;
static int frames_left = -1; /* until the context is terminated; -1: it is not */

int
__wrap_zmq_msg_recv(zmq_msg_t *message, void *socket, int flags) // NOLINT
{
    if (frames_left == 0) {
        errno = ETERM;
        return -1;
    }
    int size = __real_zmq_msg_recv(message, socket, flags);
    frames_left -= frames_left > 0 && size >= 0;
    return size;
}

static void
setup(void)
{
    context = zmq_ctx_new();
    front = wire_socket_new(context, WIRE_SOCKET_FRONT, 0, 4);
    client = wire_socket_new(context, WIRE_SOCKET_CLIENT, 0, 4);
}

static void
teardown(void)
{
    wire_socket_close(&client);
    wire_socket_close(&front);
    wire_socket_close(&front); /* a second time is fine */
    cr_assert_eq(zmq_ctx_term(context), 0);
}

TestSuite(wire_socket, .init = setup, .fini = teardown);

static void
join(void)
{
    cr_assert_eq(wire_socket_bind(front, "inproc://front", false, NULL), ERR_OK);
    cr_assert_eq(wire_socket_connect(client, "inproc://front", NULL), ERR_OK);
}

static err_t
receive_from(uint8_t route[WIRE_ROUTE_MAX], size_t *size)
{
    zmq_msg_t message;
    cr_assert_eq(zmq_msg_init(&message), 0);
    int64_t end_ms = clock_mono_ms() + 10000;
    err_t rc;
    do {
        rc = wire_socket_receive_from(front, route, size, &message);
    } while (rc == ERR_AGAIN && clock_mono_ms() < end_ms);
    cr_assert_eq(zmq_msg_close(&message), 0);
    return rc;
}

Test(wire_socket, addresses_beyond_this_machine_are_refused_unless_told_so)
{
    static const char *const local[] = {"ipc:///tmp/x", "inproc://x", "tcp://127.0.0.1:1",
                                        "tcp://localhost:1", "tcp://[::1]:1"};
    struct why why = {{0}};
    cr_assert_eq(wire_socket_bind(front, "tcp://0.0.0.0:*", false, &why), ERR_DENIED);
    cr_assert(strstr(why.text, "CURVE") != NULL);
    cr_assert_eq(wire_socket_bind(front, "tcp://*:*", false, &why), ERR_DENIED);
    cr_assert_eq(wire_socket_bind(front, "tcp://*:*", true, &why), ERR_OK);
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        cr_assert_neq(wire_socket_bind(front, local[i], false, &why), ERR_DENIED, "%s", local[i]);
    }
}

Test(wire_socket, a_curve_server_may_bind_any_address)
{
    int server = 1;
    cr_assert_eq(zmq_setsockopt(front, ZMQ_CURVE_SERVER, &server, sizeof server), 0);
    cr_assert_eq(wire_socket_bind(front, "tcp://*:*", false, NULL), ERR_OK);
}

Test(wire_socket, a_list_of_endpoints_is_bound_up_to_the_first_that_fails)
{
    struct why why = {{0}};
    cr_assert_eq(wire_socket_bind(front, " inproc://a  inproc://b", false, &why), ERR_OK);
    cr_assert_eq(wire_socket_bind(front, "inproc://c inproc://a", false, &why), ERR_IO);
    cr_assert(strstr(why.text, "inproc://a") != NULL);
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    cr_assert_eq(wire_socket_endpoint(front, endpoint, sizeof endpoint), ERR_OK);
    cr_assert_str_eq(endpoint, "inproc://c");
    cr_assert_eq(wire_socket_endpoint(front, endpoint, 3), ERR_IO);
}

Test(wire_socket, a_list_with_an_endpoint_that_is_none_is_not_bound_at_all)
{
    struct why why = {{0}};
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    cr_assert_eq(wire_socket_bind(front, "inproc://a nonsense", false, &why), ERR_INVALID);
    cr_assert(strstr(why.text, "nonsense") != NULL, "%s", why.text);
    cr_assert_eq(wire_socket_endpoint(front, endpoint, sizeof endpoint), ERR_OK);
    cr_assert_str_eq(endpoint, "");
}

Test(wire_socket, endpoints_that_are_too_long_are_refused_with_the_limit)
{
    char longer[LIMIT_ENDPOINT_BYTES + 20] = "ipc://";
    memset(longer + 6, 'x', LIMIT_ENDPOINT_BYTES);
    struct why why = {{0}};
    cr_assert_eq(wire_socket_bind(front, longer, false, &why), ERR_INVALID);
    longer[200] = '\0'; /* an endpoint of ours, and no path of the system's */
    cr_assert_eq(wire_socket_bind(front, longer, false, &why), ERR_INVALID);
    cr_assert(strstr(why.text, "107 bytes") != NULL);
    cr_assert_eq(wire_socket_connect(client, "nonsense", &why), ERR_IO);
    cr_assert(strstr(why.text, "nonsense") != NULL);
}

Test(wire_socket, a_body_arrives_and_its_answer_too)
{
    join();
    cr_assert_eq(wire_socket_send(client, mem_copy("hello", 5), 5), ERR_OK);
    uint8_t route[WIRE_ROUTE_MAX];
    size_t size = 0;
    cr_assert_eq(receive_from(route, &size), ERR_OK);
    cr_assert_eq(wire_socket_send_to(front, route, size, mem_copy("back", 4), 4), ERR_OK);
    zmq_msg_t message;
    cr_assert_eq(zmq_msg_init(&message), 0);
    err_t rc = ERR_AGAIN;
    for (int64_t end_ms = clock_mono_ms() + 10000; rc == ERR_AGAIN && clock_mono_ms() < end_ms;) {
        rc = wire_socket_receive(client, &message);
    }
    cr_assert_eq(rc, ERR_OK);
    cr_assert_eq(zmq_msg_size(&message), 4);
    cr_assert_eq(wire_socket_receive(client, &message), ERR_AGAIN);
    cr_assert_eq(zmq_msg_close(&message), 0);
}

Test(wire_socket, a_full_queue_says_again_and_an_unknown_route_not_found)
{
    join();
    err_t rc = ERR_OK;
    for (unsigned i = 0; rc == ERR_OK && i < 1000; i++) {
        rc = wire_socket_send(client, mem_copy("x", 1), 1);
    }
    cr_assert_eq(rc, ERR_AGAIN);
    uint8_t *kept = mem_copy("kept", 4);
    cr_assert_eq(wire_socket_offer(client, &kept, 4), ERR_AGAIN);
    cr_assert_eq(memcmp(kept, "kept", 4), 0);
    mem_free(kept);
    cr_assert_eq(wire_socket_send_to(front, (const uint8_t *)"nobody", 6, mem_copy("x", 1), 1),
                 ERR_NOT_FOUND);
}

Test(wire_socket, an_answer_to_who_does_not_read_says_again)
{
    join();
    cr_assert_eq(wire_socket_send(client, mem_copy("hello", 5), 5), ERR_OK);
    uint8_t route[WIRE_ROUTE_MAX];
    size_t size = 0;
    cr_assert_eq(receive_from(route, &size), ERR_OK);
    err_t rc = ERR_OK;
    for (unsigned i = 0; rc == ERR_OK && i < 1000; i++) {
        rc = wire_socket_send_to(front, route, size, mem_copy("x", 1), 1);
    }
    cr_assert_eq(rc, ERR_AGAIN);
}

/* Two frames, three, none behind the route, and a route that is longer than any of ours. */
Test(wire_socket, messages_of_another_form_are_dropped_whole)
{
    join();
    uint8_t route[WIRE_ROUTE_MAX];
    size_t size = 0;
    cr_assert_eq(zmq_send(client, "a", 1, ZMQ_SNDMORE), 1);
    cr_assert_eq(zmq_send(client, "b", 1, ZMQ_SNDMORE), 1);
    cr_assert_eq(zmq_send(client, "c", 1, 0), 1);
    cr_assert_eq(receive_from(route, &size), ERR_INVALID);
    cr_assert_eq(wire_socket_send(client, mem_copy("good", 4), 4), ERR_OK);
    cr_assert_eq(receive_from(route, &size), ERR_OK);
    char name[WIRE_ROUTE_MAX + 1];
    memset(name, 'n', sizeof name);
    void *other = wire_socket_new(context, WIRE_SOCKET_CLIENT, 0, 4);
    cr_assert_eq(zmq_setsockopt(other, ZMQ_ROUTING_ID, name, sizeof name), 0);
    cr_assert_eq(wire_socket_connect(other, "inproc://front", NULL), ERR_OK);
    cr_assert_eq(wire_socket_send(other, mem_copy("x", 1), 1), ERR_OK);
    cr_assert_eq(receive_from(route, &size), ERR_INVALID);
    wire_socket_close(&other);
}

Test(wire_socket, a_lane_takes_one_frame_a_message)
{
    void *push = wire_socket_new(context, WIRE_SOCKET_PUSH, 0, 4);
    void *pull = wire_socket_new(context, WIRE_SOCKET_PULL, 0, 4);
    cr_assert_eq(wire_socket_bind(push, "inproc://lane", false, NULL), ERR_OK);
    cr_assert_eq(wire_socket_connect(pull, "inproc://lane", NULL), ERR_OK);
    cr_assert_eq(zmq_send(push, "a", 1, ZMQ_SNDMORE), 1);
    cr_assert_eq(zmq_send(push, "b", 1, 0), 1);
    cr_assert_eq(wire_socket_send(push, mem_copy("c", 1), 1), ERR_OK);
    zmq_msg_t message;
    cr_assert_eq(zmq_msg_init(&message), 0);
    err_t rc = ERR_AGAIN;
    for (int64_t end_ms = clock_mono_ms() + 10000; rc == ERR_AGAIN && clock_mono_ms() < end_ms;) {
        rc = wire_socket_receive(pull, &message);
    }
    cr_assert_eq(rc, ERR_INVALID);
    cr_assert_eq(wire_socket_receive(pull, &message), ERR_OK);
    cr_assert_eq(zmq_msg_close(&message), 0);
    wire_socket_close(&push);
    wire_socket_close(&pull);
}

Test(wire_socket, an_empty_queue_says_again)
{
    uint8_t route[WIRE_ROUTE_MAX];
    size_t size = 0;
    zmq_msg_t message;
    cr_assert_eq(zmq_msg_init(&message), 0);
    cr_assert_eq(wire_socket_receive_from(front, route, &size, &message), ERR_AGAIN);
    cr_assert_eq(wire_socket_receive(front, &message), ERR_AGAIN);
    cr_assert_eq(zmq_msg_close(&message), 0);
}

Test(wire_socket, a_message_without_a_route_is_none)
{
    void *push = wire_socket_new(context, WIRE_SOCKET_PUSH, 0, 4);
    void *pull = wire_socket_new(context, WIRE_SOCKET_PULL, 0, 4);
    uint8_t route[WIRE_ROUTE_MAX];
    size_t size = 0;
    zmq_msg_t message;
    cr_assert_eq(zmq_msg_init(&message), 0);
    cr_assert_eq(wire_socket_bind(push, "inproc://lane", false, NULL), ERR_OK);
    cr_assert_eq(wire_socket_connect(pull, "inproc://lane", NULL), ERR_OK);
    cr_assert_eq(wire_socket_send(push, mem_copy("a", 1), 1), ERR_OK);
    err_t rc = ERR_AGAIN;
    for (int64_t end_ms = clock_mono_ms() + 10000; rc == ERR_AGAIN && clock_mono_ms() < end_ms;) {
        rc = wire_socket_receive_from(pull, route, &size, &message);
    }
    cr_assert_eq(rc, ERR_INVALID);
    cr_assert_eq(zmq_msg_close(&message), 0);
    wire_socket_close(&push);
    wire_socket_close(&pull);
}

/* Between two frames, or before the rest of a message that is dropped. */
Test(wire_socket, a_message_that_is_cut_off_by_the_end_is_not_taken)
{
    for (int frames = 1; frames <= 2; frames++) {
        uint8_t route[WIRE_ROUTE_MAX];
        size_t size = 0;
        teardown();
        setup();
        join();
        cr_assert_eq(zmq_send(client, "a", 1, ZMQ_SNDMORE), 1);
        cr_assert_eq(zmq_send(client, "b", 1, 0), 1);
        frames_left = frames;
        cr_assert_eq(receive_from(route, &size), ERR_INVALID);
        cr_assert_eq(frames_left, 0);
        frames_left = -1;
    }
}

Test(wire_socket, a_socket_that_says_nothing_of_curve_has_none)
{
    zmq_msg_t message;
    cr_assert_eq(zmq_msg_init(&message), 0);
    cr_assert_eq(zmq_ctx_shutdown(context), 0);
    cr_assert_eq(wire_socket_receive(front, &message), ERR_AGAIN, "it learns of the end");
    cr_assert_eq(wire_socket_bind(front, "tcp://*:*", false, NULL), ERR_DENIED);
    cr_assert_eq(zmq_msg_close(&message), 0);
}

static void
on_alarm(int number)
{
    (void)number; /* that it comes is enough */
}

Test(wire_socket, a_signal_does_not_end_the_wait_for_what_lingers)
{
    const struct sigaction action = {.sa_handler = on_alarm}; /* without SA_RESTART */
    const struct itimerval often = {.it_interval = {.tv_usec = 5000},
                                    .it_value = {.tv_usec = 5000}};
    const struct itimerval never = {.it_value = {0}};
    const int linger_ms = 200;
    int immediate = 0; /* it takes what nobody can have yet */
    void *own = zmq_ctx_new();
    void *push = wire_socket_new(own, WIRE_SOCKET_PUSH, linger_ms, 4);
    cr_assert_eq(zmq_setsockopt(push, ZMQ_IMMEDIATE, &immediate, sizeof immediate), 0);
    cr_assert_eq(wire_socket_connect(push, "ipc:///tmp/herald-nobody", NULL), ERR_OK);
    cr_assert_eq(wire_socket_send(push, mem_copy("a", 1), 1), ERR_OK);
    wire_socket_close(&push);
    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    int64_t begun_ms = clock_mono_ms();
    wire_socket_end_context(own);
    cr_assert_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    cr_assert_geq(clock_mono_ms() - begun_ms, linger_ms / 2);
}
