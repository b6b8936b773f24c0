/*
 * What left the producer's first attempt, and notifications with several deliveries: the fold of
 * each delivery, and where its newest records in the other two logs are. A hash table by delivery.
 */
#ifndef HERALD_PRODUCER_MOVED_H
#define HERALD_PRODUCER_MOVED_H

#include "delivery/fold.h"

struct producer_moved_entry {
    struct delivery_key key; /* position 0: empty */
    uint64_t scheduler_last; /* newest record in that log; 0: none */
    uint64_t compensator_last;
    uint64_t case_at; /* position of its newest CASE in the compensator's log; 0: none */
    int64_t due_unix_ms;
    uint32_t weight; /* while it has no end: delivery_cost_weight; then 0 */
    struct fold fold;
};

struct producer_moved {
    struct producer_moved_entry *entries; /* owned */
    uint64_t capacity;                    /* a power of two; 0: none yet */
    uint64_t count;
};

void producer_moved_fini(struct producer_moved *self);
/* Valid until the next add; NULL when it is not there. */
struct producer_moved_entry *producer_moved_find(const struct producer_moved *self,
                                                 struct delivery_key key);
struct producer_moved_entry *producer_moved_add(struct producer_moved *self,
                                                struct delivery_key key);
/* Forget what is below this position and has an end. */
void producer_moved_expire(struct producer_moved *self, uint64_t position);

#endif
