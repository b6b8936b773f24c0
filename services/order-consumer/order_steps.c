#include "order_steps.h"

#include <stdio.h>
#include <string.h>

/*
 * The row decides: one UNIQUE key holds either the effect or the fence. False: a row stands there
 * that stays, and nothing of the item may be written. Only a FAILURE of the same content gives way.
 */
static bool
claim(order_work_t *work, struct order_work_item *item, enum order_work_status status,
      const char *reason)
{
    struct order_work_key *key = &work->keys[item->key];
    bool free =
        key->status == ORDER_WORK_NO_ROW ||
        (key->status == ORDER_WORK_FAILURE && memcmp(key->hash, item->hash, sizeof key->hash) == 0);
    if (!free) {
        return false;
    }
    key->status = status;
    memcpy(key->hash, item->hash, sizeof key->hash);
    item->write.row = status;
    item->write.reason = reason;
    return true;
}

/* Another row stands under the key of a delivery: say what that means for it. */
static void
answer_taken(const order_work_t *work, const struct order_work_item *item)
{
    const struct order_work_key *key = &work->keys[item->key];
    if (key->status == ORDER_WORK_FENCED) {
        order_answer_set(item->answer, ORDER_ANSWER_FENCED, "fenced before it was applied");
    } else if (key->status == ORDER_WORK_SUCCESS &&
               memcmp(key->hash, item->hash, sizeof key->hash) == 0) {
        order_answer_set(item->answer, ORDER_ANSWER_DUPLICATE, "applied before");
    } else {
        order_answer_set(item->answer, ORDER_ANSWER_REJECT, "biz_id: was used for other content");
    }
}

void
order_steps_apply(order_work_t *work, struct order_work_item *item)
{
    struct order_work_order *view = NULL;
    struct order_rules_order order = {0};
    bool changed = false;
    if (item->order != ORDER_WORK_NONE) {
        view = &work->orders[item->order];
        order = view->order;
    }
    if (item->understood) { /* which means that it names an order */
        changed = order_rules_apply(&order, &item->event, item->answer);
    }
    bool done = item->answer->outcome == ORDER_ANSWER_DONE;
    if (!claim(work, item, done ? ORDER_WORK_SUCCESS : ORDER_WORK_FAILURE, item->answer->reason)) {
        answer_taken(work, item);
        return;
    }
    if (changed) {
        item->write.change =
            view->order.status == ORDER_STATUS_UNKNOWN ? ORDER_WORK_INSERT : ORDER_WORK_UPDATE;
        item->write.order = order;
        view->order = order;
    }
    order_work_place(work, item);
}

void
order_steps_record_refusal(order_work_t *work, struct order_work_item *item)
{
    item->event.order_id[0] = '\0'; /* it may be what was refused */
    order_answer_set(item->answer, ORDER_ANSWER_REJECT, "the database refuses it: %s",
                     work->refusal);
    if (claim(work, item, ORDER_WORK_FAILURE, item->answer->reason)) {
        order_work_place(work, item);
    } /* else a row that stands there says more */
}

/* Put the fence, or say what stands in its place. False: the key is not fenced. */
static bool
put_fence(order_work_t *work, struct order_work_item *item)
{
    if (work->keys[item->key].status != ORDER_WORK_FENCED &&
        !claim(work, item, ORDER_WORK_FENCED, "")) {
        answer_taken(work, item);
        if (item->answer->outcome == ORDER_ANSWER_DUPLICATE) {
            item->answer->outcome = ORDER_ANSWER_DONE; /* the effect came first */
        }
        return false;
    }
    /* One fence closes the key, whatever content it was put for. */
    order_answer_set(item->answer, ORDER_ANSWER_FENCED, "fenced");
    return true;
}

void
order_steps_fence(order_work_t *work, struct order_work_item *item)
{
    if (put_fence(work, item) && item->write.row != ORDER_WORK_NO_ROW) {
        order_work_place(work, item);
    }
}

void
order_steps_undo(order_work_t *work, struct order_work_item *item)
{
    if (!put_fence(work, item)) {
        return;
    }
    struct order_work_key *key = &work->keys[item->key];
    if (key->undo_result[0] != '\0') {
        order_answer_set(item->answer, ORDER_ANSWER_UNDONE, "%s", key->undo_result);
        return;
    }
    struct order_rules_order order = {0};
    if (item->order != ORDER_WORK_NONE) {
        order = work->orders[item->order].order;
    }
    if (order_rules_hold(&order, item->event.order_id, item->answer)) {
        item->write.change = ORDER_WORK_UPDATE;
        item->write.order = order;
        work->orders[item->order].order = order;
    }
    (void)snprintf(key->undo_result, sizeof key->undo_result, "%s",
                   item->answer->reason); /* fits */
    item->write.undo_result = item->answer->reason;
    order_work_place(work, item);
}
