/*
 * What left the producer's first attempt, and notifications with several deliveries: the fold of
 * each delivery, and where its newest records in the other two logs are.
 *
 * Entries stand one behind the other, packed into 48 bytes each, in chunks that never move; many
 * small hash tables, which grow one at a time, say where. So an entry costs 53 to 58 bytes at every
 * count, growth included. Positions have 40 bits, times 48, subscriptions 8.
 */
#ifndef HERALD_PRODUCER_MOVED_H
#define HERALD_PRODUCER_MOVED_H

#include "delivery/fold.h"

#define PRODUCER_MOVED_POSITION_MAX ((UINT64_C(1) << 40) - 1)
#define PRODUCER_MOVED_WEIGHT_MAX ((UINT32_C(1) << 24) - 1)

/* One of them, as it is handed out and taken back; positions and weight at most as above. */
struct producer_moved_entry {
    struct delivery_key key;
    uint64_t scheduler_last; /* newest record in that log; 0: none */
    uint64_t compensator_last;
    uint64_t case_at; /* position of its newest CASE in the compensator's log; 0: none */
    int64_t due_unix_ms;
    uint32_t weight; /* while it has no end: delivery_cost_weight; then 0 */
    struct fold fold;
};

#define PRODUCER_MOVED_TABLES 256U

struct producer_moved_packed;

struct producer_moved_table {
    uint32_t *slots;   /* owned; number of the entry plus 1; 0: empty */
    uint32_t capacity; /* a power of two; 0: none yet */
    uint32_t count;
};

struct producer_moved {
    struct producer_moved_packed **chunks; /* owned */
    uint32_t count;
    uint32_t swept; /* the next number that expire looks at */
    struct producer_moved_table tables[PRODUCER_MOVED_TABLES];
};

void producer_moved_fini(struct producer_moved *self);
/* False: it is not there. */
bool producer_moved_find(const struct producer_moved *self, struct delivery_key key,
                         struct producer_moved_entry *entry);
/* Put it in, or in the place of the one with its key. */
void producer_moved_put(struct producer_moved *self, const struct producer_moved_entry *entry);
/* The one with this number, below count; numbers change when entries are forgotten. */
void producer_moved_at(const struct producer_moved *self, uint32_t number,
                       struct producer_moved_entry *entry);
/* Look at up to `most` of them, going on where the last call ended, and forget those that are below
 * this position and have an end. */
void producer_moved_expire(struct producer_moved *self, uint64_t position, uint32_t most);
uint64_t producer_moved_bytes(const struct producer_moved *self);

#endif
