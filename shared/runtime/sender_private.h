/* What the sender's files share; nobody else includes it. */
#ifndef HERALD_RUNTIME_SENDER_PRIVATE_H
#define HERALD_RUNTIME_SENDER_PRIVATE_H

#include "runtime/sender.h"

#include "base/check.h"

#include <assert.h>
#include <string.h>

/* What was sent lies in a ring, by its token's counter. It begins small, so that who answers at
 * once has it in the near caches, and doubles when the next place is not free: what is late is
 * remembered until the largest ring comes round. Powers of two. */
#define SENDER_RING_MIN 2048U
#define SENDER_RING_MAX 131072U
static_assert(SENDER_UNANSWERED_MAX + SENDER_QUICK_MAX < SENDER_RING_MAX, "there is a free one");
#define SENDER_COMMON_MAX 4
#define SENDER_NOBODY UINT32_MAX
#define SENDER_NO_GROUP UINT8_MAX

enum sender_entry_state {
    ENTRY_FREE,
    ENTRY_OUT,  /* sent, not answered */
    ENTRY_LATE, /* its lease expired or its consumer was lost; a DONE still counts as evidence */
};

enum sender_lane_state {
    LANE_FREE,
    LANE_OPEN,
    LANE_PAUSED, /* a lease expired on it */
};

struct sender_lane {
    uint8_t state;
    bool probe; /* paused, nothing is out, and its consumer is there: one delivery may try */
    uint32_t consumers;
    uint32_t outstanding;
    bool quick;        /* it has answered a quick window in QUICK_MS lately */
    bool hurried;      /* it was sent something with a short lease */
    uint32_t answered; /* DONE, since then: */
    int64_t counted_ms;
    uint8_t group; /* its number, also when it is free again; SENDER_NO_GROUP: never had one */
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
};

/* One that has gone is remembered for a while: what it says late is said in its group. */
struct sender_consumer {
    uint32_t lane; /* SENDER_NOBODY: the slot is free */
    uint8_t group; /* its number */
    uint64_t nonce;
    int64_t seen_ms;
    size_t name_size;
    char name[LIMIT_NAME_BYTES + 1];
};

/* Groups have numbers, in the order in which they came; a set of them is a word of bits. */
struct sender_group {
    size_t size;
    char name[LIMIT_NAME_BYTES + 1];
};
static_assert(SENDER_GROUPS_MAX <= 64, "a set of them is a uint64_t");

struct sender_key {
    bool known;
    uint8_t bytes[WIRE_KEY_BYTES];
};

struct sender_common {
    struct sender_key key;
    char name[LIMIT_NAME_BYTES + 1];
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
};

struct sender {
    struct sender_settings settings;
    outbox_t *outbox; /* borrowed */
    struct sender_lane lanes[SENDER_LANES_MAX];
    struct sender_consumer *consumers; /* owned */
    uint32_t consumers_high;           /* slots that were ever used: those before it */
    struct sender_group groups[SENDER_GROUPS_MAX];
    uint32_t group_count;
    uint64_t strange; /* outcomes that were not believed */
    struct sender_common common[SENDER_COMMON_MAX];
    uint32_t common_count;
    struct sender_key key;     /* of the lanes */
    struct sender_entry *ring; /* owned */
    uint32_t ring_size;
    uint64_t counter;   /* of the next token */
    uint64_t oldest;    /* nothing before it is out */
    uint64_t unleft;    /* from it on, leases have not begun */
    uint64_t flushed;   /* what is before it is in the outbox, or has left that */
    uint64_t left;      /* what is before it has left */
    uint64_t next_left; /* and this, when so many messages have left the outbox */
    uint64_t next_left_after;
    uint32_t outstanding;
    int64_t scanned_ms;
    struct wire_out frame; /* being gathered; data NULL: none */
    struct wire_deliver_out items;
    uint32_t frame_lane;
    size_t frame_bytes; /* of the last one, and a little more */
};

static inline bool
sender_lane_is_of(const sender_t *self, const struct sender_lane *lane, struct wire_text group)
{
    if (lane->state == LANE_FREE) {
        return false;
    }
    const struct sender_group *own = &self->groups[lane->group];
    return own->size == group.size && memcmp(own->name, group.data, group.size) == 0;
}

/* Where the delivery with this token, or its counter, is or was; or one that lies there since. */
static inline struct sender_entry *
sender_at(const sender_t *self, uint64_t token)
{
    return &self->ring[token & (self->ring_size - 1)];
}

/* It is not outstanding any more. */
static inline void
sender_settle(sender_t *self, const struct sender_entry *entry)
{
    CHECK(entry->state == ENTRY_OUT && self->lanes[entry->lane].outstanding > 0);
    self->lanes[entry->lane].outstanding--;
    self->outstanding--;
}

/* sender.c: nobody waits for this one any more; the owner hears the cause. */
void sender_give_up(sender_t *self, struct sender_entry *entry, uint8_t cause, const char *reason);

/* sender_consumers.c: who has not been heard of for three PING intervals is lost. */
void sender_lose_silent(sender_t *self, int64_t now_ms);

/* sender_consumers.c: the groups in which somebody of this name is or was lately. */
uint64_t sender_groups_of(const sender_t *self, struct wire_text name);

#endif
