/*
 * A load on a running Herald, and what came of it.
 *
 * Payloads begin with the time at which the notification was meant to be sent (8 bytes, monotonic
 * ns), so that the null consumer, a thread of the same process, knows how old a delivery is. With a
 * rate the times are fixed beforehand and lateness counts (no coordinated omission); with a window
 * only, each is meant to be sent when there is room for it.
 */
#ifndef HERALD_BENCH_LOAD_H
#define HERALD_BENCH_LOAD_H

#include "bench_histogram.h"

#include "base/why.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BENCH_PAYLOAD_MIN 8U
#define BENCH_NUMBER_DIGITS 10 /* a biz_id is run_id, a dash, and the number in so many digits */
#define BENCH_CONNECTIONS_MAX 256U
#define BENCH_CONSUMERS_MAX 16U

/* How a null consumer puts off what the producer sends it, and what became of it. */
struct bench_retry {
    uint32_t from_ms;            /* the first answer is RETRY, not before that */
    uint32_t spread_ms;          /* and up to so much later, evenly by the number in the load */
    int64_t *due_ns;             /* owned by the caller; of the load's numbers, filled in */
    struct bench_histogram late; /* of the second delivery behind due_ns */
};

struct bench_load {
    const char *producer; /* endpoint of its front door */
    const char *keys;     /* directory with keys in `submit` and `consume`; NULL: without CURVE */
    struct bench_retry *retry; /* borrowed; NULL: the consumer answers DONE at once. With it the
                                  second delivery is waited for with `backlog` */
    const char *topic;
    const char *group;  /* of the null consumers; NULL: none is started */
    uint32_t consumers; /* 0: one */
    bool hung;          /* one more beside them, which takes part and answers nothing */
    uint64_t backlog;   /* deliveries that are waited for beyond this load's own */
    uint64_t count;     /* notifications, over all connections */
    uint32_t payload_bytes;
    uint32_t window; /* submits without an answer, over all connections */
    uint32_t connections;
    uint32_t rate;       /* a second, over all; 0: closed loop */
    uint32_t timeout_ms; /* for anything at all to be delivered after the last answer */
    char run_id[17];     /* part of every biz_id, so that runs do not repeat each other */
};

struct bench_figures {
    uint64_t accepted;
    uint64_t other;     /* duplicates, refusals, conflicts, no answer */
    uint64_t delivered; /* to the null consumer, each counted once a delivery */
    double seconds;     /* from the first submit to the last outcome (or answer without consumer);
                           connecting is not measured, as with the bare pipeline */
    double per_second;  /* accepted and, with a consumer, delivered */
    double submit_seconds;         /* from the first submit to the last answer */
    struct bench_histogram submit; /* meant to be sent -> durable */
    struct bench_histogram end;    /* meant to be sent -> at the consumer */
};

/* ERR_TIMEOUT: not all was accepted and delivered in time; figures say how far it came. */
err_t bench_run(const struct bench_load *load, struct bench_figures *figures, struct why *why);

/* What the threads share. */
struct bench_shared {
    const struct bench_load *load; /* borrowed */
    void *context;                 /* of ZeroMQ, for the consumer */
    atomic_uint joined;            /* consumers that have their lanes */
    atomic_bool stop;
    atomic_ullong delivered;
    atomic_llong started_ns; /* when the first connection was there; 0: none is yet */
    atomic_llong last_ns;    /* when the newest outcome was sent */
};

/* A null consumer: answers DONE at once, with one outcome a frame. Until shared->stop. */
struct bench_consumer {
    uint32_t number; /* of several */
    bool hung;
    struct bench_histogram *latency; /* borrowed */
};

err_t bench_consume(struct bench_shared *shared, const struct bench_consumer *consumer,
                    struct why *why);

struct bench_submitted {
    uint64_t accepted;
    uint64_t other;
    int64_t last_ns;
    struct bench_histogram latency;
    struct why why; /* the first answer that was not ACCEPTED */
};

/* One connection's share of the load: `count` from number `first` on. */
err_t bench_submit(struct bench_shared *shared, uint64_t first, uint64_t count,
                   struct bench_submitted *submitted, struct why *why);

/* The whole load over all its connections from one thread, as the bare pipeline's client has it;
 * closed loop only. */
err_t bench_submit_in_turn(struct bench_shared *shared, struct bench_submitted *submitted,
                           struct why *why);

#endif
