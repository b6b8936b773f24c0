/*
 * Memory of the index's tables. All tables of one size lie in one region of huge pages, each at the
 * place of its number: looking up at random in millions of small pages costs a walk through the
 * page tables each time, which was a seventh of the producer's processor time.
 *
 * A table that grows moves to the next region and its old place goes back to the system, when it is
 * not small; when all have moved the region goes. So growing costs no more memory than the tables
 * that grow right now, and as a rule 32 MiB, at most 64.
 */
#ifndef HERALD_PRODUCER_SLOTS_H
#define HERALD_PRODUCER_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#define PRODUCER_SLOTS_SIZES 24U

struct producer_slots {
    uint32_t slot_count;   /* tables */
    size_t smallest_bytes; /* of a slot; size i has it doubled i times */
    struct {
        void *base; /* owned; NULL: not there */
        uint32_t used;
    } regions[PRODUCER_SLOTS_SIZES];
};

void producer_slots_init(struct producer_slots *self, uint32_t slot_count, size_t smallest_bytes);
void producer_slots_fini(struct producer_slots *self);

/* The slot's memory, zeroed. A slot is taken once a size. `bytes` is smallest_bytes times a power
 * of two. */
void *producer_slots_take(struct producer_slots *self, uint32_t slot, size_t bytes);
void producer_slots_leave(struct producer_slots *self, uint32_t slot, size_t bytes);

#endif
