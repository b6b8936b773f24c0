/* Before anything is taken, sent or answered: the own log, then the others'. */
#include "delivery/record_codec.h"
#include "scheduler_private.h"

#include <string.h>

#define LONGEST_WAIT_MS (LIMIT_POLICY_DELAY_MS + LIMIT_POLICY_DELAY_MS / 2) /* with its jitter */

struct fold_state {
    uint64_t begin;                  /* of the newest complete checkpoint; 0: none */
    uint64_t from;                   /* the first record that is folded */
    struct record_position position; /* the newest with no LOST before it */
    bool lost;                       /* a salvage lost some record */
};

int64_t
scheduler_remaining_ms(const struct scheduler_core *self, int64_t due_unix_ms, int64_t at_unix_ms)
{
    int64_t longest_ms = due_unix_ms - at_unix_ms;
    if (longest_ms > LONGEST_WAIT_MS) {
        longest_ms = LONGEST_WAIT_MS;
    }
    int64_t left_ms = due_unix_ms - self->now_unix_ms;
    left_ms = left_ms < longest_ms ? left_ms : longest_ms;
    return left_ms > 0 ? left_ms : 0;
}

static err_t
fold_custody(struct scheduler_core *self, const struct log_record *record, struct why *why)
{
    struct record_custody custody;
    err_t rc = record_custody_decode(record->body, record->size, &custody, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct scheduler_entry *entry = scheduler_table_find(&self->table, custody.key);
    if (entry == NULL && record->kind == RECORD_MOVED) {
        return ERR_OK; /* its item in the checkpoint comes later and knows */
    }
    if (entry == NULL) {
        entry = scheduler_table_add(&self->table, custody.key);
    }
    entry->last = SCHEDULER_POSITION(record->position);
    entry->turn = SCHEDULER_TURN(custody.turn);
    entry->attempts = scheduler_attempts(custody.attempts);
    entry->unburnt = custody.unburnt;
    entry->sent = true; /* perhaps, and a send leaves no record */
    entry->alone = custody.alone;
    entry->first_sent_unix_ms = SCHEDULER_TIME(custody.first_sent_unix_ms);
    entry->is_case = false;
    if (record->kind == RECORD_MOVED) {
        scheduler_table_away(&self->table, entry);
        return ERR_OK;
    }
    entry->taken = SCHEDULER_POSITION(record->position);
    entry->copy = 0;
    int64_t left_ms = scheduler_remaining_ms(self, custody.due_unix_ms, custody.at_unix_ms);
    scheduler_table_wait(&self->table, entry, self->now_ms + left_ms);
    return ERR_OK;
}

static void
fold_failed(struct scheduler_core *self, struct scheduler_entry *entry,
            const struct record_event *failed)
{
    entry->attempts = scheduler_attempts(failed->attempt);
    entry->unburnt = failed->unburnt;
    entry->alone =
        entry->alone || failed->outcome == OUTCOME_LEASE || failed->outcome == OUTCOME_LOST;
    if (entry->first_sent_unix_ms == 0) {
        entry->first_sent_unix_ms = SCHEDULER_TIME(failed->at_unix_ms);
    }
    int64_t left_ms = scheduler_remaining_ms(self, failed->due_unix_ms, failed->at_unix_ms);
    scheduler_table_wait(&self->table, entry, self->now_ms + left_ms);
}

static err_t
fold_event(struct scheduler_core *self, const struct log_record *record, struct why *why)
{
    struct record_event event;
    err_t rc = record_event_decode(record->kind, record->body, record->size, &event, why);
    struct scheduler_entry *entry =
        rc == ERR_OK ? scheduler_table_find(&self->table, event.key) : NULL;
    if (entry == NULL) {
        return rc;
    }
    entry->last = SCHEDULER_POSITION(record->position);
    switch (record->kind) {
    case RECORD_DONE:
    case RECORD_ENDED:
        scheduler_table_remove(&self->table, entry);
        break;
    case RECORD_ORDER:
        entry->cancel_turn =
            SCHEDULER_TURN(event.turn > entry->cancel_turn ? event.turn : entry->cancel_turn);
        break;
    case RECORD_FAILED:
        fold_failed(self, entry, &event);
        break;
    default:
        break;
    }
    return ERR_OK;
}

static err_t
fold_record(struct scheduler_core *self, struct fold_state *state, const struct log_record *record,
            struct why *why)
{
    switch (record->kind) {
    case RECORD_CHECKPOINT_BEGIN:
        return record->position == state->begin
                   ? record_position_decode(record->body, record->size, &state->position, why)
                   : ERR_OK;
    case RECORD_CHECKPOINT_ITEM: /* of whichever checkpoint: it is whole in itself */
        return scheduler_checkpoint_item(self, record, why);
    case RECORD_CHECKPOINT_END:
        self->checkpoint.since = record->position + 1;
        return ERR_OK;
    case RECORD_POSITION:
        return state->lost
                   ? ERR_OK
                   : record_position_decode(record->body, record->size, &state->position, why);
    case LOG_KIND_LOST:
        state->lost = true;
        return ERR_OK;
    case RECORD_TAKEN:
    case RECORD_MOVED:
        return fold_custody(self, record, why);
    case RECORD_DONE:
    case RECORD_FAILED:
    case RECORD_ENDED:
    case RECORD_ORDER:
    case RECORD_EVIDENCE:
        return fold_event(self, record, why);
    default:
        return ERR_OK;
    }
}

static err_t
read_own(struct scheduler_core *self, struct fold_state *state, struct why *why)
{
    err_t rc = log_checkpoint(self->log, &state->begin, why);
    if (rc == ERR_NOT_FOUND && log_first(self->log) > 1) { /* trimmed: it had one */
        return ERR_CORRUPT;
    }
    if (rc != ERR_OK && rc != ERR_NOT_FOUND) {
        return rc;
    }
    state->from = rc == ERR_OK ? state->begin : log_first(self->log);
    self->checkpoint.since = state->from;
    struct log_cursor cursor;
    struct log_record record;
    log_cursor_init(&cursor, self->log, state->from, LOG_ALL_KINDS);
    while ((rc = log_cursor_next(&cursor, &record, why)) == ERR_OK) {
        rc = fold_record(self, state, &record, why);
        if (rc != ERR_OK) {
            break;
        }
    }
    log_cursor_fini(&cursor);
    return rc == ERR_AGAIN ? ERR_OK : rc;
}

/* What the compensator's log says of entries and no own record keeps: which are cases, and where
 * those that were replayed have their copy. */
static err_t
look_up(struct scheduler_core *self, const struct log_record *record, struct why *why)
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
    struct scheduler_entry *entry =
        rc == ERR_OK ? scheduler_table_find(&self->table, custody.key) : NULL;
    if (entry == NULL) {
        return rc;
    }
    bool away = entry->state == SCHEDULER_AWAY;
    if (record->kind == RECORD_CASE && away && custody.turn >= entry->turn) {
        entry->is_case = true;
    } else if (record->kind == RECORD_MOVED && !away && custody.to == LOG_SCHEDULER &&
               custody.turn == entry->turn) {
        entry->copy = SCHEDULER_POSITION(record->position);
    }
    return ERR_OK;
}

/* Catalog and look-ups: one pass over a peer's log for a few kinds. */
static err_t
read_once(struct scheduler_core *self, enum log_id id, uint32_t kinds, struct why *why)
{
    log_t *log = peers_log(self->peers, id);
    struct log_cursor cursor;
    struct log_record record;
    err_t rc;
    log_cursor_init(&cursor, log, log_first(log), kinds);
    while ((rc = log_cursor_next(&cursor, &record, why)) == ERR_OK) {
        rc = id == LOG_PRODUCER
                 ? catalog_take(self->catalog, record.kind, record.body, record.size, why)
                 : look_up(self, &record, why);
        if (rc != ERR_OK) {
            break;
        }
    }
    log_cursor_fini(&cursor);
    return rc == ERR_AGAIN ? ERR_OK : rc;
}

/* Go on where the own log says; it must be the log that was read before. */
static err_t
read_from(struct scheduler_core *self, const struct fold_state *state, enum log_id id,
          uint32_t kinds, struct why *why)
{
    log_t *log = peers_log(self->peers, id);
    uint64_t read = state->position.logs[id].position;
    if (read > 0 && memcmp(state->position.logs[id].identity, log_identity(log), 16) != 0) {
        return why_set(why, ERR_CORRUPT,
                       "the %s's log is not the one that was read up to position %llu: was the "
                       "directory replaced? See OPERATIONS, \"Restore\"",
                       peers_name(id), (unsigned long long)read);
    }
    uint64_t first = log_first(log);
    bool may_be_trimmed = read == 0 || state->lost; /* what was needed of it was not */
    uint64_t from = may_be_trimmed && first > read + 1 ? first : read + 1;
    peers_read_from(self->peers, id, from, kinds);
    return ERR_OK;
}

static err_t
drain(struct scheduler_core *self, struct why *why)
{
    bool more = true;
    err_t rc = peers_refresh(self->peers, why);
    while (rc == ERR_OK && more) {
        rc = scheduler_read_peers(self, SCHEDULER_READ_A_STEP, &more, why);
        if (rc == ERR_OK && log_next(self->log) > log_durable(self->log) + 1) {
            /* Ends must not become durable without how far was read to learn of them: the next
             * start would take these deliveries again. */
            peers_note(self->peers);
            rc = peers_commit(self->peers, true, self->now_ms, why);
        }
    }
    return rc;
}

err_t
scheduler_core_recover(scheduler_core_t *self, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    self->now_ms = now_ms;
    self->now_unix_ms = now_unix_ms;
    self->started_ms = now_ms;
    struct fold_state state = {0};
    err_t rc = read_own(self, &state, why);
    if (rc == ERR_OK) {
        rc = peers_refresh(self->peers, why);
    }
    if (rc == ERR_OK && state.lost) {
        rc = scheduler_salvaged(self, state.from, why);
    }
    if (rc == ERR_OK) {
        rc = read_once(self, LOG_PRODUCER,
                       LOG_KIND_BIT(RECORD_SUBSCRIPTION) | LOG_KIND_BIT(RECORD_GROUP), why);
    }
    if (rc == ERR_OK && scheduler_table_count(&self->table) > 0) {
        rc = read_once(self, LOG_COMPENSATOR,
                       LOG_KIND_BIT(RECORD_CASE) | LOG_KIND_BIT(RECORD_MOVED), why);
    }
    if (rc == ERR_OK) {
        rc = read_from(self, &state, LOG_PRODUCER, SCHEDULER_PRODUCER_KINDS, why);
    }
    if (rc == ERR_OK) {
        rc = read_from(self, &state, LOG_COMPENSATOR, SCHEDULER_COMPENSATOR_KINDS, why);
    }
    if (rc == ERR_OK) {
        rc = drain(self, why);
    }
    scheduler_ended_fini(&self->ended);
    if (rc == ERR_OK) {
        scheduler_move_cancelled(self);
    }
    return rc;
}
