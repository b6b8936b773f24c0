/*
 * The three roles of the bare pipeline, each run in a process of its own (ceiling.h). A frame is
 * any number of messages of payload_bytes each, whose first 8 bytes are a number; an answer and an
 * acknowledgement are any number of these 8-byte numbers.
 */
#ifndef HERALD_BENCH_CEILING_PIPELINE_H
#define HERALD_BENCH_CEILING_PIPELINE_H

#include "ceiling.h"

struct ceiling_server_report {
    double seconds; /* from the first submit to the last acknowledgement */
    double cpu_s;
    uint64_t syncs;
};

struct ceiling_client_report {
    double p50_us;
    double p99_us;
};

/* Each returns when load->count messages went through. Sockets are ipc://<directory>/<name>. */
err_t ceiling_server(const struct ceiling_load *load, struct ceiling_server_report *report,
                     struct why *why);
err_t ceiling_consumer(const struct ceiling_load *load, struct why *why);
err_t ceiling_client(const struct ceiling_load *load, struct ceiling_client_report *report,
                     struct why *why);

/* A socket of the pipeline: bound (server) or connected, nothing limited but by the window. */
void *ceiling_socket(void *context, int type, const struct ceiling_load *load, const char *name,
                     bool bind);

#endif
