/* An entry's notification, where it stands: in the producer's log, or, when that was trimmed behind
 * a case, in the compensator's copy. And what it says of deadline and policy. */
#include "delivery/record_codec.h"
#include "scheduler_private.h"
#include "wire/wire_submit.h"

#define WALK_MOST 100000U /* records of one delivery; more is a loop */

static err_t
lost(uint64_t position, struct why *why)
{
    return why_set(why, ERR_NOT_FOUND, "record %llu was lost by a salvage",
                   (unsigned long long)position);
}

static err_t
read_original(struct scheduler_core *self, uint64_t position, struct scheduler_notification *found,
              struct why *why)
{
    struct log_record record;
    err_t rc =
        log_read(peers_log(self->peers, LOG_PRODUCER), position, &record, &found->block, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (record.kind == LOG_KIND_LOST) {
        log_block_release(&found->block);
        return lost(position, why);
    }
    if (record.kind != RECORD_NOTIFICATION) {
        return why_set(why, ERR_CORRUPT,
                       "position %llu of the producer's log is no notification, but a delivery "
                       "names it",
                       (unsigned long long)position);
    }
    return record_notification_decode(record.body, record.size, &found->record, why);
}

/* The record before this one, of the same delivery; 0: none. */
static err_t
previous_of(const struct log_record *record, uint64_t *previous, struct why *why)
{
    if (record->kind == LOG_KIND_LOST) {
        return lost(record->position, why);
    }
    if (record->kind == RECORD_MOVED || record->kind == RECORD_TAKEN) {
        struct record_custody custody;
        err_t rc = record_custody_decode(record->body, record->size, &custody, why);
        *previous = custody.previous;
        return rc;
    }
    struct record_event event;
    err_t rc = record_event_decode(record->kind, record->body, record->size, &event, why);
    *previous = event.previous;
    return rc;
}

static err_t
read_copy(struct scheduler_core *self, uint64_t position, struct scheduler_notification *found,
          struct why *why)
{
    log_t *log = peers_log(self->peers, LOG_COMPENSATOR);
    for (uint32_t i = 0; position != 0 && i < WALK_MOST; i++) {
        struct log_record record;
        err_t rc = log_read(log, position, &record, &found->block, why);
        if (rc == ERR_OK && record.kind == RECORD_CASE) {
            struct record_case opened;
            rc = record_case_decode(record.body, record.size, &opened, why);
            found->record = opened.notification;
            return rc;
        }
        if (rc == ERR_OK) {
            rc = previous_of(&record, &position, why);
            log_block_release(&found->block);
        }
        if (rc != ERR_OK) {
            return rc;
        }
    }
    return why_set(why, ERR_NOT_FOUND, "neither log has the notification any more");
}

err_t
scheduler_notification(struct scheduler_core *self, const struct scheduler_entry *entry,
                       struct scheduler_notification *found, struct why *why)
{
    found->block = NULL;
    err_t rc = read_original(self, entry->position, found, why);
    if (rc == ERR_NOT_FOUND && entry->copy != 0) {
        rc = read_copy(self, entry->copy, found, why);
    }
    if (rc != ERR_OK) {
        log_block_release(&found->block);
    }
    return rc == ERR_AGAIN ? ERR_NOT_FOUND : rc; /* not there yet, as far as we have looked */
}

bool
scheduler_notification_lost(struct scheduler_core *self, const struct scheduler_entry *entry)
{
    struct log_record record;
    struct scheduler_notification copy = {.block = NULL};
    log_block_t *block = NULL;
    err_t rc =
        log_read(peers_log(self->peers, LOG_PRODUCER), entry->position, &record, &block, NULL);
    log_block_release(&block);
    bool lost = rc == ERR_OK ? record.kind == LOG_KIND_LOST : rc == ERR_NOT_FOUND;
    if (lost && entry->copy != 0) { /* which may stand where we have not looked yet */
        lost = read_copy(self, entry->copy, &copy, NULL) == ERR_NOT_FOUND;
        log_block_release(&copy.block);
    }
    return lost;
}

err_t
scheduler_describe(struct scheduler_core *self, struct scheduler_entry *entry, struct why *why)
{
    if (entry->described) {
        return ERR_OK;
    }
    struct scheduler_notification found;
    err_t rc = scheduler_notification(self, entry, &found, why);
    if (rc != ERR_OK) {
        return rc == ERR_NOT_FOUND ? ERR_OK : rc; /* looked for again when it is due */
    }
    struct wire_notification notification;
    if (wire_notification_decode(found.record.encoded, found.record.encoded_size, &notification,
                                 NULL) == ERR_OK) {
        entry->deadline_unix_ms = SCHEDULER_TIME(notification.deadline_unix_ms);
        entry->own_policy = notification.policy.size > 0;
    }
    entry->described = true; /* one that makes no sense is the receiver's to refuse */
    log_block_release(&found.block);
    return ERR_OK;
}

const struct policy *
scheduler_policy(struct scheduler_core *self, const struct scheduler_entry *entry,
                 struct policy *own)
{
    const struct catalog_subscription *subscription =
        catalog_subscription(self->catalog, entry->subscription);
    const struct policy *policy = &subscription->policy;
    if (!entry->own_policy) {
        return policy;
    }
    struct scheduler_notification found;
    err_t rc = scheduler_notification(self, entry, &found, &self->why);
    if (rc == ERR_OK) {
        struct wire_notification notification;
        if (wire_notification_decode(found.record.encoded, found.record.encoded_size, &notification,
                                     NULL) == ERR_OK) {
            policy = catalog_policy(subscription, notification.policy.data,
                                    notification.policy.size, own);
        }
        log_block_release(&found.block);
    } else if (rc != ERR_NOT_FOUND) {
        self->fault = rc; /* the next step returns it */
    }
    return policy;
}
