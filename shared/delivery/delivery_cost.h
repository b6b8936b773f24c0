/*
 * What deliveries that are open may still cost in the three logs, to their ends: for the room that
 * is kept on disk before new work is admitted. docs/OPERATIONS.md, "Room", has the arithmetic.
 *
 * The bound holds for services that are thrifty while room is short (runtime/peers.h): then reasons
 * are cut to LIMIT_REASON_SHORT_BYTES, waits that burn nothing are not recorded, and a commit is
 * held back until what it writes is worth a block, or for a time. Pure.
 */
#ifndef HERALD_DELIVERY_COST_H
#define HERALD_DELIVERY_COST_H

#include <stddef.h>
#include <stdint.h>

/* A commit that is held back has so many bytes of records, or has waited. */
#define DELIVERY_COST_GATHER_BYTES 16384U

/* Tries of a compensation that room is kept for; while it is short there are no more of them. */
#define DELIVERY_COST_TRIES 3U

struct delivery_load {
    uint64_t deliveries;
    uint64_t retries; /* delivery_cost_retries of their policies, all together */
    uint64_t bytes;   /* of their notifications, one for each delivery; see delivery_cost_weight */
};

struct delivery_cost {
    uint64_t own;    /* bytes in the producer's log, where a segment that is set aside serves */
    uint64_t others; /* in the others', with what blocks and restarts take in all three */
};

/* segment_bytes: of each log's segments. */
struct delivery_cost delivery_cost(const struct delivery_load *load, uint64_t segment_bytes);

/* What blocks take beside so many bytes in them, rounded up. */
uint64_t delivery_cost_share(uint64_t bytes);

/* Attempts of a policy that fail and are followed by another of the scheduler's. */
uint64_t delivery_cost_retries(uint16_t attempts);

/*
 * What a delivery counts for in delivery_load.bytes: its notification and, when this has a policy
 * of its own with so many attempts (0: none), what they may cost. A function of the notification
 * alone, so that what an admission adds its end takes away again.
 */
uint32_t delivery_cost_weight(size_t notification_bytes, uint16_t own_attempts);

#endif
