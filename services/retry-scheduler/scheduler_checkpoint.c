/*
 * Checkpoints and trimming.
 *
 *   BEGIN  a POSITION record's body
 *   ITEM   custody (bytes v, then as in MOVED: `to` says who has it, `previous` is its newest own
 *          record), flags u8 (1 cancel asked, 2 case, 4 described, 8 own policy), taken v, copy v,
 *          deadline_unix_ms v, turn in which a cancel was asked v (older ones end before it)
 *   END    position of BEGIN v
 *
 * The items are written over several steps, between ordinary records: an item is the whole state of
 * its delivery at its own position, and what comes after it is folded over it. So a restart that
 * reads from BEGIN arrives at the same state.
 */
#include "base/bytes.h"
#include "delivery/record_codec.h"
#include "runtime/retained.h"
#include "scheduler_private.h"

#include <string.h>

#define ITEM_MAX (RECORD_CUSTODY_MAX + 64)
#define ITEMS_A_STEP 16384
#define SHORT_TIMES 4 /* rarer is a checkpoint while room is short: delivery/delivery_cost.c */
#define ITEM_CANCEL 1U
#define ITEM_CASE 2U
#define ITEM_DESCRIBED 4U
#define ITEM_OWN_POLICY 8U

static void
begin(struct scheduler_core *self)
{
    struct record_position position = {0};
    for (int id = 0; id < LOG_ID_COUNT; id++) {
        if (id != LOG_SCHEDULER) {
            position.logs[id].position = peers_read(self->peers, (enum log_id)id) - 1;
            memcpy(position.logs[id].identity,
                   log_identity(peers_log(self->peers, (enum log_id)id)), 16);
        }
    }
    uint8_t body[RECORD_POSITION_MAX];
    self->checkpoint.begin = log_append(self->log, RECORD_CHECKPOINT_BEGIN, body,
                                        record_position_encode(&position, body));
    self->checkpoint.running = true;
    self->checkpoint.next = 0;
}

static void
write_item(struct scheduler_core *self, const struct scheduler_entry *entry)
{
    int64_t left_ms = entry->state == SCHEDULER_WAITING
                          ? scheduler_table_due_ms(&self->table, entry) - self->now_ms
                          : 0;
    bool waiting = left_ms > 0;
    struct record_custody custody = {
        .key = scheduler_entry_key(entry),
        .turn = entry->turn,
        .to = entry->state == SCHEDULER_AWAY ? LOG_COMPENSATOR : LOG_SCHEDULER,
        .attempts = entry->attempts,
        .unburnt = entry->unburnt,
        .sent = entry->sent,
        .alone = entry->alone,
        .at_unix_ms = self->now_unix_ms,
        .due_unix_ms = waiting ? self->now_unix_ms + left_ms : 0,
        .first_sent_unix_ms = entry->first_sent_unix_ms,
        .previous = entry->last,
    };
    uint8_t custody_body[RECORD_CUSTODY_MAX];
    size_t custody_size = record_custody_encode(&custody, custody_body);
    uint8_t body[ITEM_MAX];
    struct bytes_out out = bytes_out_over(body, sizeof body);
    bytes_out_varint(&out, custody_size);
    bytes_out_span(&out, custody_body, custody_size);
    bytes_out_u8(&out, (uint8_t)((entry->cancel_turn != 0 ? ITEM_CANCEL : 0) |
                                 (entry->is_case ? ITEM_CASE : 0) |
                                 (entry->described ? ITEM_DESCRIBED : 0) |
                                 (entry->own_policy ? ITEM_OWN_POLICY : 0)));
    bytes_out_varint(&out, entry->taken);
    bytes_out_varint(&out, entry->copy);
    bytes_out_varint(&out, (uint64_t)entry->deadline_unix_ms);
    bytes_out_varint(&out, entry->cancel_turn);
    (void)log_append(self->log, RECORD_CHECKPOINT_ITEM, body, bytes_out_used(&out)); /* no place */
}

err_t
scheduler_checkpoint_item(struct scheduler_core *self, const struct log_record *record,
                          struct why *why)
{
    struct bytes_in in = bytes_in_over(record->body, record->size);
    uint64_t size = bytes_in_varint(&in);
    const uint8_t *span = bytes_in_span(&in, size);
    unsigned flags = bytes_in_u8(&in);
    uint64_t taken = bytes_in_varint(&in);
    uint64_t copy = bytes_in_varint(&in);
    uint64_t deadline = bytes_in_varint(&in);
    uint32_t cancel_turn = (flags & ITEM_CANCEL) != 0 ? 1 : 0; /* where it is not said: the first */
    cancel_turn = bytes_in_left(&in) > 0 ? (uint32_t)bytes_in_varint(&in) : cancel_turn;
    if (in.failed || deadline > INT64_MAX) {
        return why_set(why, ERR_CORRUPT, "the checkpoint's item at position %llu makes no sense",
                       (unsigned long long)record->position);
    }
    struct record_custody custody;
    err_t rc = record_custody_decode(span, (size_t)size, &custody, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct scheduler_entry *entry = scheduler_table_find(&self->table, custody.key);
    if (entry == NULL) {
        entry = scheduler_table_add(&self->table, custody.key);
    }
    entry->last = SCHEDULER_POSITION(custody.previous);
    entry->taken = SCHEDULER_POSITION(taken);
    entry->copy = SCHEDULER_POSITION(copy);
    entry->turn = SCHEDULER_TURN(custody.turn);
    entry->attempts = scheduler_attempts(custody.attempts);
    entry->unburnt = custody.unburnt;
    entry->sent = true; /* what was sent after it has no record */
    entry->alone = custody.alone;
    entry->first_sent_unix_ms = SCHEDULER_TIME(custody.first_sent_unix_ms);
    entry->deadline_unix_ms = SCHEDULER_TIME((int64_t)deadline);
    entry->cancel_turn = SCHEDULER_TURN(cancel_turn);
    entry->is_case = (flags & ITEM_CASE) != 0;
    entry->described = (flags & ITEM_DESCRIBED) != 0;
    entry->own_policy = (flags & ITEM_OWN_POLICY) != 0;
    if (custody.to == LOG_SCHEDULER) {
        int64_t left_ms = scheduler_remaining_ms(self, custody.due_unix_ms, custody.at_unix_ms);
        scheduler_table_wait(&self->table, entry, self->now_ms + left_ms);
    } else {
        scheduler_table_away(&self->table, entry);
    }
    return ERR_OK;
}

/* With many entries a checkpoint is as long as what it saves from being read. */
static bool
wanted(struct scheduler_core *self)
{
    uint64_t count = scheduler_table_count(&self->table);
    count *= peers_short(self->peers) ? SHORT_TIMES : 1;
    uint64_t every =
        self->settings.checkpoint_every > count ? self->settings.checkpoint_every : count;
    return log_next(self->log) - self->checkpoint.since >= every;
}

void
scheduler_checkpoint_step(struct scheduler_core *self)
{
    struct scheduler_checkpoint *checkpoint = &self->checkpoint;
    if (!checkpoint->running) {
        if (!wanted(self)) {
            return;
        }
        begin(self);
    }
    for (uint32_t i = 0; i < ITEMS_A_STEP; i++) {
        if (checkpoint->next == self->table.used) {
            uint8_t body[BYTES_VARINT_MAX];
            checkpoint->written = log_append(self->log, RECORD_CHECKPOINT_END, body,
                                             bytes_put_varint(body, checkpoint->begin));
            checkpoint->since = checkpoint->written + 1;
            checkpoint->running = false;
            checkpoint->trim_to = checkpoint->begin;
            self->counters.checkpoints++;
            return;
        }
        const struct scheduler_entry *entry = scheduler_table_at(&self->table, checkpoint->next++);
        if (entry != NULL) {
            write_item(self, entry);
        }
    }
    self->busy = true;
}

err_t
scheduler_trim(struct scheduler_core *self, struct why *why)
{
    struct scheduler_checkpoint *checkpoint = &self->checkpoint;
    if (checkpoint->trim_to == 0 || log_durable(self->log) < checkpoint->written) {
        return ERR_OK;
    }
    uint64_t keep_from = checkpoint->trim_to;
    checkpoint->trim_to = 0;
    uint64_t readers = peers_readers(self->peers);
    keep_from = readers + 1 < keep_from ? readers + 1 : keep_from;
    for (uint32_t i = 0; i < self->table.used; i++) {
        const struct scheduler_entry *entry = scheduler_table_at(&self->table, i);
        if (entry != NULL && !entry->is_case && entry->taken < keep_from) {
            keep_from = entry->taken;
        }
    }
    err_t rc = ERR_OK;
    if (keep_from > log_first(self->log)) {
        rc = retained_from(self->log, self->now_unix_ms - self->settings.retention_ms, &keep_from,
                           why);
    }
    return rc == ERR_OK && keep_from > log_first(self->log) ? log_trim(self->log, keep_from, why)
                                                            : rc;
}
