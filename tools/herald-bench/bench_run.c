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
    struct bench_histogram latency; /* a consumer's */
    struct bench_consumer consumer;
    err_t rc;
    struct why why;
};

static void *
consumer_thread(void *context)
{
    struct worker *self = context;
    self->consumer.latency = &self->latency;
    self->rc = bench_consume(self->shared, &self->consumer, &self->why);
    return NULL;
}

static void *
submitter_thread(void *context)
{
    struct worker *self = context;
    bool in_turn = self->shared->load->rate == 0 && self->shared->load->connections > 1;
    self->rc = in_turn ? bench_submit_in_turn(self->shared, &self->submitted, &self->why)
                       : bench_submit(self->shared, self->first, self->count, &self->submitted,
                                      &self->why);
    return NULL;
}

static void
pause_briefly(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    (void)nanosleep(&pause, NULL); /* an early end does not matter */
}

static err_t
wait_joined(struct bench_shared *shared, uint32_t consumers, struct why *why)
{
    int64_t limit_ms = clock_mono_ms() + JOIN_MS;
    while (atomic_load(&shared->joined) < consumers) {
        if (clock_mono_ms() > limit_ms) {
            return why_set(why, ERR_TIMEOUT, "a null consumer could not join group %s at %s",
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
    /* Closed loop: one thread for all connections. */
    uint32_t threads = load->rate == 0 ? 1 : load->connections;
    uint64_t each = load->count / threads;
    for (uint32_t i = 0; i < threads; i++) {
        struct worker *worker = &workers[i];
        worker->shared = shared;
        worker->first = i * each;
        worker->count = i + 1 == threads ? load->count - worker->first : each;
        CHECK(pthread_create(&worker->thread, NULL, submitter_thread, worker) == 0);
    }
    err_t rc = ERR_OK;
    for (uint32_t i = 0; i < threads; i++) {
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

/* A hung consumer keeps what it was given until its lease ends, and that is not waited for. */
#define HUNG_KEEPS 4096U

static err_t
wait_delivered(struct bench_shared *shared, const struct bench_figures *figures, struct why *why)
{
    const struct bench_load *load = shared->load;
    uint64_t wanted = figures->accepted + load->backlog;
    uint64_t kept = load->hung ? HUNG_KEEPS : 0;
    uint64_t seen = 0;
    int64_t limit_ms = clock_mono_ms() + load->timeout_ms;
    while (seen + kept < wanted) {
        uint64_t delivered = atomic_load(&shared->delivered);
        int64_t now_ms = clock_mono_ms();
        limit_ms = delivered > seen ? now_ms + load->timeout_ms : limit_ms;
        seen = delivered;
        if (now_ms > limit_ms) {
            return why_set(why, ERR_TIMEOUT, "%llu of %llu were delivered in time",
                           (unsigned long long)seen, (unsigned long long)wanted);
        }
        pause_briefly();
    }
    return ERR_OK;
}

static uint32_t
start_consumers(struct bench_shared *shared, struct worker *workers)
{
    const struct bench_load *load = shared->load;
    uint32_t count = load->consumers > 0 ? load->consumers : 1;
    count = load->group == NULL ? 0 : count + load->hung;
    CHECK(count <= BENCH_CONSUMERS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct worker *worker = &workers[i];
        worker->shared = shared;
        worker->consumer =
            (struct bench_consumer){.number = i, .hung = load->hung && i + 1 == count};
        CHECK(pthread_create(&worker->thread, NULL, consumer_thread, worker) == 0);
    }
    return count;
}

static err_t
end_consumers(struct bench_shared *shared, struct worker *workers, uint32_t count,
              struct bench_figures *figures, struct why *why)
{
    err_t rc = ERR_OK;
    atomic_store(&shared->stop, true);
    for (uint32_t i = 0; i < count; i++) {
        struct worker *worker = &workers[i];
        CHECK(pthread_join(worker->thread, NULL) == 0);
        bench_histogram_merge(&figures->end, &worker->latency);
        if (rc == ERR_OK && worker->rc != ERR_OK) {
            rc = why_set(why, worker->rc, "%s", worker->why.text);
        }
    }
    return rc;
}

static void
state_figures(const struct bench_shared *shared, int64_t started_ns, struct bench_figures *figures)
{
    const struct bench_load *load = shared->load;
    figures->delivered = atomic_load(&shared->delivered);
    figures->seconds = (double)(atomic_load(&shared->last_ns) - started_ns) / 1e9;
    if (figures->seconds > 0) {
        /* Whoever is hung has had his; the rest is what the others did. */
        uint64_t done = load->group != NULL ? figures->delivered : figures->accepted;
        figures->per_second = (double)done / figures->seconds;
    }
}

err_t
bench_run(const struct bench_load *load, struct bench_figures *figures, struct why *why)
{
    CHECK(load->connections <= BENCH_CONNECTIONS_MAX &&
          (load->count == 0 || load->connections > 0));
    CHECK(load->payload_bytes >= BENCH_PAYLOAD_MIN && load->window >= load->connections);
    memset(figures, 0, sizeof *figures);
    struct bench_shared shared = {.load = load, .context = zmq_ctx_new()};
    struct worker *workers = mem_array(load->connections + BENCH_CONSUMERS_MAX, sizeof *workers);
    struct worker *consumers = &workers[load->connections];
    uint32_t consumer_count = start_consumers(&shared, consumers);
    err_t rc = wait_joined(&shared, consumer_count, why);
    int64_t started_ns = clock_mono_ns();
    if (rc == ERR_OK && load->count > 0) {
        rc = submit_all(&shared, workers, figures, why);
        started_ns = atomic_load(&shared.started_ns);
        figures->submit_seconds = (double)(clock_mono_ns() - started_ns) / 1e9;
    }
    if (rc == ERR_OK && consumer_count > 0) {
        rc = wait_delivered(&shared, figures, why);
    }
    state_figures(&shared, started_ns, figures);
    err_t ended =
        end_consumers(&shared, consumers, consumer_count, figures, rc == ERR_OK ? why : NULL);
    mem_free(workers);
    CHECK(zmq_ctx_term(shared.context) == 0);
    return rc == ERR_OK ? ended : rc;
}
