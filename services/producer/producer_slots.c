#include "producer_slots.h"

#include "base/check.h"

#include <string.h>
#include <sys/mman.h>

#define HUGE_BYTES (2U * 1024 * 1024)

void
producer_slots_init(struct producer_slots *self, uint32_t slot_count, size_t first_bytes)
{
    *self = (struct producer_slots){.slot_count = slot_count, .first_bytes = first_bytes};
}

static size_t
region_bytes(const struct producer_slots *self, unsigned part)
{
    return self->slot_count * producer_slots_bytes(self, part);
}

static uint8_t *
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
    for (unsigned part = 0; part < PRODUCER_SLOTS_PARTS; part++) {
        if (self->regions[part] != NULL) {
            CHECK(munmap(self->regions[part], region_bytes(self, part)) == 0);
            self->regions[part] = NULL;
        }
    }
}

void
producer_slots_reach(struct producer_slots *self, unsigned part)
{
    CHECK(part < PRODUCER_SLOTS_PARTS);
    if (self->regions[part] == NULL) {
        self->regions[part] = map(region_bytes(self, part));
    }
}
