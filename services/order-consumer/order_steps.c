#include "order_steps.h"

#include "order_event.h"
#include "order_rules.h"

#include <string.h>

/*
 * The row decides: one UNIQUE key holds either the effect or the fence. It is written before the
 * order, so that an order is touched only by whoever has won the key. answer: what is to be
 * recorded; *won is false when another row stands there, and nothing has changed.
 */
static int
claim(struct order_store *store, const struct order_steps_item *step,
      struct order_store_log_row *row, bool *won)
{
    row->item = step->item;
    row->now_unix_ms = step->now_unix_ms;
    order_item_hash(step->item, row->hash);
    return order_store_write_log(store, row, won);
}

/* Another row stands under the key of a delivery: say what that means for it. */
static int
answer_taken(struct order_store *store, const struct order_store_log_row *row,
             struct order_answer *answer)
{
    struct order_store_log log;
    int rc = order_store_read_log(store, row->item, &log);
    if (rc != SQLITE_OK) {
        return rc;
    }
    if (log.status == ORDER_STORE_LOG_FENCED) {
        order_answer_set(answer, ORDER_ANSWER_FENCED, "fenced before it was applied");
    } else if (log.status == ORDER_STORE_LOG_SUCCESS &&
               memcmp(log.hash, row->hash, sizeof log.hash) == 0) {
        order_answer_set(answer, ORDER_ANSWER_DUPLICATE, "applied before");
    } else {
        order_answer_set(answer, ORDER_ANSWER_REJECT, "biz_id: was used for other content");
    }
    return SQLITE_OK;
}

int
order_steps_apply(struct order_store *store, const struct order_steps_item *step,
                  struct order_answer *answer)
{
    struct order_event event;
    struct order_rules_order order = {0};
    bool changed = false;
    bool is_new = false;
    if (order_event_parse(step->item, &event, answer)) {
        int rc = order_store_read_order(store, event.order_id, &order);
        if (rc != SQLITE_OK) {
            return rc;
        }
        is_new = order.status == ORDER_STATUS_UNKNOWN;
        changed = order_rules_apply(&order, &event, answer);
    }
    struct order_store_log_row row = {
        .order_id = event.order_id,
        .reason = answer->reason,
        .status = answer->outcome == ORDER_ANSWER_DONE ? ORDER_STORE_LOG_SUCCESS
                                                       : ORDER_STORE_LOG_FAILURE,
    };
    bool won = false;
    int rc = claim(store, step, &row, &won);
    if (rc == SQLITE_OK && !won) {
        return answer_taken(store, &row, answer);
    }
    if (rc == SQLITE_OK && changed) {
        rc = is_new ? order_store_insert_order(store, event.order_id, &order, step->now_unix_ms)
                    : order_store_update_order(store, event.order_id, &order, step->now_unix_ms);
    }
    return rc;
}

int
order_steps_record_fault(struct order_store *store, const struct order_steps_item *step,
                         struct order_answer *answer)
{
    struct order_store_log_row row = {
        .order_id = "",
        .reason = answer->reason,
        .status = ORDER_STORE_LOG_FAILURE,
    };
    bool won = false;
    return claim(store, step, &row, &won); /* a row that stands there says more */
}

/* Put the fence, or find out what stands in its place. *log is valid unless *won. */
static int
put_fence(struct order_store *store, const struct order_steps_item *step, const char *order_id,
          struct order_store_log *log, struct order_answer *answer)
{
    struct order_store_log_row row = {
        .order_id = order_id,
        .reason = "",
        .status = ORDER_STORE_LOG_FENCED,
    };
    bool won = false;
    int rc = claim(store, step, &row, &won);
    log->status = ORDER_STORE_LOG_FENCED;
    log->undo_result[0] = '\0';
    order_answer_set(answer, ORDER_ANSWER_FENCED, "fenced");
    if (rc != SQLITE_OK || won) {
        return rc;
    }
    rc = order_store_read_log(store, step->item, log);
    if (rc != SQLITE_OK || log->status == ORDER_STORE_LOG_FENCED) {
        return rc; /* one fence closes the key, whatever content it was put for */
    }
    return answer_taken(store, &row, answer);
}

int
order_steps_fence(struct order_store *store, const struct order_steps_item *step,
                  struct order_answer *answer)
{
    struct order_event event;
    (void)order_event_parse(step->item, &event, answer); /* only for the order's id, if any */
    struct order_store_log log;
    int rc = put_fence(store, step, event.order_id, &log, answer);
    if (rc == SQLITE_OK && answer->outcome == ORDER_ANSWER_DUPLICATE) {
        answer->outcome = ORDER_ANSWER_DONE; /* the effect came first */
    }
    return rc;
}

int
order_steps_undo(struct order_store *store, const struct order_steps_item *step,
                 struct order_answer *answer)
{
    struct order_event event;
    (void)order_event_parse(step->item, &event, answer); /* only for the order's id, if any */
    struct order_store_log log;
    int rc = put_fence(store, step, event.order_id, &log, answer);
    if (rc != SQLITE_OK || log.status != ORDER_STORE_LOG_FENCED) {
        if (rc == SQLITE_OK && answer->outcome == ORDER_ANSWER_DUPLICATE) {
            answer->outcome = ORDER_ANSWER_DONE; /* the effect came first */
        }
        return rc;
    }
    if (log.undo_result[0] != '\0') {
        order_answer_set(answer, ORDER_ANSWER_UNDONE, "%s", log.undo_result);
        return SQLITE_OK;
    }
    struct order_rules_order order = {0};
    if (event.order_id[0] != '\0') {
        rc = order_store_read_order(store, event.order_id, &order);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }
    if (order_rules_hold(&order, event.order_id, answer)) {
        rc = order_store_update_order(store, event.order_id, &order, step->now_unix_ms);
    }
    return rc != SQLITE_OK
               ? rc
               : order_store_write_undo(store, step->item, answer->reason, step->now_unix_ms);
}
