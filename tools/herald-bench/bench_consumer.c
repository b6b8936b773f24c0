#include "bench_load.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/consumer_session.h"
#include "seal/seal_keys.h"
#include "wire/wire_deliver.h"
#include "wire/wire_socket.h"
#include "wire/wire_submit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS 100
#define FRAMES_A_ROUND 64

enum {
    FROM_PRODUCER,
    FROM_SCHEDULER, /* what the producer could not have delivered at once comes from there */
    SESSIONS,
};

/* Where the scheduler is, as the producer says. */
static void
place_scheduler(struct consumer_session *sessions, const struct wire_welcome *welcome)
{
    static const char name[] = "scheduler";
    for (uint32_t i = 0; i < welcome->endpoint_count; i++) {
        const struct wire_endpoint *endpoint = &welcome->endpoints[i];
        if (endpoint->name.size == sizeof name - 1 &&
            memcmp(endpoint->name.data, name, sizeof name - 1) == 0) {
            char text[LIMIT_ENDPOINT_BYTES + 1];
            struct wire_text place = {.data = text};
            if (consumer_session_resolve(&sessions[FROM_PRODUCER], endpoint->endpoint, text)) {
                place.size = strlen(text);
                (void)consumer_session_place(&sessions[FROM_SCHEDULER], place, endpoint->key,
                                             NULL); /* or not */
            }
        }
    }
}

static void
take_front(struct bench_shared *shared, struct consumer_session *sessions, int from,
           zmq_msg_t *message)
{
    struct consumer_session *session = &sessions[from];
    while (wire_inlet_receive(&session->front, message) == ERR_OK) {
        struct wire_in in;
        struct wire_head head;
        struct why why;
        struct wire_welcome welcome;
        struct wire_pong pong;
        if (wire_message_open(&in, zmq_msg_data(message), zmq_msg_size(message), &head, &why) !=
            ERR_OK) {
            continue;
        }
        if (head.type == WIRE_WELCOME &&
            wire_welcome_decode(&in, &head, &welcome, &why) == ERR_OK) {
            bool joined =
                consumer_session_welcome(session, &welcome, clock_mono_ms(), &why) == ERR_OK;
            if (!joined) {
                fprintf(stderr, "herald-bench: %s\n", why.text);
            }
            if (from == FROM_PRODUCER) {
                atomic_fetch_add(&shared->joined, joined ? 1 : 0);
                place_scheduler(sessions, &welcome);
            }
        } else if (head.type == WIRE_PONG && wire_pong_decode(&in, &head, &pong, &why) == ERR_OK) {
            (void)consumer_session_pong(session, &pong, clock_mono_ms()); /* it greets by itself */
        }
    }
}

/* What is answered to one frame. */
struct answers {
    const struct bench_load *load; /* borrowed */
    int64_t now_ns;
    struct wire_outcomes_out out;
    uint64_t delivered; /* of the load */
};

/* The number in a biz_id of this load; false: it is another load's. */
static bool
number_of(const struct bench_load *load, struct wire_text biz_id, uint64_t *number)
{
    size_t prefix = strlen(load->run_id);
    if (biz_id.size != prefix + 1 + BENCH_NUMBER_DIGITS ||
        memcmp(biz_id.data, load->run_id, prefix) != 0) {
        return false;
    }
    *number = 0;
    for (size_t i = prefix + 1; i < biz_id.size; i++) {
        *number = *number * 10 + (uint64_t)(biz_id.data[i] - '0');
    }
    return *number < load->count;
}

/* RETRY the first time, at a time of its own; the second time see how late it is. */
static void
put_off(struct answers *answers, const struct wire_notification *notification, bool first,
        struct wire_outcome *outcome)
{
    const struct bench_load *load = answers->load;
    int64_t now_ns = answers->now_ns;
    struct bench_retry *retry = load->retry;
    uint64_t number = 0;
    bool own = number_of(load, notification->biz_id, &number);
    answers->delivered += own;
    if (own && first) {
        uint64_t delay_ms = retry->from_ms + number * retry->spread_ms / load->count;
        outcome->outcome = WIRE_OUTCOME_RETRY;
        outcome->not_before_ms = delay_ms;
        retry->due_ns[number] = now_ns + (int64_t)delay_ms * 1000000;
    } else if (own) {
        bench_histogram_add(&retry->late, now_ns - retry->due_ns[number]);
    }
}

static bool
take_items(struct wire_in *in, const struct wire_deliver *deliver, struct bench_histogram *latency,
           struct answers *answers)
{
    for (uint32_t i = 0; i < deliver->count; i++) {
        struct wire_item item;
        struct wire_notification notification;
        bool sound = false;
        if (!wire_item_open(in, &item, &notification, &sound) || !sound) {
            return false;
        }
        if (notification.payload.size >= BENCH_PAYLOAD_MIN) {
            bench_histogram_add(latency, answers->now_ns -
                                             (int64_t)bytes_get_u64(notification.payload.data));
        }
        if (answers->load->retry != NULL) {
            struct wire_outcome outcome = {
                .first_token = deliver->first_token + i, .count = 1, .outcome = WIRE_OUTCOME_DONE};
            put_off(answers, &notification, deliver->log == 0, &outcome);
            wire_outcomes_add(&answers->out, &outcome);
        }
    }
    return true;
}

/* Answer a whole frame with one outcome; the time in each payload tells how old it is. */
static void
take_deliveries(struct bench_shared *shared, struct consumer_session *session, zmq_msg_t *message,
                struct bench_histogram *latency)
{
    struct wire_in in;
    struct wire_head head;
    struct wire_deliver deliver;
    struct why why;
    if (wire_message_open(&in, zmq_msg_data(message), zmq_msg_size(message), &head, &why) !=
            ERR_OK ||
        head.type != WIRE_DELIVER || !wire_deliver_open(&in, &deliver)) {
        return;
    }
    struct wire_out out;
    size_t size = 0;
    wire_out_init(&out, 128);
    struct wire_outcomes outcomes = {.run = deliver.run, .lane = session->lane_number};
    outcomes.receiver =
        (struct wire_text){.data = session->self->name, .size = strlen(session->self->name)};
    struct answers answers = {
        .load = shared->load,
        .now_ns = clock_mono_ns(),
        .out = wire_outcomes_begin(&out, &outcomes),
    };
    bool sound = take_items(&in, &deliver, latency, &answers);
    if (shared->load->retry == NULL) {
        struct wire_outcome done = {.first_token = deliver.first_token,
                                    .count = deliver.count,
                                    .outcome = WIRE_OUTCOME_DONE};
        wire_outcomes_add(&answers.out, &done);
        answers.delivered = deliver.count;
    }
    wire_outcomes_end(&answers.out);
    uint8_t *body = wire_out_take(&out, &size);
    if (!sound) {
        mem_free(body);
    } else if (wire_socket_send(session->outcome.at.socket, body, size) == ERR_OK) {
        atomic_fetch_add(&shared->delivered, answers.delivered);
        atomic_store(&shared->last_ns, clock_mono_ns());
    }
}

static void
consume_round(struct bench_shared *shared, struct consumer_session *sessions, zmq_msg_t *message,
              const struct bench_consumer *consumer)
{
    struct wire_inlet *inlets[3 * SESSIONS];
    static_assert(3 * SESSIONS <= WIRE_INLETS_MAX, "all of them");
    size_t count = 0;
    for (int i = 0; i < SESSIONS; i++) {
        (void)consumer_session_tick(&sessions[i], clock_mono_ms()); /* lost: greeted again */
        inlets[count++] = &sessions[i].front;
        inlets[count++] = &sessions[i].monitor;
        inlets[count++] = consumer->hung ? NULL : &sessions[i].lane.at;
    }
    (void)wire_inlets_wait(inlets, count, NULL, POLL_MS); /* a signal: a round too many */
    for (int i = 0; i < SESSIONS; i++) {
        take_front(shared, sessions, i, message);
        for (int k = 0; k < FRAMES_A_ROUND && !consumer->hung &&
                        wire_inlet_receive(&sessions[i].lane.at, message) == ERR_OK;
             k++) {
            take_deliveries(shared, &sessions[i], message, consumer->latency);
        }
    }
}

static err_t
open_keys(const struct bench_load *load, seal_keys_t **keys_p, struct why *why)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/consume",
                   load->keys == NULL ? "" : load->keys); /* fits */
    return load->keys == NULL ? ERR_OK : seal_keys_open(keys_p, path, SEAL_SECRET_FILE, why);
}

static void
consume_until_stopped(struct bench_shared *shared, struct consumer_session *sessions,
                      const struct bench_consumer *consumer)
{
    zmq_msg_t message;
    (void)zmq_msg_init(&message); /* cannot fail */
    while (!atomic_load(&shared->stop)) {
        consume_round(shared, sessions, &message, consumer);
    }
    (void)zmq_msg_close(&message); /* nothing is left to do about it */
}

err_t
bench_consume(struct bench_shared *shared, const struct bench_consumer *consumer, struct why *why)
{
    char name[LIMIT_NAME_BYTES + 1];
    (void)snprintf(name, sizeof name, "herald-bench-%ld-%u", (long)getpid(),
                   consumer->number); /* always fits */
    seal_keys_t *keys = NULL;
    err_t rc = open_keys(shared->load, &keys, why);
    if (rc != ERR_OK) {
        return rc;
    }
    const uint8_t *key = keys == NULL ? NULL : seal_keys_server(keys, "producer");
    struct consumer_session_self self = {
        .context = shared->context,
        .secret = keys == NULL ? NULL : seal_keys_secret(keys),
        .group = shared->load->group,
        .name = name,
        .nonce = ((uint64_t)clock_mono_ns() << 5 | consumer->number << 1) | 1,
    };
    struct consumer_session sessions[SESSIONS];
    consumer_session_init(&sessions[FROM_PRODUCER], &self, "the producer");
    consumer_session_init(&sessions[FROM_SCHEDULER], &self, "the scheduler");
    struct wire_text place = {.data = shared->load->producer,
                              .size = strlen(shared->load->producer)};
    rc = consumer_session_place(
        &sessions[FROM_PRODUCER], place,
        (struct wire_bytes){.data = key, .size = key == NULL ? 0 : SEAL_KEY_BYTES}, why);
    if (rc == ERR_OK) {
        consume_until_stopped(shared, sessions, consumer);
    }
    consumer_session_fini(&sessions[FROM_PRODUCER], 500);
    consumer_session_fini(&sessions[FROM_SCHEDULER], 500);
    seal_keys_close(&keys);
    return rc;
}
