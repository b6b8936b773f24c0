/* Start: the own log, the catalog, then what the others' logs hold by now, before anybody is
 * answered. */
#include "base/check.h"
#include "compensator_fold.h"
#include "compensator_intake.h"
#include "compensator_jobs.h"
#include "compensator_plan.h"
#include "compensator_salvaged.h"
#include "delivery/record_codec.h"

#include <stdio.h>

/* Subscriptions and groups from all of the producer's log: they are few, and it keeps them. */
static err_t
read_catalog(compensator_t *self, struct why *why)
{
    log_t *log = peers_log(self->peers, LOG_PRODUCER);
    struct log_cursor cursor;
    log_cursor_init(&cursor, log, log_first(log),
                    LOG_KIND_BIT(RECORD_SUBSCRIPTION) | LOG_KIND_BIT(RECORD_GROUP));
    err_t rc = ERR_OK;
    while (rc == ERR_OK) {
        struct log_record record;
        rc = log_cursor_next(&cursor, &record, why);
        if (rc == ERR_OK) {
            rc = catalog_take(self->catalog, record.kind, record.body, record.size, why);
        }
    }
    log_cursor_fini(&cursor);
    return rc == ERR_AGAIN ? ERR_OK : rc;
}

/* Go on where the newest POSITION ends that can be believed. */
static err_t
find_positions(compensator_t *self, struct why *why)
{
    struct record_position position = {0};
    struct log_record record;
    log_block_t *block = NULL;
    err_t rc;
    if (self->lost_at != 0) {
        rc = compensator_salvaged_position(self, &position, why);
    } else {
        rc = log_newest(self->own, RECORD_POSITION, &record, &block, why);
        if (rc == ERR_OK) {
            rc = record_position_decode(record.body, record.size, &position, why);
            log_block_release(&block);
        }
        rc = rc == ERR_NOT_FOUND ? ERR_OK : rc;
    }
    for (int id = 0; id < LOG_ID_COUNT && rc == ERR_OK; id++) {
        if (id != LOG_COMPENSATOR) {
            uint64_t from = position.logs[id].position + 1;
            uint64_t first = log_first(peers_log(self->peers, (enum log_id)id));
            from = self->lost_at != 0 && first > from ? first : from; /* what was needed stays */
            peers_read_from(self->peers, (enum log_id)id, from,
                            compensator_intake_kinds((enum log_id)id));
        }
    }
    return rc;
}

static err_t
drain(compensator_t *self, struct why *why)
{
    bool more = true;
    err_t rc = peers_refresh(self->peers, why);
    while (rc == ERR_OK && more) {
        rc = compensator_intake_read(self, COMPENSATOR_READ_MAX, &more, why);
    }
    return rc;
}

/* What was folded gets its plan; a job that was out when the process ended is not known to us. */
static void
resume(compensator_t *self, struct compensator_entry *entry)
{
    CHECK(entry->ready_group == COMPENSATOR_NOWHERE);
    entry->undo_unanswered = entry->undo_unanswered || entry->undo_out;
    if (entry->heap_place != COMPENSATOR_NOWHERE) {
        return; /* taken just now, with its plan */
    }
    if (entry->state == COMPENSATOR_CASE && entry->plan != PLAN_NONE) {
        compensator_jobs_schedule(self, entry, self->now_ms);
    } else if (entry->state == COMPENSATOR_HELD) {
        /* A job may have been out without a record. */
        entry->sent = entry->sent || entry->moved_for != OUTCOME_CANCEL;
        compensator_plan_choose(self, entry);
        if (compensator_plan_used_up(self, entry)) { /* its CASE was cut off */
            compensator_jobs_schedule(self, entry, self->now_ms);
        }
    }
}

static void
sweep(compensator_t *self)
{
    uint32_t slots = compensator_table_slots(self->table);
    for (uint32_t i = 0; i < slots; i++) {
        struct compensator_entry *entry = compensator_table_at(self->table, i);
        if (entry->state != COMPENSATOR_ENDED) {
            resume(self, entry);
        }
        if (entry->state == COMPENSATOR_ENDED) {
            compensator_table_drop(self->table, entry);
        }
    }
}

/* The alarm of a case may have been lost with the process that was to raise it. */
static void
remind(compensator_t *self)
{
    uint32_t cases[LIMIT_GROUPS] = {0};
    for (uint32_t i = 0; i < compensator_table_slots(self->table); i++) {
        const struct compensator_entry *entry = compensator_table_at(self->table, i);
        const struct catalog_subscription *subscription =
            entry == NULL ? NULL : compensator_subscription(self, entry->key);
        if (subscription != NULL && entry->state == COMPENSATOR_CASE) {
            cases[subscription->group]++;
        }
    }
    for (uint32_t i = 0; i < LIMIT_GROUPS; i++) {
        char text[WHY_TEXT_SIZE];
        const struct alarm_facts facts = {
            .kind = "cases_waiting",
            .subject = catalog_group_at(self->catalog, i)->name,
            .text = text,
        };
        if (cases[i] > 0) {
            (void)snprintf(text, sizeof text, "at this start %u cases wait for a decision",
                           cases[i]); /* fits */
            compensator_alarm_of(self, log_next(self->own) - 1, &facts);
        }
    }
}

err_t
compensator_recover(compensator_t *self, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    compensator_now(self, now_ms, now_unix_ms);
    self->started_ms = now_ms;
    self->recovering = true;
    err_t rc = peers_refresh(self->peers, why);
    if (rc == ERR_OK) {
        rc = read_catalog(self, why);
    }
    if (rc == ERR_OK) {
        rc = compensator_fold_own(self, why);
    }
    if (rc == ERR_OK) {
        rc = find_positions(self, why);
    }
    if (rc == ERR_OK && self->lost_at != 0) {
        rc = compensator_salvaged_replayed(self, why);
    }
    if (rc == ERR_OK) {
        rc = drain(self, why);
    }
    if (rc == ERR_OK && self->lost_at != 0) {
        rc = compensator_salvaged_ended(self, why);
    }
    if (rc == ERR_OK) {
        sweep(self);
        remind(self);
        peers_note(self->peers);
    }
    self->recovering = false;
    if (rc == ERR_OK && self->failure != ERR_OK) {
        rc = why_set(why, self->failure, "%s", self->failure_why.text);
    }
    return rc;
}
