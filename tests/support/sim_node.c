#include "support/sim_node.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

#define SECTOR 512

static void
grow(struct sim_node *self, size_t size)
{
    if (size <= self->capacity) {
        return;
    }
    size_t capacity = (size + 65535) / 65536 * 65536;
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
    memset(self->dirty + offset / SECTOR, 1, (offset + size - 1) / SECTOR - offset / SECTOR + 1);
    self->size = offset + size > self->size ? offset + size : self->size;
}

void
sim_node_resize(struct sim_node *self, size_t size)
{
    grow(self, size);
    if (size < self->size) {
        size_t end = (self->size + SECTOR - 1) / SECTOR * SECTOR;
        memset(self->bytes + size, 0, end - size);
        memset(self->dirty + size / SECTOR, 1, end / SECTOR - size / SECTOR);
    }
    self->size = size;
}

void
sim_node_settle(struct sim_node *self)
{
    size_t sectors = self->capacity / SECTOR;
    for (size_t s = 0; s < sectors; s++) {
        const uint8_t *next = memchr(self->dirty + s, 1, sectors - s);
        if (next == NULL) {
            break;
        }
        s = (size_t)(next - self->dirty);
        memcpy(self->disk_bytes + s * SECTOR, self->bytes + s * SECTOR, SECTOR);
        self->dirty[s] = 0;
    }
    self->disk_size = self->size;
}

void
sim_node_forget(struct sim_node *self, uint64_t chance)
{
    for (size_t s = 0; s < self->capacity / SECTOR; s++) {
        if (self->dirty[s] != 0 && (chance >> (s % 64) & 1) != 0) {
            memcpy(self->disk_bytes + s * SECTOR, self->bytes + s * SECTOR, SECTOR);
        }
        self->dirty[s] = 0;
    }
}

/* Sector by sector: as it was, as it is, or, now and then, garbage. */
void
sim_node_crash(struct sim_node *self, sim_draw_fn *draw, uint64_t *state)
{
    uint64_t mood = draw(state) % 4; /* some cuts lose all, some nothing, most a part */
    if (self->size != self->disk_size && (mood == 1 || draw(state) % 2 == 0)) {
        self->disk_size = self->size;
    }
    for (size_t s = 0; s < self->capacity / SECTOR; s++) {
        if (self->dirty[s] == 0) {
            continue;
        }
        uint64_t chance = draw(state);
        uint8_t *disk = self->disk_bytes + s * SECTOR;
        if (mood == 1 || (mood > 1 && chance % 2 == 0)) {
            memcpy(disk, self->bytes + s * SECTOR, SECTOR);
        }
        if (mood == 3 && chance / 2 % 16 == 0) {
            for (size_t i = 0; i < SECTOR; i++) {
                disk[i] = (uint8_t)(draw(state) >> 56);
            }
        }
        self->dirty[s] = 0;
    }
    memset(self->disk_bytes + self->disk_size, 0, self->capacity - self->disk_size);
    memcpy(self->bytes, self->disk_bytes, self->capacity);
    self->size = self->disk_size;
}
