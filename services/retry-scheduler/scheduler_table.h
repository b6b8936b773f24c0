/*
 * What the retry-scheduler holds or has held and not yet seen the end of: one entry a delivery,
 * found by its key; what waits is ordered by time in one heap, what is due stands in its receiver
 * group's line.
 *
 * Entries stay where they are until they are removed. An index and a generation name one for as
 * long as it lives, so that a late answer never meets another delivery in the same place. Pure.
 */
#ifndef HERALD_SCHEDULER_TABLE_H
#define HERALD_SCHEDULER_TABLE_H

#include "delivery/deadline_heap.h"
#include "delivery/record.h"

#include <assert.h>

#define SCHEDULER_NONE UINT32_MAX

enum scheduler_state {
    SCHEDULER_FREE,    /* private: nobody's place */
    SCHEDULER_WAITING, /* in the heap, by when it is due */
    SCHEDULER_READY,   /* due, in its group's line; in the heap by its deadline, if it has one */
    SCHEDULER_OUT,     /* sent, not answered */
    SCHEDULER_AWAY,    /* given to the compensator; kept until its end is learned */
    SCHEDULER_STATE_COUNT,
};

/* Positions have 40 bits and turns 16 (the compensator replays no more often); what does not fit is
 * cut. Times have 47, and a later one is the last of them, in the year 6429. Attempts end at 255,
 * far above what any policy has. */
#define SCHEDULER_POSITION(position) ((position) & ((UINT64_C(1) << 40) - 1))
#define SCHEDULER_TIME_MAX ((INT64_C(1) << 47) - 1)
#define SCHEDULER_TIME(unix_ms) (scheduler_time(unix_ms) & SCHEDULER_TIME_MAX)
#define SCHEDULER_TURN(turn) ((turn)&UINT16_MAX)
#define SCHEDULER_ATTEMPTS_MAX UINT8_MAX

static inline int64_t
scheduler_time(int64_t unix_ms)
{
    return unix_ms < SCHEDULER_TIME_MAX ? unix_ms : SCHEDULER_TIME_MAX;
}

static inline uint8_t
scheduler_attempts(uint32_t attempts)
{
    return attempts < SCHEDULER_ATTEMPTS_MAX ? (uint8_t)attempts : SCHEDULER_ATTEMPTS_MAX;
}

static_assert(LIMIT_POLICY_DELAYS + 1 < SCHEDULER_ATTEMPTS_MAX, "every policy's attempts fit");

/* 64 bytes: there may be a million of them. */
struct scheduler_entry {
    uint64_t position : 40; /* of the notification; scheduler_entry_key */
    uint64_t subscription : 8;
    uint64_t group : 8;    /* index in the catalog while READY, and until it is again */
    uint64_t back : 8;     /* times that it was handed back, one after the other; at most 255 */
    uint64_t last : 40;    /* position of its newest record in the own log */
    uint64_t attempts : 8; /* burnt */
    uint64_t turn : 16;
    uint64_t taken : 40; /* position of its TAKEN; holds back trimming */
    uint64_t unburnt : 16;
    uint64_t state : 3;  /* enum scheduler_state; changed by the functions below alone */
    bool sent : 1;       /* it may have reached a receiver */
    bool alone : 1;      /* a lease of it expired, or its consumer was lost */
    bool is_case : 1;    /* a person decides: counts as an end for trimming */
    bool described : 1;  /* deadline and own_policy were read */
    bool own_policy : 1; /* the notification has a policy of its own */
    uint64_t copy : 40;  /* position of its MOVED in the compensator's log; 0: not from there */
    uint64_t generation : 8;
    uint64_t cancel_turn : 16;       /* highest in which a cancel was asked; 0: none */
    int64_t first_sent_unix_ms : 48; /* 0: never */
    uint64_t index_low : 16;         /* scheduler_entry_index */
    int64_t deadline_unix_ms : 48;   /* of the notification; 0: none, or not looked at yet */
    uint64_t index_high : 16;
    uint32_t place;  /* in the heap */
    uint32_t before; /* in the group's line; or next free place */
    uint32_t behind;
    uint32_t chain; /* next with the same hash */
};
static_assert(sizeof(struct scheduler_entry) == 64, "OPERATIONS, Memory, says so");
static_assert(SCHEDULER_STATE_COUNT <= 8, "a state has three bits");

static inline struct delivery_key
scheduler_entry_key(const struct scheduler_entry *entry)
{
    return (struct delivery_key){.position = entry->position, .subscription = entry->subscription};
}

static inline uint32_t
scheduler_entry_index(const struct scheduler_entry *entry)
{
    return (uint32_t)entry->index_high << 16 | (uint32_t)entry->index_low;
}

struct scheduler_line {
    uint32_t first;
    uint32_t last;
    uint32_t count;
};

struct scheduler_table {
    struct scheduler_entry **chunks; /* owned */
    uint32_t used;                   /* places ever used */
    uint32_t free;                   /* first free place */
    uint32_t *buckets;               /* owned */
    uint32_t bucket_count;           /* a power of two */
    uint32_t counts[SCHEDULER_STATE_COUNT];
    struct deadline_heap heap;
    struct scheduler_line lines[LIMIT_GROUPS];
};

void scheduler_table_init(struct scheduler_table *self);
void scheduler_table_fini(struct scheduler_table *self);

/* NULL: not held. */
struct scheduler_entry *scheduler_table_find(const struct scheduler_table *self,
                                             struct delivery_key key);
/* A new one, AWAY until it is put elsewhere; the key must not be there. */
struct scheduler_entry *scheduler_table_add(struct scheduler_table *self, struct delivery_key key);
void scheduler_table_remove(struct scheduler_table *self, struct scheduler_entry *entry);

/* The place `index` below self->used; NULL when nobody is there. */
struct scheduler_entry *scheduler_table_at(const struct scheduler_table *self, uint32_t index);
uint32_t scheduler_table_count(const struct scheduler_table *self);
/* When one that is WAITING is due: monotonic. */
int64_t scheduler_table_due_ms(const struct scheduler_table *self,
                               const struct scheduler_entry *entry);
uint64_t scheduler_table_bytes(const struct scheduler_table *self);

/* Whether a cancel that was asked in this turn stands for the entry: delivery/fold.h. */
bool scheduler_entry_cancel(const struct scheduler_entry *entry, uint32_t cancel_turn);

/* Into the state, from any other. */
void scheduler_table_wait(struct scheduler_table *self, struct scheduler_entry *entry,
                          int64_t due_ms);
/* deadline_ms: monotonic; INT64_MAX: none */
void scheduler_table_ready(struct scheduler_table *self, struct scheduler_entry *entry,
                           uint32_t group, int64_t deadline_ms);
void scheduler_table_out(struct scheduler_table *self, struct scheduler_entry *entry);
void scheduler_table_away(struct scheduler_table *self, struct scheduler_entry *entry);

/* The first of a group's line; NULL when it is empty. */
struct scheduler_entry *scheduler_table_first(const struct scheduler_table *self, uint32_t group);

#endif
