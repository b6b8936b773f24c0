/* A service's loop while the disk takes nothing: what it lets in, and that it goes on after it. */
#include "shell_fixture.h"

#include "base/mem.h"
#include "support/sim_disk.h"
#include "wire/wire_case.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define CLIENTS 10
#define QUESTIONS 10 /* of each client */
#define ANSWER_BYTES (1024U * 1024)
#define MOST_BYTES (64U * 1024 * 1024)
#define RECORD_BYTES (32U * 1024)
#define CLOSED_ROUNDS 20 /* in which nothing more may come in */
#define PATIENCE_MS 60000

static sim_disk_t *disk;
static peers_t *peers;
static outbox_t *outbox;
static char directory[64];
static char front_endpoint[96];
static atomic_uint answered; /* of all clients */
static struct busy_poll polls;

static struct {
    uint32_t taken;
    uint32_t taken_full;    /* by the last round in which more bytes waited than may */
    uint32_t closed_rounds; /* one after the other in which nothing came in */
    size_t most_bytes;
} seen;

static void
setup(void)
{
    struct why why = {{0}};
    const struct log_settings journal = {
        .directory = "j", .segment_bytes = 64U * 1024, .no_write_ahead = true};
    strcpy(directory, "/tmp/herald-shell-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    disk = sim_disk_new(1);
    sim_disk_use(disk);
    cr_assert_eq(peers_open(&peers, &journal, LOG_SCHEDULER, &why), ERR_OK, "%s", why.text);
    outbox = outbox_new();
}

static void
teardown(void)
{
    outbox_destroy(&outbox);
    peers_close(&peers);
    sim_disk_destroy(&disk);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory); /* fits */
    cr_assert_eq(system(command), 0);
}

TestSuite(shell, .init = setup, .fini = teardown, .timeout = 120);

static void
take(void *self, const struct outbox_route *route, const uint8_t *body, size_t size)
{
    static const uint8_t record[RECORD_BYTES];
    (void)self;
    (void)body;
    (void)size;
    seen.taken++;
    (void)log_append(peers_own(peers), RECORD_NOTIFICATION, record, sizeof record);
    outbox_front(outbox, log_next(peers_own(peers)) - 1, route, mem_zeroed(ANSWER_BYTES),
                 ANSWER_BYTES);
}

/* The disk is full from the start, until the door has been shut for long enough. */
static err_t
step(void *self, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    (void)self;
    (void)now_ms;
    (void)now_unix_ms;
    (void)why;
    size_t bytes = outbox_bytes(outbox);
    seen.most_bytes = bytes > seen.most_bytes ? bytes : seen.most_bytes;
    if (bytes > MOST_BYTES && seen.closed_rounds < CLOSED_ROUNDS) {
        /* The first answers may still have left: then others came in for them. */
        seen.closed_rounds = seen.taken == seen.taken_full ? seen.closed_rounds : 0;
        seen.taken_full = seen.taken;
        if (++seen.closed_rounds == CLOSED_ROUNDS) {
            sim_disk_set_capacity(disk, UINT64_C(1) << 30);
        }
    }
    if (atomic_load(&answered) == CLIENTS * QUESTIONS) {
        shell_stop();
    }
    return ERR_OK;
}

/* Asks all at once, then waits for the answers. */
static void *
run_client(void *context)
{
    void *socket = zmq_socket(context, ZMQ_DEALER);
    const int patience_ms = PATIENCE_MS;
    const int linger_ms = 0;
    const struct wire_cases_ask ask = {.limit = 1};
    bool good = zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms) == 0 &&
                zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms) == 0 &&
                zmq_connect(socket, front_endpoint) == 0;
    for (uint64_t i = 0; good && i < QUESTIONS; i++) {
        struct wire_out out;
        wire_out_init(&out, 64);
        wire_cases_encode(&out, i + 1, &ask);
        good = zmq_send(socket, out.data, wire_out_size(&out), 0) > 0;
        wire_out_fini(&out);
    }
    zmq_msg_t message;
    (void)zmq_msg_init(&message); /* cannot fail */
    for (uint32_t i = 0; good && i < QUESTIONS; i++) {
        good = zmq_msg_recv(&message, socket, 0) == (int)ANSWER_BYTES;
        atomic_fetch_add(&answered, good ? 1 : 0);
    }
    (void)zmq_msg_close(&message);
    (void)zmq_close(socket);
    if (!good) {
        shell_stop();
    }
    return NULL;
}

static shell_t *
open_shell(alarm_t **alarm)
{
    struct why why = {{0}};
    char wake[96];
    (void)snprintf(front_endpoint, sizeof front_endpoint, "ipc://%s/front", directory); /* fits */
    (void)snprintf(wake, sizeof wake, "ipc://%s/wake", directory);
    shell_t *shell = NULL;
    cr_assert_eq(alarm_open(alarm, "", &why), ERR_OK);
    const struct shell_settings settings = {.service = "retry-scheduler",
                                            .log = LOG_SCHEDULER,
                                            .front = front_endpoint,
                                            .wake = wake,
                                            .alarm = *alarm,
                                            .busy_poll = polls};
    cr_assert_eq(shell_open(&shell, &settings, peers_own(peers), outbox, &why), ERR_OK, "%s",
                 why.text);
    return shell;
}

static void
serve_while_the_disk_is_full(void)
{
    struct why why = {{0}};
    alarm_t *alarm = NULL;
    shell_t *shell = open_shell(&alarm);
    sim_disk_set_capacity(disk, sim_disk_used(disk));
    pthread_t threads[CLIENTS];
    void *context = zmq_ctx_new();
    for (int i = 0; i < CLIENTS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, run_client, context), 0);
    }
    struct shell_core core = shell_fixture_core(peers);
    core.takes = FRONT_TAKES(WIRE_CASES);
    core.front = take;
    core.step = step;
    cr_assert_eq(shell_run(shell, &core, &why), ERR_OK, "%s", why.text);
    for (int i = 0; i < CLIENTS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_eq(seen.closed_rounds, CLOSED_ROUNDS, "so much waited that the door was shut");
    cr_assert_leq(seen.most_bytes, MOST_BYTES + ANSWER_BYTES, "and not one answer too late");
    cr_assert_eq(seen.taken, CLIENTS * QUESTIONS);
    cr_assert_eq(atomic_load(&answered), CLIENTS * QUESTIONS);
    cr_assert_eq(zmq_ctx_term(context), 0);
    shell_close(&shell);
    alarm_close(&alarm);
}

Test(shell, while_answers_wait_for_a_full_disk_the_door_is_shut_and_then_all_are_answered)
{
    serve_while_the_disk_is_full();
}

Test(shell, the_door_is_shut_to_a_loop_that_polls_too)
{
    polls = shell_fixture_polls;
    serve_while_the_disk_is_full();
}

/* A question is answered once its record is synced; then, before anything else is taken, what has
 * become durable is dispatched. Here that is a second answer. */
static struct {
    struct outbox_route route;
    uint64_t position; /* of the question's record; 0: none yet */
    uint32_t calls;    /* of dispatch, with something to do */
    uint32_t steps;    /* that saw something durable which was not dispatched */
    err_t rc;          /* what dispatch returns then */
} later;

static void
take_one(void *self, const struct outbox_route *route, const uint8_t *body, size_t size)
{
    (void)self;
    (void)body;
    (void)size;
    later.route = *route;
    later.position = log_append(peers_own(peers), RECORD_NOTIFICATION, "x", 1);
    outbox_front(outbox, later.position, route, mem_zeroed(1), 1);
}

static err_t
step_and_stop(void *self, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    (void)self;
    (void)now_ms;
    (void)now_unix_ms;
    (void)why;
    bool is_durable = later.position > 0 && log_durable(peers_own(peers)) >= later.position;
    later.steps += is_durable && later.calls == 0;
    if (later.calls > 0) {
        shell_stop();
    }
    return ERR_OK;
}

static err_t
dispatch(void *self, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    (void)self;
    cr_assert_gt(now_ms, 0);
    cr_assert_gt(now_unix_ms, now_ms);
    if (later.position == 0 || log_durable(peers_own(peers)) < later.position ||
        later.calls++ > 0) {
        return ERR_OK;
    }
    cr_assert_eq(outbox_count(outbox), 0, "the answer has left");
    outbox_front(outbox, 0, &later.route, mem_zeroed(2), 2);
    return later.rc == ERR_OK ? ERR_OK : why_set(why, later.rc, "no dispatch");
}

static err_t
serve_one(int answers, struct why *why)
{
    alarm_t *alarm = NULL;
    shell_t *shell = open_shell(&alarm);
    struct shell_core core = shell_fixture_core(peers);
    core.takes = FRONT_TAKES(WIRE_CASES);
    core.front = take_one;
    core.step = step_and_stop;
    core.dispatch = dispatch;
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_DEALER);
    const int patience_ms = PATIENCE_MS;
    const int linger_ms = 0;
    const struct wire_cases_ask ask = {.limit = 1};
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_cases_encode(&out, 1, &ask);
    cr_assert_eq(zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms), 0);
    cr_assert_eq(zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms), 0);
    cr_assert_eq(zmq_connect(socket, front_endpoint), 0);
    cr_assert_gt(zmq_send(socket, out.data, wire_out_size(&out), 0), 0);
    wire_out_fini(&out);
    err_t rc = shell_run(shell, &core, why);
    for (int i = 1; i <= answers; i++) {
        char answer[8];
        cr_assert_eq(zmq_recv(socket, answer, sizeof answer, 0), i);
    }
    cr_assert_eq(zmq_close(socket), 0);
    cr_assert_eq(zmq_ctx_term(context), 0);
    shell_close(&shell);
    alarm_close(&alarm);
    return rc;
}

Test(shell, what_has_become_durable_is_dispatched_behind_the_answers_and_before_the_next_frames)
{
    struct why why = {{0}};
    cr_assert_eq(serve_one(2, &why), ERR_OK, "%s", why.text);
    cr_assert_geq(later.calls, 1);
    cr_assert_eq(later.steps, 0, "no round was between");
}

Test(shell, a_dispatch_that_fails_ends_the_service)
{
    struct why why = {{0}};
    later.rc = ERR_IO;
    cr_assert_eq(serve_one(1, &why), ERR_IO);
    cr_assert_str_eq(why.text, "no dispatch");
}

/* The first step appends a DONE; the steps end when it is durable. */
static struct {
    uint64_t position;
    uint32_t undurable; /* later steps that found it not durable yet */
    bool wanted;        /* a message depends on it */
} company;

static err_t
append_once(void *self, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    (void)self;
    (void)now_ms;
    (void)now_unix_ms;
    (void)why;
    if (company.position == 0) {
        company.position = log_append(peers_own(peers), RECORD_DONE, "x", 1);
        if (company.wanted) {
            const struct outbox_route nobody = {.size = 1};
            outbox_front(outbox, company.position, &nobody, mem_zeroed(1), 1);
        }
    } else if (log_durable(peers_own(peers)) < company.position) {
        company.undurable++;
    } else {
        shell_stop();
    }
    return ERR_OK;
}

static void
append_alone(uint32_t may_wait)
{
    struct why why = {{0}};
    alarm_t *alarm = NULL;
    shell_t *shell = open_shell(&alarm);
    struct shell_core core = shell_fixture_core(peers);
    core.may_wait = may_wait;
    core.step = append_once;
    cr_assert_eq(shell_run(shell, &core, &why), ERR_OK, "%s", why.text);
    shell_close(&shell);
    alarm_close(&alarm);
}

Test(shell, a_record_that_may_wait_waits_for_company_and_not_for_ever)
{
    append_alone(LOG_KIND_BIT(RECORD_DONE));
    cr_assert_gt(company.undurable, 0);
}

Test(shell, a_record_that_may_not_wait_is_synced_in_its_round)
{
    append_alone(~LOG_KIND_BIT(RECORD_DONE));
    cr_assert_eq(company.undurable, 0);
}

Test(shell, a_record_that_a_message_depends_on_does_not_wait)
{
    company.wanted = true;
    append_alone(LOG_KIND_BIT(RECORD_DONE));
    cr_assert_eq(company.undurable, 0);
}
