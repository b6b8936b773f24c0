/* What became of a delivery that was sent. */
#include "scheduler_private.h"

static uint64_t
next_random(struct scheduler_core *self)
{
    /* splitmix64 */
    self->random += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = self->random;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

/* As the receiver asked; the wire takes no longer delay than a policy's longest. */
static int64_t
later_of(int64_t delay_ms, uint64_t not_before_ms)
{
    int64_t asked_ms = (int64_t)not_before_ms;
    return delay_ms > asked_ms ? delay_ms : asked_ms;
}

static void
wait_for(struct scheduler_core *self, struct scheduler_entry *entry,
         const struct scheduler_cause *cause, int64_t delay_ms)
{
    if (scheduler_too_late(self, entry, delay_ms)) {
        scheduler_move(
            self, entry,
            &(struct scheduler_cause){.outcome = OUTCOME_DEADLINE, .reason = cause->reason});
    } else {
        scheduler_fail(self, entry, cause, delay_ms);
    }
}

static void
burn(struct scheduler_core *self, struct scheduler_entry *entry,
     const struct scheduler_cause *cause, uint64_t not_before_ms)
{
    struct policy own;
    const struct policy *policy = scheduler_policy(self, entry, &own);
    entry->attempts = scheduler_attempts(entry->attempts + 1U);
    int64_t delay_ms = policy_delay_ms(policy, entry->attempts, next_random(self));
    if (delay_ms < 0) {
        scheduler_move(self, entry, cause);
    } else {
        wait_for(self, entry, cause, later_of(delay_ms, not_before_ms));
    }
}

/* first_ms, doubled so many times, up to the longest. */
static int64_t
back_off_ms(int64_t first_ms, uint32_t times)
{
    int64_t delay_ms = first_ms;
    for (uint32_t i = 0; i < times && delay_ms < SCHEDULER_LONGEST_MS; i++) {
        delay_ms *= 2;
    }
    return delay_ms < SCHEDULER_LONGEST_MS ? delay_ms : SCHEDULER_LONGEST_MS;
}

static void
receiver_down(struct scheduler_core *self, struct scheduler_entry *entry,
              const struct scheduler_cause *cause, uint64_t not_before_ms)
{
    if (entry->unburnt >= self->settings.down_limit) {
        burn(self, entry, cause, not_before_ms);
        return;
    }
    int64_t delay_ms = back_off_ms(SCHEDULER_DOWN_FIRST_MS, entry->unburnt);
    entry->unburnt++;
    delay_ms = later_of(delay_ms, not_before_ms);
    if (peers_short(self->peers) && !scheduler_too_late(self, entry, delay_ms)) {
        /* It burns nothing and could go on for ever: not a record of each while room is short. A
         * restart tries again sooner. */
        scheduler_table_wait(&self->table, entry, self->now_ms + delay_ms);
        return;
    }
    wait_for(self, entry, cause, delay_ms);
}

/* Not begun, so that nothing is burnt; ever more rarely, so that a receiver that begins nothing is
 * not sent the same all the time. No record: a restart tries it at once. */
static void
handed_back(struct scheduler_core *self, struct scheduler_entry *entry)
{
    int64_t delay_ms = back_off_ms(SCHEDULER_BACK_FIRST_MS, entry->back);
    if (entry->back < UINT8_MAX) {
        entry->back++;
    }
    self->counters.handed_back++;
    scheduler_table_wait(&self->table, entry, self->now_ms + delay_ms);
}

static void
answer(struct scheduler_core *self, struct scheduler_entry *entry,
       const struct wire_outcome *outcome)
{
    struct scheduler_cause cause = {
        .outcome = outcome->outcome,
        .reason = {.data = outcome->reason.data, .size = outcome->reason.size},
    };
    if (outcome->outcome != OUTCOME_NOT_STARTED) {
        entry->back = 0;
    }
    switch (outcome->outcome) {
    case OUTCOME_DONE:
    case OUTCOME_DUPLICATE:
        scheduler_done(self, entry, outcome->outcome);
        break;
    case OUTCOME_REJECT:
    case OUTCOME_FENCED:
        scheduler_move(self, entry, &cause);
        break;
    case OUTCOME_NOT_STARTED:
        handed_back(self, entry);
        break;
    case OUTCOME_DOWN:
        receiver_down(self, entry, &cause, outcome->not_before_ms);
        break;
    case OUTCOME_LOST:
        if (!entry->alone) {
            entry->alone = true; /* perhaps it was another that brought the consumer down */
            scheduler_table_wait(&self->table, entry, self->now_ms);
            break;
        }
        burn(self, entry, &cause, 0);
        break;
    case OUTCOME_LEASE:
        entry->alone = true;
        burn(self, entry, &cause, 0);
        break;
    default: /* RETRY, and what makes no sense as an answer to a delivery */
        burn(self, entry, &cause, outcome->not_before_ms);
        break;
    }
}

/* Not of the attempt that is outstanding: only DONE counts, and always. */
static void
answer_late(struct scheduler_core *self, const struct sender_entry *sent, uint8_t outcome)
{
    if (outcome != OUTCOME_DONE && outcome != OUTCOME_DUPLICATE) {
        return;
    }
    struct scheduler_entry *entry = scheduler_table_find(&self->table, sent->key);
    if (entry != NULL && entry->state != SCHEDULER_AWAY) {
        scheduler_done(self, entry, outcome);
    } else {
        scheduler_evidence(self, sent, outcome);
    }
}

void
scheduler_answered(void *owner, const struct sender_entry *sent, const struct wire_outcome *outcome,
                   bool outstanding)
{
    struct scheduler_core *self = owner;
    struct scheduler_entry *entry =
        scheduler_table_at(&self->table, (uint32_t)(sent->user & UINT32_MAX));
    bool current = outstanding && entry != NULL && entry->generation == sent->user >> 32 &&
                   entry->state == SCHEDULER_OUT && entry->position == sent->key.position &&
                   entry->subscription == sent->key.subscription && entry->turn == sent->turn;
    if (current && absence_is_answer(outcome->outcome)) {
        absence_answered(&self->absences[entry->group]);
        answer(self, entry, outcome);
    } else if (current) {
        answer(self, entry, outcome);
        if (entry->state == SCHEDULER_WAITING) {
            scheduler_waits(self, entry, scheduler_table_due_ms(&self->table, entry));
        }
    } else {
        answer_late(self, sent, outcome->outcome);
    }
}
