/*
 * crash_images [IMAGES [SEED]]
 *
 * Runs a log on the simulated disk, cuts the power at random operations, and opens what is left:
 * everything acknowledged must be there, byte for byte, then a prefix of the rest; recovering twice
 * gives the same; a recovery that is cut itself is as good; nothing healthy is refused. Then every
 * single fault at every file operation, and every bit of a segment flipped.
 *
 * Prints what was tried and "violations 0"; exit code 1 when there were any.
 */
#include "crash/crash_model.h"

#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 120
#define IMAGES_A_RUN 16
#define SEGMENT_FILE "j/producer/0000000000000001.seg"

static uint64_t violations;

static void
verdict(bool good, uint64_t seed)
{
    if (!good) {
        violations++;
        printf("  seed %" PRIu64 "\n", seed);
    }
}

/* Open the image; half the time a recovery that is cut somewhere comes first. */
static void
try_image(const sim_disk_t *moment, const struct crash_model *before, uint64_t seed)
{
    struct crash_model *model = mem_copy(before, sizeof *before);
    model->random = seed;
    sim_disk_t *disk = sim_disk_clone(moment);
    sim_disk_use(disk);
    sim_disk_crash(disk, seed);
    uint64_t cuts = crash_model_draw(model, 3);
    for (uint64_t i = 0; i < cuts; i++) {
        struct sim_disk_fault off = {
            .kind = SIM_DISK_OFF,
            .at = 1 + crash_model_draw(model, 40),
        };
        sim_disk_set_fault(disk, &off);
        struct log_settings settings = crash_model_settings();
        log_t *log = NULL;
        (void)log_own(&log, &settings, "producer", 0, NULL); /* whatever comes of it */
        log_close(&log);
        sim_disk_crash(disk, seed + i + 1);
    }
    uint64_t witnessed =
        crash_model_draw(model, 2) == 0 ? 0 : crash_model_draw(model, model->acked + 1);
    bool good = crash_model_check(model, witnessed, "image");
    if (good) {
        sim_disk_crash(disk, seed + 77); /* nothing of what was recovered may go again */
        good = crash_model_check(model, model->acked, "second recovery");
    }
    if (good && crash_model_draw(model, 4) == 0) {
        good = crash_model_run(model, 20) == ERR_OK;
        sim_disk_crash(disk, seed + 78);
        good = good && crash_model_check(model, model->acked, "third recovery");
    }
    verdict(good, seed);
    sim_disk_use(NULL);
    sim_disk_destroy(&disk);
    mem_free(model);
}

static uint64_t
images(uint64_t wanted, uint64_t seed)
{
    uint64_t done = 0;
    struct crash_model *model = mem_zeroed(sizeof *model);
    while (done < wanted) {
        memset(model, 0, sizeof *model);
        model->random = seed + done;
        sim_disk_t *disk = sim_disk_new(seed + done);
        sim_disk_use(disk);
        struct sim_disk_fault off = {
            .kind = SIM_DISK_OFF,
            .at = 1 + crash_model_draw(model, 600),
        };
        sim_disk_set_fault(disk, &off);
        (void)crash_model_run(model, STEPS * 3); /* ends by itself when the power goes */
        for (int i = 0; i < IMAGES_A_RUN && done < wanted; i++, done++) {
            try_image(disk, model, (seed + done) * 31 + 1);
        }
        sim_disk_destroy(&disk);
    }
    mem_free(model);
    return done;
}

/* One fault at one operation, then the process is killed, then a healthy start. */
static bool
one_fault(const struct sim_disk_fault *fault, uint64_t seed, bool power)
{
    struct crash_model *model = mem_zeroed(sizeof *model);
    model->random = seed;
    sim_disk_t *disk = sim_disk_new(seed);
    sim_disk_use(disk);
    sim_disk_set_fault(disk, fault);
    (void)crash_model_run(model, STEPS);
    bool hit = sim_disk_fault_hit(disk);
    if (power) {
        sim_disk_crash(disk, seed + fault->at);
    } else {
        sim_disk_kill(disk);
    }
    verdict(crash_model_check(model, model->acked, "fault"), fault->at);
    sim_disk_use(NULL);
    sim_disk_destroy(&disk);
    mem_free(model);
    return hit;
}

static uint64_t
faults(uint64_t stride, uint64_t seed)
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
    uint64_t tried = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        bool hit = true;
        for (uint64_t at = 1 + seed % stride; hit; at += stride) {
            struct sim_disk_fault fault = kinds[k];
            fault.at = at;
            hit = one_fault(&fault, seed, at % 2 == 0);
            tried++;
        }
    }
    return tried;
}

/* A log of one run and one segment, much of it full, all of it acknowledged and published. */
static sim_disk_t *
full_segment(struct crash_model *model, uint64_t seed)
{
    for (;; seed++) {
        memset(model, 0, sizeof *model);
        model->random = seed;
        sim_disk_t *disk = sim_disk_new(seed);
        sim_disk_use(disk);
        size_t size;
        if (crash_model_run(model, 40) == ERR_OK && model->acked >= 60 &&
            model->acked == model->appended &&
            sim_disk_bytes(disk, "j/producer/0000000000000002.seg", &size) == NULL) {
            return disk;
        }
        sim_disk_destroy(&disk);
    }
}

static uint64_t
flips(uint64_t stride, uint64_t seed, uint64_t *refused)
{
    struct crash_model *model = mem_zeroed(sizeof *model);
    sim_disk_t *whole = full_segment(model, seed);
    struct crash_model *found = mem_alloc(sizeof *found);
    size_t size = 0;
    (void)sim_disk_bytes(whole, SEGMENT_FILE, &size);
    uint64_t tried = 0;
    sim_disk_t *disk = sim_disk_clone(whole);
    for (uint64_t bit = seed % stride; bit < size * 8; bit += stride, tried++) {
        sim_disk_use(disk);
        uint8_t *bytes = sim_disk_bytes(disk, SEGMENT_FILE, &size);
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        sim_disk_settle(disk);
        sim_disk_kill(disk);
        struct log_settings settings = crash_model_settings();
        log_t *log = NULL;
        uint64_t before = sim_disk_hash(disk);
        err_t rc = log_own(&log, &settings, "producer", 0, NULL);
        log_close(&log);
        if (rc == ERR_CORRUPT || rc == ERR_UNSUPPORTED) {
            (*refused)++;
            if (sim_disk_hash(disk) != before) {
                printf("VIOLATION flip: a damaged log was touched\n");
                verdict(false, bit);
            }
            bytes = sim_disk_bytes(disk, SEGMENT_FILE, &size);
            bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            continue;
        }
        memcpy(found, model, sizeof *found);
        verdict(crash_model_check(found, 0, "flip"), bit);
        sim_disk_destroy(&disk);
        disk = sim_disk_clone(whole);
    }
    sim_disk_use(NULL);
    sim_disk_destroy(&disk);
    sim_disk_destroy(&whole);
    mem_free(found);
    mem_free(model);
    return tried;
}

int
main(int argc, char **argv)
{
    uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    /* What is not an image takes its share of the same budget. */
    uint64_t fault_stride = wanted >= 100000 ? 1 : 5;
    uint64_t flip_stride = wanted >= 100000 ? 1 : 61;
    printf("seed %" PRIu64 "\n", seed);
    uint64_t done = images(wanted, seed);
    printf("images %" PRIu64 "\n", done);
    printf("faults %" PRIu64 "\n", faults(fault_stride, seed));
    uint64_t refused = 0;
    uint64_t flipped = flips(flip_stride, seed, &refused);
    printf("flips %" PRIu64 " (refused %" PRIu64 ", harmless %" PRIu64 ")\n", flipped, refused,
           flipped - refused);
    printf("violations %" PRIu64 "\n", violations);
    return violations == 0 ? 0 : 1;
}
