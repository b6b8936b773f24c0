#include "client/consumer_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define IDLE_WAIT_MS 250 /* at most between two looks at a handler that may hang */
#define HELD_RETRY_MS 5
#define HELD_FOR_MS 10000 /* then a lease has brought the delivery back */
#define LINGER_MS 1000

/* Take the handlers' answers, and offer all that is held to their sessions, in order. Returns
 * whether a joined session left something. */
static bool
send_held(herald_consumer_t *self, int64_t now_ms)
{
    *self->held_last = consumer_queue_answers(self->queue);
    bool full[CONSUMER_PARTIES] = {false};
    struct consumer_queue_answer **at = &self->held;
    while (*at != NULL) {
        struct consumer_queue_answer *answer = *at;
        struct consumer_session *session = &self->sessions[answer->session];
        if (!full[answer->session] &&
            !consumer_session_offer(session, &answer->body, answer->size)) {
            full[answer->session] = true;
        }
        if (answer->body != NULL && now_ms - answer->made_ms < HELD_FOR_MS) {
            at = &answer->next;
            continue;
        }
        *at = answer->next;
        mem_free(answer->body);
        mem_free(answer);
    }
    self->held_last = at;
    bool left = false;
    for (int party = 0; party < CONSUMER_PARTIES; party++) {
        left = left || (full[party] && self->sessions[party].state == CONSUMER_SESSION_JOINED);
    }
    return left;
}

/* What no handler has goes back to its senders, and what waits in the lanes with it. */
static void
hand_all_back(herald_consumer_t *self, int64_t now_ms)
{
    size_t count;
    while ((count = consumer_queue_take_back(self->queue, self->incoming,
                                             LIMIT_FRAME_NOTIFICATIONS)) > 0) {
        consumer_hand_back(self, self->incoming, count);
        consumer_queue_release(self->queue, self->incoming, count);
    }
    for (int party = 0; party < CONSUMER_PARTIES; party++) {
        consumer_receive_lane(self, (enum consumer_party)party, true, now_ms);
    }
}

static void
leave_all(herald_consumer_t *self)
{
    for (int party = 0; party < CONSUMER_PARTIES; party++) {
        consumer_session_fini(&self->sessions[party], LINGER_MS);
    }
}

static void
look_at_handler(herald_consumer_t *self, int64_t now_ms)
{
    int64_t busy_ms = consumer_queue_busy_ms(self->queue, now_ms);
    bool hangs = busy_ms > self->options.hang_ms;
    if (hangs && !atomic_load(&self->hung)) {
        char detail[64];
        atomic_store(&self->hung, true);
        hand_all_back(self, now_ms);
        (void)send_held(self, now_ms); /* the rest: when we are back */
        leave_all(self);
        (void)snprintf(detail, sizeof detail, "a handler has run for %lld ms", (long long)busy_ms);
        consumer_tell(self, "hung", detail);
    } else if (!hangs && atomic_load(&self->hung)) {
        struct why why = {{0}};
        atomic_store(&self->hung, false);
        consumer_tell(self, "recovered", "the handler has returned");
        err_t rc = consumer_greet(self, &why);
        CHECK(rc == ERR_OK || rc == ERR_FULL); /* it could be dialled before */
        if (rc == ERR_FULL) {
            consumer_tell(self, "refused", why.text);
        }
    }
}

static void
say_what_is_due(herald_consumer_t *self, int64_t now_ms)
{
    uint32_t joined = 0;
    for (int party = 0; party < CONSUMER_PARTIES; party++) {
        struct consumer_session *session = &self->sessions[party];
        if (consumer_session_tick(session, now_ms)) {
            consumer_tell(self, "lost", session->service);
        }
        joined += session->state == CONSUMER_SESSION_JOINED;
    }
    atomic_store(&self->joined, joined);
}

static long
wait_ms(const herald_consumer_t *self, bool held, int64_t now_ms)
{
    int64_t most = held ? HELD_RETRY_MS : IDLE_WAIT_MS;
    if (most > self->options.hang_ms / 2 + 1) {
        most = self->options.hang_ms / 2 + 1;
    }
    for (int party = 0; party < CONSUMER_PARTIES; party++) {
        int64_t next_ms = consumer_session_next_ms(&self->sessions[party]);
        if (next_ms <= now_ms) {
            return 0;
        }
        most = next_ms - now_ms < most ? next_ms - now_ms : most;
    }
    return (long)most;
}

static void
wait_for_something(herald_consumer_t *self, bool held)
{
    struct wire_inlet *inlets[3 * CONSUMER_PARTIES];
    static_assert(3 * CONSUMER_PARTIES <= WIRE_INLETS_MAX, "all of them");
    struct pollfd answers = {.fd = consumer_queue_fd(self->queue), .events = POLLIN};
    size_t count = 0;
    bool may = consumer_receive_may(self);
    for (int party = 0; party < CONSUMER_PARTIES; party++) {
        struct consumer_session *session = &self->sessions[party];
        inlets[count++] = &session->front;
        inlets[count++] = &session->monitor;
        inlets[count++] = may ? &session->lane.at : NULL;
    }
    long most_ms = wait_ms(self, held, clock_mono_ms());
    (void)wire_inlets_wait(inlets, count, &answers, most_ms); /* a signal: a round too many */
}

/* Up to a second: what was answered goes out before the sockets are closed. */
static void
part(herald_consumer_t *self)
{
    int64_t until_ms = clock_mono_ms() + LINGER_MS;
    hand_all_back(self, clock_mono_ms());
    while (send_held(self, clock_mono_ms()) && clock_mono_ms() < until_ms) {
        (void)zmq_poll(NULL, 0, HELD_RETRY_MS); /* EINTR: a shorter pause */
    }
    leave_all(self);
    while (self->held != NULL) {
        struct consumer_queue_answer *answer = self->held;
        self->held = answer->next;
        mem_free(answer->body);
        mem_free(answer);
    }
}

void *
consumer_thread_run(void *consumer)
{
    herald_consumer_t *self = consumer;
    bool held = false;
    while (!atomic_load(&self->ending)) {
        wait_for_something(self, held);
        int64_t now_ms = clock_mono_ms();
        for (int party = 0; party < CONSUMER_PARTIES; party++) {
            consumer_receive_front(self, (enum consumer_party)party, now_ms);
            consumer_receive_lane(self, (enum consumer_party)party, false, now_ms);
        }
        look_at_handler(self, now_ms);
        if (consumer_queue_stopped(self->queue)) {
            hand_all_back(self, now_ms);
        }
        held = send_held(self, now_ms);
        say_what_is_due(self, now_ms);
    }
    part(self);
    return NULL;
}
