/*
 * Latencies in nanoseconds, counted in buckets whose width is at most 1/256 of their value, from
 * 1 ns to 36 minutes; larger ones count as that. The idea is HdrHistogram's (hdrhistogram.org).
 */
#ifndef HERALD_BENCH_HISTOGRAM_H
#define HERALD_BENCH_HISTOGRAM_H

#include <stdint.h>

#define BENCH_HISTOGRAM_BUCKETS (256U * 34U)

struct bench_histogram {
    uint64_t counts[BENCH_HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t max_ns;
};

void bench_histogram_add(struct bench_histogram *self, int64_t ns);
void bench_histogram_merge(struct bench_histogram *self, const struct bench_histogram *other);

/* The value that this share (0 to 1) of all is not above, in microseconds; 0 when empty. */
double bench_histogram_us(const struct bench_histogram *self, double share);

#endif
