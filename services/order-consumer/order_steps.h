/*
 * What is done with one notification inside a transaction. Each returns SQLite's result code; any
 * but SQLITE_OK means that the item's savepoint must be rolled back and *answer is not valid.
 */
#ifndef HERALD_ORDER_STEPS_H
#define HERALD_ORDER_STEPS_H

#include "order_answer.h"
#include "order_item.h"
#include "order_store.h"

struct order_steps_item {
    const struct order_item *item; /* without an order_item_fault */
    int64_t now_unix_ms;
};

typedef int order_steps_fn(struct order_store *store, const struct order_steps_item *step,
                           struct order_answer *answer);

/* DONE, DUPLICATE, RETRY, REJECT or FENCED; a refusal leaves its FAILURE row. */
order_steps_fn order_steps_apply;

/* FENCED: no effect can follow. DONE: the effect is there. REJECT: the key is another event's. */
order_steps_fn order_steps_fence;

/* As fence, and UNDONE when the undoing action has run, now or before, with its result. */
order_steps_fn order_steps_undo;

/* Record a refusal that the database itself raised (a CHECK, a size), and that the answer already
 * tells, as a FAILURE. */
order_steps_fn order_steps_record_fault;

#endif
