#include "sim_check.h"

#include "base/mem.h"
#include "delivery/fold.h"
#include "delivery/record_codec.h"
#include "journal/log.h"
#include "sim.h"

#include <string.h>

#define TURNS_MAX 256

/* One delivery as all three logs tell it. */
struct told {
    uint64_t position;
    struct fold fold;
    uint8_t custodian[TURNS_MAX]; /* of each turn, plus one; 0: not said */
    uint8_t given[TURNS_MAX];     /* how many MOVED begin this turn */
    uint8_t taken[TURNS_MAX];
    bool asked[TURNS_MAX];       /* a cancel was, in this turn */
    uint8_t honoured[TURNS_MAX]; /* this turn was given or closed for a cancel; by log, plus one */
};

struct tale {
    struct told *all; /* owned */
    size_t count;
    size_t capacity;
    bool trimmed; /* some log's beginning is gone */
};

static void
check_note(struct sim *self, const struct sim_note *note)
{
    const struct sim_row *row = sim_shop_find(self, note->biz_id);
    bool effect = row != NULL && row->effect;
    bool refused_all = note->submissions == note->refusals && !self->doubled;
    if (effect && !note->accepted && refused_all) {
        sim_violation(self, "I2 %s has an effect and was never accepted", note->biz_id);
    }
    if (effect && note->accepted && row->version != note->version) {
        sim_violation(self, "I2 %s has the effect of another version", note->biz_id);
    }
    if (effect && row->applied != 1) {
        sim_violation(self, "I3 %s took effect %u times", note->biz_id, row->applied);
    }
    if (!note->accepted) {
        return;
    }
    if (note->gone) {
        if (row == NULL && !note->wanted_cancelled && !note->unfenced) {
            sim_violation(self, "I1 %s is forgotten and was never ended", note->biz_id);
        }
        return;
    }
    if (!note->seen.known || note->seen.state == WIRE_STATE_PENDING ||
        note->seen.state == WIRE_STATE_CASE) {
        sim_violation(self, "I1 %s has no end: %s turn %u", note->biz_id,
                      note->seen.known ? wire_state_name(note->seen.state) : "no answer",
                      note->seen.turn);
    }
    if (note->seen.state == WIRE_STATE_DONE && !effect) {
        sim_violation(self, "I4 %s is DONE without an effect", note->biz_id);
    }
    bool refused = note->seen.known && note->seen.state != WIRE_STATE_DONE;
    if (effect && refused && !note->unfenced) {
        sim_violation(self, "I4 %s is %s and has an effect", note->biz_id,
                      wire_state_name(note->seen.state));
    }
    if (note->cancelled && (effect || note->seen.state != WIRE_STATE_CANCELLED)) {
        sim_violation(self, "I4 %s was answered CANCELLED and is %s", note->biz_id,
                      wire_state_name(note->seen.state));
    }
}

void
sim_check_promises(struct sim *self)
{
    for (uint32_t i = 0; i < self->people.note_count; i++) {
        check_note(self, &self->people.notes[i]);
    }
}

static struct told *
told_of(struct tale *tale, uint64_t position)
{
    for (size_t i = 0; i < tale->count; i++) {
        if (tale->all[i].position == position) {
            return &tale->all[i];
        }
    }
    if (tale->count == tale->capacity) {
        tale->capacity = tale->capacity == 0 ? 64 : tale->capacity * 2;
        tale->all = mem_resize(tale->all, tale->capacity * sizeof *tale->all);
    }
    struct told *told = &tale->all[tale->count++];
    memset(told, 0, sizeof *told);
    told->position = position;
    return told;
}

static void
hear_turn(struct sim *self, struct told *told, uint32_t turn, uint8_t custodian)
{
    if (turn >= TURNS_MAX) {
        return;
    }
    if (told->custodian[turn] != 0 && told->custodian[turn] != custodian + 1) {
        sim_violation(self, "I10 custody of %llu: turn %u has two custodians",
                      (unsigned long long)told->position, turn);
    }
    told->custodian[turn] = (uint8_t)(custodian + 1);
}

static void
hear_custody(struct sim *self, struct told *told, enum log_id log, const struct log_record *record,
             const struct record_custody *custody)
{
    uint32_t turn = custody->turn;
    fold_custody(&told->fold, log, record->position, record->kind, custody);
    hear_turn(self, told, turn, custody->to);
    if (turn == 0 || turn >= TURNS_MAX) {
        return;
    }
    if (record->kind == RECORD_MOVED) {
        if (custody->cause == OUTCOME_CANCEL && log == LOG_SCHEDULER) {
            told->honoured[turn - 1] = LOG_SCHEDULER + 1;
        }
        hear_turn(self, told, turn - 1, (uint8_t)log);
        if (++told->given[turn] > 1) {
            sim_violation(self, "I10 custody of %llu: turn %u was given twice",
                          (unsigned long long)told->position, turn);
        }
    } else if (custody->to != log) {
        sim_violation(self, "I10 custody of %llu: turn %u was taken by another",
                      (unsigned long long)told->position, turn);
    } else if (++told->taken[turn] > 1) {
        sim_violation(self,
                      "I10 custody of %llu: turn %u was taken twice, again at %llu of the %s's log",
                      (unsigned long long)told->position, turn,
                      (unsigned long long)record->position, peers_name(log));
    }
}

static void
hear_cancel(struct told *told, enum log_id log, const struct record_event *event)
{
    if (event->turn >= TURNS_MAX) {
        return;
    }
    if (event->kind == RECORD_ORDER && event->order == ORDER_CANCEL) {
        told->asked[event->turn] = true;
    } else if (event->kind == RECORD_CLOSED && event->end == END_CANCELLED &&
               log == LOG_COMPENSATOR) {
        told->honoured[event->turn] = LOG_COMPENSATOR + 1;
    }
}

static void
hear(struct sim *self, struct tale *tale, enum log_id log, const struct log_record *record)
{
    struct why why = {{0}};
    struct record_custody custody;
    struct record_event event;
    struct record_case opened;
    struct delivery_key key;
    err_t rc = ERR_OK;
    if (record->kind == RECORD_NOTIFICATION) {
        struct told *told = told_of(tale, record->position);
        fold_accept(&told->fold, record->position);
        hear_turn(self, told, 1, LOG_PRODUCER);
    } else if (!record_key(record->kind, record->body, record->size, &key)) {
        return;
    } else if (record->kind == RECORD_MOVED || record->kind == RECORD_TAKEN) {
        rc = record_custody_decode(record->body, record->size, &custody, &why);
        if (rc == ERR_OK) {
            hear_custody(self, told_of(tale, key.position), log, record, &custody);
        }
    } else if (record->kind == RECORD_CASE) {
        rc = record_case_decode(record->body, record->size, &opened, &why);
        if (rc == ERR_OK) {
            struct told *told = told_of(tale, key.position);
            fold_case(&told->fold, record->position, &opened);
            hear_turn(self, told, opened.custody.turn, LOG_COMPENSATOR);
        }
    } else {
        rc = record_event_decode(record->kind, record->body, record->size, &event, &why);
        if (rc == ERR_OK) {
            for (uint64_t i = 0; i <= event.more; i++) {
                struct told *told = told_of(tale, key.position + i);
                fold_event(&told->fold, log, record->position, &event);
                hear_cancel(told, log, &event);
            }
        }
    }
    if (rc != ERR_OK) {
        sim_violation(self, "I8 a record cannot be read: %s", why.text);
    }
}

static void
read_log(struct sim *self, struct tale *tale, enum log_id id)
{
    const struct log_settings settings = {
        .directory = "j", .segment_bytes = sim_segment_bytes(self), .no_write_ahead = true};
    struct why why = {{0}};
    log_t *log = NULL;
    err_t rc = log_follow(&log, &settings, peers_name(id), &why);
    if (rc == ERR_OK) {
        tale->trimmed = tale->trimmed || log_first(log) > 1;
        struct log_cursor cursor;
        struct log_record record;
        log_cursor_init(&cursor, log, log_first(log), LOG_ALL_KINDS);
        while ((rc = log_cursor_next(&cursor, &record, &why)) == ERR_OK) {
            hear(self, tale, id, &record);
        }
        log_cursor_fini(&cursor);
        log_close(&log);
    }
    if (rc != ERR_AGAIN) {
        sim_violation(self, "I8 the log of %s cannot be read: %s", peers_name(id), why.text);
    }
}

/* Every turn had one custodian, and each began with a record of the one before. */
static void
check_told(struct sim *self, const struct tale *tale, const struct told *told)
{
    for (uint32_t turn = 2; turn <= told->fold.turn && turn < TURNS_MAX && !tale->trimmed; turn++) {
        if (told->given[turn] != 1) {
            sim_violation(self, "I10 custody of %llu: turn %u began without a record",
                          (unsigned long long)told->position, turn);
        }
    }
}

/* No cancel was acted upon that a replay had made void: both services hold to one rule. */
static void
check_cancels(struct sim *self, const struct tale *tale, const struct told *told)
{
    for (uint32_t turn = 1; turn < TURNS_MAX && !tale->trimmed; turn++) {
        if (told->honoured[turn] == 0) {
            continue;
        }
        uint8_t custodian = (uint8_t)(told->honoured[turn] - 1);
        bool stands = false;
        for (uint32_t asked = 1; asked <= turn; asked++) {
            stands = stands || (told->asked[asked] && fold_cancel_stands(asked, turn, custodian));
        }
        if (!stands) {
            sim_violation(self, "%llu was cancelled in turn %u by %s, and no cancel stood",
                          (unsigned long long)told->position, turn,
                          peers_name((enum log_id)custodian));
        }
    }
}

static void
check_answered(struct sim *self, const struct tale *tale, const struct sim_note *note)
{
    if (!note->accepted || !note->seen.known) {
        return;
    }
    bool found = tale->trimmed;
    for (size_t i = 0; i < tale->count; i++) {
        const struct told *told = &tale->all[i];
        found = found || told->position == note->position;
        if (told->position == note->position && !tale->trimmed &&
            (told->fold.end != note->seen.state || told->fold.turn != note->seen.turn)) {
            sim_violation(self, "I19 %s was answered %s turn %u, the logs say end %u turn %u",
                          note->biz_id, wire_state_name(note->seen.state), note->seen.turn,
                          told->fold.end, told->fold.turn);
        }
        if (told->position == note->position && told->fold.broken && !note->unfenced) {
            sim_violation(self, "I4 %s has an effect and a fence on record", note->biz_id);
        }
    }
    if (!found) {
        sim_violation(self, "I1 %s was accepted and is in no log", note->biz_id);
    }
}

void
sim_check_logs(struct sim *self)
{
    struct tale tale = {0};
    for (uint32_t i = 0; i < LOG_ID_COUNT; i++) {
        read_log(self, &tale, (enum log_id)i);
    }
    for (size_t i = 0; i < tale.count; i++) {
        check_told(self, &tale, &tale.all[i]);
        check_cancels(self, &tale, &tale.all[i]);
    }
    for (uint32_t i = 0; i < self->people.note_count; i++) {
        check_answered(self, &tale, &self->people.notes[i]);
    }
    mem_free(tale.all);
}
