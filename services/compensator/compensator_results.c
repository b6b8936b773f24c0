#include "compensator_results.h"

#include "base/check.h"
#include "compensator_cases.h"
#include "compensator_ends.h"
#include "compensator_jobs.h"
#include "compensator_plan.h"
#include "compensator_records.h"

#include <stdio.h>
#include <string.h>

#define AGAIN_MS 1000 /* after an answer that burns no try */

static struct record_text
reason_of(const struct wire_outcome *outcome)
{
    return (struct record_text){.data = outcome->reason.data, .size = outcome->reason.size};
}

/* A fence was asked for and is not confirmed: again, without limit and without a record. */
static void
fence_again(compensator_t *self, struct compensator_entry *entry)
{
    entry->waits++;
    compensator_jobs_schedule(self, entry, self->now_ms + compensator_plan_wait_ms(entry->waits));
}

static void
record_try(compensator_t *self, struct compensator_entry *entry, const struct wire_outcome *outcome,
           int64_t delay_ms)
{
    struct record_event failed = {
        .kind = RECORD_FAILED,
        .outcome = outcome->outcome,
        .attempt = (uint16_t)(entry->attempts + entry->tries),
        .due_unix_ms = self->now_unix_ms + delay_ms,
        .reason = reason_of(outcome),
    };
    compensator_records_event(self, entry, &failed);
}

/* The tries that a person's undo order had are used up: the case stays open for another order. */
static void
order_failed(compensator_t *self, struct compensator_entry *entry)
{
    entry->plan = PLAN_NONE;
    compensator_alarm(self, "undo_failed", entry, "the undo that a person ordered has failed");
}

/* It never will be there: the key stands for something else. A person decides, or decides again. */
static void
fence_refused(compensator_t *self, struct compensator_entry *entry,
              const struct wire_outcome *outcome)
{
    if (entry->plan == PLAN_CANCEL) {
        compensator_cases_open_for(self, entry, outcome);
        return;
    }
    char text[LIMIT_REASON_BYTES + 64];
    struct wire_text said = outcome->reason;
    if (said.size == 0) {
        said.data = wire_outcome_name(outcome->outcome);
        said.size = strlen(said.data);
    }
    entry->plan = PLAN_NONE;
    entry->cause = outcome->outcome;
    record_try(self, entry, outcome, 0);
    (void)snprintf(text, sizeof text, "the fence that a person ordered was refused: %.*s",
                   (int)said.size, said.data); /* fits */
    compensator_alarm(self, "resolve_failed", entry, text);
}

/* The answer to a fence job that is not the end. While room is short an order stays as it is, since
 * the record of its failure, and of the orders that would follow, have none kept for them. */
static void
not_fenced(compensator_t *self, struct compensator_entry *entry, const struct wire_outcome *outcome)
{
    bool can_tell = entry->plan == PLAN_CANCEL || !peers_short(self->peers);
    if (outcome->outcome == OUTCOME_REJECT && can_tell) {
        fence_refused(self, entry, outcome);
    } else {
        fence_again(self, entry);
    }
}

/* Somebody has asked to cancel while the job was out, and the group can fence. */
static bool
turn_to_cancel(compensator_t *self, struct compensator_entry *entry)
{
    const struct catalog_group *group = compensator_group_of(self, entry->key);
    if (entry->state != COMPENSATOR_HELD || !group->can_fence ||
        !compensator_entry_cancel(entry, entry->cancel_turn)) {
        return false;
    }
    compensator_plan_choose(self, entry);
    return true;
}

/* Where a failed try leads. */
static void
after_try(compensator_t *self, struct compensator_entry *entry, const struct wire_outcome *outcome,
          int64_t due_ms)
{
    bool reapply = entry->action == WIRE_ACTION_REAPPLY;
    bool never = reapply && (outcome->outcome == OUTCOME_REJECT || entry->fenced);
    if (turn_to_cancel(self, entry)) {
        return;
    }
    if (never || compensator_plan_used_up(self, entry)) {
        compensator_cases_open_for(self, entry, outcome);
    } else if (entry->plan == PLAN_ORDER_UNDO && entry->tries >= compensator_plan_tries(self)) {
        order_failed(self, entry);
    } else {
        compensator_jobs_schedule(self, entry, due_ms);
    }
}

static void
try_failed(compensator_t *self, struct compensator_entry *entry, const struct wire_outcome *outcome)
{
    bool lease = outcome->outcome == OUTCOME_LEASE;
    int64_t delay_ms = compensator_plan_delay_ms(self, (uint16_t)(entry->tries + 1));
    if (outcome->outcome == OUTCOME_RETRY && (int64_t)outcome->not_before_ms > delay_ms) {
        delay_ms = (int64_t)outcome->not_before_ms;
    }
    entry->tries++;
    entry->cause = outcome->outcome;
    entry->alone = entry->alone || lease;
    if (entry->action == WIRE_ACTION_UNDO) {
        entry->undo_out = false;
        entry->undo_unanswered = entry->undo_unanswered || lease;
    } else if (outcome->outcome == OUTCOME_FENCED || outcome->outcome == OUTCOME_UNDONE) {
        entry->fenced = true;
    }
    record_try(self, entry, outcome, delay_ms);
    after_try(self, entry, outcome, self->now_ms + delay_ms);
}

/* Whether the answer ends the delivery. */
static bool
is_end(compensator_t *self, struct compensator_entry *entry, const struct wire_outcome *outcome)
{
    uint8_t said = outcome->outcome;
    if (said == OUTCOME_DONE || said == OUTCOME_DUPLICATE) {
        compensator_ends_done(self, entry, said);
        return true;
    }
    if (entry->action == WIRE_ACTION_UNDO && said == OUTCOME_UNDONE) {
        compensator_ends_fenced(self, entry, END_UNDONE, reason_of(outcome));
        return true;
    }
    if (entry->action == WIRE_ACTION_FENCE && (said == OUTCOME_FENCED || said == OUTCOME_UNDONE)) {
        bool resolve = entry->plan == PLAN_ORDER_RESOLVE;
        compensator_ends_fenced(self, entry, resolve ? END_RESOLVED : END_CANCELLED,
                                reason_of(outcome));
        return true;
    }
    return false;
}

/* Whether the receiver works, or lets us wait. */
static void
note_answer(compensator_t *self, const struct compensator_entry *entry, uint8_t said)
{
    const struct catalog_subscription *subscription = compensator_subscription(self, entry->key);
    struct absence *absence = &self->groups[subscription->group].absence;
    if (absence_is_answer(said)) {
        absence_answered(absence);
    } else {
        absence_waits(absence, self->now_ms, self->now_ms + compensator_plan_wait_ms(entry->waits));
    }
}

void
compensator_results_of(compensator_t *self, struct compensator_entry *entry,
                       const struct wire_outcome *outcome)
{
    CHECK(entry->token != 0);
    uint8_t said = outcome->outcome;
    note_answer(self, entry, said);
    if (said == OUTCOME_WORKING) {
        compensator_jobs_extend(self, entry);
        return;
    }
    compensator_jobs_answered(self, entry);
    if (is_end(self, entry, outcome)) {
        return;
    }
    bool fence = entry->plan == PLAN_CANCEL || entry->plan == PLAN_ORDER_RESOLVE;
    if (fence && entry->action == WIRE_ACTION_FENCE) {
        not_fenced(self, entry, outcome);
    } else if (fence) {
        compensator_jobs_schedule(self, entry, self->now_ms); /* ordered while the job was out */
    } else if (said == OUTCOME_DOWN || said == OUTCOME_NOT_STARTED) {
        if (!turn_to_cancel(self, entry)) {
            compensator_jobs_schedule(self, entry, self->now_ms + AGAIN_MS);
        }
    } else {
        try_failed(self, entry, outcome);
    }
}

/* An answer to a job that is not out any more: only that the effect is there counts. */
static void
late(compensator_t *self, struct delivery_key key, uint8_t said)
{
    self->counts[COUNT_LATE]++;
    if (said != OUTCOME_DONE && said != OUTCOME_DUPLICATE) {
        return;
    }
    struct compensator_entry *entry = compensator_table_find(self->table, key);
    if (entry != NULL) {
        compensator_ends_done(self, entry, said);
    } else if (compensator_ends_late(self, key)) {
        compensator_records_evidence(self, key, 0, 0);
    }
}

static void
take_token(compensator_t *self, uint64_t token, const struct wire_outcome *outcome)
{
    self->counts[COUNT_RESULTS]++;
    const struct compensator_token *known = compensator_jobs_token(self, token);
    if (known == NULL) {
        self->counts[COUNT_LATE]++;
        return;
    }
    struct compensator_entry *entry = compensator_table_find(self->table, known->key);
    if (entry != NULL && entry->token == token) {
        compensator_results_of(self, entry, outcome);
    } else {
        late(self, known->key, outcome->outcome);
    }
}

bool
compensator_results_take(compensator_t *self, struct wire_in *in)
{
    struct wire_outcomes head;
    if (!wire_outcomes_open(in, &head)) {
        return false;
    }
    for (uint32_t i = 0; i < head.count; i++) {
        struct wire_outcome outcome;
        if (!wire_outcome_next(in, &outcome)) {
            return false;
        }
        for (uint32_t n = 0; n < outcome.count && head.run == log_run(self->own); n++) {
            take_token(self, outcome.first_token + n, &outcome);
        }
    }
    return true;
}
