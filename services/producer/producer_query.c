/* QUERY and WATCH: what became of notifications, now and when it happens. */
#include "producer_history.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define ATTEMPT_BYTES (LIMIT_REASON_BYTES + 64U) /* of an answer, nearly always less */
#define DELIVERY_BYTES 512U
#define ANSWER_BYTES (LIMIT_FRAME_BYTES - 4096U)
#define WATCH_LEASE_MAX_MS (10 * 60 * 1000)

static void
put_delivery(producer_core_t *self, struct wire_out *out, const struct producer_history *history,
             uint16_t subscription, const struct wire_notification *notification)
{
    struct policy own;
    const struct catalog_subscription *known = catalog_subscription(self->catalog, subscription);
    const struct catalog_group *group = catalog_group_at(self->catalog, known->group);
    const struct policy *policy =
        catalog_policy(known, notification->policy.data, notification->policy.size, &own);
    bool pending = history->fold.end == END_NONE && !history->fold.is_case;
    struct wire_delivery delivery = {
        .subscription = {.data = known->name, .size = strlen(known->name)},
        .group = {.data = group->name, .size = group->name_size},
        .state = history->fold.end != END_NONE ? history->fold.end
                 : history->fold.is_case       ? (uint8_t)WIRE_STATE_CASE
                                               : (uint8_t)WIRE_STATE_PENDING,
        .custodian = history->fold.custodian,
        .turn = history->fold.turn,
        .attempts = history->fold.attempts,
        .attempts_limit = policy_attempts(policy),
        .due_unix_ms = pending ? history->due_unix_ms : 0,
        .cancel_asked = fold_cancel_stands(history->fold.cancel_turn, history->fold.turn,
                                           history->fold.custodian),
        .left_out = history->left_out + history->first,
        .count = history->count - history->first,
    };
    wire_delivery_put(out, &delivery);
    for (uint32_t i = history->first; i < history->count; i++) {
        wire_attempt_put(out, &history->attempts[i].said);
    }
}

/* How many attempts of each of so many deliveries fit a frame of their own. */
static uint32_t
attempts_that_fit(unsigned deliveries)
{
    uint32_t attempts = (ANSWER_BYTES / deliveries - DELIVERY_BYTES) / ATTEMPT_BYTES;
    return attempts < WIRE_HISTORY_MAX ? attempts : WIRE_HISTORY_MAX;
}

/* False: no room in this frame for what is known of it. */
static bool
put_found(producer_core_t *self, struct wire_out *out, struct wire_text biz_id,
          struct producer_history *history)
{
    struct producer_stored stored;
    struct producer_index_entry *entry = producer_find(self, biz_id, &stored);
    if (entry == NULL) {
        struct wire_found none = {.status = WIRE_NOT_FOUND, .biz_id = biz_id};
        wire_found_put(out, &none);
        return !self->unreadable;
    }
    const struct record_notification *record = &stored.record;
    uint32_t most = attempts_that_fit(record->subscription_count);
    size_t size = DELIVERY_BYTES + (size_t)most * ATTEMPT_BYTES;
    if (!wire_out_has_room(out, record->subscription_count * size)) {
        producer_stored_release(&stored);
        return false;
    }
    uint64_t position = producer_index_position(entry);
    uint64_t last = producer_heads_newest(&self->heads, position);
    (void)producer_make_durable(self, last); /* if not, what can be read is told */
    struct wire_found found = {
        .status = WIRE_OK,
        .biz_id = biz_id,
        .topic = stored.notification.topic,
        .version = stored.notification.version,
        .position = position,
        .received_unix_ms = record->received_unix_ms,
        .count = record->subscription_count,
    };
    wire_found_put(out, &found);
    for (unsigned i = 0; i < record->subscription_count; i++) {
        struct delivery_key key = {.position = position, .subscription = record->subscriptions[i]};
        producer_history_read(self, key, last, history);
        history->first = history->count > most ? history->count - most : 0;
        put_delivery(self, out, history, key.subscription, &stored.notification);
    }
    producer_stored_release(&stored);
    return true;
}

void
producer_query(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
               const struct wire_head *head)
{
    uint32_t count = wire_ids_open(in, WIRE_QUERY_MAX);
    struct why why;
    struct producer_history *history = mem_alloc(sizeof *history);
    struct wire_out out;
    wire_out_init(&out, 1024);
    wire_answer_begin(&out, head->request, count);
    bool fits = true;
    for (uint32_t i = 0; i < count && fits; i++) {
        struct wire_text biz_id = wire_ids_next(in);
        fits = !in->failed && put_found(self, &out, biz_id, history);
    }
    mem_free(history);
    if (self->unreadable) {
        wire_out_fini(&out);
        producer_refuse(self, route, head->request, WIRE_BUSY,
                        "disk: what is asked for waits for room to be synced");
        return;
    }
    if (wire_message_finish(in, head, &why) != ERR_OK || !fits) {
        wire_out_fini(&out);
        producer_refuse(self, route, head->request, WIRE_REFUSED,
                        in->failed ? in->why.text
                                   : "the answer would not fit a frame: ask for fewer at once");
        return;
    }
    producer_answer(self, route, &out);
}

/* What has an end, or is a case, is told at once. */
static void
tell_now(producer_core_t *self, const struct outbox_route *route,
         const struct producer_stored *stored, const struct producer_index_entry *entry,
         struct producer_history *history)
{
    uint64_t position = producer_index_position(entry);
    uint64_t last = producer_heads_newest(&self->heads, position);
    for (unsigned i = 0; i < stored->record.subscription_count; i++) {
        struct delivery_key key = {.position = position,
                                   .subscription = stored->record.subscriptions[i]};
        (void)producer_make_durable(self, last); /* as for a query */
        producer_history_read(self, key, last, history);
        const struct fold *fold = &history->fold;
        if (fold->end == END_NONE && !fold->is_case) {
            continue;
        }
        const struct catalog_subscription *known =
            catalog_subscription(self->catalog, key.subscription);
        int64_t at_unix_ms =
            history->count > 0 ? history->attempts[history->count - 1].said.at_unix_ms : 0;
        struct wire_event event = {
            .biz_id = stored->notification.biz_id,
            .position = position,
            .subscription = {.data = known->name, .size = strlen(known->name)},
            .state = fold->end != END_NONE ? fold->end : (uint8_t)WIRE_STATE_CASE,
            .turn = fold->turn,
            .at_unix_ms = at_unix_ms,
        };
        producer_watches_tell_one(&self->watches, self->outbox, log_next(self->log) - 1, route,
                                  &event);
    }
}

/* Returns the status for this one. */
static uint8_t
watch_one(producer_core_t *self, const struct outbox_route *route, struct wire_text biz_id,
          uint32_t lease_ms, struct producer_history *history)
{
    struct producer_stored stored;
    struct producer_index_entry *entry = producer_find(self, biz_id, &stored);
    if (entry == NULL) {
        return WIRE_NOT_FOUND;
    }
    uint8_t status = WIRE_OK;
    struct producer_watch_entry watch = {
        .position = producer_index_position(entry),
        .until_ms = self->now_ms + lease_ms,
        .route = *route,
        .biz_id_size = (uint8_t)biz_id.size,
    };
    memcpy(watch.biz_id, biz_id.data, biz_id.size);
    if (lease_ms == 0) {
        producer_watches_remove(&self->watches, watch.position, route);
    } else if (!producer_watches_add(&self->watches, &watch)) {
        status = WIRE_BUSY;
    } else {
        tell_now(self, route, &stored, entry, history);
    }
    producer_stored_release(&stored);
    return status;
}

void
producer_watch(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
               const struct wire_head *head)
{
    uint32_t lease_ms = (uint32_t)wire_in_uint(in, "lease_ms", UINT32_MAX);
    lease_ms = lease_ms < WATCH_LEASE_MAX_MS ? lease_ms : WATCH_LEASE_MAX_MS;
    uint32_t count = wire_ids_open(in, WIRE_QUERY_MAX);
    uint32_t unknown = 0;
    uint32_t no_room = 0;
    struct producer_history *history = mem_alloc(sizeof *history);
    for (uint32_t i = 0; i < count; i++) {
        struct wire_text biz_id = wire_ids_next(in);
        uint8_t status =
            in->failed ? (uint8_t)WIRE_OK : watch_one(self, route, biz_id, lease_ms, history);
        unknown += status == WIRE_NOT_FOUND;
        no_room += status == WIRE_BUSY;
    }
    mem_free(history);
    struct why why;
    if (wire_message_finish(in, head, &why) != ERR_OK) {
        producer_refuse(self, route, head->request, WIRE_REFUSED, why.text);
        return;
    }
    char text[160] = "";
    if (no_room > 0) {
        (void)snprintf(text, sizeof text, "no room for %u of %u: at most %u are watched", no_room,
                       count, self->settings.watch_max);
    } else if (unknown > 0) {
        (void)snprintf(text, sizeof text, "%u of %u are unknown; the others are watched", unknown,
                       count);
    }
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_watching_encode(&out, head->request,
                         no_room > 0   ? WIRE_BUSY
                         : unknown > 0 ? WIRE_NOT_FOUND
                                       : WIRE_OK,
                         text[0] == '\0' ? NULL : text, lease_ms);
    producer_answer(self, route, &out);
}
