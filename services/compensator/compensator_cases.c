#include "compensator_cases.h"

#include "base/mem.h"
#include "compensator_jobs.h"
#include "compensator_notification.h"
#include "compensator_records.h"
#include "wire/wire_submit.h"

#include <stdio.h>
#include <string.h>

#define MISSING_AGAIN_MS 60000

static const char lost_text[] = "a salvage lost the notification: have its provider submit it "
                                "again, and resolve this unfenced";

static size_t
copy_text(char *to, size_t max, const char *from, size_t size)
{
    size_t used = size < max ? size : max;
    if (used > 0) {
        memcpy(to, from, used);
    }
    return used;
}

static void
describe(struct compensator_info *info, const struct record_case *opened, uint64_t id)
{
    *info = (struct compensator_info){
        .key = opened->custody.key,
        .id = id,
        .opened_unix_ms = opened->custody.at_unix_ms,
        .cause = opened->custody.cause,
        .state = WIRE_STATE_CASE,
        .fenced = opened->fenced || opened->undo_unanswered,
        .lost = opened->notification.encoded_size == 0,
    };
    info->reason_size =
        (uint16_t)copy_text(info->reason, sizeof info->reason, opened->custody.reason.data,
                            opened->custody.reason.size);
    struct wire_notification notification;
    const struct record_notification *kept = &opened->notification;
    if (wire_notification_decode(kept->encoded, kept->encoded_size, &notification, NULL) !=
        ERR_OK) {
        /* The producer admitted it; a newer version may have written it. It still has an id. */
        notification = (struct wire_notification){.biz_id = {.data = "?", .size = 1},
                                                  .topic = {.data = "?", .size = 1}};
    }
    info->biz_id_size = (uint8_t)copy_text(info->biz_id, sizeof info->biz_id,
                                           notification.biz_id.data, notification.biz_id.size);
    info->topic_size = (uint8_t)copy_text(info->topic, sizeof info->topic, notification.topic.data,
                                          notification.topic.size);
}

void
compensator_cases_describe(struct compensator_entry *entry, const struct record_case *opened,
                           uint64_t id)
{
    if (entry->info == NULL) {
        entry->info = mem_zeroed(sizeof *entry->info);
    }
    describe(entry->info, opened, id);
}

/* Into the ring of closed ones, in the place of the oldest. */
static void
keep_closed(compensator_t *self, struct compensator_info *info)
{
    struct compensator_info **place = &self->infos[self->info_count++ % COMPENSATOR_CLOSED_MAX];
    mem_free(*place);
    *place = info;
}

void
compensator_cases_remember(compensator_t *self, const struct record_case *opened, uint64_t id,
                           uint8_t state, uint64_t last)
{
    if (compensator_cases_closed(self, id) != NULL) {
        return; /* the records behind the checkpoint have told it */
    }
    struct compensator_info *info = mem_zeroed(sizeof *info);
    describe(info, opened, id);
    info->state = state;
    info->last = last;
    keep_closed(self, info);
}

static bool
open_with(compensator_t *self, struct compensator_entry *entry, uint8_t cause,
          struct record_text reason)
{
    struct compensator_notification found;
    if (!compensator_notification_get(self, entry, &found) && !found.lost) {
        /* Used up, so that the next time it is due the case is tried again. */
        entry->tries = entry->tries < self->settings.tries ? self->settings.tries : entry->tries;
        entry->plan = entry->plan == PLAN_UNDO ? PLAN_UNDO : PLAN_REAPPLY;
        compensator_jobs_schedule(self, entry, self->now_ms + MISSING_AGAIN_MS);
        return false;
    }
    const struct record_text lost = {.data = lost_text, .size = sizeof lost_text - 1};
    entry->attempts = (uint16_t)(entry->attempts + entry->tries);
    entry->tries = 0;
    entry->waits = 0;
    struct record_case opened = {
        .custody = {.cause = cause, .reason = found.lost ? lost : reason},
        .fenced = entry->fenced,
        .undo_unanswered = entry->undo_unanswered,
        .notification = found.record,
    };
    entry->case_id = compensator_records_case(self, entry, &opened);
    entry->taken = entry->case_id; /* the copy is all that is needed from here */
    entry->plan = PLAN_NONE;
    (void)compensator_table_to(entry, COMPENSATOR_OPEN); /* only held ones come here */
    compensator_cases_describe(entry, &opened, entry->case_id);
    compensator_notification_release(&found);
    self->counts[COUNT_CASES]++;
    return true;
}

void
compensator_cases_open(compensator_t *self, struct compensator_entry *entry, uint8_t cause,
                       const char *text)
{
    compensator_jobs_forget(self, entry);
    entry->cause = cause;
    const struct record_text reason = {.data = text, .size = strlen(text)};
    if (open_with(self, entry, cause, reason)) {
        compensator_alarm(self, "case_opened", entry, entry->info->lost ? lost_text : text);
    }
}

void
compensator_cases_missing(compensator_t *self, struct compensator_entry *entry, bool lost)
{
    if (lost) {
        compensator_cases_open(self, entry, entry->moved_for, lost_text);
    } else {
        compensator_jobs_schedule(self, entry, self->now_ms + MISSING_AGAIN_MS);
    }
}

void
compensator_cases_open_for(compensator_t *self, struct compensator_entry *entry,
                           const struct wire_outcome *outcome)
{
    char text[LIMIT_REASON_BYTES + 1];
    const char *before = entry->instead ? "no undo action, reapplied instead: " : "";
    before = entry->action == WIRE_ACTION_FENCE ? "fence refused: " : before;
    const char *words = outcome->reason.data;
    size_t size = outcome->reason.size;
    if (size == 0) {
        words = outcome->outcome == OUTCOME_LEASE ? "no answer within the lease"
                                                  : wire_outcome_name(outcome->outcome);
        size = strlen(words);
    }
    (void)snprintf(text, sizeof text, "%s%.*s", before, (int)size, words); /* cut if too long */
    compensator_cases_open(self, entry, outcome->outcome, text);
}

static uint8_t
state_of(uint8_t end)
{
    static_assert((int)END_RESOLVED == (int)WIRE_STATE_RESOLVED &&
                      (int)END_DONE == (int)WIRE_STATE_DONE &&
                      (int)END_UNDONE == (int)WIRE_STATE_UNDONE &&
                      (int)END_CANCELLED == (int)WIRE_STATE_CANCELLED,
                  "the wire's states begin with the ends");
    return end;
}

/* Cases of this delivery that were replayed before share its end. */
static void
close_replayed(compensator_t *self, struct delivery_key key, uint8_t end)
{
    for (uint32_t i = 0; i < COMPENSATOR_CLOSED_MAX; i++) {
        struct compensator_info *info = self->infos[i];
        if (info != NULL && info->state == WIRE_STATE_PENDING &&
            info->key.position == key.position && info->key.subscription == key.subscription) {
            info->state = state_of(end);
        }
    }
}

void
compensator_cases_close(compensator_t *self, struct compensator_entry *entry, uint8_t end)
{
    if (end != END_NONE) {
        close_replayed(self, entry->key, end);
    }
    if (entry->info == NULL) {
        return;
    }
    struct compensator_info *info = entry->info;
    entry->info = NULL;
    info->last = entry->last;
    info->state = end == END_NONE ? (uint8_t)WIRE_STATE_PENDING : state_of(end);
    keep_closed(self, info);
}

struct compensator_entry *
compensator_cases_find(const compensator_t *self, uint64_t id)
{
    for (uint32_t i = 0; i < compensator_table_slots(self->table); i++) {
        struct compensator_entry *entry = compensator_table_at(self->table, i);
        if (entry != NULL && entry->info != NULL && entry->info->id == id) {
            return entry;
        }
    }
    return NULL;
}

const struct compensator_info *
compensator_cases_closed(const compensator_t *self, uint64_t id)
{
    for (uint32_t i = 0; i < COMPENSATOR_CLOSED_MAX; i++) {
        if (self->infos[i] != NULL && self->infos[i]->id == id) {
            return self->infos[i];
        }
    }
    return NULL;
}

uint32_t
compensator_cases_count(const compensator_t *self)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < compensator_table_slots(self->table); i++) {
        const struct compensator_entry *entry = compensator_table_at(self->table, i);
        count += entry != NULL && entry->info != NULL;
    }
    return count;
}
