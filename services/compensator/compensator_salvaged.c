#include "compensator_salvaged.h"

#include "compensator_cases.h"
#include "compensator_intake.h"
#include "compensator_jobs.h"
#include "delivery/record_codec.h"

#define REPLAYED_TURN 3 /* the scheduler has one of these or later only from a replay */
#define PRODUCER_ENDS (LOG_KIND_BIT(RECORD_ENDED) | LOG_KIND_BIT(RECORD_EVIDENCE))
#define SCHEDULER_ENDS (PRODUCER_ENDS | LOG_KIND_BIT(RECORD_DONE))

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
        entry->taken = log_next(self->own); /* it holds back no trimming */
    } else if (taken.turn <= entry->turn || entry->state == COMPENSATOR_ENDED) {
        return ERR_OK;
    }
    if (entry->state != COMPENSATOR_AWAY) {
        compensator_salvaged_left(self, entry);
    }
    entry->turn = taken.turn;
    return ERR_OK;
}

static err_t
take_end(compensator_t *self, const struct log_record *record, struct why *why)
{
    struct record_event event;
    err_t rc = record_event_decode(record->kind, record->body, record->size, &event, why);
    if (rc == ERR_OK) {
        compensator_intake_ended(self, event.key,
                                 record->kind == RECORD_ENDED ? event.end : (uint8_t)END_DONE);
    }
    return rc;
}

typedef err_t take_fn(compensator_t *self, const struct log_record *record, struct why *why);

static err_t
each(compensator_t *self, enum log_id id, uint32_t kinds, take_fn *take, struct why *why)
{
    log_t *log = peers_log(self->peers, id);
    struct log_cursor cursor;
    struct log_record record;
    err_t rc;
    log_cursor_init(&cursor, log, log_first(log), kinds);
    while ((rc = log_cursor_next(&cursor, &record, why)) == ERR_OK) {
        rc = take(self, &record, why);
        if (rc != ERR_OK) {
            break;
        }
    }
    log_cursor_fini(&cursor);
    return rc == ERR_AGAIN ? ERR_OK : rc;
}

err_t
compensator_salvaged_replayed(compensator_t *self, struct why *why)
{
    return each(self, LOG_SCHEDULER, LOG_KIND_BIT(RECORD_TAKEN), take_taken, why);
}

err_t
compensator_salvaged_ended(compensator_t *self, struct why *why)
{
    err_t rc = each(self, LOG_PRODUCER, PRODUCER_ENDS, take_end, why);
    return rc == ERR_OK ? each(self, LOG_SCHEDULER, SCHEDULER_ENDS, take_end, why) : rc;
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
