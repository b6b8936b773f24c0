#include "producer_slots.h"

#include "base/check.h"
#include "base/mem.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_BYTES (2U * 1024 * 1024)

static size_t
region_bytes(const struct producer_slots *self, unsigned part)
{
    return self->slot_count * producer_slots_bytes(self, part);
}

/* Of all parts before it: as large together as it is itself. */
static size_t
bytes_before(const struct producer_slots *self, unsigned part)
{
    return part == 0 ? 0 : region_bytes(self, part);
}

/* It shares a huge page with the other small ones. */
static bool
is_small(const struct producer_slots *self, unsigned part)
{
    return bytes_before(self, part) + region_bytes(self, part) <= HUGE_BYTES;
}

/* `bytes` of zeros; begins a huge page, and is made of them as far as it goes. */
static uint8_t *
map(size_t bytes)
{
    size_t slack = 2 * HUGE_BYTES; /* there is some on either side */
    uint8_t *start = mmap(NULL, bytes + slack, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(start != MAP_FAILED);
    size_t before = HUGE_BYTES - (uintptr_t)start % HUGE_BYTES;
    CHECK(munmap(start, before) == 0);
    CHECK(munmap(start + before + bytes, slack - before) == 0);
    (void)madvise(start + before, bytes, MADV_HUGEPAGE); /* slower without */
    return start + before;
}

static void *
fetch(void *arg)
{
    struct producer_slots *self = arg;
    mem_fetch(self->regions[self->fetched], region_bytes(self, self->fetched));
    return NULL;
}

static void
fetch_end(struct producer_slots *self)
{
    if (self->fetches) {
        CHECK(pthread_join(self->fetcher, NULL) == 0);
        self->fetches = false;
    }
}

/* Of parts as large as all before them together the last one has been fetched long ago. */
static void
fetch_aside(struct producer_slots *self, unsigned part)
{
    fetch_end(self);
    self->fetched = part;
    self->fetches = pthread_create(&self->fetcher, NULL, fetch, self) == 0; /* slower without */
}

void
producer_slots_init(struct producer_slots *self, uint32_t slot_count, size_t first_bytes)
{
    *self = (struct producer_slots){.slot_count = slot_count, .first_bytes = first_bytes};
    if (is_small(self, 0)) {
        self->small = map(HUGE_BYTES);
        mem_fetch(self->small, HUGE_BYTES);
    }
}

void
producer_slots_fini(struct producer_slots *self)
{
    fetch_end(self);
    for (unsigned part = 0; part < PRODUCER_SLOTS_PARTS; part++) {
        if (self->regions[part] != NULL && !is_small(self, part)) {
            CHECK(munmap(self->regions[part], region_bytes(self, part)) == 0);
        }
        self->regions[part] = NULL;
    }
    if (self->small != NULL) {
        CHECK(munmap(self->small, HUGE_BYTES) == 0);
        self->small = NULL;
    }
}

void
producer_slots_reach(struct producer_slots *self, unsigned part)
{
    CHECK(part < PRODUCER_SLOTS_PARTS);
    if (self->regions[part] != NULL) {
        return;
    }
    if (!is_small(self, part)) {
        self->regions[part] = map(region_bytes(self, part));
        fetch_aside(self, part);
        return;
    }
    self->regions[part] = self->small + bytes_before(self, part);
}
