#include "sim_rot.h"

#include "runtime/peers.h"
#include "sim.h"
#include "sim_segment.h"

#include <string.h>

#define DOWN_MS 2000
#define TOLD_MS 2000 /* more than a service lets pass between two rounds */

void
sim_rot_strike(struct sim *self)
{
    struct sim_rot *rot = &self->rot;
    struct sim_service *service = &self->services[sim_below(self, LOG_ID_COUNT)];
    bool newest = sim_chance(self, 500);
    if (rot->there || !service->up ||
        !(newest ? sim_segment_newest : sim_segment_any)(self, service->id, rot->path)) {
        return;
    }
    sim_service_kill(self, service, (int64_t)sim_below(self, DOWN_MS));
    size_t size = 0;
    char position[64];
    (void)snprintf(position, sizeof position, "j/%s/position", peers_name(service->id)); /* fits */
    sim_disk_damaged(self->disk, position); /* who knows how far the log went, still does */
    uint8_t *bytes = sim_disk_bytes(self->disk, rot->path, &size);
    /* Half of the time where the newest records are. */
    while (size > SIM_ROT_SECTOR && bytes[size - 1] == 0) {
        size--;
    }
    size_t sectors = (size + SIM_ROT_SECTOR - 1) / SIM_ROT_SECTOR;
    size_t sector = sim_chance(self, 500) ? sectors - 1 : (size_t)sim_below(self, sectors);
    size_t at = (size_t)sim_below(self, SIM_ROT_SECTOR);
    rot->offset = sector * SIM_ROT_SECTOR;
    rot->bit = (uint8_t)(1U << sim_below(self, 8));
    bytes[rot->offset + at] ^= rot->bit;
    memcpy(rot->sector, bytes + rot->offset, SIM_ROT_SECTOR);
    rot->at = at;
    rot->there = true;
    sim_disk_damaged(self->disk, rot->path);
    sim_trace(self, "a bit of %s rots at %zu", rot->path, rot->offset + at);
}

void
sim_rot_mend(struct sim *self)
{
    struct sim_rot *rot = &self->rot;
    size_t size = 0;
    if (!rot->there) {
        return;
    }
    uint8_t *bytes = sim_disk_bytes(self->disk, rot->path, &size);
    if (bytes != NULL && rot->offset + SIM_ROT_SECTOR <= size &&
        memcmp(bytes + rot->offset, rot->sector, SIM_ROT_SECTOR) == 0) {
        bytes[rot->offset + rot->at] ^= rot->bit;
        sim_disk_damaged(self->disk, rot->path);
        sim_trace(self, "the bit of %s is put back", rot->path);
    }
    rot->there = false;
    rot->excused_until_ms = self->now_ms + TOLD_MS;
}
