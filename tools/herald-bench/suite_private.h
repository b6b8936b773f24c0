/* What the suite's measures share. */
#ifndef HERALD_BENCH_SUITE_PRIVATE_H
#define HERALD_BENCH_SUITE_PRIVATE_H

#include "bench_herald.h"
#include "bench_load.h"
#include "suite.h"

/* A Herald on the suite's disk; settings are the producer's, and may be NULL. */
err_t suite_herald(const suite_t *suite, const char *const *settings, bench_herald_t **herald_p,
                   struct why *why);

/* The usual load on it, without a count: window 1024, 256 bytes, one connection, biz_ids that no
 * other load has. */
void suite_load(bench_herald_t *herald, struct bench_load *load);

/* suite_throughput.c */
err_t suite_full(suite_t *suite, struct why *why);
err_t suite_slow_sync(suite_t *suite, struct why *why);
err_t suite_small(suite_t *suite, struct why *why);
err_t suite_points(suite_t *suite, struct why *why);
err_t suite_curve(suite_t *suite, struct why *why);

/* suite_retries.c */
err_t suite_retries(suite_t *suite, struct why *why);

/* suite_latency.c */
err_t suite_alone(suite_t *suite, struct why *why);
err_t suite_open_loop(suite_t *suite, struct why *why);

/* suite_orders.c */
err_t suite_orders(suite_t *suite, struct why *why);

/* suite_work.c */
err_t suite_backlog(suite_t *suite, struct why *why);
err_t suite_hung(suite_t *suite, struct why *why);
err_t suite_retained(suite_t *suite, struct why *why);

#endif
