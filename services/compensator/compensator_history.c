#include "compensator_history.h"

#include "base/check.h"
#include "delivery/record_codec.h"

#include <stdio.h>
#include <string.h>

#define CHAIN_MAX 4096 /* records looked at in one log: bounds what showing a case can cost */

/* Where a walk goes next. */
struct step {
    uint32_t read;         /* records so far */
    uint16_t subscription; /* of the delivery; 0: as the first record says */
    enum log_id log;
    uint64_t position;  /* 0: the end */
    enum log_id before; /* the log that gave the delivery to `log` */
    uint64_t given;     /* position of the MOVED there; 0: not known */
};

static void
add(struct compensator_history *history, const struct wire_attempt *attempt, const char *before,
    struct record_text by, struct record_text reason)
{
    CHECK(history->count < WIRE_HISTORY_MAX);
    char *text = history->texts[history->count];
    (void)snprintf(text, COMPENSATOR_HISTORY_TEXT, "%s%.*s%s%.*s", before, (int)by.size,
                   by.size == 0 ? "" : by.data, by.size == 0 ? "" : ": ", (int)reason.size,
                   reason.size == 0 ? "" : reason.data); /* fits: both have limits */
    struct wire_attempt *slot = &history->attempts[history->count++];
    *slot = *attempt;
    slot->reason = (struct wire_text){.data = text, .size = strlen(text)};
}

static const char *
order_words(uint8_t order)
{
    static const char *const words[ORDER_COUNT] = {
        [ORDER_CANCEL] = "cancel asked by ",
        [ORDER_UNDO] = "undo ordered by ",
        [ORDER_RESOLVE] = "resolve ordered by ",
        [ORDER_NOTE] = "note by ",
    };
    return words[order];
}

static void
add_event(struct compensator_history *history, enum log_id log, const struct record_event *event)
{
    struct wire_attempt attempt = {
        .number = event->attempt,
        .turn = event->turn,
        .custodian = (uint8_t)log,
        .at_unix_ms = event->at_unix_ms,
        .outcome = event->outcome,
    };
    const char *before = "";
    if (event->kind == RECORD_ORDER) {
        before = order_words(event->order);
    } else if (event->kind == RECORD_CLOSED || event->kind == RECORD_ENDED) {
        attempt.outcome = (uint8_t)(WIRE_OUTCOME_END + event->end);
    }
    add(history, &attempt, before, event->by, event->reason);
}

/* A MOVED, or a TAKEN whose MOVED cannot be found: the attempt that made it move. */
static void
add_custody(struct compensator_history *history, enum log_id giver,
            const struct record_custody *custody)
{
    const struct wire_attempt attempt = {
        .number = custody->attempts,
        .turn = custody->turn - 1,
        .custodian = (uint8_t)giver,
        .at_unix_ms = custody->at_unix_ms,
        .outcome = custody->cause,
    };
    add(history, &attempt, "", (struct record_text){0}, custody->reason);
}

static bool
show_custody(struct compensator_history *history, struct step *step,
             const struct log_record *record)
{
    struct record_custody custody;
    if (record_custody_decode(record->body, record->size, &custody, NULL) != ERR_OK) {
        return false;
    }
    step->position = custody.previous;
    if (custody.key.subscription != step->subscription) {
        return true;
    }
    if (record->kind == RECORD_MOVED) {
        add_custody(history, step->log, &custody);
    } else if (custody.given != 0) {
        step->before = (enum log_id)custody.given_by;
        step->given = custody.given;
    } else if (custody.cause != OUTCOME_REPLAY) { /* that one is in our own log */
        add_custody(history, LOG_PRODUCER, &custody);
    }
    if (record->kind == RECORD_TAKEN && step->log != LOG_COMPENSATOR) {
        step->position = 0; /* what it held before that is reached from our own records */
    }
    return true;
}

/* The producer's log has one chain for all deliveries of a notification: what is about another is
 * passed over. */
static bool
show(struct compensator_history *history, struct step *step, const struct log_record *record)
{
    struct delivery_key key;
    if (step->subscription == 0 && record_key(record->kind, record->body, record->size, &key)) {
        step->subscription = key.subscription;
    }
    if (record->kind == RECORD_MOVED || record->kind == RECORD_TAKEN) {
        return show_custody(history, step, record);
    }
    if (record->kind == RECORD_CASE) {
        struct record_case opened;
        bool good = record_case_decode(record->body, record->size, &opened, NULL) == ERR_OK;
        step->position = good ? opened.custody.previous : 0;
        return good; /* the failed try before it says why */
    }
    struct record_event event;
    if (record->kind < RECORD_DONE ||
        record_event_decode(record->kind, record->body, record->size, &event, NULL) != ERR_OK) {
        return false;
    }
    step->position = event.previous;
    if (event.key.subscription == step->subscription) {
        add_event(history, step->log, &event);
    }
    return true;
}

static bool
read_step(compensator_t *self, struct step *step, struct compensator_history *history)
{
    log_t *log = step->log == LOG_COMPENSATOR ? self->own : peers_log(self->peers, step->log);
    struct log_record record;
    log_block_t *block = NULL;
    if (step->position == 0 || history->count == WIRE_HISTORY_MAX || step->read++ == CHAIN_MAX ||
        log_read(log, step->position, &record, &block, NULL) != ERR_OK) {
        return false; /* the end, enough, or trimmed: what is left is not shown */
    }
    uint64_t at = step->position;
    bool good = show(history, step, &record) && step->position < at;
    log_block_release(&block);
    return good;
}

/* What another log has of the custody that ended with the MOVED that was taken. */
static void
walk_giver(compensator_t *self, const struct step *taken, struct compensator_history *history)
{
    struct step step = {
        .subscription = taken->subscription, .log = taken->before, .position = taken->given};
    while (read_step(self, &step, history)) {
        /* until its TAKEN, or its first record */
    }
}

void
compensator_history_read(compensator_t *self, uint64_t last, struct compensator_history *history)
{
    history->count = 0;
    struct step step = {.log = LOG_COMPENSATOR, .position = last};
    while (read_step(self, &step, history)) {
        if (step.given != 0) {
            walk_giver(self, &step, history);
            step.given = 0;
        }
    }
}
