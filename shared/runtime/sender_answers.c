/* OUTCOME frames: what became of what was sent. */
#include "runtime/sender_private.h"

#define COUNT_MS 100 /* at least, that answers are counted before their rate is believed */
#define QUICK_MS 200

/* Answers have come from it: how quickly? What it holds then is answered long before a lease ends.
 */
static void
lane_measure(const sender_t *self, struct sender_lane *lane, int64_t now_ms)
{
    int64_t span_ms = now_ms - lane->counted_ms;
    if (span_ms >= COUNT_MS) {
        lane->quick = (int64_t)lane->answered * QUICK_MS >= self->settings.quick_window * span_ms;
        lane->answered = 0;
        lane->counted_ms = now_ms;
    }
}

static void
settle_answered(sender_t *self, struct sender_entry *entry, uint8_t outcome)
{
    sender_settle(self, entry);
    /* Others say nothing of how long an effect takes: DUPLICATE, or RETRY while it is down. */
    self->lanes[entry->lane].answered += outcome == OUTCOME_DONE;
    entry->state = ENTRY_FREE;
}

/* Who says it, and when. */
struct answerer {
    uint64_t groups; /* of its name */
    int64_t now_ms;
};

static bool
is_of_group(const struct answerer *from, const struct sender_entry *entry)
{
    return (from->groups >> entry->group & 1) != 0;
}

static void
answer_one(sender_t *self, uint64_t token, const struct wire_outcome *outcome,
           const struct answerer *from)
{
    struct sender_entry *entry = sender_at(self, token);
    if (entry->state == ENTRY_FREE || entry->token != token) {
        return;
    }
    if (!is_of_group(from, entry) && outcome->outcome != OUTCOME_NOT_STARTED) {
        self->strange++;
        return;
    }
    bool outstanding = entry->state == ENTRY_OUT;
    if (outcome->outcome == OUTCOME_WORKING) { /* late: the end is still to come */
        int64_t until_ms = from->now_ms + entry->lease_ms;
        if (outstanding) {
            entry->deadline_ms = until_ms < entry->limit_ms ? until_ms : entry->limit_ms;
        }
        return;
    }
    struct sender_entry answered = *entry; /* its place is free: the owner may send again at once */
    if (outstanding) {
        settle_answered(self, entry, outcome->outcome);
    }
    entry->state = ENTRY_FREE; /* a late one's too */
    self->settings.answered(self->settings.owner, &answered, outcome, outstanding);
}

/* Of `most` tokens from this one on, how many name what is outstanding and lies together. */
static uint32_t
run_of(const sender_t *self, uint64_t token, uint32_t most, const struct answerer *from)
{
    const struct sender_entry *entries = sender_at(self, token);
    uint32_t behind = self->ring_size - (uint32_t)(entries - self->ring);
    uint32_t count = 0;
    most = most < behind ? most : behind;
    while (count < most && entries[count].state == ENTRY_OUT &&
           entries[count].token == token + count && is_of_group(from, &entries[count])) {
        count++;
    }
    return count;
}

static void
answer_run(sender_t *self, const struct wire_outcome *outcome, const struct answerer *from)
{
    bool together = self->settings.done != NULL &&
                    (outcome->outcome == OUTCOME_DONE || outcome->outcome == OUTCOME_DUPLICATE);
    for (uint32_t i = 0; i < outcome->count;) {
        uint64_t token = outcome->first_token + i;
        uint32_t count = together ? run_of(self, token, outcome->count - i, from) : 0;
        if (count == 0) {
            answer_one(self, token, outcome, from);
            i++;
            continue;
        }
        struct sender_entry *entries = sender_at(self, token);
        for (uint32_t k = 0; k < count; k++) {
            settle_answered(self, &entries[k], outcome->outcome);
        }
        self->settings.done(self->settings.owner, entries, count, outcome->outcome);
        i += count;
    }
}

err_t
sender_outcome(sender_t *self, const uint8_t *body, size_t size, int64_t now_ms, struct why *why)
{
    struct wire_in in;
    struct wire_head head;
    struct wire_outcomes outcomes;
    err_t rc = wire_message_open(&in, body, size, &head, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (head.type != WIRE_OUTCOME || !wire_outcomes_open(&in, &outcomes)) {
        return why_set(why, ERR_INVALID, "not an OUTCOME: %s", in.why.text);
    }
    const struct answerer from = {.groups = sender_groups_of(self, outcomes.receiver),
                                  .now_ms = now_ms};
    struct sender_lane *lane =
        outcomes.lane < self->settings.lane_count ? &self->lanes[outcomes.lane] : NULL;
    bool ours = outcomes.run == self->settings.run; /* else: what was out is sent again anyway */
    if (lane != NULL && lane->state == LANE_PAUSED && ours &&
        (from.groups >> lane->group & 1) != 0) {
        lane->state = LANE_OPEN; /* it lives */
    }
    for (uint32_t i = 0; i < outcomes.count; i++) {
        struct wire_outcome outcome;
        if (!wire_outcome_next(&in, &outcome)) {
            return why_set(why, ERR_INVALID, "%s", in.why.text);
        }
        if (ours) {
            answer_run(self, &outcome, &from);
        }
    }
    if (lane != NULL) {
        lane_measure(self, lane, now_ms);
    }
    return wire_message_end(&in, &head, 7, why);
}
