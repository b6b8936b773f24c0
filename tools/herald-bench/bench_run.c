#include "bench_load.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#define JOIN_MS 10000

struct worker {
    pthread_t thread;
    struct bench_shared *shared;
    uint64_t first;
    uint64_t count;
    struct bench_submitted submitted;
    struct bench_histogram latency; /* the consumer's */
    err_t rc;
    struct why why;
};

static void *
consumer_thread(void *context)
{
    struct worker *self = context;
    self->rc = bench_consume(self->shared, &self->latency, &self->why);
    return NULL;
}

static void *
submitter_thread(void *context)
{
    struct worker *self = context;
    self->rc = bench_submit(self->shared, self->first, self->count, &self->submitted, &self->why);
    return NULL;
}

static void
pause_briefly(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    (void)nanosleep(&pause, NULL); /* an early end does not matter */
}

static err_t
wait_joined(struct bench_shared *shared, struct why *why)
{
    int64_t limit_ms = clock_mono_ms() + JOIN_MS;
    while (!atomic_load(&shared->joined)) {
        if (clock_mono_ms() > limit_ms) {
            return why_set(why, ERR_TIMEOUT, "the null consumer could not join group %s at %s",
                           shared->load->group, shared->load->producer);
        }
        pause_briefly();
    }
    return ERR_OK;
}

static err_t
submit_all(struct bench_shared *shared, struct worker *workers, struct bench_figures *figures,
           struct why *why)
{
    const struct bench_load *load = shared->load;
    uint64_t each = load->count / load->connections;
    for (uint32_t i = 0; i < load->connections; i++) {
        struct worker *worker = &workers[i];
        worker->shared = shared;
        worker->first = i * each;
        worker->count = i + 1 == load->connections ? load->count - worker->first : each;
        CHECK(pthread_create(&worker->thread, NULL, submitter_thread, worker) == 0);
    }
    err_t rc = ERR_OK;
    for (uint32_t i = 0; i < load->connections; i++) {
        struct worker *worker = &workers[i];
        CHECK(pthread_join(worker->thread, NULL) == 0);
        figures->accepted += worker->submitted.accepted;
        figures->other += worker->submitted.other;
        bench_histogram_merge(&figures->submit, &worker->submitted.latency);
        if (rc == ERR_OK && worker->rc != ERR_OK) {
            rc = why_set(why, worker->rc, "%s", worker->why.text);
        } else if (rc == ERR_OK && worker->submitted.other > 0) {
            rc = why_set(why, ERR_INVALID, "not all was accepted: %s", worker->submitted.why.text);
        }
        if (worker->submitted.last_ns > atomic_load(&shared->last_ns)) {
            atomic_store(&shared->last_ns, worker->submitted.last_ns);
        }
    }
    return rc;
}

static err_t
wait_delivered(struct bench_shared *shared, const struct bench_figures *figures, struct why *why)
{
    int64_t limit_ms = clock_mono_ms() + shared->load->timeout_ms;
    while (atomic_load(&shared->delivered) < figures->accepted) {
        if (clock_mono_ms() > limit_ms) {
            return why_set(why, ERR_TIMEOUT, "%llu of %llu were delivered in time",
                           (unsigned long long)atomic_load(&shared->delivered),
                           (unsigned long long)figures->accepted);
        }
        pause_briefly();
    }
    return ERR_OK;
}

err_t
bench_run(const struct bench_load *load, struct bench_figures *figures, struct why *why)
{
    CHECK(load->connections > 0 && load->connections <= BENCH_CONNECTIONS_MAX);
    CHECK(load->payload_bytes >= BENCH_PAYLOAD_MIN && load->window >= load->connections);
    memset(figures, 0, sizeof *figures);
    struct bench_shared shared = {.load = load, .context = zmq_ctx_new()};
    struct worker *workers = mem_array(load->connections + 1, sizeof *workers);
    struct worker *consumer = &workers[load->connections];
    consumer->shared = &shared;
    err_t rc = ERR_OK;
    if (load->group != NULL) {
        CHECK(pthread_create(&consumer->thread, NULL, consumer_thread, consumer) == 0);
        rc = wait_joined(&shared, why);
    }
    int64_t started_ns = clock_mono_ns();
    if (rc == ERR_OK) {
        rc = submit_all(&shared, workers, figures, why);
    }
    if (rc == ERR_OK && load->group != NULL) {
        rc = wait_delivered(&shared, figures, why);
    }
    figures->delivered = atomic_load(&shared.delivered);
    figures->seconds = (double)(atomic_load(&shared.last_ns) - started_ns) / 1e9;
    if (figures->seconds > 0) {
        figures->per_second = (double)figures->accepted / figures->seconds;
    }
    atomic_store(&shared.stop, true);
    if (load->group != NULL) {
        CHECK(pthread_join(consumer->thread, NULL) == 0);
        figures->end = consumer->latency;
        if (rc == ERR_OK && consumer->rc != ERR_OK) {
            rc = why_set(why, consumer->rc, "%s", consumer->why.text);
        }
    }
    mem_free(workers);
    CHECK(zmq_ctx_term(shared.context) == 0);
    return rc;
}
