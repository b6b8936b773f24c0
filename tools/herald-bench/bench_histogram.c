#include "bench_histogram.h"

#define STEPS 256U /* buckets for each doubling */
#define STEP_BITS 8U

static unsigned
highest_bit(uint64_t value)
{
    unsigned bit = 0;
    for (unsigned half = 32; half > 0; half /= 2) {
        if (value >> half != 0) {
            value >>= half;
            bit += half;
        }
    }
    return bit;
}

static uint32_t
bucket_of(uint64_t ns)
{
    if (ns < STEPS) {
        return (uint32_t)ns;
    }
    unsigned shift = highest_bit(ns) - STEP_BITS;
    uint64_t bucket = (uint64_t)(shift + 1) * STEPS + ((ns >> shift) - STEPS);
    return bucket < BENCH_HISTOGRAM_BUCKETS ? (uint32_t)bucket : BENCH_HISTOGRAM_BUCKETS - 1;
}

/* The largest value that falls into it. */
static uint64_t
bucket_top(uint32_t bucket)
{
    if (bucket < STEPS) {
        return bucket;
    }
    unsigned shift = bucket / STEPS - 1;
    return ((uint64_t)(bucket % STEPS + STEPS + 1) << shift) - 1;
}

void
bench_histogram_add(struct bench_histogram *self, int64_t ns)
{
    uint64_t value = ns > 0 ? (uint64_t)ns : 0;
    self->counts[bucket_of(value)]++;
    self->total++;
    self->max_ns = value > self->max_ns ? value : self->max_ns;
}

void
bench_histogram_merge(struct bench_histogram *self, const struct bench_histogram *other)
{
    for (uint32_t i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
        self->counts[i] += other->counts[i];
    }
    self->total += other->total;
    self->max_ns = other->max_ns > self->max_ns ? other->max_ns : self->max_ns;
}

double
bench_histogram_us(const struct bench_histogram *self, double share)
{
    uint64_t wanted = (uint64_t)((double)self->total * share);
    uint64_t passed = 0;
    for (uint32_t i = 0; i < BENCH_HISTOGRAM_BUCKETS && self->total > 0; i++) {
        passed += self->counts[i];
        if (passed > wanted || passed == self->total) {
            uint64_t top = bucket_top(i);
            return (double)(top < self->max_ns ? top : self->max_ns) / 1000.0;
        }
    }
    return 0;
}
