/*
 * The producer's index: biz_id -> the notification's position.
 *
 * Open addressing in many small tables that grow one at a time, so that growing costs little memory
 * and no long pause. Seven entries are a group, which is a cache line of 64 bytes; at most 3/4 of a
 * table's places are taken, and from some thousand on at least 3/8: 13 to 25 bytes a notification,
 * 28 where many have expired, and while what the tables grow into is fetched, from 2/3 on. Each
 * place has a control byte, 0 while it is empty, else 7 bits of the hash, and those of a group are
 * its first eight bytes: a search compares them all at once, and looks at an entry only where one
 * matches. Source: Abseil's Swiss tables (abseil.io/about/design/swisstables), with control bytes
 * and entries in one line, as in F14 (engineering.fb.com, 2019); nothing is removed but when a
 * table is put together again.
 *
 * 40 bits of the hash tell entries apart; what matches is compared with the journal by the caller.
 * Positions have 40 bits.
 */
#ifndef HERALD_PRODUCER_INDEX_H
#define HERALD_PRODUCER_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct producer_index producer_index_t;

/* A place in the index; valid until the next add. One word, so that it is written and read as one:
 * the processor waits when parts of what is read were written each for itself. */
struct producer_index_entry {
    uint64_t bits; /* 40 of the position, 23 of the hash, 1: pinned */
};
#define PRODUCER_INDEX_PINNED (UINT64_C(1) << 63)
#define PRODUCER_INDEX_POSITION ((UINT64_C(1) << 40) - 1)

producer_index_t *producer_index_new(void);
void producer_index_destroy(producer_index_t **self_p);

/* Walk the entries with this hash: begin with *cursor = 0; NULL when there are no more. */
struct producer_index_entry *producer_index_find(producer_index_t *self, uint64_t hash,
                                                 uint32_t *cursor);

/* Add one. Entries whose position is below `expired` make room first when a table would grow. */
void producer_index_add(producer_index_t *self, uint64_t hash, uint64_t position, uint64_t expired);

/* Which of the small tables a hash belongs to: who handles many entries does it table by table, so
 * that the processor finds its way to one of them at a time. */
#define PRODUCER_INDEX_TABLES 1024U
static inline uint32_t
producer_index_table(uint64_t hash)
{
    return (uint32_t)(hash % PRODUCER_INDEX_TABLES);
}

/* Have the place of this hash fetched from memory, two cache lines: whoever knows what it will look
 * up next saves the wait, which is most of what a lookup costs. Ask for several one right behind
 * the other: on the way to one whose page is in no TLB the processor does little else, but walks to
 * several overlap. But for no more than eight in one go: beyond some 20 lines a processor waits for
 * the first before it asks for another. */
void producer_index_prefetch(const producer_index_t *self, uint64_t hash);

/* Add one unless it is there already. */
void producer_index_restore(producer_index_t *self, uint64_t hash, uint64_t position);

/* A pinned entry does not expire: its notification is an open case. */
static inline void
producer_index_pin(struct producer_index_entry *entry, bool pinned)
{
    entry->bits = (entry->bits & ~PRODUCER_INDEX_PINNED) | (pinned ? PRODUCER_INDEX_PINNED : 0);
}

static inline uint64_t
producer_index_position(const struct producer_index_entry *entry)
{
    return entry->bits & PRODUCER_INDEX_POSITION;
}

/* Make room for so many entries at once, before a long restore. */
void producer_index_reserve(producer_index_t *self, uint64_t count);

uint64_t producer_index_count(const producer_index_t *self);
uint64_t producer_index_bytes(const producer_index_t *self);

#endif
