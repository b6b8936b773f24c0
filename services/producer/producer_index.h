/*
 * The producer's index: biz_id -> the notification's position and its newest record in the own log.
 *
 * Open addressing in many small tables that grow one at a time, so that growing costs little memory
 * and no long pause: 16 bytes an entry, at most 0.8 full, and from some thousand on at least 0.4:
 * 20 to 40 bytes a notification. An entry holds 32 bits of the hash beside those that choose its
 * place; what matches is compared with the journal by the caller. Positions have 40 bits.
 */
#ifndef HERALD_PRODUCER_INDEX_H
#define HERALD_PRODUCER_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct producer_index producer_index_t;

/* A place in the index; valid until the next add. */
struct producer_index_entry {
    uint32_t tag;
    uint32_t position_low;
    uint32_t last_low;
    uint8_t position_high;
    uint8_t last_high;
    uint16_t used; /* 0: empty; 1; 2: pinned */
};

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

/* Have the place of this hash fetched from memory: whoever knows what it will look up next saves
 * the wait, which is most of what a lookup costs. Ask for several one right behind the other: on
 * the way to one whose page is in no TLB the processor does little else, but walks to several
 * overlap. */
void producer_index_prefetch(const producer_index_t *self, uint64_t hash);

/* Add one as it was, unless it is there already. */
void producer_index_restore(producer_index_t *self, uint64_t hash, uint64_t position,
                            uint64_t last);

/* A pinned entry does not expire: its notification is an open case. */
void producer_index_pin(struct producer_index_entry *entry, bool pinned);

/* Make room for so many entries at once, before a long restore. */
void producer_index_reserve(producer_index_t *self, uint64_t count);

uint64_t producer_index_position(const struct producer_index_entry *entry);
uint64_t producer_index_last(const struct producer_index_entry *entry);
void producer_index_set_last(struct producer_index_entry *entry, uint64_t last);

uint64_t producer_index_count(const producer_index_t *self);
uint64_t producer_index_bytes(const producer_index_t *self);

#endif
