/*
 * What one notification of a batch means, given what the database holds of its key and its order.
 * Pure: each decides the item's answer and its write, and leaves the views as that write will.
 */
#ifndef HERALD_ORDER_STEPS_H
#define HERALD_ORDER_STEPS_H

#include "order_work.h"

typedef void order_steps_fn(order_work_t *work, struct order_work_item *item);

/* DONE, DUPLICATE, RETRY, REJECT or FENCED; a refusal leaves its FAILURE row. */
order_steps_fn order_steps_apply;

/* FENCED: no effect can follow. DONE: the effect is there. REJECT: the key is another event's. */
order_steps_fn order_steps_fence;

/* As fence, and UNDONE when the undoing action has run, now or before, with its result. */
order_steps_fn order_steps_undo;

/* REJECT: the database itself refuses it (work->refusal: a CHECK, a size); leaves a FAILURE row. */
order_steps_fn order_steps_record_refusal;

#endif
