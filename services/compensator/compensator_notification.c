#include "compensator_notification.h"

#include "delivery/record_codec.h"

/* Whether a record of this kind stands there; a log that cannot be read is a failure. */
static bool
read_kind(compensator_t *self, log_t *log, uint64_t position, uint8_t kind,
          struct log_record *record, log_block_t **block_p)
{
    struct why why = {0};
    err_t rc = log_read(log, position, record, block_p, &why);
    if (rc == ERR_OK && record->kind == kind) {
        return true;
    }
    if (rc == ERR_OK) {
        log_block_release(block_p);
    } else if (rc != ERR_NOT_FOUND && rc != ERR_AGAIN) {
        compensator_fail(self, rc, &why);
    }
    return false;
}

bool
compensator_notification_copy(compensator_t *self, uint64_t id, struct record_case *opened,
                              log_block_t **block_p)
{
    struct log_record record;
    struct why why = {0};
    if (id == 0 || !read_kind(self, self->own, id, RECORD_CASE, &record, block_p)) {
        return false;
    }
    err_t rc = record_case_decode(record.body, record.size, opened, &why);
    if (rc != ERR_OK) {
        log_block_release(block_p);
        compensator_fail(self, rc, &why);
    }
    return rc == ERR_OK;
}

bool
compensator_notification_get(compensator_t *self, const struct compensator_entry *entry,
                             struct compensator_notification *found)
{
    *found = (struct compensator_notification){0};
    struct log_record record;
    struct why why = {0};
    if (read_kind(self, peers_log(self->peers, LOG_PRODUCER), entry->key.position,
                  RECORD_NOTIFICATION, &record, &found->block)) {
        err_t rc = record_notification_decode(record.body, record.size, &found->record, &why);
        if (rc == ERR_OK) {
            return true;
        }
        log_block_release(&found->block);
        compensator_fail(self, rc, &why);
        return false;
    }
    struct record_case opened;
    if (compensator_notification_copy(self, entry->case_id, &opened, &found->block)) {
        found->record = opened.notification;
        return true;
    }
    if (self->failure == ERR_OK) {
        compensator_alarm(self, "notification_missing", entry,
                          "the notification is neither in the producer's log nor in a case");
    }
    return false;
}

void
compensator_notification_release(struct compensator_notification *found)
{
    if (found->block != NULL) {
        log_block_release(&found->block);
    }
}
