/*
 * A batch at work: its items, what the database holds of their keys and orders, and what is to be
 * written of each. Pure: a store reads into it and writes from it (order_store.h), the rules decide
 * in between (order_steps.h), so that a batch costs the same few exchanges with the database
 * whatever it holds.
 *
 * A key or order that occurs several times in a batch has one view, which every item sees as the
 * items before it left it. What such items write must not be mixed up: each write has a wave,
 * later than those of all earlier items with the same key or order. Within a wave no key and no
 * order occurs twice, so that it can be written in any order, or at once.
 */
#ifndef HERALD_ORDER_WORK_H
#define HERALD_ORDER_WORK_H

#include "order_answer.h"
#include "order_event.h"
#include "order_item.h"
#include "order_rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDER_WORK_ITEMS_MAX LIMIT_FRAME_NOTIFICATIONS
#define ORDER_WORK_NONE UINT16_MAX /* no order: the payload names none */

enum order_work_status {
    ORDER_WORK_NO_ROW = 0,
    ORDER_WORK_SUCCESS,
    ORDER_WORK_FAILURE,
    ORDER_WORK_FENCED,
    ORDER_WORK_STATUS_COUNT,
};

/* What notify_log holds under a key. */
struct order_work_key {
    const char *biz_id; /* borrowed from the first item that has it */
    size_t biz_id_size;
    enum order_work_status status;
    uint8_t hash[ORDER_ITEM_HASH_BYTES];      /* valid where there is a row */
    char undo_result[LIMIT_REASON_BYTES + 1]; /* empty: undo has not run */
    uint16_t waves;                           /* of the writes so far */
};

struct order_work_order {
    const char *order_id; /* terminated; borrowed from the first item that has it */
    struct order_rules_order order;
    uint16_t waves; /* of the writes so far */
};

enum order_work_change { ORDER_WORK_KEEP = 0, ORDER_WORK_INSERT, ORDER_WORK_UPDATE };

/*
 * What an item writes: its row, unless that stays as it is; its order, where that changes. A row
 * replaces nothing but a FAILURE with the same hash, or is one more fence's undo result.
 */
struct order_work_write {
    enum order_work_status row; /* ORDER_WORK_NO_ROW: leave it */
    const char *reason;         /* with a row; empty: none */
    const char *undo_result;    /* NULL: leave it; needs a fence without one */
    enum order_work_change change;
    struct order_rules_order order; /* as it is then */
    uint16_t wave;                  /* from 0 */
};

struct order_work_item {
    const struct order_item *item; /* borrowed */
    struct order_answer *answer;   /* borrowed; reasons are written from it */
    struct order_event event;
    bool understood; /* else the answer says why not */
    uint8_t hash[ORDER_ITEM_HASH_BYTES];
    uint16_t key;
    uint16_t order; /* or ORDER_WORK_NONE */
    struct order_work_write write;
};

typedef struct order_work order_work_t;

/* The views are filled by the store, the writes by the rules. */
struct order_work {
    struct order_work_item *items; /* owned, as are the other arrays */
    struct order_work_key *keys;
    struct order_work_order *orders;
    size_t item_count;
    size_t key_count;
    size_t order_count;
    uint16_t wave_count;
    int64_t now_unix_ms;
    const char *refusal; /* borrowed; for order_steps_record_refusal */
    uint16_t *key_table; /* hash tables of indices */
    uint16_t *order_table;
};

order_work_t *order_work_new(void);
void order_work_destroy(order_work_t **self_p);

/*
 * Begin anew with these items, at most ORDER_WORK_ITEMS_MAX. An item with an order_item_fault is
 * answered REJECT here and is not part of the work. Views are empty, nothing is to be written.
 */
void order_work_load(order_work_t *self, const struct order_item *items,
                     struct order_answer *answers, size_t count);

/* The item's write is decided: give it its wave. */
void order_work_place(order_work_t *self, struct order_work_item *item);

/* The view of a key or an order of this work; NULL: it has none. */
struct order_work_key *order_work_find_key(order_work_t *self, const char *biz_id, size_t size);
struct order_work_order *order_work_find_order(order_work_t *self, const char *order_id);

/* The word in the database, as in "SUCCESS", and back; NO_ROW for what is not listed. */
const char *order_work_word(enum order_work_status status);
enum order_work_status order_work_of_word(const char *word, size_t size);

#endif
