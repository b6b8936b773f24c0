/*
 * A Herald of the bench's own over TCP with CURVE: an address of the loopback network that nobody
 * else has, so that its ports can be fixed, and keys as `heraldctl keygen` makes them.
 */
#ifndef HERALD_BENCH_CURVE_H
#define HERALD_BENCH_CURVE_H

#include "bench_place.h"

#include "base/why.h"

#include <stddef.h>

#define BENCH_CURVE_SETTINGS_MAX 12U
#define BENCH_CURVE_SETTING_BYTES (BENCH_PLACE_BYTES + 64U)

struct bench_curve {
    char host[16];
    char keys[BENCH_PLACE_BYTES + 8]; /* a directory with one for each holder of a key */
};

typedef char bench_curve_setting_t[BENCH_CURVE_SETTING_BYTES];

/* Make the keys in the data directory, with the heraldctl beside herald-bench. ERR_IO; why. */
err_t bench_curve_make(struct bench_curve *self, const char *programs, const char *data,
                       struct why *why);

/* PATH=VALUE for a service: 0 producer, 1 retry-scheduler, 2 compensator. Returns how many. */
size_t bench_curve_settings(const struct bench_curve *self, int service,
                            bench_curve_setting_t settings[BENCH_CURVE_SETTINGS_MAX]);

/* The service's front door. */
void bench_curve_front(const struct bench_curve *self, int service, char *text, size_t size);

#endif
