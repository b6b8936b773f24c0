/*
 * The three roles of the bare pipeline, each run in a process of its own (ceiling.h). A frame is
 * any number of messages of payload_bytes each, whose first 8 bytes are a number and, where there
 * is room, whose next 8 the time at which it was meant to be sent; an answer and an acknowledgement
 * are any number of these 8-byte numbers.
 */
#ifndef HERALD_BENCH_CEILING_PIPELINE_H
#define HERALD_BENCH_CEILING_PIPELINE_H

#include "ceiling.h"

#define CEILING_TIMED_BYTES 16U /* of a payload that has the time in it */

struct ceiling_server_report {
    double seconds; /* from the first submit to the last acknowledgement */
    double cpu_s;   /* in these */
    uint64_t commits;
};

struct ceiling_latency {
    double p50_us;
    double p99_us;
};

/* Of CURVE; made once, before the roles are. */
struct ceiling_keys {
    char server_public[41];
    char server_secret[41];
    char client_public[41];
    char client_secret[41];
};

/* Each returns when load->count messages went through. Sockets are ipc://<directory>/<name>, or,
 * with CURVE, where the file <directory>/<name>.tcp says. */
err_t ceiling_server(const struct ceiling_load *load, struct ceiling_server_report *report,
                     struct why *why);
err_t ceiling_consumer(const struct ceiling_load *load, struct ceiling_latency *latency,
                       struct why *why);
err_t ceiling_client(const struct ceiling_load *load, struct ceiling_latency *latency,
                     struct why *why);

/* A socket of the pipeline: bound (server) or connected, nothing limited but by the window. */
void *ceiling_socket(void *context, int type, const struct ceiling_load *load, const char *name,
                     bool bind);

const struct ceiling_keys *ceiling_pipeline_keys(void);

#endif
