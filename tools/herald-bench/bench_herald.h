/*
 * A Herald of the bench's own: producer, retry-scheduler and compensator as they are installed
 * beside herald-bench, on a new data directory, stopped and removed at the end.
 */
#ifndef HERALD_BENCH_HERALD_H
#define HERALD_BENCH_HERALD_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_HERALD_PATH 256

typedef struct bench_herald bench_herald_t;

struct bench_herald_options {
    const char *directory; /* under which the data directory is made; NULL: TMPDIR or /var/tmp */
    const char *const *settings; /* PATH=VALUE for the producer, ended by NULL; may be NULL */
    bool order_consumer;         /* start the real one too, on SQLite in the data directory */
    bool curve;                  /* over TCP with CURVE instead of ipc; without order_consumer */
};

enum bench_service {
    BENCH_PRODUCER = 0,
    BENCH_SCHEDULER = 1,
};

/* Returns once producer and scheduler answer and all have a segment in reserve. ERR_NOT_FOUND: a
 * program is missing; ERR_TIMEOUT; why. */
err_t bench_herald_start(bench_herald_t **self_p, const struct bench_herald_options *options,
                         struct why *why);

/* Kill one with -9; and start it again: returns once it answers. */
void bench_herald_kill(bench_herald_t *self, enum bench_service service);
err_t bench_herald_restart(bench_herald_t *self, enum bench_service service, struct why *why);

/* Wait until all have a segment in reserve, as after a start; 10 s at most: a full disk has none.
 */
void bench_herald_settle(const bench_herald_t *self);

/* One of the numbers that a service counts, as STATS tells it. ERR_NOT_FOUND: it has none such. */
err_t bench_herald_counter(bench_herald_t *self, enum bench_service service, const char *name,
                           uint64_t *value, struct why *why);

const char *bench_herald_data(const bench_herald_t *self);
const char *bench_herald_front(const bench_herald_t *self); /* the producer's endpoint */
const char *bench_herald_keys(const bench_herald_t *self);  /* NULL: without CURVE */
double bench_herald_cpu_s(const bench_herald_t *self);      /* of the producer, so far */
size_t bench_herald_resident(const bench_herald_t *self, enum bench_service service);

void bench_herald_stop(bench_herald_t **self_p);

#endif
