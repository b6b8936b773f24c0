/* Power cuts at random operations; what was not synced survives sector by sector. */
#include "crash/crash.h"

#include "base/err_name.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define IMAGES_A_RUN 32
#define STEPS_MAX 360
#define SHORT_OPERATIONS 100 /* most runs are cut early: what matters is at the end of a log */
#define LONG_OPERATIONS 600
#define OPENING_OPERATIONS 40

/* A recovery that is cut somewhere, whatever comes of it. */
static void
cut_recovery(sim_disk_t *disk, struct crash_model *model, uint64_t seed)
{
    const struct sim_disk_fault off = {
        .kind = SIM_DISK_OFF,
        .at = 1 + crash_model_draw(model, OPENING_OPERATIONS),
    };
    const struct log_settings settings = crash_model_settings();
    log_t *log = NULL;
    sim_disk_set_fault(disk, &off);
    (void)log_own(&log, &settings, "producer", 0, NULL);
    log_close(&log);
    sim_disk_crash(disk, seed);
}

/* Open the image; half the time a recovery that is cut somewhere comes first. */
static void
try_image(struct crash_tried *tried, const sim_disk_t *moment, const struct crash_model *before,
          uint64_t seed)
{
    struct crash_model model;
    crash_model_copy(&model, before);
    model.random = seed;
    sim_disk_t *disk = sim_disk_clone(moment);
    sim_disk_use(disk);
    sim_disk_crash(disk, seed);
    uint64_t cuts = crash_model_draw(&model, 4);
    for (uint64_t i = 1; i < cuts; i++, tried->cuts++) {
        cut_recovery(disk, &model, seed + i);
    }
    uint64_t witnessed =
        crash_model_draw(&model, 2) == 0 ? 0 : crash_model_draw(&model, model.acked + 1);
    bool good = crash_model_check(&model, witnessed, "image");
    tried->images++;
    if (good && crash_model_draw(&model, 2) == 0) {
        sim_disk_crash(disk, seed + 77); /* nothing of what was recovered may go again */
        good = crash_model_check(&model, model.acked, "second recovery");
        tried->images++;
    }
    if (good && crash_model_draw(&model, 8) == 0) {
        err_t rc = crash_model_run(&model, 20);
        good = rc == ERR_OK;
        if (!good) {
            printf("VIOLATION image: a log that was recovered cannot go on: %s\n", err_name(rc));
        }
        sim_disk_crash(disk, seed + 78);
        good = good && crash_model_check(&model, model.acked, "third recovery");
        tried->images++;
    }
    crash_verdict(tried, good, "image", seed);
    sim_disk_use(NULL);
    sim_disk_destroy(&disk);
}

void
crash_images(struct crash_tried *tried, uint64_t wanted, uint64_t seed)
{
    struct crash_model *model = mem_alloc(sizeof *model);
    while (tried->images < wanted) {
        memset(model, 0, sizeof *model);
        model->random = seed;
        sim_disk_t *disk = sim_disk_new(seed);
        sim_disk_use(disk);
        bool early = crash_model_draw(model, 4) != 0;
        const struct sim_disk_fault off = {
            .kind = SIM_DISK_OFF,
            .at = 1 + crash_model_draw(model, early ? SHORT_OPERATIONS : LONG_OPERATIONS),
        };
        sim_disk_set_fault(disk, &off);
        (void)crash_model_run(model, STEPS_MAX); /* ends by itself when the power goes */
        for (uint64_t i = 0; i < IMAGES_A_RUN; i++) {
            try_image(tried, disk, model, seed * IMAGES_A_RUN + i);
        }
        sim_disk_destroy(&disk);
        seed++;
    }
    mem_free(model);
}
