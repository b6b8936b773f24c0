/* A log at work, ended at each of its operations in turn, by each of the things that may end it. */
#include "crash/crash.h"

#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STEPS 120
#define SECTORS_MAX 12 /* of one write that are tried one by one */
#define LOOPS_EACH 3
#define DISK_SEGMENTS 12 /* that a log of STEPS may take, crash loops included */

/* What is left: after a kill, or after a power cut; and how much of a torn write. */
struct leaves {
    bool power;
    uint32_t sectors;
};

/* Let a log work until the fault ends it, then open what is left of it. Whether the fault came
 * before the work was done. */
static bool
one_fault(struct crash_tried *tried, const struct sim_disk_fault *fault, uint64_t seed,
          struct leaves leaves)
{
    struct crash_model *model = mem_zeroed(sizeof *model);
    model->random = seed;
    sim_disk_t *disk = sim_disk_new(seed);
    sim_disk_use(disk);
    sim_disk_set_fault(disk, fault);
    sim_disk_set_sectors(disk, leaves.sectors);
    (void)crash_model_run(model, STEPS);
    bool hit = sim_disk_fault_hit(disk);
    if (leaves.power) {
        sim_disk_crash(disk, seed + fault->at);
    } else {
        sim_disk_kill(disk);
    }
    crash_verdict(tried, crash_model_check(model, model->acked, "fault"), "operation", fault->at);
    tried->images++;
    sim_disk_use(NULL);
    sim_disk_destroy(&disk);
    mem_free(model);
    return hit;
}

void
crash_prefixes(struct crash_tried *tried, uint64_t stride, uint64_t seed)
{
    bool hit = true;
    for (uint64_t at = 1 + seed % stride; hit; at += stride) {
        const struct sim_disk_fault torn = {.kind = SIM_DISK_TORN, .at = at};
        for (uint32_t sectors = 0; sectors < SECTORS_MAX; sectors++) {
            hit = one_fault(tried, &torn, seed, (struct leaves){false, sectors}) && hit;
            hit = one_fault(tried, &torn, seed, (struct leaves){true, sectors}) && hit;
        }
    }
}

/* What a recovery leaves when it is cut at its operation `at`, more than once. */
static bool
cut_at(struct crash_tried *tried, sim_disk_t *disk, uint64_t at, uint64_t seed)
{
    const struct sim_disk_fault off = {.kind = SIM_DISK_OFF, .at = at};
    const struct log_settings settings = crash_model_settings();
    bool hit = false;
    for (uint64_t i = 0; i < LOOPS_EACH; i++, tried->cuts++) {
        log_t *log = NULL;
        sim_disk_set_fault(disk, &off);
        (void)log_own(&log, &settings, "producer", 0, NULL); /* whatever comes of it */
        log_close(&log);
        hit = sim_disk_fault_hit(disk);
        sim_disk_crash(disk, seed + at * LOOPS_EACH + i);
    }
    return hit;
}

/* One image, recovered with a cut at every operation in turn: each on its own, and all of them one
 * after the other on one disk, which they must not fill. */
static void
loop(struct crash_tried *tried, const sim_disk_t *moment, const struct crash_model *model,
     uint64_t seed)
{
    sim_disk_t *worn = sim_disk_clone(moment);
    struct crash_model found;
    bool hit = true;
    for (uint64_t at = 1; hit; at++) {
        sim_disk_t *disk = sim_disk_clone(moment);
        sim_disk_use(disk);
        sim_disk_crash(disk, seed);
        hit = cut_at(tried, disk, at, seed);
        crash_model_copy(&found, model);
        crash_verdict(tried, crash_model_check(&found, model->acked, "cut recovery"), "loop", seed);
        tried->images++;
        sim_disk_destroy(&disk);
        sim_disk_use(worn);
        (void)cut_at(tried, worn, at, seed);
    }
    sim_disk_use(worn);
    crash_model_copy(&found, model);
    crash_verdict(tried, crash_model_check(&found, model->acked, "crash loop"), "loop", seed);
    tried->images++;
    uint64_t most = DISK_SEGMENTS * crash_model_settings().segment_bytes;
    if (sim_disk_used(worn) > most) {
        printf("VIOLATION crash loop: takes %" PRIu64 " bytes of at most %" PRIu64 "\n",
               sim_disk_used(worn), most);
        crash_verdict(tried, false, "loop", seed);
    }
    sim_disk_use(NULL);
    sim_disk_destroy(&worn);
}

void
crash_loops(struct crash_tried *tried, uint64_t images, uint64_t seed)
{
    struct crash_model *model = mem_alloc(sizeof *model);
    for (uint64_t i = 0; i < images; i++, seed++) {
        memset(model, 0, sizeof *model);
        model->random = seed;
        sim_disk_t *disk = sim_disk_new(seed);
        sim_disk_use(disk);
        const struct sim_disk_fault off = {.kind = SIM_DISK_OFF,
                                           .at = 1 + crash_model_draw(model, 300)};
        sim_disk_set_fault(disk, &off);
        (void)crash_model_run(model, STEPS);
        loop(tried, disk, model, seed);
        sim_disk_use(NULL);
        sim_disk_destroy(&disk);
    }
    mem_free(model);
}

void
crash_faults(struct crash_tried *tried, uint64_t stride, uint64_t seed)
{
    static const struct sim_disk_fault kinds[] = {
        {.kind = SIM_DISK_ERROR, .error = EIO},
        {.kind = SIM_DISK_ERROR, .error = EIO, .for_ever = true},
        {.kind = SIM_DISK_ERROR, .error = ENOSPC},
        {.kind = SIM_DISK_ERROR, .error = ENOSPC, .for_ever = true},
        {.kind = SIM_DISK_ERROR, .error = EINTR},
        {.kind = SIM_DISK_SHORT},
        {.kind = SIM_DISK_SHORT, .for_ever = true},
        {.kind = SIM_DISK_OFF},
    };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        bool hit = true;
        for (uint64_t at = 1 + seed % stride; hit; at += stride) {
            struct sim_disk_fault fault = kinds[k];
            fault.at = at;
            hit = one_fault(tried, &fault, seed, (struct leaves){.power = false});
            hit = one_fault(tried, &fault, seed, (struct leaves){.power = true}) && hit;
        }
    }
}
