#include "producer_history.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define CHAIN_MAX 4096 /* records looked at in one log: bounds what one query can cost */

/* A log's records of one notification, newest first. */
struct chain {
    enum log_id log;
    struct delivery_key key;
    struct producer_history *history; /* borrowed */
};

/* Keep the newest WIRE_HISTORY_MAX over all logs: the oldest kept gives way. */
static struct producer_attempt *
place_for(struct producer_history *history, int64_t at_unix_ms)
{
    if (history->count < WIRE_HISTORY_MAX) {
        return &history->attempts[history->count++];
    }
    history->left_out++;
    struct producer_attempt *oldest = &history->attempts[0];
    for (uint32_t i = 1; i < history->count; i++) {
        if (history->attempts[i].said.at_unix_ms < oldest->said.at_unix_ms) {
            oldest = &history->attempts[i];
        }
    }
    return oldest->said.at_unix_ms < at_unix_ms ? oldest : NULL;
}

static void
add(struct chain *chain, uint64_t position, const struct wire_attempt *said,
    struct record_text reason)
{
    struct producer_attempt *place = place_for(chain->history, said->at_unix_ms);
    if (place == NULL) {
        return;
    }
    place->said = *said;
    place->said.custodian = (uint8_t)chain->log;
    place->order = position;
    if (reason.size > 0) {
        memcpy(place->reason, reason.data, reason.size);
    }
    place->said.reason = (struct wire_text){.data = place->reason, .size = reason.size};
}

static bool
is_attempt(uint8_t cause)
{
    return cause != OUTCOME_CANCEL && cause != OUTCOME_REPLAY && cause != OUTCOME_NONE;
}

/* Returns the record before in the chain; 0: none. */
static uint64_t
take_custody(struct chain *chain, const struct log_record *record)
{
    struct record_custody custody;
    if (record_custody_decode(record->body, record->size, &custody, NULL) != ERR_OK) {
        return 0;
    }
    if (custody.key.subscription != chain->key.subscription) {
        return custody.previous;
    }
    fold_custody(&chain->history->fold, chain->log, record->position, record->kind, &custody);
    if (record->kind == RECORD_MOVED && is_attempt(custody.cause)) {
        struct wire_attempt said = {.number = custody.attempts,
                                    .turn = custody.turn - 1,
                                    .at_unix_ms = custody.at_unix_ms,
                                    .outcome = custody.cause};
        add(chain, record->position, &said, custody.reason);
    }
    return custody.previous;
}

static uint64_t
take_event(struct chain *chain, const struct log_record *record)
{
    struct record_event event;
    if (record_event_decode(record->kind, record->body, record->size, &event, NULL) != ERR_OK) {
        return 0;
    }
    if (event.key.subscription != chain->key.subscription) {
        return event.previous;
    }
    fold_event(&chain->history->fold, chain->log, record->position, &event);
    bool answered = event.kind == RECORD_DONE || event.kind == RECORD_EVIDENCE ||
                    event.kind == RECORD_FAILED || event.kind == RECORD_FENCED;
    if (answered || event.kind == RECORD_CLOSED) {
        struct wire_attempt said = {
            .number = event.attempt,
            .turn = event.turn,
            .at_unix_ms = event.at_unix_ms,
            .outcome = event.kind == RECORD_FENCED ? (uint8_t)OUTCOME_FENCED
                       : answered                  ? event.outcome
                                                   : (uint8_t)(WIRE_OUTCOME_END + event.end),
        };
        add(chain, record->position, &said, event.reason);
    }
    return event.previous;
}

static uint64_t
take_case(struct chain *chain, const struct log_record *record)
{
    struct record_case opened;
    if (record_case_decode(record->body, record->size, &opened, NULL) != ERR_OK) {
        return 0;
    }
    fold_case(&chain->history->fold, record->position, &opened);
    struct wire_attempt said = {.number = opened.custody.attempts,
                                .turn = opened.custody.turn,
                                .at_unix_ms = opened.custody.at_unix_ms,
                                .outcome = WIRE_OUTCOME_END + WIRE_STATE_CASE};
    add(chain, record->position, &said, opened.custody.reason);
    return opened.custody.previous;
}

static void
walk(producer_core_t *self, struct chain *chain, uint64_t from)
{
    log_t *log = peers_log(self->peers, chain->log);
    uint64_t end = chain->log == LOG_PRODUCER ? chain->key.position : 0;
    for (uint32_t i = 0; from != 0 && from != end && i < CHAIN_MAX; i++) {
        struct log_record record;
        log_block_t *block = NULL;
        err_t rc = from > log_durable(log) ? ERR_AGAIN : log_read(log, from, &record, &block, NULL);
        if (rc != ERR_OK) {
            bool gone = rc == ERR_NOT_FOUND || rc == ERR_AGAIN;
            self->fault = gone ? self->fault : rc; /* what is not read must not be answered */
            chain->history->left_out++;
            return;
        }
        if (record.kind == LOG_KIND_LOST) {
            chain->history->left_out++; /* and what was before it: nothing leads there */
            from = 0;
        } else if (record.kind == RECORD_MOVED || record.kind == RECORD_TAKEN) {
            from = take_custody(chain, &record);
        } else if (record.kind == RECORD_CASE) {
            from = take_case(chain, &record);
        } else {
            from = take_event(chain, &record);
        }
        log_block_release(&block);
    }
}

static int
compare(const void *left, const void *right)
{
    const struct producer_attempt *a = left;
    const struct producer_attempt *b = right;
    if (a->said.turn != b->said.turn) {
        return a->said.turn < b->said.turn ? -1 : 1;
    }
    if (a->said.at_unix_ms != b->said.at_unix_ms) {
        return a->said.at_unix_ms < b->said.at_unix_ms ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

void
producer_history_read(producer_core_t *self, struct delivery_key key, uint64_t last,
                      struct producer_history *history)
{
    memset(history, 0, offsetof(struct producer_history, attempts));
    fold_accept(&history->fold, key.position);
    struct chain own = {.log = LOG_PRODUCER, .key = key, .history = history};
    walk(self, &own, last);
    struct producer_moved_entry moved;
    if (producer_moved_find(&self->moved, key, &moved)) {
        struct chain scheduler = {.log = LOG_SCHEDULER, .key = key, .history = history};
        struct chain compensator = {.log = LOG_COMPENSATOR, .key = key, .history = history};
        walk(self, &scheduler, moved.scheduler_last);
        walk(self, &compensator, moved.compensator_last);
        fold_merge(&history->fold, &moved.fold);
        history->due_unix_ms = moved.due_unix_ms;
    }
    qsort(history->attempts, history->count, sizeof history->attempts[0], compare);
    for (uint32_t i = 0; i < history->count; i++) {
        history->attempts[i].said.reason.data = history->attempts[i].reason;
    }
}
