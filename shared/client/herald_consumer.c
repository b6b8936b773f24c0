#include "client/herald_consumer.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/client_context.h"
#include "client/client_dial.h"
#include "client/consumer_private.h"
#include "wire/wire_endpoint.h"

#include <signal.h>
#include <string.h>
#include <sys/random.h>

#define HANG_STANDARD_MS 30000U

static err_t
check_text(const char *option, const char *text, size_t max, struct why *why)
{
    size_t size = text == NULL ? 0 : strlen(text);
    if (size < 1 || size > max || !wire_in_utf8(text, size)) {
        return why_set(why, ERR_INVALID,
                       "%s: must have 1 to %zu bytes, UTF-8 without control characters", option,
                       max);
    }
    return ERR_OK;
}

static err_t
check_handlers(const struct herald_consumer_options *options, struct why *why)
{
    if (options->apply == NULL) {
        return why_set(why, ERR_INVALID, "apply: there must be a handler");
    }
    if (options->undo != NULL && options->fence == NULL) {
        return why_set(why, ERR_INVALID, "undo: who can undo can fence; give both handlers");
    }
    return ERR_OK;
}

/* Texts and numbers; and the keys, NULL without CURVE. */
static err_t
take_settings(const struct herald_consumer_options *options, seal_keys_t **keys, struct why *why)
{
    struct why detail = {{0}};
    err_t rc = check_text("producer", options->producer, LIMIT_ENDPOINT_BYTES, why);
    if (rc == ERR_OK) {
        rc = check_text("group", options->group, LIMIT_NAME_BYTES, why);
    }
    if (rc == ERR_OK) {
        rc = check_text("name", options->name, LIMIT_NAME_BYTES, why);
    }
    if (rc == ERR_OK && options->batch_max > HERALD_CONSUMER_BATCH_MAX) {
        rc = why_set(why, ERR_INVALID, "batch_max: must be at most %d", HERALD_CONSUMER_BATCH_MAX);
    }
    if (rc == ERR_OK && options->keys != NULL) {
        rc = seal_keys_open(keys, options->keys, SEAL_SECRET_FILE, why);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    rc = wire_endpoint_check_connect(options->producer, &detail);
    if (rc == ERR_OK) {
        const uint8_t *known = *keys == NULL ? NULL : seal_keys_server(*keys, "producer");
        rc = client_dial_check(options->producer, *keys != NULL, known != NULL, &detail);
    }
    return rc == ERR_OK ? ERR_OK : why_set(why, rc, "producer: %s", detail.text);
}

err_t
herald_consumer_check(const struct herald_consumer_options *options, struct why *why)
{
    seal_keys_t *keys = NULL;
    err_t rc = take_settings(options, &keys, why);
    seal_keys_close(&keys);
    return rc;
}

static void
copy_options(herald_consumer_t *self, const struct herald_consumer_options *options)
{
    self->options = *options;
    self->options.producer = mem_text(options->producer);
    self->options.group = mem_text(options->group);
    self->options.name = mem_text(options->name);
    if (options->identity != NULL) {
        memcpy(self->identity, options->identity, sizeof self->identity);
        self->options.identity = self->identity;
    }
    if (self->options.batch_max == 0) {
        self->options.batch_max = HERALD_CONSUMER_BATCH_MAX;
    }
    if (self->options.hang_ms == 0) {
        self->options.hang_ms = HANG_STANDARD_MS;
    }
}

static void
introduce(herald_consumer_t *self)
{
    static const char *const services[CONSUMER_PARTIES] = {
        [CONSUMER_PRODUCER] = "producer",
        [CONSUMER_SCHEDULER] = "scheduler",
        [CONSUMER_COMPENSATOR] = "compensator",
    };
    uint64_t nonce = 0;
    while (nonce == 0) { /* a nonce of 0 is nobody's */
        CHECK(getrandom(&nonce, sizeof nonce, 0) == sizeof nonce);
    }
    self->self = (struct consumer_session_self){
        .context = self->context,
        .secret = self->keys == NULL ? NULL : seal_keys_secret(self->keys),
        .group = self->options.group,
        .name = self->options.name,
        .identity = self->options.identity,
        .capabilities = (uint8_t)((self->options.fence != NULL ? WIRE_CAN_FENCE : 0) |
                                  (self->options.undo != NULL ? WIRE_CAN_UNDO : 0)),
        .nonce = nonce,
    };
    for (int party = 0; party < CONSUMER_PARTIES; party++) {
        consumer_session_init(&self->sessions[party], &self->self, services[party]);
    }
}

/* Signals are for the program's own threads. */
static err_t
start_thread(herald_consumer_t *self, struct why *why)
{
    sigset_t all;
    sigset_t before;
    CHECK(sigfillset(&all) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int fault = pthread_create(&self->thread, NULL, consumer_thread_run, self);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return fault == 0 ? ERR_OK : why_set(why, ERR_FULL, "no thread is left: %s", strerror(fault));
}

/* Its thread has ended, or never began. */
static void
free_parts(herald_consumer_t *self)
{
    for (int party = 0; party < CONSUMER_PARTIES; party++) {
        consumer_session_fini(&self->sessions[party], 0);
    }
    consumer_queue_destroy(&self->queue);
    client_context_destroy(&self->context);
    seal_keys_close(&self->keys);
    mem_free(self->incoming);
    mem_free(self->batch);
    mem_free(self->deliveries);
    mem_free(self->answers);
    mem_free((void *)(uintptr_t)self->options.producer); /* our own copies */
    mem_free((void *)(uintptr_t)self->options.group);
    mem_free((void *)(uintptr_t)self->options.name);
    mem_free(self);
}

err_t
consumer_greet(herald_consumer_t *self, struct why *why)
{
    const struct wire_text place = {.data = self->options.producer,
                                    .size = strlen(self->options.producer)};
    const uint8_t *known = self->keys == NULL ? NULL : seal_keys_server(self->keys, "producer");
    const struct wire_bytes key = {.data = known, .size = known == NULL ? 0 : SEAL_KEY_BYTES};
    return consumer_session_place(&self->sessions[CONSUMER_PRODUCER], place, key, why);
}

static err_t
open_parts(herald_consumer_t *self, struct why *why)
{
    err_t rc = client_context_new(&self->context,
                                  CONSUMER_SESSION_DESCRIPTORS + CONSUMER_QUEUE_DESCRIPTORS, why);
    if (rc != ERR_OK) {
        return rc;
    }
    self->queue = consumer_queue_new();
    if (self->queue == NULL) {
        return why_set(why, ERR_FULL, "no descriptor is left");
    }
    self->held_last = &self->held;
    self->incoming = mem_array(LIMIT_FRAME_NOTIFICATIONS, sizeof *self->incoming);
    self->batch = mem_array(self->options.batch_max, sizeof *self->batch);
    self->deliveries = mem_array(self->options.batch_max, sizeof *self->deliveries);
    self->answers = mem_array(self->options.batch_max, sizeof *self->answers);
    introduce(self);
    struct why fault;
    rc = consumer_greet(self, &fault);
    return rc == ERR_OK ? rc
                        : why_set(why, rc == ERR_IO ? ERR_INVALID : rc, "producer: %s", fault.text);
}

err_t
herald_consumer_new(herald_consumer_t **self_p, const struct herald_consumer_options *options,
                    struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    seal_keys_t *keys = NULL;
    err_t rc = check_handlers(options, why);
    if (rc == ERR_OK) {
        rc = take_settings(options, &keys, why);
    }
    if (rc != ERR_OK) {
        seal_keys_close(&keys);
        return rc;
    }
    herald_consumer_t *self = mem_zeroed(sizeof *self);
    copy_options(self, options);
    self->keys = keys;
    self->options.keys = NULL; /* read once, here */
    rc = open_parts(self, why);
    if (rc == ERR_OK) {
        rc = start_thread(self, why);
    }
    if (rc != ERR_OK) {
        free_parts(self);
        return rc;
    }
    *self_p = self;
    return ERR_OK;
}

void
herald_consumer_destroy(herald_consumer_t **self_p)
{
    herald_consumer_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    CHECK(self->batch_count == 0); /* not while a step runs */
    atomic_store(&self->ending, true);
    consumer_queue_stop(self->queue);
    CHECK(pthread_join(self->thread, NULL) == 0);
    free_parts(self);
    *self_p = NULL;
}

/* What was waiting for longer than its lease belongs to somebody else by now. It is said
 * nevertheless: an answer opens the sender's lane again. */
static size_t
drop_expired(herald_consumer_t *self, size_t count)
{
    int64_t now_ms = clock_mono_ms();
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        struct consumer_queue_work work = self->batch[i];
        if (now_ms - work.received_ms < (int64_t)work.item.lease_ms) {
            self->batch[i] = self->batch[left]; /* an expired one, or itself */
            self->batch[left++] = work;
        }
    }
    if (left < count) {
        consumer_answer_works(self, &self->batch[left], NULL, count - left,
                              WIRE_OUTCOME_NOT_STARTED);
        consumer_queue_release(self->queue, &self->batch[left], count - left);
        atomic_fetch_add(&self->expired, count - left);
    }
    return left;
}

static void
describe(const struct consumer_queue_work *work, struct herald_consumer_delivery *delivery)
{
    const struct wire_notification *notification = &work->notification;
    *delivery = (struct herald_consumer_delivery){
        .topic = notification->topic.data,
        .topic_size = notification->topic.size,
        .biz_id = notification->biz_id.data,
        .biz_id_size = notification->biz_id.size,
        .payload = notification->payload.data,
        .payload_size = notification->payload.size,
        .version = notification->version,
        .deadline_unix_ms = notification->deadline_unix_ms,
        .first_sent_unix_ms = work->item.first_sent_unix_ms,
        .turn = work->item.turn,
        .attempt = work->item.attempt,
        .attempts_limit = work->item.attempts_limit,
    };
}

static bool
cannot(struct herald_consumer_answer *answers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        answers[i].outcome = HERALD_CONSUMER_REJECT;
        memcpy(answers[i].reason, "this receiver cannot", sizeof "this receiver cannot");
    }
    return true;
}

static bool
handle(herald_consumer_t *self, size_t count)
{
    const struct herald_consumer_options *options = &self->options;
    herald_consumer_fn *handler = options->apply;
    if (self->batch[0].action == WIRE_ACTION_FENCE) {
        handler = options->fence;
    } else if (self->batch[0].action == WIRE_ACTION_UNDO) {
        handler = options->undo;
    }
    for (size_t i = 0; i < count; i++) {
        describe(&self->batch[i], &self->deliveries[i]);
    }
    memset(self->answers, 0, count * sizeof *self->answers);
    return handler == NULL ? cannot(self->answers, count)
                           : handler(options->context, self->deliveries, self->answers, count);
}

size_t
herald_consumer_step(herald_consumer_t *self, int wait_ms)
{
    size_t taken = consumer_queue_take(self->queue, self->batch, self->options.batch_max, wait_ms);
    if (taken == 0) {
        return 0;
    }
    self->batch_count = drop_expired(self, taken);
    if (self->batch_count > 0 && handle(self, self->batch_count)) {
        consumer_answer_works(self, self->batch, self->answers, self->batch_count, 0);
    }
    size_t count = self->batch_count;
    self->batch_count = 0;
    consumer_queue_done(self->queue, self->batch, count);
    return count;
}

void
herald_consumer_stop(herald_consumer_t *self)
{
    consumer_queue_stop(self->queue);
}

void
herald_consumer_working(herald_consumer_t *self)
{
    if (!atomic_load(&self->hung)) { /* else its leases are lost with the sessions */
        consumer_answer_works(self, self->batch, NULL, self->batch_count, WIRE_OUTCOME_WORKING);
    }
}

void
herald_consumer_count(herald_consumer_t *self, struct herald_consumer_counts *counts)
{
    *counts = (struct herald_consumer_counts){
        .received = atomic_load(&self->received),
        .handed_back = atomic_load(&self->handed_back),
        .expired = atomic_load(&self->expired),
        .malformed = atomic_load(&self->malformed),
        .waiting = consumer_queue_waiting(self->queue),
        .joined = atomic_load(&self->joined),
        .hung = atomic_load(&self->hung),
    };
}
