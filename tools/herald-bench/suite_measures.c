/* What the suite measures, in the order of the table. */
#include "suite_private.h"

#define FEW_ROUNDS 3 /* of what takes half a minute */

const struct suite_measure suite_measures[] = {
    {"full", "as fast as it goes: window 1024, 256 B; and the producer's CPU", SUITE_ROUNDS_MAX, 1,
     suite_full},
    {"slow-sync", "the same with every sync 2 ms slower", SUITE_ROUNDS_MAX, 1, suite_slow_sync},
    {"small", "payloads of 64 B", SUITE_ROUNDS_MAX, 2, suite_small},
    {"points", "other windows, payloads and numbers of connections", SUITE_ROUNDS_MAX, 1,
     suite_points},
    {"alone", "latency of a submit when nothing else goes on", SUITE_ROUNDS_MAX, 3, suite_alone},
    {"open-loop", "latencies at 20,000/s", SUITE_ROUNDS_MAX, 1, suite_open_loop},
    {"orders", "the order consumer on SQLite beside a bare loop of its SQL", SUITE_ROUNDS_MAX, 1,
     suite_orders},
    {"curve", "over TCP with CURVE, beside the bare pipeline with it", SUITE_ROUNDS_MAX, 1,
     suite_curve},
    {"retries", "the scheduler with many deliveries that wait", FEW_ROUNDS, 1, suite_retries},
    {"backlog", "a receiver that is down for long, and comes back", FEW_ROUNDS, 1, suite_backlog},
    {"hung", "one hung consumer beside three good ones", SUITE_ROUNDS_MAX, 1, suite_hung},
    {"retained", "throughput with many notifications kept, nine loads", 1, 1, suite_retained},
    {NULL, NULL, 0, 0, NULL},
};
