#include "support/sim_node.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

#define SECTOR 512
#define SIM_NODE_LEAST 4096

/* How a sector of `bytes` is to `disk_bytes`. */
enum { SAME, DIRTY, FORGOTTEN /* differs, and the system believes that it is on disk */ };

static void
grow(struct sim_node *self, size_t size)
{
    if (size <= self->capacity) {
        return;
    }
    size_t capacity = self->capacity == 0 ? SIM_NODE_LEAST : self->capacity;
    while (capacity < size) {
        capacity *= 2;
    }
    self->bytes = mem_resize(self->bytes, capacity);
    self->disk_bytes = mem_resize(self->disk_bytes, capacity);
    self->dirty = mem_resize(self->dirty, capacity / SECTOR);
    memset(self->bytes + self->capacity, 0, capacity - self->capacity);
    memset(self->disk_bytes + self->capacity, 0, capacity - self->capacity);
    memset(self->dirty + self->capacity / SECTOR, 0, (capacity - self->capacity) / SECTOR);
    self->capacity = capacity;
}

void
sim_node_write(struct sim_node *self, const void *from, size_t size, size_t offset)
{
    if (size == 0) {
        return;
    }
    grow(self, offset + size);
    memcpy(self->bytes + offset, from, size);
    memset(self->dirty + offset / SECTOR, DIRTY,
           (offset + size - 1) / SECTOR - offset / SECTOR + 1);
    self->size = offset + size > self->size ? offset + size : self->size;
}

void
sim_node_resize(struct sim_node *self, size_t size)
{
    grow(self, size);
    if (size < self->size) {
        size_t end = (self->size + SECTOR - 1) / SECTOR * SECTOR;
        memset(self->bytes + size, 0, end - size);
        memset(self->dirty + size / SECTOR, DIRTY, end / SECTOR - size / SECTOR);
    }
    self->size = size;
}

void
sim_node_settle(struct sim_node *self)
{
    size_t sectors = self->capacity / SECTOR;
    for (size_t s = 0; s < sectors; s++) {
        const uint8_t *next = memchr(self->dirty + s, DIRTY, sectors - s);
        if (next == NULL) {
            break;
        }
        s = (size_t)(next - self->dirty);
        memcpy(self->disk_bytes + s * SECTOR, self->bytes + s * SECTOR, SECTOR);
        self->dirty[s] = SAME;
    }
    self->disk_size = self->size;
}

void
sim_node_settle_all(struct sim_node *self)
{
    if (self->capacity > 0) {
        memset(self->dirty, DIRTY, self->capacity / SECTOR);
        sim_node_settle(self);
    }
}

void
sim_node_forget(struct sim_node *self, uint64_t chance)
{
    for (size_t s = 0; s < self->capacity / SECTOR; s++) {
        if (self->dirty[s] != DIRTY) {
            continue;
        }
        self->dirty[s] = FORGOTTEN;
        if ((chance >> (s % 64) & 1) != 0) {
            memcpy(self->disk_bytes + s * SECTOR, self->bytes + s * SECTOR, SECTOR);
            self->dirty[s] = SAME;
        }
    }
}

void
sim_node_stray(struct sim_node *self, size_t size, size_t offset, uint32_t sectors)
{
    if (size == 0) {
        return;
    }
    size_t first = offset / SECTOR;
    size_t count = (offset + size - 1) / SECTOR - first + 1;
    size_t to = first + sectors;
    if (sectors > 0 && (to + count) * SECTOR <= self->size) { /* else it goes nowhere */
        memcpy(self->disk_bytes + to * SECTOR, self->bytes + first * SECTOR, count * SECTOR);
        for (size_t s = to; s < to + count; s++) {
            self->dirty[s] = self->dirty[s] == SAME ? FORGOTTEN : self->dirty[s];
        }
        size_t end = (to + count) * SECTOR;
        self->disk_size = end > self->disk_size ? end : self->disk_size;
    }
    memset(self->dirty + first, FORGOTTEN, count);
}

bool
sim_node_believed(const struct sim_node *self, size_t sector)
{
    return self->dirty[sector] == FORGOTTEN;
}

void
sim_node_settle_sector(struct sim_node *self, size_t sector)
{
    memcpy(self->disk_bytes + sector * SECTOR, self->bytes + sector * SECTOR, SECTOR);
    self->dirty[sector] = SAME;
}

static void
garbage(uint8_t *sector, sim_draw_fn *draw, uint64_t *state)
{
    for (size_t i = 0; i < SECTOR; i++) {
        sector[i] = (uint8_t)(draw(state) >> 56);
    }
}

/* Sector by sector: as it was, as it is, or, now and then, garbage. */
void
sim_node_crash(struct sim_node *self, sim_draw_fn *draw, uint64_t *state)
{
    uint64_t mood = draw(state) % 4; /* some cuts lose all, some nothing, most a part */
    size_t used = self->size > self->disk_size ? self->size : self->disk_size;
    if (self->size != self->disk_size && (mood == 1 || draw(state) % 2 == 0)) {
        self->disk_size = self->size;
    }
    size_t sectors = (used + SECTOR - 1) / SECTOR;
    for (size_t s = 0; s < sectors; s++) {
        if (self->dirty[s] == SAME) {
            continue;
        }
        uint8_t *disk = self->disk_bytes + s * SECTOR;
        if (self->dirty[s] == DIRTY) {
            uint64_t chance = draw(state);
            if (mood == 1 || (mood > 1 && chance % 2 == 0)) {
                memcpy(disk, self->bytes + s * SECTOR, SECTOR);
            }
            if (mood == 3 && chance / 2 % 16 == 0) {
                garbage(disk, draw, state);
            }
        }
        memcpy(self->bytes + s * SECTOR, disk, SECTOR);
        self->dirty[s] = SAME;
    }
    memset(self->disk_bytes + self->disk_size, 0, sectors * SECTOR - self->disk_size);
    memset(self->bytes + self->disk_size, 0, sectors * SECTOR - self->disk_size);
    self->size = self->disk_size;
}
