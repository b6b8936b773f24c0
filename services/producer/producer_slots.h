/*
 * Memory of the index's tables. A table has a slot in as many regions of huge pages as it needs:
 * the first parts of all tables lie in one region, the second parts, as large again, in the next,
 * and each further region doubles a table. The first of them share one huge page. So a table that
 * grows keeps what it has and gets as much again: no memory is fetched from the system twice, and
 * looking up at random costs no walk through the page tables of millions of small pages, which was
 * a seventh of the producer's processor time.
 *
 * The huge page that the small parts share is fetched from the system at once: the first submits
 * do not wait for it. Tables fill alike, so that all of them reach a part at about the same time: a
 * thread fetches its region, if the caller asks for it in time before, and the producer does not
 * wait for one huge page after the other.
 *
 * Nothing is given back before the end: what retention lets go makes room in the tables.
 */
#ifndef HERALD_PRODUCER_SLOTS_H
#define HERALD_PRODUCER_SLOTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRODUCER_SLOTS_PARTS 24U

struct producer_slots {
    uint32_t slot_count; /* tables */
    size_t first_bytes;  /* of a slot's part 0 and part 1; each part after it is twice as large */
    uint8_t *regions[PRODUCER_SLOTS_PARTS]; /* owned; NULL: not there yet */
    uint8_t *small;    /* owned: the memory of the small ones; NULL: all are large */
    pthread_t fetcher; /* fetches `fetched` */
    bool fetches;      /* it was started, and not joined yet */
    unsigned fetched;  /* the part */
};

/* It stays where it is until producer_slots_fini. */
void producer_slots_init(struct producer_slots *self, uint32_t slot_count, size_t first_bytes);
void producer_slots_fini(struct producer_slots *self);

/* Have this part of all slots there. */
void producer_slots_reach(struct producer_slots *self, unsigned part);

static inline size_t
producer_slots_bytes(const struct producer_slots *self, unsigned part)
{
    return part == 0 ? self->first_bytes : self->first_bytes << (part - 1);
}

/* Memory of one slot's part, zeroed at first; the part was reached. */
static inline void *
producer_slots_at(const struct producer_slots *self, uint32_t slot, unsigned part)
{
    return self->regions[part] + slot * producer_slots_bytes(self, part);
}

#endif
