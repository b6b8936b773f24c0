#include "compensator_people.h"

#include "base/mem.h"
#include "compensator_answer.h"
#include "compensator_cases.h"
#include "compensator_ends.h"
#include "compensator_history.h"
#include "compensator_jobs.h"
#include "compensator_notification.h"
#include "compensator_records.h"
#include "wire/wire_submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLAY_TURN_MAX 65000U /* turns have 16 bits at the retry-scheduler */

/* What an order comes to. */
struct verdict {
    uint8_t status; /* enum wire_status */
    const char *text;
};

static uint8_t
order_of(const struct compensator_entry *entry)
{
    return entry->plan == PLAN_ORDER_UNDO      ? ORDER_UNDO
           : entry->plan == PLAN_ORDER_RESOLVE ? ORDER_RESOLVE
                                               : 0;
}

/* entry: of an open case, which may have become a fenced one since; NULL: it is closed. */
static struct wire_case
case_of(const compensator_t *self, const struct compensator_info *info,
        const struct compensator_entry *entry)
{
    const struct catalog_subscription *subscription = compensator_subscription(self, info->key);
    const struct catalog_group *group = compensator_group_of(self, info->key);
    const char *name = subscription == NULL ? "?" : subscription->name;
    const char *group_name = group == NULL ? "?" : group->name;
    return (struct wire_case){
        .id = info->id,
        .biz_id = {.data = info->biz_id, .size = info->biz_id_size},
        .topic = {.data = info->topic, .size = info->topic_size},
        .subscription = {.data = name, .size = strlen(name)},
        .group = {.data = group_name, .size = strlen(group_name)},
        .opened_unix_ms = info->opened_unix_ms,
        .cause = info->cause,
        .reason = {.data = info->reason, .size = info->reason_size},
        .fenced = info->fenced || (entry != NULL && (entry->fenced || entry->undo_unanswered)),
        .state = info->state,
        .order = entry == NULL ? 0 : order_of(entry),
    };
}

struct listed {
    const struct compensator_info *info;   /* borrowed */
    const struct compensator_entry *entry; /* borrowed; NULL: it is closed */
};

static int
by_id(const void *a, const void *b)
{
    uint64_t left = ((const struct listed *)a)->info->id;
    uint64_t right = ((const struct listed *)b)->info->id;
    return (left > right) - (left < right);
}

void
compensator_people_list(compensator_t *self, const struct outbox_route *route, uint64_t request,
                        const struct wire_cases_ask *ask)
{
    uint32_t slots = compensator_table_slots(self->table);
    struct listed *found = mem_array((size_t)slots + COMPENSATOR_CLOSED_MAX, sizeof *found);
    uint32_t count = 0;
    for (uint32_t i = 0; i < slots; i++) {
        const struct compensator_entry *entry = compensator_table_at(self->table, i);
        if (entry != NULL && entry->info != NULL && entry->info->id > ask->after_id) {
            found[count++] = (struct listed){.info = entry->info, .entry = entry};
        }
    }
    for (uint32_t i = 0; i < COMPENSATOR_CLOSED_MAX && !ask->open_only; i++) {
        if (self->infos[i] != NULL && self->infos[i]->id > ask->after_id) {
            found[count++] = (struct listed){.info = self->infos[i]};
        }
    }
    qsort(found, count, sizeof *found, by_id);
    uint32_t limit = ask->limit == 0 ? WIRE_CASES_MAX : ask->limit;
    struct wire_out out;
    wire_out_init(&out, 4096);
    struct wire_ids_out list = wire_case_list_begin(&out, request, count > limit);
    for (uint32_t i = 0; i < count && i < limit; i++) {
        const struct wire_case one = case_of(self, found[i].info, found[i].entry);
        wire_case_add(&list, &one);
    }
    wire_ids_end(&list);
    mem_free(found);
    compensator_answer(self, route, &out);
}

bool
compensator_people_must_wait(const compensator_t *self, const struct wire_case_order *order,
                             uint64_t *after)
{
    const struct compensator_entry *entry = compensator_cases_find(self, order->id);
    const struct compensator_info *closed =
        entry == NULL ? compensator_cases_closed(self, order->id) : NULL;
    *after = entry != NULL ? entry->last : closed != NULL ? closed->last : 0;
    return order->action == WIRE_CASE_SHOW && *after > log_durable(self->own);
}

static void
answer_detail(compensator_t *self, const struct outbox_route *route, uint64_t request,
              const struct wire_case *found, uint64_t last)
{
    struct record_case opened;
    log_block_t *block = NULL;
    struct wire_notification notification = {0};
    if (compensator_notification_copy(self, found->id, &opened, &block)) {
        (void)wire_notification_decode(opened.notification.encoded,
                                       opened.notification.encoded_size, &notification,
                                       NULL); /* a newer version's: shown without payload */
    }
    struct compensator_history *history = mem_alloc(sizeof *history);
    compensator_history_read(self, last, history);
    struct wire_out out;
    wire_out_init(&out, 4096 + notification.payload.size);
    wire_case_detail_begin(&out, request, found, notification.payload, history->count);
    for (uint32_t i = history->count; i > 0; i--) {
        wire_attempt_put(&out, &history->attempts[i - 1]);
    }
    mem_free(history);
    if (block != NULL) {
        log_block_release(&block);
    }
    compensator_answer(self, route, &out);
}

static struct record_text
text_of(struct wire_text text)
{
    return (struct record_text){.data = text.data, .size = text.size};
}

static void
record_order(compensator_t *self, struct compensator_entry *entry,
             const struct wire_case_order *order, uint8_t what)
{
    struct record_event event = {
        .kind = RECORD_ORDER,
        .order = what,
        .by = text_of(order->by),
        .reason = text_of(order->reason),
    };
    compensator_records_event(self, entry, &event);
}

static struct verdict
replay(compensator_t *self, struct compensator_entry *entry, const struct wire_case_order *order)
{
    if (entry->fenced) {
        return (struct verdict){WIRE_DENIED, "the receiver holds a fence for it: it would be "
                                             "refused for ever; undo or resolve it"};
    }
    if (entry->undo_unanswered) {
        return (struct verdict){WIRE_DENIED, "an undo was tried and not answered: it may hold a "
                                             "fence; undo or resolve it"};
    }
    if (entry->ordered) {
        return (struct verdict){WIRE_DENIED, "undo or resolve was ordered: it may hold a fence"};
    }
    if (entry->turn >= REPLAY_TURN_MAX) {
        return (struct verdict){WIRE_DENIED, "it was replayed thousands of times: resolve it"};
    }
    char text[LIMIT_REASON_BYTES + 1];
    (void)snprintf(text, sizeof text, "%.*s: %.*s", (int)order->by.size, order->by.data,
                   (int)order->reason.size, order->reason.data); /* cut if too long */
    entry->turn++;
    entry->attempts = 0;
    entry->tries = 0;
    compensator_records_replayed(self, entry,
                                 (struct record_text){.data = text, .size = strlen(text)});
    (void)compensator_table_to(entry, COMPENSATOR_REPLAY); /* it is a case */
    compensator_cases_close(self, entry, END_NONE);
    self->counts[COUNT_REPLAYED]++;
    return (struct verdict){WIRE_OK, "given to the retry-scheduler"};
}

static struct verdict
undo(compensator_t *self, struct compensator_entry *entry, const struct wire_case_order *order)
{
    const struct catalog_group *group = compensator_group_of(self, entry->key);
    if (group == NULL || !group->can_fence || !group->can_undo) {
        return (struct verdict){WIRE_CANNOT_FENCE, "the group has no fence or no undo action"};
    }
    if (order_of(entry) != 0) {
        return (struct verdict){WIRE_DENIED, "an order is under way"};
    }
    record_order(self, entry, order, ORDER_UNDO);
    entry->attempts = (uint16_t)(entry->attempts + entry->tries);
    entry->tries = 0;
    entry->plan = PLAN_ORDER_UNDO;
    entry->ordered = true;
    compensator_jobs_schedule(self, entry, self->now_ms);
    return (struct verdict){WIRE_REQUESTED, "the receiver is asked to fence and undo"};
}

static struct verdict
resolve(compensator_t *self, struct compensator_entry *entry, const struct wire_case_order *order)
{
    const struct catalog_group *group = compensator_group_of(self, entry->key);
    if (order->unfenced) {
        compensator_ends_unfenced(self, entry, END_RESOLVED, text_of(order->by),
                                  text_of(order->reason));
        return (struct verdict){WIRE_OK, "resolved without a fence"};
    }
    if (group == NULL || !group->can_fence) {
        return (struct verdict){WIRE_CANNOT_FENCE,
                                "the group cannot fence; unfenced resolves it all the same"};
    }
    if (order_of(entry) == ORDER_RESOLVE) {
        return (struct verdict){WIRE_REQUESTED, "ordered before"};
    }
    record_order(self, entry, order, ORDER_RESOLVE);
    entry->plan = PLAN_ORDER_RESOLVE;
    entry->ordered = true;
    entry->waits = 0;
    if (entry->token == 0) {
        compensator_jobs_schedule(self, entry, self->now_ms);
    }
    return (struct verdict){WIRE_REQUESTED, "the receiver is asked for its fence"};
}

/* What is kept on disk lets every case be resolved. All else is new work. */
static bool
finds_room(const compensator_t *self, const struct wire_case_order *order)
{
    return !peers_short(self->peers) || (order->action == WIRE_CASE_RESOLVE &&
                                         order->reason.size <= peers_reason_bytes(self->peers));
}

/* Whether the order is one that the receiver must be sent the notification for. */
static bool
is_sent(const struct wire_case_order *order)
{
    return order->action == WIRE_CASE_REPLAY || order->action == WIRE_CASE_UNDO ||
           (order->action == WIRE_CASE_RESOLVE && !order->unfenced);
}

static struct verdict
decide(compensator_t *self, struct compensator_entry *entry, const struct wire_case_order *order)
{
    if (order->reason.size == 0) {
        return (struct verdict){WIRE_REFUSED, "reason: must not be empty"};
    }
    if (!finds_room(self, order)) {
        static_assert(LIMIT_REASON_SHORT_BYTES == 32, "the text says so");
        return (struct verdict){WIRE_BUSY, "disk: what is left is kept for what was accepted; a "
                                           "case can be resolved, with a reason of at most 32 "
                                           "bytes"};
    }
    if (entry->info->lost && is_sent(order)) {
        return (struct verdict){WIRE_DENIED, "a salvage lost its notification, and with it the key "
                                             "to ask the receiver for: resolve it unfenced"};
    }
    /* UNREACHED: no other action is decoded, and SHOW of a case was answered before. */
    switch ((enum wire_case_action)order->action) {
    case WIRE_CASE_REPLAY:
        return replay(self, entry, order);
    case WIRE_CASE_UNDO:
        return undo(self, entry, order);
    case WIRE_CASE_RESOLVE:
        return resolve(self, entry, order);
    case WIRE_CASE_NOTE:
        record_order(self, entry, order, ORDER_NOTE);
        return (struct verdict){WIRE_OK, "noted"};
    case WIRE_CASE_SHOW:
    case WIRE_CASE_ACTION_COUNT:
    default:
        return (struct verdict){WIRE_REFUSED, "action: unknown"};
    }
}

void
compensator_people_order(compensator_t *self, const struct outbox_route *route, uint64_t request,
                         const struct wire_case_order *order)
{
    struct compensator_entry *entry = compensator_cases_find(self, order->id);
    const struct compensator_info *closed =
        entry == NULL ? compensator_cases_closed(self, order->id) : NULL;
    struct verdict verdict = {WIRE_NOT_FOUND, "no such case"};
    if (order->action == WIRE_CASE_SHOW && (entry != NULL || closed != NULL)) {
        const struct wire_case found = case_of(self, entry != NULL ? entry->info : closed, entry);
        answer_detail(self, route, request, &found, entry != NULL ? entry->last : closed->last);
        return;
    }
    if (entry != NULL) {
        verdict = decide(self, entry, order);
    } else if (closed != NULL) {
        verdict = (struct verdict){WIRE_ENDED, closed->state == WIRE_STATE_PENDING
                                                   ? "it was replayed"
                                                   : wire_state_name(closed->state)};
    }
    compensator_answer_status(self, route, request, verdict.status, verdict.text);
}
