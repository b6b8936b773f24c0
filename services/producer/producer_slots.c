#include "producer_slots.h"

#include "base/check.h"

#include <string.h>
#include <sys/mman.h>

#define HUGE_BYTES (2U * 1024 * 1024)
#define LEFT_BYTES (64U * 1024) /* smaller places are not given back one by one */

void
producer_slots_init(struct producer_slots *self, uint32_t slot_count, size_t smallest_bytes)
{
    memset(self, 0, sizeof *self);
    self->slot_count = slot_count;
    self->smallest_bytes = smallest_bytes;
}

static size_t
region_bytes(const struct producer_slots *self, unsigned size)
{
    return (size_t)self->slot_count * self->smallest_bytes << size;
}

static unsigned
size_of(const struct producer_slots *self, size_t bytes)
{
    unsigned size = 0;
    while (self->smallest_bytes << size < bytes) {
        size++;
    }
    CHECK(self->smallest_bytes << size == bytes && size < PRODUCER_SLOTS_SIZES);
    return size;
}

/* Only what is touched is backed by memory. */
static void *
map(size_t bytes)
{
    size_t slack = bytes >= HUGE_BYTES ? 2 * HUGE_BYTES : 0; /* there is some on either side */
    uint8_t *start = mmap(NULL, bytes + slack, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(start != MAP_FAILED);
    if (slack == 0) {
        return start;
    }
    size_t before = HUGE_BYTES - (uintptr_t)start % HUGE_BYTES;
    CHECK(munmap(start, before) == 0);
    CHECK(munmap(start + before + bytes, slack - before) == 0);
    (void)madvise(start + before, bytes, MADV_HUGEPAGE); /* slower without */
    return start + before;
}

void
producer_slots_fini(struct producer_slots *self)
{
    for (unsigned size = 0; size < PRODUCER_SLOTS_SIZES; size++) {
        if (self->regions[size].base != NULL) {
            CHECK(munmap(self->regions[size].base, region_bytes(self, size)) == 0);
            self->regions[size].base = NULL;
        }
    }
}

void *
producer_slots_take(struct producer_slots *self, uint32_t slot, size_t bytes)
{
    unsigned size = size_of(self, bytes);
    CHECK(slot < self->slot_count);
    if (self->regions[size].base == NULL) {
        self->regions[size].base = map(region_bytes(self, size));
    }
    self->regions[size].used++;
    return (uint8_t *)self->regions[size].base + slot * bytes;
}

void
producer_slots_leave(struct producer_slots *self, uint32_t slot, size_t bytes)
{
    unsigned size = size_of(self, bytes);
    uint8_t *base = self->regions[size].base;
    CHECK(base != NULL && self->regions[size].used > 0);
    self->regions[size].used--;
    if (self->regions[size].used == 0) {
        CHECK(munmap(base, region_bytes(self, size)) == 0);
        self->regions[size].base = NULL;
    } else if (bytes >= LEFT_BYTES) {
        (void)madvise(base + slot * bytes, bytes, MADV_DONTNEED); /* else it stays for a while */
    }
}
