#include "compensator_plan.h"

#include "base/check.h"
#include "compensator_cases.h"
#include "compensator_ends.h"
#include "compensator_jobs.h"
#include "delivery/delivery_cost.h"

#define WAIT_FIRST_MS 1000
#define WAIT_MOST_MS 60000

int64_t
compensator_plan_delay_ms(const compensator_t *self, uint16_t tries)
{
    const struct compensator_settings *settings = &self->settings;
    uint32_t last = settings->delay_count - 1;
    return settings->delays_ms[tries < last ? tries : last];
}

int64_t
compensator_plan_wait_ms(uint32_t waits)
{
    int64_t wait_ms = WAIT_FIRST_MS;
    for (uint32_t i = 1; i < waits && wait_ms < WAIT_MOST_MS; i++) {
        wait_ms *= 2;
    }
    return wait_ms < WAIT_MOST_MS ? wait_ms : WAIT_MOST_MS;
}

uint16_t
compensator_plan_tries(const compensator_t *self)
{
    uint16_t tries = self->settings.tries;
    return peers_short(self->peers) && tries > DELIVERY_COST_TRIES ? DELIVERY_COST_TRIES : tries;
}

bool
compensator_plan_used_up(const compensator_t *self, const struct compensator_entry *entry)
{
    bool limited = entry->plan == PLAN_REAPPLY || entry->plan == PLAN_UNDO;
    return entry->state == COMPENSATOR_HELD && limited &&
           entry->tries >= compensator_plan_tries(self);
}

/* True: the cancel decides what happens; false: it cannot be honoured, go on as without it. */
static bool
choose_cancel(compensator_t *self, struct compensator_entry *entry)
{
    const struct catalog_group *group = compensator_group_of(self, entry->key);
    if (!entry->sent) {
        compensator_ends_unfenced(self, entry, END_CANCELLED, (struct record_text){0},
                                  (struct record_text){0});
    } else if (group != NULL && group->can_fence) {
        entry->plan = PLAN_CANCEL;
        entry->waits = 0;
        compensator_jobs_schedule(self, entry, self->now_ms);
    } else if (entry->moved_for == OUTCOME_CANCEL) {
        compensator_cases_open(self, entry, OUTCOME_CANCEL,
                               "to be cancelled after it was sent, but the group cannot fence");
    } else {
        return false;
    }
    return true;
}

void
compensator_plan_choose(compensator_t *self, struct compensator_entry *entry)
{
    CHECK(entry->state == COMPENSATOR_HELD && entry->token == 0);
    if (compensator_entry_cancel(entry, entry->cancel_turn) && choose_cancel(self, entry)) {
        return;
    }
    if (entry->plan == PLAN_NONE) {
        const struct catalog_subscription *subscription =
            compensator_subscription(self, entry->key);
        bool undo = subscription != NULL && subscription->compensation == COMPENSATION_UNDO;
        entry->plan = undo ? PLAN_UNDO : PLAN_REAPPLY;
    }
    compensator_jobs_schedule(self, entry,
                              self->now_ms + compensator_plan_delay_ms(self, entry->tries));
}
