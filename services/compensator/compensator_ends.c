#include "compensator_ends.h"

#include "base/check.h"
#include "base/mem.h"
#include "compensator_cases.h"
#include "compensator_jobs.h"
#include "compensator_records.h"

static void
alarm_broken(compensator_t *self, const struct compensator_entry *entry)
{
    compensator_alarm(self, "broken_receiver", entry,
                      "the effect is there and so is a fence for it: both cannot be");
}

static void
count_end(compensator_t *self, uint8_t end)
{
    static const uint8_t counts[END_COUNT] = {
        [END_DONE] = COUNT_DONE,
        [END_UNDONE] = COUNT_UNDONE,
        [END_CANCELLED] = COUNT_CANCELLED,
        [END_RESOLVED] = COUNT_RESOLVED,
    };
    CHECK(end != END_NONE && end < END_COUNT);
    self->counts[counts[end]]++;
}

void
compensator_ends_finish(compensator_t *self, struct compensator_entry *entry, uint8_t end)
{
    CHECK(compensator_table_to(entry, COMPENSATOR_END)); /* who comes here has looked */
    count_end(self, end);
    entry->end = end;
    entry->plan = PLAN_NONE;
    compensator_jobs_forget(self, entry);
    compensator_cases_close(self, entry, end);
    self->closed[self->closed_count++ % COMPENSATOR_CLOSED_MAX] = (struct compensator_closed){
        .key = entry->key,
        .end = end,
        .fenced = entry->fenced,
    };
    if (!self->recovering) {
        compensator_table_drop(self->table, entry);
    }
}

void
compensator_ends_done(compensator_t *self, struct compensator_entry *entry, uint8_t outcome)
{
    if (entry->state == COMPENSATOR_AWAY) {
        compensator_records_evidence(self, entry->key, entry->turn, entry->last);
    } else {
        struct record_event event = {
            .kind = RECORD_DONE,
            .outcome = outcome,
            .attempt = (uint16_t)(entry->attempts + entry->tries + 1),
        };
        compensator_records_event(self, entry, &event);
    }
    if (entry->fenced) {
        alarm_broken(self, entry);
    }
    compensator_ends_finish(self, entry, END_DONE);
}

void
compensator_ends_learned(compensator_t *self, struct compensator_entry *entry)
{
    struct record_event event = {.kind = RECORD_ENDED, .end = END_DONE};
    compensator_records_event(self, entry, &event);
    if (entry->fenced) {
        alarm_broken(self, entry);
    }
    compensator_ends_finish(self, entry, END_DONE);
}

void
compensator_ends_fenced(compensator_t *self, struct compensator_entry *entry, uint8_t end,
                        struct record_text result)
{
    struct record_event fenced = {
        .kind = RECORD_FENCED,
        .outcome = end == END_UNDONE ? OUTCOME_UNDONE : OUTCOME_FENCED,
        .reason = result,
    };
    compensator_records_event(self, entry, &fenced);
    struct record_event closed = {.kind = RECORD_CLOSED, .end = end};
    compensator_records_event(self, entry, &closed);
    entry->fenced = true;
    compensator_ends_finish(self, entry, end);
}

void
compensator_ends_unfenced(compensator_t *self, struct compensator_entry *entry, uint8_t end,
                          struct record_text by, struct record_text reason)
{
    struct record_event closed = {
        .kind = RECORD_CLOSED,
        .end = end,
        .by = by,
        .reason = reason,
        .unfenced = end == END_RESOLVED,
    };
    compensator_records_event(self, entry, &closed);
    compensator_ends_finish(self, entry, end);
}

bool
compensator_ends_late(compensator_t *self, struct delivery_key key)
{
    uint64_t known =
        self->closed_count < COMPENSATOR_CLOSED_MAX ? self->closed_count : COMPENSATOR_CLOSED_MAX;
    for (uint64_t i = 0; i < known; i++) {
        struct compensator_closed *closed = &self->closed[i];
        if (closed->key.position != key.position || closed->key.subscription != key.subscription) {
            continue;
        }
        bool news = closed->end != END_DONE;
        if (news && closed->fenced) {
            const struct compensator_entry about = {.key = key};
            alarm_broken(self, &about);
        }
        closed->end = END_DONE;
        return news;
    }
    return true; /* closed too long ago to be remembered: evidence costs little */
}
