/*
 * CANCEL: at once where the delivery was never sent; else a request on record, which whoever has
 * custody passes on to the compensator, which asks the receiver for a fence.
 */
#include "producer_history.h"

#include "base/mem.h"
#include "delivery/content_hash.h"

#include <string.h>

/* What one CANCEL is about. */
struct cancel {
    const struct wire_cancel *asked;
    const struct producer_stored *stored;
    uint64_t hash;
    uint64_t last; /* newest own record of the notification */
    struct producer_history *history;
};

struct verdict {
    uint8_t status;
    const char *text;
};

static void
append_order(producer_core_t *self, const struct cancel *cancel, struct delivery_key key,
             uint32_t turn)
{
    struct record_event order = {
        .kind = RECORD_ORDER,
        .key = key,
        .turn = turn,
        .order = ORDER_CANCEL,
        .by = {.data = cancel->asked->by.data, .size = cancel->asked->by.size},
        .reason = {.data = cancel->asked->reason.data, .size = cancel->asked->reason.size},
    };
    uint64_t position = producer_append_event(self, cancel->hash, &order);
    struct producer_moved_entry moved;
    if (producer_moved_find(&self->moved, key, &moved)) {
        fold_event(&moved.fold, LOG_PRODUCER, position, &order);
        producer_moved_put(&self->moved, &moved);
    }
}

static struct verdict
cancel_here(producer_core_t *self, const struct cancel *cancel, struct delivery_key key,
            bool never_sent)
{
    uint32_t weight =
        producer_weight(&cancel->stored->notification, cancel->stored->record.encoded_size);
    if (never_sent) {
        struct record_event closed = {
            .kind = RECORD_CLOSED,
            .key = key,
            .turn = 1,
            .end = END_CANCELLED,
            .by = {.data = cancel->asked->by.data, .size = cancel->asked->by.size},
            .reason = {.data = cancel->asked->reason.data, .size = cancel->asked->reason.size},
        };
        (void)producer_append_event(self, cancel->hash, &closed); /* its place does not matter */
        producer_close(self, key, weight);
        self->counts.cancelled++;
        producer_told(self, key, WIRE_STATE_CANCELLED, 1);
        return (struct verdict){WIRE_CANCELLED, "it was never sent"};
    }
    append_order(self, cancel, key, 1);
    struct record_custody custody = {
        .key = key,
        .to = LOG_COMPENSATOR,
        .cause = OUTCOME_CANCEL,
        .sent = true,
        .reason = {.data = cancel->asked->reason.data, .size = cancel->asked->reason.size},
    };
    producer_move(self, cancel->hash, &custody, weight);
    return (struct verdict){WIRE_REQUESTED, "it may have been sent: the receiver is asked first"};
}

/* What is kept on disk is for deliveries, not for requests about them. */
static bool
finds_room(const producer_core_t *self, const struct cancel *cancel, bool never_sent)
{
    return !peers_short(self->peers) ||
           (never_sent && cancel->asked->reason.size <= peers_reason_bytes(self->peers));
}

static struct verdict
cancel_one(producer_core_t *self, const struct cancel *cancel, struct delivery_key key)
{
    struct producer_history *history = cancel->history;
    producer_history_read(self, key, cancel->last, history);
    const struct fold *fold = &history->fold;
    if (fold->end == END_CANCELLED) {
        return (struct verdict){WIRE_CANCELLED, "cancelled before"};
    }
    if (fold->end != END_NONE) {
        return (struct verdict){WIRE_ENDED, wire_state_name(fold->end)};
    }
    if (fold->is_case) {
        return (struct verdict){WIRE_IS_CASE, "a person decides: heraldctl cases"};
    }
    const struct producer_queue *queue = producer_queue_of(self, key.subscription);
    bool here = producer_open_has(&queue->open, key.position);
    bool never_sent =
        here && key.position >= self->run_first && key.position >= queue->cursor.position;
    const struct catalog_subscription *known =
        catalog_subscription(self->catalog, key.subscription);
    if (!never_sent && !catalog_group_at(self->catalog, known->group)->can_fence) {
        return (struct verdict){WIRE_CANNOT_FENCE,
                                "it may have been sent, and its receiver cannot fence"};
    }
    if (!finds_room(self, cancel, never_sent)) {
        return (struct verdict){WIRE_BUSY, "disk: what is left is kept for what was accepted"};
    }
    if (here) {
        return cancel_here(self, cancel, key, never_sent);
    }
    if (!fold_cancel_stands(fold->cancel_turn, fold->turn, fold->custodian)) {
        append_order(self, cancel, key, fold->turn);
    }
    return (struct verdict){WIRE_REQUESTED, "on record; whoever has it asks the receiver"};
}

static void
cancel_all(producer_core_t *self, struct cancel *cancel, uint64_t position,
           struct wire_ids_out *answers)
{
    const struct record_notification *record = &cancel->stored->record;
    const struct wire_text *only = &cancel->asked->subscription;
    for (unsigned i = 0; i < record->subscription_count; i++) {
        struct delivery_key key = {.position = position, .subscription = record->subscriptions[i]};
        const struct catalog_subscription *known =
            catalog_subscription(self->catalog, key.subscription);
        size_t size = strlen(known->name);
        if (only->size > 0 && (only->size != size || memcmp(only->data, known->name, size) != 0)) {
            continue;
        }
        struct verdict verdict = cancel_one(self, cancel, key);
        struct wire_cancelled said = {
            .subscription = {.data = known->name, .size = size},
            .status = verdict.status,
            .text = {.data = verdict.text, .size = strlen(verdict.text)},
        };
        wire_cancelled_add(answers, &said);
    }
}

void
producer_cancel(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                const struct wire_head *head)
{
    struct why why;
    struct wire_cancel asked;
    if (wire_cancel_decode(in, head, &asked, &why) != ERR_OK) {
        producer_refuse(self, route, head->request, WIRE_REFUSED, why.text);
        return;
    }
    struct wire_out out;
    wire_out_init(&out, 512);
    struct wire_ids_out answers = wire_cancelling_begin(&out, head->request);
    struct producer_stored stored;
    struct producer_index_entry *entry = producer_find(self, asked.biz_id, &stored);
    if (entry == NULL) {
        static const char text[] = "no notification with this biz_id is known";
        struct wire_cancelled none = {.status = WIRE_NOT_FOUND,
                                      .text = {.data = text, .size = sizeof text - 1}};
        wire_cancelled_add(&answers, &none);
    } else {
        uint64_t position = producer_index_position(entry);
        struct cancel cancel = {
            .asked = &asked,
            .stored = &stored,
            .hash = content_hash_id(asked.biz_id.data, asked.biz_id.size),
            .last = producer_heads_newest(&self->heads, position),
            .history = mem_alloc(sizeof *cancel.history),
        };
        (void)producer_make_durable(self, cancel.last); /* as for a query */
        cancel_all(self, &cancel, position, &answers);
        mem_free(cancel.history);
        producer_stored_release(&stored);
        if (answers.count == 0) {
            static const char text[] = "it has no delivery for this subscription";
            struct wire_cancelled none = {.subscription = asked.subscription,
                                          .status = WIRE_NOT_FOUND,
                                          .text = {.data = text, .size = sizeof text - 1}};
            wire_cancelled_add(&answers, &none);
        }
    }
    wire_ids_end(&answers);
    producer_answer(self, route, &out);
}
