#include "sim_stray.h"

#include "sim.h"
#include "sim_segment.h"

#include <string.h>

#define TOLD_MS 2000 /* more than a service lets pass between two rounds */
#define FAR_SECTORS 16

void
sim_stray_strike(struct sim *self)
{
    struct sim_stray_log *stray = &self->stray;
    const struct sim_service *service = &self->services[sim_below(self, LOG_ID_COUNT)];
    char path[64];
    if (stray->armed || self->rot.there || !service->up ||
        !sim_segment_newest(self, service->id, path)) {
        return;
    }
    uint32_t sectors = sim_chance(self, 500) ? 0 : 1 + (uint32_t)sim_below(self, FAR_SECTORS);
    *stray = (struct sim_stray_log){.id = service->id, .armed = true};
    memcpy(stray->path, path, sizeof path);
    sim_disk_stray(self->disk, path, sectors);
    sim_trace(self, "the next write to %s goes %u sectors astray", path, sectors);
}

void
sim_stray_before_cut(struct sim *self)
{
    struct sim_stray_log *stray = &self->stray;
    if (sim_disk_strayed(self->disk)) {
        char position[64];
        (void)snprintf(position, sizeof position, "j/%s/position",
                       peers_name(stray->id)); /* fits */
        sim_disk_damaged(self->disk, position);
    } else {
        sim_stray_mend(self); /* none was written */
    }
}

void
sim_stray_after_cut(struct sim *self)
{
    struct sim_stray_log *stray = &self->stray;
    char newest[64];
    stray->newest = stray->armed && sim_segment_newest(self, stray->id, newest) &&
                    strcmp(newest, stray->path) == 0;
}

/* A start looks at all of the newest segment: nothing proven is missing, and what it has cut off
 * must not come back. In an older one a reader may find it yet. */
void
sim_stray_started(struct sim *self, const struct sim_service *service)
{
    struct sim_stray_log *stray = &self->stray;
    if (stray->newest && stray->id == service->id) {
        sim_trace(self, "nothing is missing of %s", stray->path);
        sim_disk_stray_forget(self->disk);
        *stray = (struct sim_stray_log){.excused_until_ms = self->now_ms + TOLD_MS};
    }
}

void
sim_stray_mend(struct sim *self)
{
    struct sim_stray_log *stray = &self->stray;
    if (stray->armed) {
        sim_trace(self, "what went astray of %s is put right", stray->path);
        sim_disk_stray_mend(self->disk);
        *stray = (struct sim_stray_log){.excused_until_ms = self->now_ms + TOLD_MS};
    }
}

bool
sim_stray_excuses(const struct sim *self)
{
    return sim_disk_strayed(self->disk) || self->stray.excused_until_ms > self->now_ms;
}
