#include "delivery/delivery_cost.h"

#include "base/limits.h"

#include <assert.h>

/*
 * Records without texts, as delivery/record_codec.c draws them, with the log's 2 or 3 bytes before
 * each: positions and times below 2^42, turns below 2^14. A short reason takes 33 bytes more.
 * tests/unit/delivery/test_delivery_cost.c encodes the largest.
 */
#define EVENT 40U
#define CUSTODY 56U
#define REASON (LIMIT_REASON_SHORT_BYTES + 1U)
#define BY (LIMIT_NAME_BYTES + 1U)

/* What every record costs beside itself. Checkpoints come so many records apart that each pays for
 * an eighth of an entry of what has moved (producer) or is held (compensator), or for a quarter of
 * one (scheduler); in the producer's log for an entry of the index too. */
#define BESIDE_PRODUCER 36U
#define BESIDE_SCHEDULER 20U
#define BESIDE_COMPENSATOR 8U

/* Producer: MOVED, ENDED, and an EVIDENCE; ENDED again when the end was known before its turn. */
#define PRODUCER (CUSTODY + REASON + 3 * EVENT + 4 * BESIDE_PRODUCER)

/* Scheduler: TAKEN, MOVED, ENDED, and an EVIDENCE. Between them a FAILED for each attempt but the
 * last, which is the MOVED. The first is its own too when the producer's burnt nothing (DOWN,
 * handed back, lost), and after a person's replay. */
#define SCHEDULER (2 * (CUSTODY + REASON) + 2 * EVENT + 4 * BESIDE_SCHEDULER)
#define ATTEMPT (EVENT + REASON + BESIDE_SCHEDULER)

/* Compensator: TAKEN; for each of its tries a record before and one after it; a CASE with the
 * head of the notification and the ids of its subscriptions; a person's ORDER; FENCED, CLOSED, and
 * an EVIDENCE. */
#define TRIES (DELIVERY_COST_TRIES * (2 * EVENT + 12U + REASON))
#define CASE (CUSTODY + REASON + 40U + LIMIT_SUBSCRIPTIONS)
#define COMPENSATOR                                                                                \
    (CUSTODY + REASON + TRIES + CASE + EVENT + BY + REASON + 3 * EVENT + REASON +                  \
     12 * BESIDE_COMPENSATOR)

/* Blocks: a header of 64 bytes and up to 511 of padding for every DELIVERY_COST_GATHER_BYTES, and
 * headers and footers of segments. Of what is kept here no block is filled to the end of its page.
 */
#define BLOCKS_SHARE 16U
static_assert((64 + 511) * BLOCKS_SHARE <= DELIVERY_COST_GATHER_BYTES, "a share covers its block");

/* Commits that were not held back for long enough: at worst each record makes a block of its own,
 * until the pauses between such commits have grown (runtime/thrift.h). */
#define LONE (64U + 511U)
#define LONE_RECORDS 24U
#define LONE_MAX (3ULL * 64 * 1024 * 1024)

struct delivery_cost
delivery_cost(const struct delivery_load *load, uint64_t segment_bytes)
{
    uint64_t own = load->deliveries * PRODUCER;
    uint64_t others =
        load->deliveries * (SCHEDULER + COMPENSATOR) + load->retries * ATTEMPT + load->bytes;
    uint64_t lone = (load->deliveries * LONE_RECORDS + load->retries) * LONE;
    lone = lone < LONE_MAX ? lone : LONE_MAX;
    return (struct delivery_cost){
        .own = own + own / BLOCKS_SHARE,
        .others = others + others / BLOCKS_SHARE + lone + LIMIT_PEER_LOGS * segment_bytes,
    };
}

uint64_t
delivery_cost_share(uint64_t bytes)
{
    return bytes / BLOCKS_SHARE + 1;
}

uint64_t
delivery_cost_retries(uint16_t attempts)
{
    return attempts > 1 ? attempts - 1U : 0;
}

uint32_t
delivery_cost_weight(size_t notification_bytes, uint16_t own_attempts)
{
    return (uint32_t)(notification_bytes + (size_t)own_attempts * ATTEMPT);
}
