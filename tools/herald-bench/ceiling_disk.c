#include "ceiling.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ceiling_segment.h"

#include <stdlib.h>

#define DISK_ROUNDS 4000U
#define DISK_ROUNDS_LARGE 200U

static int
disk_compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

struct disk_run {
    size_t size; /* of each commit */
    uint64_t rounds;
    int64_t *nanos; /* borrowed; the time of each commit, sorted afterwards */
    double per_second;
};

static err_t
disk_loop(ceiling_segment_t *segment, struct disk_run *run, struct why *why)
{
    uint8_t *data = ceiling_segment_buffer(run->size);
    err_t rc = ERR_OK;
    int64_t start_ns = clock_mono_ns();
    for (uint64_t i = 0; i < run->rounds && rc == ERR_OK; i++) {
        int64_t before_ns = clock_mono_ns();
        data[0] = (uint8_t)(i | 1);
        rc = ceiling_segment_commit(segment, data, run->size, why);
        run->nanos[i] = clock_mono_ns() - before_ns;
    }
    run->per_second = (double)run->rounds * 1e9 / (double)(clock_mono_ns() - start_ns);
    qsort(run->nanos, run->rounds, sizeof *run->nanos, disk_compare);
    ceiling_segment_buffer_free(data);
    return rc;
}

err_t
ceiling_disk_commits(const struct ceiling_load *load, size_t bytes, uint64_t commits,
                     double *per_second, struct why *why)
{
    ceiling_segment_t *segment = NULL;
    err_t rc = ceiling_segment_open(&segment, load->directory, load->sync_delay_us, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct disk_run run = {.size = bytes, .rounds = commits};
    run.nanos = mem_array(commits, sizeof *run.nanos);
    rc = disk_loop(segment, &run, why);
    *per_second = run.per_second;
    mem_free(run.nanos);
    ceiling_segment_close(&segment);
    return rc;
}

err_t
ceiling_disk_measure(const char *directory, struct ceiling_disk *figures, struct why *why)
{
    ceiling_segment_t *segment = NULL;
    err_t rc = ceiling_segment_open(&segment, directory, 0, why);
    if (rc != ERR_OK) {
        return rc;
    }
    int64_t *nanos = mem_array(DISK_ROUNDS, sizeof *nanos);
    struct disk_run run = {.size = 512, .rounds = DISK_ROUNDS, .nanos = nanos};
    rc = disk_loop(segment, &run, why);
    figures->append_512_per_second = run.per_second;
    figures->append_512_p50_us = (double)nanos[DISK_ROUNDS / 2] / 1e3;
    figures->append_512_p99_us = (double)nanos[DISK_ROUNDS / 100 * 99] / 1e3;
    if (rc == ERR_OK) {
        run.size = 65536;
        run.rounds = DISK_ROUNDS_LARGE * 4;
        rc = disk_loop(segment, &run, why);
        figures->append_64k_per_second = run.per_second;
    }
    if (rc == ERR_OK) {
        run.size = 1024 * 1024;
        run.rounds = DISK_ROUNDS_LARGE;
        rc = disk_loop(segment, &run, why);
        figures->write_mb_per_second = run.per_second;
    }
    mem_free(nanos);
    ceiling_segment_close(&segment);
    return rc;
}
