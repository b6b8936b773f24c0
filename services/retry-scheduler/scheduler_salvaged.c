/*
 * A start over a log that a salvage made: LOST records stand where others stood. Any of them may
 * have been a TAKEN, and a POSITION behind it still says that its MOVED was read: believed, the
 * delivery would be with nobody. So no POSITION behind the first LOST is believed, and what the
 * others wrote since is read again (scheduler_recover.c). Here is found what of that has moved on
 * meanwhile, so that it is not taken a second time.
 */
#include "base/mem.h"
#include "delivery/record_codec.h"
#include "scheduler_private.h"

#include <stdlib.h>

#define OWN_ENDS (LOG_KIND_BIT(RECORD_DONE) | LOG_KIND_BIT(RECORD_ENDED))
/* A case outlives its TAKEN. */
#define COMPENSATOR_HAS (LOG_KIND_BIT(RECORD_TAKEN) | LOG_KIND_BIT(RECORD_CASE))
#define COMPENSATOR_ENDS (OWN_ENDS | LOG_KIND_BIT(RECORD_CLOSED) | LOG_KIND_BIT(RECORD_EVIDENCE))

static int
compare(const void *left, const void *right)
{
    const struct delivery_key *a = left;
    const struct delivery_key *b = right;
    if (a->position != b->position) {
        return a->position < b->position ? -1 : 1;
    }
    return (a->subscription > b->subscription) - (a->subscription < b->subscription);
}

bool
scheduler_ended_has(const struct scheduler_ended *self, struct delivery_key key)
{
    return self->count > 0 &&
           bsearch(&key, self->keys, self->count, sizeof *self->keys, compare) != NULL;
}

void
scheduler_ended_fini(struct scheduler_ended *self)
{
    mem_free(self->keys);
    *self = (struct scheduler_ended){0};
}

static err_t
take_end(struct scheduler_core *self, const struct log_record *record, struct why *why)
{
    struct scheduler_ended *ended = &self->ended;
    struct record_event event;
    err_t rc = record_event_decode(record->kind, record->body, record->size, &event, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (ended->count == ended->capacity) {
        ended->capacity = ended->capacity == 0 ? 1024 : ended->capacity * 2;
        ended->keys = mem_resize(ended->keys, ended->capacity * sizeof *ended->keys);
    }
    ended->keys[ended->count++] = event.key;
    return ERR_OK;
}

/* The compensator has it from this turn on. What is kept of the own log for it begins at `keep`. */
static err_t
note_away(struct scheduler_core *self, const struct log_record *record, uint64_t keep,
          struct why *why)
{
    struct record_custody custody;
    struct record_case opened;
    err_t rc;
    if (record->kind == RECORD_CASE) {
        rc = record_case_decode(record->body, record->size, &opened, why);
        custody = opened.custody;
    } else {
        rc = record_custody_decode(record->body, record->size, &custody, why);
    }
    if (rc != ERR_OK || custody.to != LOG_COMPENSATOR ||
        scheduler_ended_has(&self->ended, custody.key)) {
        return rc;
    }
    struct scheduler_entry *entry = scheduler_table_find(&self->table, custody.key);
    if (entry == NULL) {
        entry = scheduler_table_add(&self->table, custody.key);
        entry->taken = SCHEDULER_POSITION(keep);
        entry->last = record->kind == RECORD_MOVED ? SCHEDULER_POSITION(record->position) : 0;
    } else if (custody.turn <= entry->turn) {
        return ERR_OK;
    }
    entry->turn = SCHEDULER_TURN(custody.turn);
    entry->sent = true;
    entry->is_case = false;
    scheduler_table_away(&self->table, entry);
    return ERR_OK;
}

static err_t
take_moved(struct scheduler_core *self, const struct log_record *record, struct why *why)
{
    return note_away(self, record, record->position, why);
}

/* Of the compensator's log: there may be no own record of it. */
static err_t
take_taken(struct scheduler_core *self, const struct log_record *record, struct why *why)
{
    return note_away(self, record, log_next(self->log), why);
}

typedef err_t take_fn(struct scheduler_core *self, const struct log_record *record,
                      struct why *why);

static err_t
each(struct scheduler_core *self, struct log_cursor *cursor, take_fn *take, struct why *why)
{
    struct log_record record;
    err_t rc;
    while ((rc = log_cursor_next(cursor, &record, why)) == ERR_OK) {
        rc = take(self, &record, why);
        if (rc != ERR_OK) {
            break;
        }
    }
    log_cursor_fini(cursor);
    return rc == ERR_AGAIN ? ERR_OK : rc;
}

err_t
scheduler_salvaged(struct scheduler_core *self, uint64_t from, struct why *why)
{
    log_t *compensator = peers_log(self->peers, LOG_COMPENSATOR);
    struct log_cursor cursor;
    log_cursor_init(&cursor, self->log, from, OWN_ENDS);
    err_t rc = each(self, &cursor, take_end, why);
    if (rc == ERR_OK) {
        log_cursor_init(&cursor, compensator, log_first(compensator), COMPENSATOR_ENDS);
        rc = each(self, &cursor, take_end, why);
    }
    if (rc == ERR_OK && self->ended.count > 0) {
        qsort(self->ended.keys, self->ended.count, sizeof *self->ended.keys, compare);
    }
    if (rc == ERR_OK) {
        log_cursor_init(&cursor, self->log, from, LOG_KIND_BIT(RECORD_MOVED));
        rc = each(self, &cursor, take_moved, why);
    }
    if (rc == ERR_OK) {
        log_cursor_init(&cursor, compensator, log_first(compensator), COMPENSATOR_HAS);
        rc = each(self, &cursor, take_taken, why);
    }
    return rc;
}
