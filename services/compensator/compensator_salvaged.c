#include "compensator_salvaged.h"

#include "compensator_cases.h"
#include "compensator_jobs.h"
#include "delivery/record_codec.h"

#define REPLAYED_KINDS                                                                             \
    (LOG_KIND_BIT(RECORD_TAKEN) | LOG_KIND_BIT(RECORD_DONE) | LOG_KIND_BIT(RECORD_ENDED))
#define REPLAYED_TURN 3 /* the scheduler has one of these or later only from a replay */

void
compensator_salvaged_left(compensator_t *self, struct compensator_entry *entry)
{
    (void)compensator_table_to(entry, COMPENSATOR_LEAVE); /* it is neither away nor ended */
    entry->plan = PLAN_NONE;
    compensator_jobs_forget(self, entry);
    compensator_cases_close(self, entry, END_NONE);
}

static err_t
take_taken(compensator_t *self, const struct log_record *record, struct why *why)
{
    struct record_custody taken;
    err_t rc = record_custody_decode(record->body, record->size, &taken, why);
    if (rc != ERR_OK || taken.turn < REPLAYED_TURN) {
        return rc;
    }
    struct compensator_entry *entry = compensator_table_find(self->table, taken.key);
    if (entry == NULL) { /* both its TAKEN and its MOVED may be lost */
        entry = compensator_table_add(self->table, taken.key);
    } else if (taken.turn <= entry->turn || entry->state == COMPENSATOR_ENDED) {
        return ERR_OK;
    }
    if (entry->state != COMPENSATOR_AWAY) {
        compensator_salvaged_left(self, entry);
    }
    entry->turn = taken.turn;
    return ERR_OK;
}

/* What has ended in the scheduler's hands, of which the own log says nothing. */
static err_t
take_end(compensator_t *self, const struct log_record *record, struct why *why)
{
    struct record_event event;
    err_t rc = record_event_decode(record->kind, record->body, record->size, &event, why);
    struct compensator_entry *entry =
        rc == ERR_OK ? compensator_table_find(self->table, event.key) : NULL;
    if (entry != NULL && entry->state == COMPENSATOR_AWAY && entry->last == 0) {
        (void)compensator_table_to(entry, COMPENSATOR_END); /* what is away can end */
    }
    return rc;
}

err_t
compensator_salvaged_replayed(compensator_t *self, struct why *why)
{
    log_t *scheduler = peers_log(self->peers, LOG_SCHEDULER);
    struct log_cursor cursor;
    struct log_record record;
    err_t rc;
    log_cursor_init(&cursor, scheduler, log_first(scheduler), REPLAYED_KINDS);
    while ((rc = log_cursor_next(&cursor, &record, why)) == ERR_OK) {
        rc = record.kind == RECORD_TAKEN ? take_taken(self, &record, why)
                                         : take_end(self, &record, why);
        if (rc != ERR_OK) {
            break;
        }
    }
    log_cursor_fini(&cursor);
    return rc == ERR_AGAIN ? ERR_OK : rc;
}

err_t
compensator_salvaged_position(compensator_t *self, struct record_position *position,
                              struct why *why)
{
    struct log_cursor cursor;
    struct log_record record;
    err_t rc;
    log_cursor_init(&cursor, self->own, log_first(self->own), LOG_KIND_BIT(RECORD_POSITION));
    while ((rc = log_cursor_next(&cursor, &record, why)) == ERR_OK &&
           record.position < self->lost_at) {
        rc = record_position_decode(record.body, record.size, position, why);
        if (rc != ERR_OK) {
            break;
        }
    }
    log_cursor_fini(&cursor);
    return rc == ERR_AGAIN ? ERR_OK : rc;
}
