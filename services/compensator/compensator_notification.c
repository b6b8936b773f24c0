#include "compensator_notification.h"

#include "base/limits.h"
#include "delivery/record_codec.h"

struct read {
    struct log_record record; /* points into the block */
    log_block_t *block;       /* owned */
};

/* Whether a record of this kind stands there; a log that cannot be read is a failure. */
static bool
read_kind(compensator_t *self, log_t *log, uint64_t position, uint8_t kind, struct read *read)
{
    struct why why = {0};
    *read = (struct read){0};
    err_t rc = log_read(log, position, &read->record, &read->block, &why);
    if (rc == ERR_OK && read->record.kind == kind) {
        return true;
    }
    if (rc == ERR_OK) {
        log_block_release(&read->block);
    } else if (rc != ERR_NOT_FOUND && rc != ERR_AGAIN) {
        compensator_fail(self, rc, &why);
    }
    return false;
}

bool
compensator_notification_copy(compensator_t *self, uint64_t id, struct record_case *opened,
                              log_block_t **block_p)
{
    struct read read;
    struct why why = {0};
    if (id == 0 || !read_kind(self, self->own, id, RECORD_CASE, &read)) {
        return false;
    }
    err_t rc = record_case_decode(read.record.body, read.record.size, opened, &why);
    if (rc != ERR_OK) {
        log_block_release(&read.block);
        compensator_fail(self, rc, &why);
        return false;
    }
    *block_p = read.block;
    return true;
}

/* A salvage puts LOST in its place, or begins the log behind it. What is to be read later may come
 * yet; and what is open is trimmed by nobody. */
static bool
is_lost(compensator_t *self, uint64_t position)
{
    struct read read;
    log_t *log = peers_log(self->peers, LOG_PRODUCER);
    if (position < log_first(log)) {
        return true;
    }
    if (!read_kind(self, log, position, LOG_KIND_LOST, &read)) {
        return false;
    }
    log_block_release(&read.block);
    return true;
}

/* In its own case, or in that of another delivery of the same notification. */
static bool
find_copy(compensator_t *self, uint64_t position, struct compensator_notification *found)
{
    struct record_case opened;
    for (uint16_t id = 1; id <= LIMIT_SUBSCRIPTIONS; id++) {
        const struct delivery_key key = {.position = position, .subscription = id};
        const struct compensator_entry *at = compensator_table_find(self->table, key);
        if (at == NULL ||
            !compensator_notification_copy(self, at->case_id, &opened, &found->block)) {
            continue;
        }
        if (opened.notification.encoded_size > 0) {
            found->record = opened.notification;
            return true;
        }
        log_block_release(&found->block); /* a case of what was lost */
    }
    return false;
}

bool
compensator_notification_get(compensator_t *self, const struct compensator_entry *entry,
                             struct compensator_notification *found)
{
    *found = (struct compensator_notification){0};
    struct read read;
    struct why why = {0};
    log_t *log = peers_log(self->peers, LOG_PRODUCER);
    if (read_kind(self, log, entry->key.position, RECORD_NOTIFICATION, &read)) {
        err_t rc =
            record_notification_decode(read.record.body, read.record.size, &found->record, &why);
        if (rc != ERR_OK) {
            log_block_release(&read.block);
            compensator_fail(self, rc, &why);
            return false;
        }
        found->block = read.block;
        return true;
    }
    if (find_copy(self, entry->key.position, found)) {
        return true;
    }
    found->lost = self->failure == ERR_OK && is_lost(self, entry->key.position);
    if (found->lost) {
        found->record = (struct record_notification){.received_unix_ms = self->now_unix_ms,
                                                     .subscription_count = 1,
                                                     .subscriptions = {entry->key.subscription}};
    } else if (self->failure == ERR_OK) {
        compensator_alarm(self, "notification_missing", entry,
                          "the notification is neither in the producer's log nor in a case");
    }
    return false;
}

void
compensator_notification_release(struct compensator_notification *found)
{
    log_block_release(&found->block);
}
