/* From due to sent. */
#include "base/check.h"
#include "scheduler_private.h"

#include <stdio.h>

#define DUE_A_STEP 4096
#define SENT_A_STEP 8192

static const struct scheduler_cause deadline_passed = {
    .outcome = OUTCOME_DEADLINE,
    .reason = {.data = "the deadline passed", .size = 19},
};

bool
scheduler_too_late(const struct scheduler_core *self, const struct scheduler_entry *entry,
                   int64_t delay_ms)
{
    return entry->deadline_unix_ms != 0 && self->now_unix_ms + delay_ms > entry->deadline_unix_ms;
}

static int64_t
deadline_of(const struct scheduler_core *self, const struct scheduler_entry *entry)
{
    return entry->deadline_unix_ms == 0
               ? INT64_MAX
               : self->now_ms + (entry->deadline_unix_ms - self->now_unix_ms) + 1;
}

static const struct scheduler_cause lost = {
    .outcome = OUTCOME_REJECT,
    .reason = {.data = "a salvage lost the notification", .size = 31},
};

/* Nothing can be sent of it. What a salvage lost is a person's: the compensator makes a case. */
static void
do_without(struct scheduler_core *self, struct scheduler_entry *entry)
{
    bool is_lost = scheduler_notification_lost(self, entry);
    const struct catalog_subscription *subscription =
        catalog_subscription(self->catalog, entry->subscription);
    char text[WHY_TEXT_SIZE];
    (void)snprintf(text, sizeof text, "no log has the notification at %llu any more; %s",
                   (unsigned long long)entry->position,
                   is_lost ? "the compensator makes a case of it"
                           : "it is looked for again later"); /* fits */
    self->counters.lost++;
    scheduler_alarm(self, "notification_missing",
                    catalog_group_at(self->catalog, subscription->group)->name, text);
    if (is_lost) {
        scheduler_move(self, entry, &lost);
    } else {
        scheduler_table_wait(&self->table, entry, self->now_ms + SCHEDULER_GONE_MS);
    }
}

static err_t
make_one_ready(struct scheduler_core *self, struct scheduler_entry *entry, struct why *why)
{
    if (entry->state == SCHEDULER_READY) {
        scheduler_move(self, entry, &deadline_passed);
        return ERR_OK;
    }
    const struct catalog_subscription *subscription =
        catalog_subscription(self->catalog, entry->subscription);
    if (subscription == NULL) {
        scheduler_event(self, "subscription_unknown", scheduler_entry_key(entry),
                        "the producer's log has no subscription of this id yet");
        scheduler_table_wait(&self->table, entry, self->now_ms + SCHEDULER_UNKNOWN_MS);
        return ERR_OK;
    }
    err_t rc = scheduler_describe(self, entry, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (!entry->described) {
        do_without(self, entry);
    } else if (scheduler_too_late(self, entry, 0)) {
        scheduler_move(self, entry, &deadline_passed);
    } else {
        scheduler_table_ready(&self->table, entry, subscription->group, deadline_of(self, entry));
    }
    return ERR_OK;
}

err_t
scheduler_make_ready(struct scheduler_core *self, struct why *why)
{
    uint32_t index;
    for (uint32_t i = 0; deadline_heap_due(&self->table.heap, self->now_ms, &index); i++) {
        if (i == DUE_A_STEP) {
            self->busy = true;
            return ERR_OK;
        }
        err_t rc = make_one_ready(self, scheduler_table_at(&self->table, index), why);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    return ERR_OK;
}

/* A delivery needs its own records to be durable, and with them those of who left before, but not
 * the others' ends, say. While the disk takes nothing it needs all, so that what nobody could note
 * any more is not sent; and so it does where positions take more bits than an entry has. */
static void
depend(struct scheduler_core *self, uint64_t last)
{
    uint64_t all = log_next(self->log) - 1;
    bool on_all =
        log_gathered(self->log) > SCHEDULER_UNWRITTEN_BYTES || all != SCHEDULER_POSITION(all);
    last = on_all ? all : last;
    self->depends = last > self->depends ? last : self->depends;
}

static err_t
send_one(struct scheduler_core *self, struct scheduler_entry *entry, struct why *why)
{
    const struct catalog_subscription *subscription =
        catalog_subscription(self->catalog, entry->subscription);
    const struct catalog_group *group = catalog_group_at(self->catalog, entry->group);
    struct scheduler_notification found;
    err_t rc = scheduler_notification(self, entry, &found, why);
    if (rc == ERR_NOT_FOUND) {
        do_without(self, entry);
        return ERR_OK;
    }
    if (rc != ERR_OK) {
        return rc;
    }
    struct policy own;
    struct sender_offer offer = {
        .group = {.data = group->name, .size = group->name_size},
        .item =
            {
                .position = entry->position,
                .subscription = entry->subscription,
                .turn = entry->turn,
                .attempt = (uint16_t)(entry->attempts + 1),
                .attempts_limit = policy_attempts(scheduler_policy(self, entry, &own)),
                .first_sent_unix_ms =
                    entry->first_sent_unix_ms == 0 ? self->now_unix_ms : entry->first_sent_unix_ms,
                .lease_ms = subscription->lease_ms,
                .alone = entry->alone,
                .hash = found.record.hash,
                .notification = {.data = found.record.encoded, .size = found.record.encoded_size},
            },
        .lease_limit_ms = subscription->lease_limit_ms,
        .user = (uint64_t)entry->generation << 32 | scheduler_entry_index(entry),
    };
    depend(self, entry->last);
    bool sent = sender_send(self->sender, &offer, self->depends, self->now_ms);
    CHECK(sent); /* there was room */
    log_block_release(&found.block);
    entry->sent = true;
    entry->first_sent_unix_ms = SCHEDULER_TIME(offer.item.first_sent_unix_ms);
    scheduler_table_out(&self->table, entry);
    scheduler_waits(self, entry, self->now_ms + subscription->lease_ms);
    self->counters.sent++;
    return ERR_OK;
}

static err_t
send_line(struct scheduler_core *self, uint32_t group, uint32_t *budget, struct why *why)
{
    const struct catalog_group *to = catalog_group_at(self->catalog, group);
    struct wire_text name = {.data = to->name, .size = to->name_size};
    while (*budget > 0 && sender_has_room(self->sender, name)) {
        struct scheduler_entry *entry = scheduler_table_first(&self->table, group);
        if (entry == NULL) {
            return ERR_OK;
        }
        (*budget)--;
        const struct catalog_subscription *subscription =
            catalog_subscription(self->catalog, entry->subscription);
        if (subscription->group != group) { /* it was configured to another one meanwhile */
            scheduler_table_ready(&self->table, entry, subscription->group,
                                  deadline_of(self, entry));
            self->busy = true;
            continue;
        }
        err_t rc = send_one(self, entry, why);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    self->busy = self->busy || *budget == 0;
    return ERR_OK;
}

void
scheduler_waits(struct scheduler_core *self, const struct scheduler_entry *entry, int64_t until_ms)
{
    absence_waits(&self->absences[entry->group], self->now_ms, until_ms);
}

void
scheduler_watch(struct scheduler_core *self)
{
    for (uint32_t i = 0; i < LIMIT_GROUPS; i++) {
        struct absence *absence = &self->absences[i];
        if (self->table.lines[i].count > 0) {
            absence_waits(absence, self->now_ms, self->now_ms);
        }
        if (!absence_due(absence, self->now_ms, self->settings.absent_alarm_ms)) {
            continue;
        }
        const struct catalog_group *group = catalog_group_at(self->catalog, i);
        struct wire_text name = {.data = group->name, .size = group->name_size};
        scheduler_alarm(self, "receiver_absent", group->name,
                        sender_present(self->sender, name)
                            ? "retries wait: its consumers are down, hang or hand everything back"
                            : "retries wait: no consumer is there");
    }
}

err_t
scheduler_send(struct scheduler_core *self, struct why *why)
{
    uint32_t budget = SENT_A_STEP;
    err_t rc = ERR_OK;
    for (uint32_t i = 0; i < LIMIT_GROUPS && rc == ERR_OK; i++) {
        uint32_t group = (self->first_group + i) % LIMIT_GROUPS;
        if (self->table.lines[group].count > 0) {
            rc = send_line(self, group, &budget, why);
        }
    }
    self->first_group = (self->first_group + 1) % LIMIT_GROUPS; /* none is always served last */
    sender_flush(self->sender, self->depends);
    return rc;
}
