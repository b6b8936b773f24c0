/*
 * Ceilings: what this machine's disk, ZeroMQ and SQLite give to a program without any features.
 * Each Herald figure is stated beside the ceiling measured in the same run, since absolute figures
 * differ from machine to machine.
 *
 * The bare pipeline is three processes over ipc (or TCP with CURVE): clients submit (DEALER), a
 * server gathers what is waiting, writes it into a segment written ahead, syncs once, then answers
 * (ROUTER) and pushes (PUSH); a consumer acknowledges (PULL, PUSH). It journals the submits and
 * nothing else, keeps no index, has no leases, no state: what it reaches is the limit of this way
 * of doing it.
 *
 * What helps Herald and has nothing to do with its features the bare pipeline does too: it writes
 * past the page cache, looks for news before it sleeps (busy_poll.h), keeps what getpid says
 * (own_pid.c). It writes its segments ahead as Herald does (ceiling_segment.h), and pays for that
 * within the timed run, when that is longer than the segment that it begins with.
 */
#ifndef HERALD_BENCH_CEILING_H
#define HERALD_BENCH_CEILING_H

#include "base/why.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CEILING_FRAME_BYTES (1024U * 1024) /* of submits, at most; as Herald's */
#define CEILING_BATCH_MAX 1024U            /* of submits a frame; as Herald's */

enum ceiling_mode {
    CEILING_SINGLE,  /* one message a frame in every direction */
    CEILING_GROUPED, /* answers, pushes and acknowledgements grouped, submits single */
    CEILING_BATCHED, /* the client batches its submits too */
    CEILING_MODE_COUNT,
};

struct ceiling_load {
    const char *directory;  /* for segments and sockets; borrowed */
    uint32_t payload_bytes; /* 8 to 65536 */
    uint32_t window;        /* outstanding submits; each connection has an equal share of them */
    uint32_t batch;         /* submits a frame, CEILING_BATCHED only; 1 to 1024; see natural */
    bool natural;           /* a frame takes what the window allows now, up to `batch` */
    uint32_t connections;   /* DEALERs, all in one client process */
    uint64_t count;         /* messages */
    uint32_t rate;          /* messages a second, open loop; 0: closed loop with the window */
    uint32_t sync_delay_us; /* added to each sync */
    enum ceiling_mode mode;
    bool curve;   /* over TCP with CURVE instead of ipc */
    bool no_disk; /* nothing is written: what ZeroMQ alone gives */
};

/* Of the window, of each connection; a closed loop's batch is no larger. */
static inline uint32_t
ceiling_share(const struct ceiling_load *load)
{
    return load->window / load->connections;
}

struct ceiling_figures {
    double per_second;    /* submitted, durable, delivered and acknowledged */
    double submit_p50_us; /* intended send to durable answer */
    double submit_p99_us;
    double end_p50_us; /* intended send to the consumer; 0 with payloads of less than 16 bytes */
    double end_p99_us;
    double server_cpu_s; /* user and system time of the server process, meanwhile */
    uint64_t commits;
};

/* ERR_IO: why says which step failed. Processes are gone when it returns, and files too, unless the
 * server died: then its segments are left in the directory. */
err_t ceiling_pipeline(const struct ceiling_load *load, struct ceiling_figures *figures,
                       struct why *why);

/* What a pipeline can reach where its server does one thing at a time. */
struct ceiling_limits {
    double zmq_per_second;  /* of the same pipeline without a disk */
    double disk_per_second; /* of as many commits, each of the mean size, without a pipeline */
    size_t commit_bytes;    /* that size */
    double per_second;      /* of both, one behind the other */
};

/* Of this load, which has given these figures. */
err_t ceiling_limits(const struct ceiling_load *load, const struct ceiling_figures *figures,
                     struct ceiling_limits *limits, struct why *why);

struct ceiling_disk {
    double
        append_512_per_second; /* pwrite of 512 bytes and fdatasync, in a segment written ahead */
    double append_512_p50_us;
    double append_512_p99_us;
    double append_64k_per_second;
    double write_mb_per_second; /* 1 MiB writes with one sync each, beside segments written ahead */
};

/* The fastest way of batching this load, by trying: fills in batch and natural. Each is tried with
 * the whole count, so that each pays for its segments; the best two twice more, and the mean
 * counts, since one run is no measure. */
err_t ceiling_pipeline_tune(struct ceiling_load *load, struct why *why);

/* Say what a figure must be believed with: disk, file system, sync latency, cores, versions. */
err_t ceiling_describe(const char *directory, FILE *to, struct why *why);

/* So many commits of `bytes` each, segments written ahead meanwhile as in the pipeline. */
err_t ceiling_disk_commits(const struct ceiling_load *load, size_t bytes, uint64_t commits,
                           double *per_second, struct why *why);

err_t ceiling_disk_measure(const char *directory, struct ceiling_disk *figures, struct why *why);

/* Rows a second of a bare loop that does the order consumer's SQL (order update and notify_log
 * insert, WAL, synchronous=FULL) in transactions of `batch` items. */
err_t ceiling_sqlite(const char *directory, uint32_t batch, uint64_t rows, double *per_second,
                     struct why *why);

#endif
