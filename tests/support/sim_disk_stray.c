/* A write that goes astray, and what a mirror would know to put it right. */
#include "support/sim_disk_private.h"

#include "base/mem.h"

#include <string.h>

static struct sim_node *
node_of(const sim_disk_t *self)
{
    return self->tree.nodes[self->stray.node - 1]; /* numbered from 1 in the order of the array */
}

/* A file that nobody can reach any more has no bytes. */
static bool
holds(const struct sim_node *node, size_t sector)
{
    return (sector + 1) * SIM_DISK_SECTOR <= node->capacity;
}

static bool
differs(const struct sim_node *node, size_t sector)
{
    return memcmp(node->bytes + sector * SIM_DISK_SECTOR,
                  node->disk_bytes + sector * SIM_DISK_SECTOR, SIM_DISK_SECTOR) != 0;
}

void
sim_disk_stray(sim_disk_t *self, const char *path, uint32_t sectors)
{
    const struct sim_node *node = sim_tree_find(&self->tree, NULL, path);
    sim_disk_stray_forget(self);
    if (node != NULL && !node->is_directory) {
        self->stray = (struct sim_stray){.node = node->number, .sectors = sectors};
    }
}

bool
sim_disk_strayed(const sim_disk_t *self)
{
    return self->stray.there;
}

void
sim_disk_stray_forget(sim_disk_t *self)
{
    mem_free(self->stray.lost);
    self->stray = (struct sim_stray){0};
}

void
sim_stray_write(sim_disk_t *self, struct sim_node *node, size_t size, size_t offset)
{
    struct sim_stray *stray = &self->stray;
    if (stray->node == node->number && !stray->there && size > 0) {
        sim_node_stray(node, size, offset, stray->sectors);
        stray->there = true;
    }
}

/* Before the cut: what the system believes to be on disk, and is not. */
bool
sim_stray_before(sim_disk_t *self)
{
    struct sim_stray *stray = &self->stray;
    if (!stray->there || stray->lost != NULL) {
        return false;
    }
    const struct sim_node *node = node_of(self);
    size_t sectors = node->capacity / SIM_DISK_SECTOR;
    stray->lost = mem_array(sectors, sizeof *stray->lost);
    for (size_t i = 0; i < sectors; i++) {
        if (sim_node_believed(node, i) && differs(node, i)) {
            struct sim_lost *lost = &stray->lost[stray->lost_count++];
            lost->sector = i;
            memcpy(lost->meant, node->bytes + i * SIM_DISK_SECTOR, SIM_DISK_SECTOR);
        }
    }
    return true;
}

/* What a later cut finds in its place may have been written since, and even to another segment,
 * since files are used again: only the first says what was found. */
void
sim_stray_after(sim_disk_t *self, bool shown)
{
    struct sim_stray *stray = &self->stray;
    for (size_t i = 0; i < stray->lost_count; i++) {
        struct sim_lost *lost = &stray->lost[i];
        if (!holds(node_of(self), lost->sector)) { /* the cut has taken the whole file */
            sim_disk_stray_forget(self);
            return;
        }
        if (shown) {
            memcpy(lost->found, node_of(self)->bytes + lost->sector * SIM_DISK_SECTOR,
                   SIM_DISK_SECTOR);
        }
    }
}

void
sim_disk_stray_mend(sim_disk_t *self)
{
    struct sim_stray *stray = &self->stray;
    if (!stray->there) {
        sim_disk_stray_forget(self);
        return;
    }
    struct sim_node *node = node_of(self);
    if (stray->lost == NULL) { /* no cut has shown it: the disk gets what the system believes */
        for (size_t i = 0; i < node->capacity / SIM_DISK_SECTOR; i++) {
            if (sim_node_believed(node, i)) {
                sim_node_settle_sector(node, i);
            }
        }
    }
    for (size_t i = 0; i < stray->lost_count; i++) {
        const struct sim_lost *lost = &stray->lost[i];
        if (!holds(node, lost->sector)) {
            continue;
        }
        uint8_t *bytes = node->bytes + lost->sector * SIM_DISK_SECTOR;
        if (memcmp(bytes, lost->found, SIM_DISK_SECTOR) == 0) {
            memcpy(bytes, lost->meant, SIM_DISK_SECTOR);
            sim_node_settle_sector(node, lost->sector);
        }
    }
    sim_disk_stray_forget(self);
}
